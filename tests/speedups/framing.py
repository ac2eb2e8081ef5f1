"""What the tests of the HTTP framing share: an outcome that can be compared."""

from collections.abc import Callable

from erlmcp._speedups import FramingError

LIMITS = (8192, 32768, 100)
MOST = 1000  # bytes of a chunk


def outcome(call: Callable[..., object], *args: object) -> object:
    """A value, None, or the status of the refusal."""
    try:
        return call(*args)
    except FramingError as fault:
        return fault.status
