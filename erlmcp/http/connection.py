"""One HTTP/1.1 connection without its socket: bytes in, requests out; responses in, bytes out. No I/O, no clock.

What is read next, and what follows, is this table (RFC 9112 2, 6, 7, 9):

    state    reads                        then
    HEAD     a request line and fields    LENGTH, CHUNKS, or a request and HEAD (CLOSED when it was the last)
    LENGTH   Content-Length bytes         a request and HEAD (CLOSED when it was the last)
    CHUNKS   chunks up to the last        TRAILER
    TRAILER  fields, which are dropped    a request and HEAD (CLOSED when it was the last)
    CLOSED   nothing                      CLOSED

A fault gives a refusal and CLOSED, in every state: no byte after it is ever read as a request.
"""

from collections.abc import Callable
from typing import Any, Final

from erlmcp._speedups import (
    CHUNKED,
    MAX_EXTENSIONS,
    UNFRAMED,
    FramingError,
    encode_head,
    next_chunk,
    parse_head,
    skip_trailer,
)
from erlmcp.http.errors import Refusal, refuse
from erlmcp.http.limits import Options
from erlmcp.http.message import Fields, Request, Response, Stream

__all__ = [
    "BODY",
    "CLOSED",
    "CONTINUE",
    "HEAD",
    "IDLE",
    "LARGE",
    "Connection",
    "frame",
    "head_of_stream",
    "plain",
    "send",
]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LARGE: Final = 64 * 1024  # bytes of a body from which on copying it costs more than a second buffer (performance.md 4)
SMALL: Final = 4 * 1024  # pieces of a body below this are gathered, so that a drip can not cost an object per byte
STEPS: Final = 1024  # chunks looked at in one call: a body in chunks of a byte must not stop the loop (CVE-2025-69229)
BLANK: Final = 16  # more bytes than this are never only empty lines: those are refused before
_KEEP = b"Connection: keep-alive\r\n"
_CLOSE = b"Connection: close\r\n"
_BODILESS = frozenset({204, 304})


# What the peer owes, in words for a message.
IDLE: Final = "nothing"
HEAD: Final = "the rest of a head"
BODY: Final = "the rest of a body"
CLOSED: Final = "nothing any more"
_OWED = frozenset({HEAD, BODY})


