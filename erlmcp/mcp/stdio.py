"""The door for lines: one client on a pipe, requests of both eras side by side, answers as they come.

A request that carries the envelope of 2026-07-28 is of the modern era; `initialize` opens a session of the older one,
which lives as long as the pipe. All messages share the one way back; what is cancelled is not answered. It does not
know where lines come from.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec
from msgspec import UNSET

from erlmcp.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    Batch,
    Notification,
    Reply,
    Request,
    RpcError,
    decode,
    encode_error,
    encode_notification,
    split_batch,
)
from erlmcp.mcp import legacy
from erlmcp.mcp.admit import BARE, admit
from erlmcp.mcp.app import App
from erlmcp.mcp.backplane import Backplane
from erlmcp.mcp.call import Call, Members
from erlmcp.mcp.cancellation import CANCELLED, cancelled_request, canonical
from erlmcp.mcp.dispatch import Failure, failure_of, overloaded, perform
from erlmcp.mcp.methods import surfaces, tail_of_calls
from erlmcp.mcp.observer import Observer, observe, observe_refusal
from erlmcp.mcp.options import Options
from erlmcp.mcp.reply import encode
from erlmcp.mcp.stream import NO_SINK
from erlmcp.mcp.task_runner import TaskRunner
from erlmcp.mcp.types import Envelope
from erlmcp.mcp.versions import MODERN

__all__ = ["Conversation", "Way"]

IN_A_BATCH: Final = "Invalid request: initialize must not be part of a batch"

_ENVELOPE: Final = msgspec.json.Decoder(Envelope)


class Way(Protocol):
    """The way back to the client, as `pipes.Outlet` is one."""

    @property
    def full(self) -> bool:
        """Whether who can wait should."""

    @property
    def overfull(self) -> bool:
        """Whether those who do not wait have sent more than is bearable."""

    def write(self, line: bytes) -> None:
        """One message. Never waits."""

    def room(self) -> asyncio.Future[None]:
        """Done when it is not full any more."""


class Voice:
    """The sink of one request. Once its request is answered or cancelled nothing leaves by it."""

    __slots__ = ("_way",)

    def __init__(self, way: Way) -> None:
        self._way: Way | None = way

    def emit(self, method: str, params: bytes) -> Awaitable[None] | None:
        """See `sink.Sink`."""
        way = self._way
        if way is None or way.overfull:
            return None
        way.write(encode_notification(method, params))
        return way.room() if way.full else None

    def room(self) -> Awaitable[None] | None:
        """See `sink.Sink`."""
        way = self._way
        return way.room() if way is not None and way.full else None

    def close(self) -> None:
        """The request is over."""
        self._way = None


class Running(msgspec.Struct, frozen=True, eq=False):
    """A request whose answer is not there yet."""

    call: Call
    work: asyncio.Future[bytes]
    voice: Voice
    answer: Callable[[bytes], None]
    started: float


class Conversation:
    """What one client and one app say to each other. Made on the running loop; all of it on its thread."""

    def __init__(
        self,
        app: App,
        options: Options,
        way: Way,
        on_call: Observer | None = None,
        backplane: Backplane | None = None,
    ) -> None:
        self._options, self._way, self._on_call = options, way, on_call
        shared = backplane or Backplane()
        self._changes: Final = shared.changes
        self._changes.open()
        app.join(self._changes)
        self.tasks: Final = TaskRunner(app, options, shared, tail_of_calls(app))
        served = surfaces(app, options, shared, self.tasks)
        self._modern: Final = served[next(iter(MODERN.values()))]
        self._older: Final = legacy.PipeSession(app, options, served, self._changes, way.write, Voice(way))
        self._running: dict[bytes, Running] = {}
        self._idle: asyncio.Future[None] | None = None

    @property
    def in_flight(self) -> int:
        """Requests whose answer is not there yet."""
        return len(self._running)

    # From the client

    def hear(self, line: bytes) -> None:
        """One line; whatever is wrong with it is told to the client, and the next one is served."""
        try:
            if self._older.version == legacy.BATCHES and line.lstrip()[:1] == b"[":
                self._take_batch(line)
            else:
                self._take(decode(line, self._options.max_depth, True), self._write)
        except RpcError as error:
            self._way.write(encode_error(error.id, error))

    def too_long(self, reason: str) -> None:
        """In place of a line that was longer than the pipe allows; what was in it is not known."""
        self._way.write(encode_error(None, RpcError(PARSE_ERROR, f"Parse error: {reason}")))

    def _write(self, message: bytes) -> None:
        if message:
            self._way.write(message)

    def _take(self, message: Request | Notification | Reply, answer: Callable[[bytes], None]) -> None:
        if type(message) is Request:
            self._serve(message, answer)
        elif type(message) is Reply:
            self._older.replied(message)
        elif type(message) is Notification:
            self._note(message)

    def _take_batch(self, line: bytes) -> None:
        texts = split_batch(line, self._options.max_depth) or []
        if not texts:
            raise RpcError(INVALID_REQUEST, "Invalid request: the batch is empty")
        messages: list[Request | Notification | Reply | RpcError] = []
        for text in texts:
            try:
                messages.append(decode(text, self._options.max_depth, True))
            except RpcError as error:
                messages.append(error)
        batch = Batch(sum(isinstance(each, Request | RpcError) for each in messages), self._way.write)
        for message in messages:
            if isinstance(message, RpcError):
                batch.answer(encode_error(message.id, message))
            elif isinstance(message, Request) and message.method == "initialize":
                batch.answer(encode_error(message.id, RpcError(INVALID_REQUEST, IN_A_BATCH)))
            else:
                self._take(message, batch.answer)

    def _note(self, note: Notification) -> None:
        if note.method == CANCELLED:
            self.cancel(cancelled_request(note.params))
        else:
            self._older.noted(note)

    def cancel(self, key: bytes) -> None:
        """The client does not want this answer any more: it gets none."""
        running = self._running.pop(key, None)
        if running is not None:
            running.voice.close()
            running.work.cancel()
            self._over(running, None)
            running.answer(b"")

    # Requests

    def _serve(self, request: Request, answer: Callable[[bytes], None]) -> None:
        started = time.perf_counter()
        try:
            if self._running and canonical(request.id) in self._running:
                raise RpcError(INVALID_REQUEST, f"Invalid request: id {request.id.decode()} is still being served")
            call = self._admit(request)
        except RpcError as error:
            observe_refusal(self._on_call, request.method, error, started)
            answer(encode_error(request.id, error))
            return
        self._perform(call, answer, started)

    def _admit(self, request: Request) -> Call:
        """Raises RpcError. Half an envelope is of the modern era, too: its error names the other half."""
        try:
            meta = _ENVELOPE.decode(request.params).meta if request.params else None
        except msgspec.ValidationError:  # whichever era it is, its admission says what is wrong
            meta = None
        if meta is not None and not (meta.protocol_version is UNSET and meta.client_capabilities is UNSET):
            return admit(request, BARE, (), self._modern)
        if self._older.version or request.method in legacy.BEFORE_INITIALIZE:
            return self._older.admit(request)
        return admit(request, BARE, (), self._modern)

    def _perform(self, call: Call, answer: Callable[[bytes], None], started: float) -> None:
        method, facts = call.method, call.facts
        voice = Voice(self._way)
        asked = method.streams or facts.progress_token is not None or facts.log_level is not None
        if (method.bounded or method.streams) and len(self._running) >= self._options.max_calls:
            outcome: Members | Failure = overloaded(len(self._running))
        else:
            outcome = perform(call, voice if asked else NO_SINK)
        if isinstance(outcome, bytes | Failure):
            voice.close()
            observe(self._on_call, call, outcome, started)
            answer(encode(call, outcome))
            return
        self._changes.open()
        key = canonical(facts.id)
        running = Running(call, asyncio.ensure_future(outcome), voice, answer, started)
        self._running[key] = running
        running.work.add_done_callback(lambda _: self._done(key, running))

    def _done(self, key: bytes, running: Running) -> None:
        if self._running.get(key) is not running:  # it was cancelled
            return
        del self._running[key]
        running.voice.close()
        outcome: bytes | Failure
        if running.work.cancelled():
            outcome = Failure(RpcError(INTERNAL_ERROR, "Internal error: the call was cancelled by the server"))
        else:
            error = running.work.exception()
            outcome = running.work.result() if error is None else failure_of(error, running.call)
        self._over(running, outcome)
        running.answer(encode(running.call, outcome))

    def _over(self, running: Running, outcome: bytes | Failure | None) -> None:
        observe(self._on_call, running.call, outcome, running.started)
        if not self._running and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    # The end

    async def drain(self, seconds: float) -> None:
        """Let what is being served come to its end, at most so long; then cancel what is left of it.

        A request that has no end of its own gets its result at once, and a client that reads the one but not the other
        page of the specification is told that it is cancelled, too (basic/patterns/cancellation; subscriptions).
        """
        streams = [running.call.facts.id for running in self._running.values() if running.call.method.streams]
        if streams:
            await asyncio.shield(self._changes.end())  # whoever loses patience with this drain may begin another one
            await asyncio.sleep(0)  # in which their results are written
        for id_ in streams:
            self._way.write(encode_notification(CANCELLED, b'{"requestId":%b}' % id_))
        if self._running and seconds > 0:
            self._idle = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._idle], timeout=seconds)
        for key in list(self._running):
            self.cancel(key)
        self._older.close()
