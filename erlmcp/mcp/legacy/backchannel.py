"""Requests of the server to a client before 2026-07-28: sent on the stream of the call they belong to, answered by a
POST that may arrive at any worker.

A request's id names the process that waits for it, and the bus takes the reply there; whose session it was is checked
there, so that nobody answers for somebody else. What an answer means is the asking function's business.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from erlmcp.jsonrpc import Reply, encode_notification, encode_request
from erlmcp.mcp.backplane import Bus
from erlmcp.mcp.cancellation import CANCELLED
from erlmcp.mcp.context import Context
from erlmcp.mcp.inputs import Answers, InputRequest
from erlmcp.mcp.legacy.calls import Calls
from erlmcp.mcp.legacy.sessions import Session
from erlmcp.mcp.legacy.stream import CallStream, Home
from erlmcp.mcp.tool_error import ToolError

__all__ = ["Backchannel", "CallStreams", "OfferedStream", "SessionCall", "ask"]

_ID: Final = re.compile(rb'"([A-Za-z0-9._-]{1,64}):([0-9]{1,15})"')


class Returned(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A reply on its way to who asked."""

    session: str
    id: bytes
    result: bytes
    error: bytes


class RemoteError(msgspec.Struct, frozen=True):
    """The error of a client's reply."""

    code: int = 0
    message: str = ""


class Asked(msgspec.Struct, eq=False):
    """A request that waits for its reply."""

    session: str
    reply: asyncio.Future[bytes]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Returned).decode
_error: Final = msgspec.json.Decoder(RemoteError).decode


class Backchannel:
    """A worker's. `timeout`: seconds that a client may take to answer. All of it on the loop's thread."""

    def __init__(self, bus: Bus, timeout: float) -> None:
        self._bus, self._timeout = bus, timeout
        self._asked: dict[bytes, Asked] = {}
        self._last = 0
        bus.subscribe(topic_of(bus.address), self._hear)

    async def request(self, session: str, send: Callable[[bytes], object], request: InputRequest) -> bytes:
        """Ask the client of a session by `send`; its result, a raw JSON object. Raises ToolError when it answers with
        an error, or not in time."""
        self._last += 1
        id_ = b'"%b:%d"' % (self._bus.address.encode(), self._last)
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[id_] = Asked(session, reply)
        send(encode_request(id_, request.method, request.params))
        try:
            async with asyncio.timeout(self._timeout):
                return await reply
        except TimeoutError:
            message = f"the client did not answer {request.method} within {self._timeout:g} s"
            raise ToolError(message) from None
        finally:
            del self._asked[id_]
            if reply.cancelled():  # nobody wants the answer any more
                reason = b'{"requestId":%b,"reason":"no longer needed"}' % id_
                send(encode_notification(CANCELLED, reason))

    async def ask(self, session: str, send: Callable[[bytes], object], requests: Mapping[str, InputRequest]) -> Answers:
        """All at once, each with a request of its own."""
        asked = {key: asyncio.ensure_future(self.request(session, send, each)) for key, each in requests.items()}
        try:
            await asyncio.gather(*asked.values())
        finally:
            for task in asked.values():
                task.cancel()
        return {key: task.result() for key, task in asked.items()}

    def route(self, session: str, reply: Reply) -> None:
        """Bring a client's reply to who asked. What nobody asked for is dropped."""
        read = _ID.fullmatch(reply.id)
        if read is None:
            return
        returned = Returned(session, reply.id, reply.result, reply.error)
        if read[1].decode() == self._bus.address:
            self._take(returned)
        else:
            self._bus.publish(topic_of(read[1].decode()), _encode(returned))

    def _hear(self, payload: bytes) -> None:
        self._take(_decode(payload))

    def _take(self, returned: Returned) -> None:
        asked = self._asked.get(returned.id)
        if asked is None or asked.session != returned.session or asked.reply.done():
            return
        if returned.result.startswith(b"{"):
            asked.reply.set_result(returned.result)
        else:
            asked.reply.set_exception(_refused(returned))


def topic_of(address: str) -> str:
    """Where a process hears of the replies to its requests."""
    return f"mcp.replies.{address}"


def _refused(returned: Returned) -> ToolError:
    if not returned.error:
        return ToolError("the client answered with a result that is no object")
    try:
        error = _error(returned.error)
    except msgspec.ValidationError:
        error = RemoteError()
    return ToolError(f"the client answered with an error: {error.message or 'it gave no reason'} ({error.code})")


class SessionCall(CallStream):
    """The stream of a call that may ask its client, and be cancelled by it."""

    __slots__ = ("backchannel", "calls", "opened")

    backchannel: Backchannel
    calls: Calls
    opened: Session

    def attach(self, work: asyncio.Future[bytes]) -> None:
        super().attach(work)
        self.calls.begin(self.opened, self, work)


class CallStreams(msgspec.Struct, frozen=True):
    """What the streams of one worker's calls have in common."""

    home: Home
    backchannel: Backchannel
    calls: Calls

    def make(self, session: Session, request: bytes) -> SessionCall:
        """The stream of the request with this raw id; b"" for that of a batch."""
        stream = SessionCall(self.home, session.key, request, primes=session.primes)
        stream.backchannel, stream.calls, stream.opened = self.backchannel, self.calls, session
        return stream


class OfferedStream:
    """The sink of a session's call: a stream once anything wants one, which most calls never do
    (a fifth of such a call, bench/test_sessions.py)."""

    __slots__ = ("_request", "_session", "_streams", "made")

    def __init__(self, streams: CallStreams, session: Session, request: bytes) -> None:
        self._streams, self._session, self._request = streams, session, request
        self.made: SessionCall | None = None

    @property
    def stream(self) -> SessionCall:
        if self.made is None:
            self.made = self._streams.make(self._session, self._request)
        return self.made

    @property
    def empty(self) -> bool:
        return self.made is None or self.made.empty

    def emit(self, method: str, params: bytes) -> Awaitable[None] | None:
        """See `sink.Sink`."""
        return self.stream.emit(method, params)

    def room(self) -> Awaitable[None] | None:
        """See `sink.Sink`."""
        return None if self.made is None else self.made.room()

    def close_early(self) -> None:
        """See `sink.Resumable`."""
        self.stream.close_early()


async def ask(context: Context, requests: Mapping[str, InputRequest]) -> Answers:
    """How a request before 2026-07-28 asks its client (an `Ask`). The time of the function stands still meanwhile.

    Raises ToolError when the client can not be asked, does not answer, or answers with an error.
    """
    sink = context.sink
    stream = sink.stream if isinstance(sink, OfferedStream) else sink
    if not isinstance(stream, SessionCall):
        raise ToolError("this client can not be asked: it called without a session")
    with context.waiting():
        return await stream.backchannel.ask(stream.session, stream.send, requests)