class Connection:
    """The reading side. Give bytes to `receive`, then call `next` until it gives None and there is no `more`."""

    __slots__ = (
        *("_options", "_peer", "_data", "_at", "_scanned", "_read"),
        *("_head", "_parts", "_left", "_size", "_extensions", "_wants", "more"),
    )

    def __init__(self, options: Options, peer: str = "") -> None:
        self._options = options
        self._peer = peer
        self._data: bytes | bytearray = b""
        self._at = 0  # up to here, the data are done with
        self._scanned = 0  # up to here, they were looked at in vain
        self._read: Callable[[Connection], Request | None] = _HEAD
        self._head: tuple[Any, ...] = ()  # what parse_head gave, while the body comes
        self._parts: list[bytes | bytearray] = []
        self._left = 0  # of the body, or of its current chunk
        self._size = 0  # of the body so far
        self._extensions = 0
        self._wants = False  # the peer waits for 100 (Continue)
        self.more = False
        """Whether the last `next` gave None only to let others have their turn: call it again without new bytes."""

    def receive(self, data: bytes) -> None:
        """Take what came. Nothing is looked at before `next`."""
        if self._at >= len(self._data):
            self._data, self._at, self._scanned = data, 0, 0
            return
        if isinstance(self._data, bytearray):
            del self._data[: self._at]
        else:
            self._data = bytearray(memoryview(self._data)[self._at :])
        self._data += data
        self._scanned = max(0, self._scanned - self._at)
        self._at = 0

    def take(self, data: bytes) -> Request | None:
        """`receive` and `next` in one step, for the usual: nothing is unread and these bytes are one whole request.

        None when they are not, or when it is the last: then they are received, and `next` looks at them.
        """
        if self._read is _HEAD and self._at == len(self._data):
            limits = self._options
            try:
                head = parse_head(data, 0, 0, limits.max_request_line, limits.max_head, limits.max_fields)
            except FramingError:  # is found and told by `next`
                head = None
            if head is not None:
                end, method, path, query, authority, fields, repeated, length, minor, keep, _ = head
                if keep and 0 <= length <= limits.max_body and end + length == len(data):
                    body = data[end:] if length else b""
                    return Request(method, path, query, authority, fields, repeated, body, self._peer, minor, keep)
        self.receive(data)
        return None

    def next(self) -> Request | Refusal | None:
        """The next whole request; a refusal, after which there is nothing more; or None while more bytes are needed."""
        try:
            return self._read(self)
        except FramingError as fault:
            self.close()
            return refuse(fault.status, fault.reason)

    def close(self) -> None:
        """Read nothing more: the last answer was given."""
        self._read, self._data, self._at, self._parts, self.more = _CLOSED, b"", 0, [], False

    def interim(self) -> bytes:
        """100 (Continue) if the peer waits for it, once (RFC 9110 10.1.1)."""
        wants, self._wants = self._wants, False
        return CONTINUE if wants and self._at == len(self._data) and not self._size else b""

    @property
    def buffered(self) -> int:
        """Bytes received and not yet read."""
        return len(self._data) - self._at

    @property
    def body_size(self) -> int:
        """Bytes of the body that are announced, or have come when they are not."""
        return self._size + (self._left if self._read is _LENGTH else 0)

    def phase(self) -> str:
        """What the peer owes now. Empty lines between requests are nothing."""
        if self._read is _HEAD:
            left = len(self._data) - self._at
            return HEAD if left and (left > BLANK or self._data[self._at :].strip(b"\r\n")) else IDLE
        return CLOSED if self._read is _CLOSED else BODY

    def truncated(self) -> Refusal | None:
        """What to answer when the peer ends the connection now: a request that is not whole is never served."""
        if self.phase() not in _OWED:
            return None
        self.close()
        return refuse(400, "The connection was ended in the middle of a request.")

    def expired(self) -> Refusal | None:
        """What to answer when the peer took too long (RFC 9110 15.5.9); nothing when it owed nothing."""
        phase = self.phase()
        self.close()
        return refuse(408, f"It took too long to send {phase}.") if phase in _OWED else None

    # ── the states ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _read_head(self) -> Request | None:
        options, data = self._options, self._data
        if self._at == len(data):
            return None
        head = parse_head(data, self._at, self._scanned, options.max_request_line, options.max_head, options.max_fields)
        if head is None:
            self._scanned = len(data)
            return None
        end, method, path, query, authority, fields, repeated, length, minor, keep, wants = head
        self._at = self._scanned = end
        if length == 0:
            if not keep:
                self.close()
            return Request(method, path, query, authority, fields, repeated, b"", self._peer, minor, keep)
        if length > options.max_body:
            raise FramingError(413, f"The body is longer than the {options.max_body} bytes this server allows.")
        if length > 0 and type(data) is bytes and len(data) - end >= length:
            self._at = self._scanned = end + length
            if not keep:
                self.close()
            body = data[end : end + length]
            return Request(method, path, query, authority, fields, repeated, body, self._peer, minor, keep)
        self._head, self._wants = head, wants
        self._left, self._size, self._extensions = max(length, 0), 0, 0
        self._read = _CHUNKS if length == CHUNKED else _LENGTH
        return self._read(self)

    def _read_length(self) -> Request | None:
        data, at = self._data, self._at
        taken = min(self._left, len(data) - at)
        self._keep(data if taken == len(data) else data[at : at + taken])
        self._at += taken
        self._left -= taken
        return None if self._left else self._whole()

    def _read_chunks(self) -> Request | None:
        data, most = self._data, self._options.max_body
        self.more, steps = False, 0
        while self._left >= 0:
            if steps == STEPS:
                self.more = True
                return None
            steps += 1
            step = next_chunk(data, self._at, self._left, most - self._size)
            if step is None:
                return None
            self._at, start, end, self._left, extensions = step
            self._extensions += extensions
            if self._extensions > MAX_EXTENSIONS:
                raise FramingError(400, "The chunks carry too many extensions.")
            if end > start:
                self._keep(data[start:end])
        self._read, self._scanned = _TRAILER, self._at
        return self._read_trailer()

    def _read_trailer(self) -> Request | None:
        end = skip_trailer(self._data, self._at, self._scanned)
        if end is None:
            self._scanned = len(self._data)
            return None
        self._at = self._scanned = end
        return self._whole()

    def _read_nothing(self) -> None:
        self._data, self._at = b"", 0

    def _keep(self, part: bytes | bytearray) -> None:
        """Gather a piece of the body; small ones in one place."""
        self._size += len(part)
        parts = self._parts
        if len(part) >= SMALL:
            parts.append(bytes(part))
        elif part:
            if not parts or type(parts[-1]) is not bytearray:
                parts.append(bytearray())
            parts[-1] += part

    def _whole(self) -> Request:
        _, method, path, query, authority, fields, repeated, _, minor, keep, _ = self._head
        body = b"".join(self._parts)
        self._parts, self._head, self._left, self._wants = [], (), 0, False
        self._scanned, self._read = self._at, _HEAD
        if not keep:
            self.close()
        return Request(method, path, query, authority, fields, repeated, body, self._peer, minor, keep)


