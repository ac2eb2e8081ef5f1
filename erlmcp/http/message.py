"""The values that cross the door of `erlmcp.http`: requests, responses, streams, exchanges. None knows the wire."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import msgspec

from erlmcp._speedups import REASONS

__all__ = ["Exchange", "Fields", "Handler", "Request", "Response", "Stream", "problem"]

Fields: TypeAlias = tuple[tuple[bytes, bytes], ...]


class Request(msgspec.Struct, frozen=True, gc=False):
    """One whole request, body included, framing already checked (RFC 9110, RFC 9112)."""

    method: bytes
    path: bytes
    """The path exactly as sent: not percent-decoded, dot segments not resolved; `*` for the asterisk form."""
    query: bytes
    """What follows the first `?`, without it."""
    authority: bytes
    """Of the absolute form if that was sent, else the Host field, raw; empty only for HTTP/1.0 without Host."""
    headers: dict[bytes, bytes]
    """Lower-case names to values without surrounding whitespace; repeated fields are joined by `, ` (RFC 9110 5.2)."""
    repeated: tuple[bytes, ...] = ()
    """The names that came more than once."""
    body: bytes = b""
    peer: str = ""
    """Address and port of the other side, `127.0.0.1:53122`."""
    minor: int = 1
    """The minor version of HTTP/1: 0, or 1 (a higher one counts as 1)."""
    keep_alive: bool = True
    """Whether the client allows another request on this connection (RFC 9112 9.3)."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """A whole answer. Date, Content-Length and Connection are added by the connection; `close` ends it afterwards."""

    status: int = 200
    body: bytes = b""
    content_type: bytes = b"application/json"
    """Sent when there is a body; empty leaves the field out."""
    headers: Fields = ()
    close: bool = False


class Stream(msgspec.Struct, frozen=True):
    """An answer of unknown length. The protocol pulls the next chunk when the peer has room for it."""

    chunks: AsyncIterator[bytes]
    status: int = 200
    content_type: bytes = b"text/event-stream"
    headers: Fields = ()


Handler: TypeAlias = Callable[[Request], Response | Awaitable[Response | Stream]]
"""docs/adr/0003: a Response is answered in the same read; a future is used as it is; a coroutine becomes a task."""


class Exchange(msgspec.Struct, frozen=True, gc=False):
    """One request and what became of it. A peer that left before its answer counts as status 499."""

    request: Request | None
    """None when the request could not be framed."""
    route: str
    """The name of the route; empty when none matched."""
    status: int
    bytes_sent: int
    started: float
    """Monotonic seconds at which its last bytes arrived."""
    elapsed: float
    """Seconds from `started` until the answer was handed to the transport (a stream: until its end)."""


class _Problem(msgspec.Struct, frozen=True, gc=False):
    type: str
    title: str
    status: int
    detail: str


def problem(status: int, detail: str, headers: Fields = (), *, close: bool = False) -> Response:
    """An RFC 9457 problem document: `detail` says what was wrong and what to do, for a human."""

    body = msgspec.json.encode(_Problem("about:blank", REASONS.get(status, "Unknown"), status, detail))
    return Response(status, body, b"application/problem+json", headers, close)
