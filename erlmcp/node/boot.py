"""What a worker is told at birth, and what it says back: the two messages between the arbiter and its processes.

The arbiter writes a `Boot` into an anonymous file that the worker inherits, so that no secret stands in a process list,
and reads lines from the worker's end of a socket pair. Closing that pair is the arbiter's death notice.
"""

from typing import Final

import msgspec
from msgspec import Struct

__all__ = ["BEAT", "LAST_WORDS", "READY", "TREE", "Boot", "Fds"]

BEAT: Final = b"."  # the loop turns
READY: Final = b"ready"  # the doors are open
TREE: Final = b"tree "  # followed by the children as JSON, when they have changed
LAST_WORDS: Final = b"error "  # followed by one line: why it can not go on


class Fds(Struct, frozen=True, kw_only=True):
    """Inherited descriptors: the doors' sockets, the slab, the pair to the arbiter, a file for dying stacks.

    The line process has no doors.
    """

    http: int | None
    metrics: int | None
    slab: int
    arbiter: int
    stacks: int


class Boot(Struct, frozen=True):
    """One process's birth. `sections` is the checked configuration as JSON, `slot` its place in the slab's `slots`.

    `number`: 0 for the line process, else the worker's. `first`: not instead of one that died, so what is wrong with it
    is told to whoever starts or reloads the node.
    """

    version: str
    number: int
    restarts: int
    slot: int
    slots: int
    fds: Fds
    sections: msgspec.Raw
    first: bool = True
