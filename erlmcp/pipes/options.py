"""What an operator may set about standard input and output: the `[stdio]` section, with defaults and reasons."""

from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = ["Options"]

KIB = 1024
GIB = KIB**3


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one conversation over pipes. Times are seconds, sizes are bytes."""

    max_line: Annotated[int, Meta(ge=KIB, le=GIB)] = 4 * KIB * KIB
    """One message; as `http.max_body`. A longer one is answered with an error, and the next line is read."""
    buffer: Annotated[int, Meta(ge=KIB, le=GIB)] = KIB * KIB
    """Answers that a client may leave unread before no more of its requests are read. At four times as many,
    notifications that do not wait are dropped."""
    drain: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    """For calls that are in flight when the input ends. Clients wait about 2 s before they send SIGTERM, which ends it
    at once."""
