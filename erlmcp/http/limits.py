"""What one listener allows: every limit of the HTTP engine, with its reason. Seconds and bytes throughout."""

from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = ["Options"]

KIB = 1024
GIB = KIB**3
Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Size = Annotated[int, Meta(ge=KIB, le=GIB)]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one listener. Times are seconds, sizes are bytes."""

    max_request_line: Annotated[int, Meta(ge=256, le=GIB)] = 8 * KIB
    """RFC 9112 3 recommends at least 8000 octets; longer is 414."""
    max_head: Annotated[int, Meta(ge=512, le=GIB)] = 32 * KIB
    """Request line and fields together; nginx allows 4 x 8 KiB, node 16 KiB; MCP needs below 2 KiB; more is 431."""
    max_fields: Count = 100
    """Apache's LimitRequestFields; more is 431."""
    max_body: Annotated[int, Meta(ge=0, le=GIB)] = 4 * KIB * KIB
    """As in the official Python SDK; decided from the head where it can be; more is 413."""
    head_timeout: Seconds = 10.0
    """For a whole head, from its first byte (of a new connection: from the accept), not extended by a byte."""
    body_timeout: Seconds = 30.0
    """For a whole body, plus one second for each 64 KiB of it, up to `body_timeout_cap`."""
    body_timeout_cap: Seconds = 60.0
    """A body of one byte a second ends here at the latest (R-U-Dead-Yet)."""
    keep_alive: Seconds = 75.0
    """Silence between two requests of a connection; nginx's default."""
    write_timeout: Seconds = 30.0
    """A peer that takes no byte for so long is dropped."""
    linger: Seconds = 5.0
    """How long to read on and discard after the last answer, so that no reset overtakes it (RFC 9112 9.6)."""
    pipeline: Count = 64
    """Requests of one connection answered in one turn of the loop, in one write; the others wait for the next."""
    read_ahead: Size = 64 * KIB
    """Bytes held unparsed while an answer is awaited or the peer does not read; then reading pauses."""
    write_ahead: Size = 64 * KIB
    """Bytes handed to the transport and not yet taken by the peer, above which nothing new is produced."""
    max_unsent: Size = 256 * KIB * KIB
    """Bytes of answers that all slow peers of one process have not taken; above, those that stand still are dropped."""
    max_connections: Count = 10_000
    """Connections served at once by one process; those beyond it get 503."""
    backlog: Annotated[int, Meta(ge=1, le=65_535)] = 2048
    """Connections the kernel may hold until they are accepted."""
    drain: Annotated[float, Meta(ge=0)] = 25.0
    """How long a stopping listener waits for its exchanges; below the 30 s grace of Kubernetes."""
