"""The shell of one connection: an `asyncio.Protocol` that serves exchanges in order, within limits of time and room.

One exchange at a time: while an answer is awaited, what follows stays unread in a bounded buffer (RFC 9112 9.3.2 allows
parallel exchanges only for safe methods). Answers that need no waiting leave in one write per turn. It sets no timer:
the listener sweeps over all connections, and each compares one deadline.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from time import monotonic
from typing import Any, Final, NamedTuple

from erlmcp.http.buffers import length, pieces
from erlmcp.http.connection import BODY, CONTINUE, HEAD, IDLE, LARGE, Connection, frame, head_of_stream, plain, send
from erlmcp.http.errors import Refusal, crash
from erlmcp.http.message import Exchange, Request, Response, Stream, problem
from erlmcp.http.router import Route
from erlmcp.http.shared import Shared
from erlmcp.http.sse import COMMENT

__all__ = ["QUIET", "Protocol"]

NEVER: Final = float("inf")
OURS: Final = "the next step is ours"  # in place of what the peer owes
GONE: Final = 499  # nginx's status for a peer that left before its answer
QUIET: Final = 1.0  # seconds of silence after which a draining listener takes a connection for unused
LINGERS: Final = 6  # times `linger` is the longest that a peer which goes on sending is listened to
_FULL = problem(503, "This server has as many connections as it may; try again.", ((b"Retry-After", b"1"),), close=True)


class _Awaited(NamedTuple):
    """The exchange whose answer, or whose stream's end, is awaited."""

    future: asyncio.Future[Any]
    request: Request
    route: Route | None
    started: float
    stream: Stream | None = None


