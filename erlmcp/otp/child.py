"""What a supervised child is, and what it may say by raising.

A child is a coroutine function `run(ready)`: it prepares, calls `ready()` once (on the loop's thread), works, and is
cancelled when it shall stop. To return is to end normally; to raise is to crash, except for the two words below.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from erlmcp.otp.spec import Restart, Spec

Run = Callable[[Callable[[], None]], Awaitable[None]]


class Ignore(Exception):
    """Raised by a child before it is ready: nothing to run. It stays down, its siblings start (OTP's `ignore`)."""


class Shutdown(Exception):
    """Raised by a child that ends on purpose: not a crash, so a transient one stays down (OTP's `{shutdown, Term}`)."""


class GaveUp(Shutdown):
    """A supervisor's end after too many restarts. A Shutdown as in OTP: a transient one is not restarted for it."""


class StartFailed(Exception):
    """A child did not become ready. Its own exception is the `__cause__`."""


class Overloaded(Exception):
    """It is full: nothing was queued or started. `capacity` is its size."""

    def __init__(self, name: str, capacity: int) -> None:
        super().__init__(f"{name} is full ({capacity}): try again later")
        self.name = name
        self.capacity = capacity


class ChildSpec(Struct, frozen=True):
    """A child of an asyncio supervisor.

    `shutdown`: seconds from the request to stop until it is killed; None = as long as it takes (right for a supervisor:
    `Supervisor.child()` says so), 0 = at once. `start_timeout`: seconds until it must be ready; None = no limit.
    """

    id: str
    run: Run
    restart: Restart = Restart.PERMANENT
    shutdown: float | None = 5.0
    significant: bool = False
    start_timeout: float | None = 30.0

    @property
    def plain(self) -> Spec:
        """The part that a plan decides by."""
        return Spec(self.id, self.restart, self.shutdown, self.significant)


class Event(Struct, frozen=True):
    """What happened to a child; `what` is one of starting, ready, exited, abandoned, closing (the supervisor ends).

    `incarnation` counts from 1: `starting` with more is a restart. `reason`: a Reason's or Cause's value, or "".
    """

    supervisor: str
    child: str
    what: str
    reason: str = ""
    incarnation: int = 0


OnEvent = Callable[[Event], None]