_HEAD: Final = Connection._read_head
_LENGTH: Final = Connection._read_length
_CHUNKS: Final = Connection._read_chunks
_TRAILER: Final = Connection._read_trailer
_CLOSED: Final = Connection._read_nothing


# ── the writing side: it needs no memory ────────────────────────────────────────────────────────────────────────────


def send(request: Request | None, response: Response, fields: Fields, date: bytes, last: bool) -> tuple[bytes, ...]:
    """The bytes of a whole response: one buffer, or head and body when the body is large.

    `request` is what it answers (None: the request could not be read), `fields` are added to the response's own,
    `date` is a ready Date line, `last` says that the connection ends with it. ValueError for a malformed field.
    """
    body, status = response.body, response.status
    length = len(body)
    content_type = response.content_type if length else b""
    if status in _BODILESS:
        body, length, content_type = b"", UNFRAMED, b""
    ending = date if request is not None and request.minor and not last else _ending(request, date, last)
    if request is not None and request.method == b"HEAD":
        body = b""
    own = response.headers + fields if fields else response.headers
    if len(body) < LARGE:
        return (encode_head(status, content_type, length, own, ending, body),)
    return encode_head(status, content_type, length, own, ending, b""), body


def plain(request: Request, response: Response, date: bytes) -> bytes | None:
    """What `send` gives for the usual answer on a connection that goes on; None for every other."""
    body = response.body
    if (
        response.status != 200
        or not 0 < len(body) < LARGE
        or response.close
        or not request.minor
        or request.method == b"HEAD"
    ):
        return None
    return encode_head(200, response.content_type, len(body), response.headers, date, body)


def head_of_stream(request: Request, stream: Stream, fields: Fields, date: bytes, last: bool) -> bytes:
    """The head of a response whose length is not known: chunked for HTTP/1.1, up to the end for 1.0."""
    length = CHUNKED if request.minor and request.method != b"HEAD" else UNFRAMED
    own = stream.headers + fields if fields else stream.headers
    return encode_head(stream.status, stream.content_type, length, own, _ending(request, date, last), b"")


def _ending(request: Request | None, date: bytes, last: bool) -> bytes:
    if last:
        return date + _CLOSE
    return date if request is None or request.minor else date + _KEEP


def frame(chunk: bytes) -> bytes:
    """One chunk of a chunked body; an empty one is the last."""
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)