class Protocol(asyncio.Protocol):
    """One connection."""

    __slots__ = (
        *("_shared", "_loop", "_transport", "_core", "_phase", "_since", "_deadline"),
        *("_pending", "_room", "_backlog", "_stalled", "_held", "_due", "_ended", "_lingering"),
    )

    def __init__(self, shared: Shared, loop: asyncio.AbstractEventLoop) -> None:
        self._shared = shared
        self._loop = loop
        self._transport: asyncio.Transport
        self._core: Connection
        self._phase = HEAD  # what the peer owed after the last turn; a new connection owes a head
        self._since = 0.0  # and since when
        self._deadline = NEVER
        self._pending: _Awaited | None = None
        self._room: asyncio.Future[None] | None = None  # what a stream waits for while the peer does not read
        self._backlog = 0  # bytes the peer had not taken when last looked at
        self._stalled = False  # it takes too few
        self._held = False  # reading is paused
        self._due = False  # another turn is scheduled
        self._ended = False  # the peer has sent its last byte
        self._lingering = False  # the last answer was given; what comes is dropped

    # ── what the transport tells ────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        shared, options = self._shared, self._shared.options
        transport.set_write_buffer_limits(high=options.write_ahead)
        self._core = Connection(options, _peer(transport.get_extra_info("peername")))
        shared.open.add(self)
        self._since = monotonic()
        self._deadline = self._since + (min(QUIET, options.head_timeout) if shared.draining else options.head_timeout)
        if len(shared.open) > shared.most:
            self._last(_FULL)

    def data_received(self, data: bytes) -> None:
        if self._phase is IDLE:
            if (request := self._core.take(data)) is not None:
                self._answer_one(request)
                return
        elif self._lingering:
            self._deadline = min(monotonic(), self._since) + self._shared.options.linger
            return
        else:
            self._core.receive(data)
        if self._pending is None and not self._stalled and not self._due:
            self._turn([])
        elif self._core.buffered > self._shared.options.read_ahead and not self._held:
            self._held = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The peer has sent its last byte; it may still read. Gives whether the transport stays open."""
        self._ended = True
        if self._lingering:
            return False
        if self._pending is not None:
            self._probe()
        elif not self._stalled and not self._due:
            self._turn([])
        return not self._transport.is_closing()

    def pause_writing(self) -> None:
        self._stalled = True
        self._phase = OURS
        self._backlog, now = self._transport.get_write_buffer_size(), monotonic()
        self._deadline = now + self._shared.options.write_timeout
        self._shared.unsent.hold(self, self._backlog, now)

    def resume_writing(self) -> None:
        self._stalled = False
        self._shared.unsent.release(self)
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if self._pending is None:
            self._schedule()
        else:
            self._deadline = NEVER

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        shared, pending = self._shared, self._pending
        shared.open.discard(self)
        shared.unsent.release(self)
        self._core.close()
        self._lingering = True
        if pending is not None:
            self._pending = None
            pending.future.cancel()
            self._tell(pending.request, pending.route, GONE, 0, pending.started)
        shared.left()

    # ── turns ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _turn(self, out: list[bytes]) -> None:
        """Answer what has come, until an answer is to be awaited or it is the others' turn; then write all at once."""
        core, options, now = self._core, self._shared.options, monotonic()
        served, last = 0, False
        while True:
            event = core.next()
            if event is None and core.more:
                self._schedule()
                break
            if event is None:
                event = core.truncated() if self._ended else None
                if event is None:
                    last = self._ended
                    if interim := core.interim():
                        out.append(interim)
                    break
            served += 1
            if type(event) is Request:
                last = self._serve(event, out, now)
            elif type(event) is Refusal:
                last = self._answer(None, None, event.response, out, now)
            if last or self._pending is not None or (not core.buffered and not self._ended):
                break
            if served >= options.pipeline or length(out) >= options.write_ahead:
                self._schedule()
                break
        self._conclude(out, now, served, last=last)

    def _conclude(self, out: list[bytes], now: float, served: int, *, last: bool) -> None:
        """Write, and close or wait."""
        self._write(out)
        if last:
            self._linger(now)
        else:
            self._rest(now, served)

    def _answer_one(self, request: Request) -> None:
        """A turn of the usual kind, in one piece: there was nothing to do, and one whole request has come."""
        shared, now, data = self._shared, monotonic(), None
        result: object
        route, result = shared.router.match(request)
        try:
            if route is not None:
                result = route.handler(request)
                if type(result) is Response and not shared.draining and b"origin" not in request.headers:
                    data = plain(request, result, shared.date)
        except Exception as error:  # noqa: BLE001
            result = crash(request, error)
        if route is None or data is None:
            out: list[bytes] = []
            last = self._give(request, route, result, out, now)
            self._conclude(out, now, 1, last=last)
            return
        watch = shared.on_exchange
        if watch is not None:
            watch(Exchange(request, route.name, 200, len(data), now, monotonic() - now))
        self._since, self._deadline = now, now + shared.options.keep_alive
        self._transport.write(data)  # last, for it may tell us at once that the peer does not read

    def _schedule(self) -> None:
        if not self._due and not self._lingering:
            self._due = True
            self._loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._due = False
        if self._pending is None and not self._stalled and not self._lingering:
            self._turn([])

    def _rest(self, now: float, served: int) -> None:
        """After a turn: what is waited for, and until when; and whether reading goes on."""
        if self._stalled:
            return
        if self._pending is not None or (self._due and not self._core.more):
            self._phase, self._deadline = OURS, NEVER
            return
        if self._held and not self._due:
            self._held = False
            self._transport.resume_reading()
        phase, options = self._core.phase(), self._shared.options
        if served or phase is not self._phase:
            self._phase, self._since = phase, now
            if phase is IDLE:
                self._deadline = now + options.keep_alive
            elif phase is HEAD:
                self._deadline = now + options.head_timeout
        if phase is BODY:
            allowed = options.body_timeout + self._core.body_size / LARGE
            self._deadline = self._since + min(allowed, options.body_timeout_cap)

    # ── exchanges ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _serve(self, request: Request, out: list[bytes], now: float) -> bool:
        """Answer into `out`, or begin to wait for the answer. Gives whether it was the connection's last."""
        result: object
        route, result = self._shared.router.match(request)
        try:
            if route is not None:
                result = route.handler(request)
        except Exception as error:  # noqa: BLE001
            result = crash(request, error)
        return self._give(request, route, result, out, now)

    def _give(self, request: Request, route: Route | None, result: object, out: list[bytes], now: float) -> bool:
        """The same, once a handler has said what it has to say."""
        if type(result) is Response:
            return self._answer(request, route, result, out, now)
        try:
            future = _future(result, self._loop)
        except Exception as error:  # noqa: BLE001
            return self._answer(request, route, crash(request, error), out, now)
        self._pending = _Awaited(future, request, route, now)
        future.add_done_callback(self._resolved)
        return False

    def _answer(
        self, request: Request | None, route: Route | None, response: Response, out: list[bytes], started: float
    ) -> bool:
        """Put a whole answer into `out`. Gives whether it is the connection's last."""
        shared = self._shared
        last = response.close or shared.draining or request is None or not request.keep_alive
        try:
            cors = route.cors if request is not None and b"origin" in request.headers and route is not None else None
            fields = cors.headers(request) if cors is not None and request is not None else ()
            buffers = send(request, response, fields, shared.date, last)
        except Exception as error:  # noqa: BLE001
            response = crash(request, error)
            buffers = send(request, response, (), shared.date, last)
        out += buffers
        watch = shared.on_exchange
        if watch is not None:
            name = "" if route is None else route.name
            watch(Exchange(request, name, response.status, length(buffers), started, monotonic() - started))
        return last

    def _last(self, response: Response) -> None:
        """Give an answer that answers no request, and close."""
        out: list[bytes] = []
        self._answer(None, None, response, out, self._since)
        self._conclude(out, monotonic(), 0, last=True)

    def _resolved(self, future: asyncio.Future[Any]) -> None:
        """The awaited answer is there."""
        pending = self._pending
        if pending is None or future is not pending.future:
            self._forget(future)
            return
        self._pending = None
        request = pending.request
        try:
            answer = future.result()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
            answer = crash(request, error)
        if isinstance(answer, Stream):
            self._begin(pending, answer)
            return
        if not isinstance(answer, Response):
            answer = crash(request, TypeError(f"a handler answered with {type(answer).__name__}, not with a Response"))
        self._settle(pending, answer)

    def _settle(self, pending: _Awaited, response: Response) -> None:
        """Write an answer that was awaited, and go on."""
        out: list[bytes] = []
        if self._answer(pending.request, pending.route, response, out, pending.started):
            self._write(out)
            self._linger(monotonic())
        elif self._stalled:
            self._write(out)
        else:
            self._turn(out)

    def _forget(self, future: asyncio.Future[Any]) -> None:
        """The peer has gone and the handler was told; what it still says is nobody's."""
        if not future.cancelled() and future.exception() is None and isinstance(future.result(), Stream):
            self._leave(future.result())

    def _tell(self, request: Request | None, route: Route | None, status: int, sent: int, started: float) -> None:
        watch = self._shared.on_exchange
        if watch is not None:
            name = route.name if route is not None else ""
            watch(Exchange(request, name, status, sent, started, monotonic() - started))

    # ── streams ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, pending: _Awaited, stream: Stream) -> None:
        """Write the head of a stream and start to pull its chunks."""
        request, route = pending.request, pending.route
        last = self._shared.draining or not request.keep_alive or not request.minor
        try:
            fields = route.cors.headers(request) if route is not None and route.cors is not None else ()
            head = head_of_stream(request, stream, fields, self._shared.date, last)
        except Exception as error:  # noqa: BLE001
            self._leave(stream)
            self._settle(pending, crash(request, error))
            return
        self._write([head])
        if request.method == b"HEAD":
            self._leave(stream)
            self._tell(request, route, stream.status, len(head), pending.started)
            self._turn([]) if not last else self._linger(monotonic())
            return
        task = self._loop.create_task(self._pump(request, stream, len(head)))
        self._pending = pending._replace(future=task, stream=stream)
        task.add_done_callback(partial(self._streamed, stream))

    async def _pump(self, request: Request, stream: Stream, sent: int) -> int:
        """Write a stream's chunks, each pulled only when the peer has room. Gives the bytes written in all."""
        chunks, write = stream.chunks, self._transport.write
        while True:
            if self._stalled:
                self._room = self._loop.create_future()
                await self._room
            chunk = await anext(chunks, None)
            if chunk is None:
                break
            if chunk:
                chunk = frame(chunk) if request.minor else chunk
                sent += len(chunk)
                write(chunk)
        end = frame(b"") if request.minor else b""
        write(end)
        return sent + len(end)

    def _streamed(self, stream: Stream, task: asyncio.Task[int]) -> None:
        """The stream has ended, or was left by its peer."""
        pending = self._pending
        if task.cancelled() or task.exception() is not None:
            self._leave(stream)
        if pending is None or task is not pending.future:
            return
        self._pending = None
        request, now = pending.request, monotonic()
        try:
            sent = task.result()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
            crash(request, error)
            self._tell(request, pending.route, 500, 0, pending.started)
            self._linger(now)  # without the last chunk: so the peer sees that it is not whole
            return
        self._tell(request, pending.route, stream.status, sent, pending.started)
        if self._shared.draining or not request.keep_alive or not request.minor:
            self._linger(now)
        elif not self._stalled:
            self._turn([])

    def _leave(self, stream: Stream) -> None:
        """Let the stream's source run its `finally` now, not when it is collected."""
        aclose: Callable[[], Awaitable[None]] | None = getattr(stream.chunks, "aclose", None)
        if aclose is not None:
            task = self._loop.create_task(_close(aclose))
            self._shared.closing.add(task)
            task.add_done_callback(self._shared.closing.discard)

    # ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, out: list[bytes]) -> None:
        if not out or self._lingering:
            return
        if len(out) == 1:
            self._transport.write(out[0])
        else:
            for piece in pieces(out):
                self._transport.write(piece)

    def _linger(self, now: float) -> None:
        """Close so that the last answer arrives (RFC 9112 9.6): end our side, drop what still comes, then close."""
        if self._lingering:
            return
        self._core.close()
        self._lingering, self._phase = True, OURS
        options, transport = self._shared.options, self._transport
        self._backlog = transport.get_write_buffer_size()
        self._since = now + (LINGERS - 1) * options.linger
        self._deadline = now + (options.write_timeout if self._backlog else options.linger)
        if transport.is_closing():
            return
        if self._ended or not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        if self._held:
            self._held = False
            transport.resume_reading()

    def sweep(self, now: float) -> None:
        """Do what is due by the clock. Called by the listener, a few times a second."""
        if self._stalled or (self._lingering and self._backlog):
            size = self._transport.get_write_buffer_size()
            if size < self._backlog:
                options = self._shared.options
                self._deadline = now + (options.write_timeout if size else options.linger)
                self._shared.unsent.hold(self, size, now)
            self._backlog = size
        elif self._ended and self._pending is not None:
            self._probe()
        if now >= self._deadline:
            self._expire(now)

    def _expire(self, now: float) -> None:
        if self._stalled or self._lingering:
            self._transport.abort()
            return
        refusal = self._core.expired()
        if refusal is not None:
            self._last(refusal.response)
        else:
            self._linger(now)

    def drain(self, now: float) -> None:
        """Prepare to leave: an unused connection closes at once, a lately used one after a moment's silence."""
        if self._pending is None and not self._lingering and not self._due and self._core.phase() is IDLE:
            self._deadline = min(self._deadline, max(now, self._since + QUIET))

    def abort(self) -> None:
        """Leave at once."""
        self._transport.abort()

    def _probe(self) -> None:
        """Learn whether a peer that has ended its side, while its answer is awaited, still reads.

        One that has gone answers any byte with a reset. So send what may always come: an interim response before the
        answer (RFC 9110 15.2), a comment between two events. What else is streamed needs no probe, it writes itself.
        """
        transport, pending = self._transport, self._pending
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            transport.abort()
        elif pending is not None and pending.request.minor:
            if pending.stream is None:
                transport.write(CONTINUE)
            elif pending.stream.content_type.startswith(b"text/event-stream") and not self._stalled:
                transport.write(frame(COMMENT))


def _peer(name: object) -> str:
    """Address and port as text; nothing for a socket that has none."""
    if not isinstance(name, tuple):
        return ""
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def _future(answer: object, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Any]:
    if not isawaitable(answer):
        raise TypeError(f"a handler answered with {type(answer).__name__}, not with a Response or a future of one")
    return asyncio.ensure_future(answer, loop=loop)


async def _close(aclose: Callable[[], Awaitable[None]]) -> None:
    await aclose()
