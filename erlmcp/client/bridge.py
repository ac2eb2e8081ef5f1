"""From a client that speaks over pipes to a server that speaks over HTTP: each line a POST, each answer a line.

Both eras side by side, as they come: the older one has its session and its stream of the server's own messages here,
and another session when the server forgot the first. It does not know where lines come from.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from erlmcp.client.bridge_session import INITIALIZED, OlderSession
from erlmcp.client.errors import ClientError, ConnectionFailed, HttpError, SessionLost
from erlmcp.client.fetch import Fetch, Fields
from erlmcp.client.message import Ask, Failed, Incoming, Notice, Reply
from erlmcp.client.passing import Passing, headers_for, line_of, version_of, wanted_in
from erlmcp.client.repeating import Wanted
from erlmcp.client.streamable import Streamable
from erlmcp.client.transport import answer_to
from erlmcp.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    Batch,
    Notification,
    Request,
    RpcError,
    decode,
    encode_error,
    encode_request,
    split_batch,
)
from erlmcp.jsonrpc import Reply as Answer

__all__ = ["UNREACHABLE", "Bridge", "Way"]

_log: Final = logging.getLogger("erlmcp.client")

UNREACHABLE: Final = 502
"""Our own code, outside JSON-RPC's reserved range: the server behind the bridge does not answer, or not in its words.
An HTTP status that it answers with instead is the code itself."""
OVERLOADED: Final = 503

MAX_UNDER_WAY: Final = 1000  # requests; one more is refused
MAX_UNTOLD: Final = 1000  # notifications and replies on their way; one more is dropped
MAX_PAGES: Final = 100  # of tools, to learn what they want repeated
MAX_DEPTH: Final = 512  # the server has its own limit
FIRST_PAUSE: Final = 0.05  # seconds between attempts, doubled each time
LAST_PAUSE: Final = 1.0
CANCELLED: Final = "notifications/cancelled"
LISTEN: Final = "subscriptions/listen"
BATCHING: Final = "2025-03-26"
HEADER_MISMATCH: Final = -32020
READING: Final = frozenset(
    {
        "completion/complete",
        "initialize",
        "logging/setLevel",
        "ping",
        "prompts/get",
        "prompts/list",
        "resources/directory/read",
        "resources/list",
        "resources/read",
        "resources/subscribe",
        "resources/templates/list",
        "resources/unsubscribe",
        "server/discover",
        "skills/get",
        "skills/list",
        "tasks/get",
        "tools/list",
    }
)
"""What may be sent again though the server may have served it: it changes nothing twice."""


class Way(Protocol):
    """The way back to the client, as `pipes.Outlet` is one."""

    @property
    def full(self) -> bool: ...

    @property
    def overfull(self) -> bool: ...

    def write(self, line: bytes) -> None:
        """One message. Never waits."""

    def room(self) -> asyncio.Future[None]: ...


class _Cancelled(msgspec.Struct):
    request_id: msgspec.Raw = msgspec.field(name="requestId")


class _Meta(msgspec.Struct):
    meta: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"{}"), name="_meta")


class Relayed(msgspec.Struct, frozen=True, eq=False):
    """A request under way."""

    request: Request
    modern: bool
    work: asyncio.Task[None]
    answer: Callable[[bytes], None]


class Bridge:
    """`headers`: sent with every request. `patience`: seconds that a server which is not there is waited for.

    Made on the running loop; all of it on its thread.
    """

    def __init__(self, fetch: Fetch, way: Way, *, headers: Fields = (), patience: float = 10.0) -> None:
        self._way, self._patience = way, patience
        self._modern: Final = Streamable(fetch, headers=headers)
        self._older: Final = OlderSession(Streamable(fetch, headers=headers), self._aside)
        self._wanted: Wanted = {}
        self._running: dict[bytes, Relayed] = {}
        self._untold: deque[tuple[bytes, bool]] = deque()
        self._telling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Before the first line."""
        await self._older.transport.start(self._receive)

    # From the client

    def hear(self, line: bytes) -> None:
        """One line. What is wrong with it is told to the client."""
        try:
            texts = split_batch(line, MAX_DEPTH) if self._older.version == BATCHING else None
            if texts is None:
                self._take(decode(line, MAX_DEPTH, True), line, self._write)
            else:
                self._take_batch(texts)
        except RpcError as error:
            self._write(encode_error(error.id, error))

    def too_long(self, reason: str) -> None:
        """In place of a line that was longer than the pipe allows."""
        self._write(encode_error(None, RpcError(PARSE_ERROR, f"Parse error: {reason}")))

    def _take(self, message: Request | Notification | Answer, line: bytes, answer: Callable[[bytes], None]) -> None:
        if isinstance(message, Request):
            self._serve(message, line, answer)
        elif isinstance(message, Notification) and message.method == CANCELLED:
            self._cancel(message, line)
        else:
            self._tell(line, opened=isinstance(message, Notification) and message.method == INITIALIZED)

    def _take_batch(self, texts: list[bytes]) -> None:
        """The messages of a batch go out one by one, and their answers come back together."""
        messages: list[tuple[Request | Notification | Answer, bytes]] = []
        faults: list[RpcError] = []
        for text in texts:
            try:
                messages.append((decode(text, MAX_DEPTH, True), text))
            except RpcError as error:
                faults.append(error)
        batch = Batch(len(faults) + sum(isinstance(message, Request) for message, _ in messages), self._write)
        for fault in faults:
            batch.answer(encode_error(fault.id, fault))
        for message, text in messages:
            self._take(message, text, batch.answer)

    def _serve(self, request: Request, line: bytes, answer: Callable[[bytes], None]) -> None:
        fault = None
        if request.id in self._running:
            fault = RpcError(INVALID_REQUEST, f"Invalid request: id {request.id.decode()} is still being served")
        elif len(self._running) >= MAX_UNDER_WAY:
            fault = RpcError(OVERLOADED, f"Overloaded: {len(self._running)} requests are under way")
        if fault is not None:
            answer(encode_error(request.id, fault))
            return
        version = version_of(request)
        work = asyncio.ensure_future(self._relay(request, line, version))
        relayed = self._running[request.id] = Relayed(request, bool(version), work, answer)
        work.add_done_callback(lambda _: self._forget(relayed))

    def _cancel(self, note: Notification, line: bytes) -> None:
        with contextlib.suppress(msgspec.DecodeError):
            number = bytes(msgspec.json.decode(note.params or b"{}", type=_Cancelled).request_id)
            relayed = self._running.pop(number, None)
            if relayed is not None:
                relayed.work.cancel()  # which closes its stream: in the modern era that says it all
                relayed.answer(b"")
                if not relayed.modern:
                    self._tell(line)

    def _forget(self, relayed: Relayed) -> None:
        if self._running.get(relayed.request.id) is relayed:
            del self._running[relayed.request.id]

    # To the server

    async def _relay(self, request: Request, line: bytes, version: str) -> None:
        try:
            said = line_of(await self._asked(request, line, version), request.id)
        except ClientError as fault:
            code = fault.status if isinstance(fault, HttpError) else UNREACHABLE
            said = encode_error(request.id, RpcError(code, str(fault)))
        relayed = self._running.pop(request.id, None)
        if relayed is not None:
            relayed.answer(said)

    async def _asked(self, request: Request, line: bytes, version: str) -> Reply | Failed:
        """The server's answer, after more than one attempt where that is safe. Raises ClientError."""
        clock = asyncio.get_running_loop().time
        until, pause, reopened, learnt = clock() + self._patience, FIRST_PAUSE, False, False
        while True:
            session = self._older.transport.session
            try:
                answer = await self._once(request, line, version)
            except SessionLost:
                if reopened or not self._older.can_reopen:
                    raise
                reopened = True
                await self._older.reopen(session)
            except (ConnectionFailed, HttpError) as fault:
                wait = _wait(fault, pause, again=request.method in READING)
                if wait is None or clock() + wait > until:
                    raise
                await asyncio.sleep(wait)
                pause = min(2 * pause, LAST_PAUSE)
            else:
                if not isinstance(answer, Failed) or answer.code != HEADER_MISMATCH or learnt or not version:
                    return answer
                learnt = True
                await self._learn(request, version)

    async def _once(self, request: Request, line: bytes, version: str) -> Reply | Failed:
        headers = headers_for(request, version, self._wanted) if version else ()
        passing = Passing(request.method, line, request.id, headers)
        if not version:
            return await self._older.ask(passing)
        answer = await answer_to(self._modern, passing, self._aside)
        if request.method == "tools/list" and isinstance(answer, Reply):
            with contextlib.suppress(ClientError):
                wanted_in(answer.result, self._wanted)
        return answer

    async def _learn(self, request: Request, version: str) -> None:
        """List the tools for ourselves: one of them wants arguments repeated, and the client has not listed them."""
        meta = msgspec.json.decode(request.params, type=_Meta).meta
        cursor: str | None = None
        for page in range(MAX_PAGES):
            more = b"" if cursor is None else b',"cursor":' + msgspec.json.encode(cursor)
            number = b'"erlmcp-bridge-%d"' % page
            params = b'{"_meta":%b%b}' % (bytes(meta), more)
            listing = Request(number, "tools/list", params)
            body = encode_request(number, "tools/list", params)
            passing = Passing("tools/list", body, number, headers_for(listing, version, self._wanted))
            answer = await answer_to(self._modern, passing, self._aside)
            cursor = wanted_in(answer.result, self._wanted) if isinstance(answer, Reply) else None
            if cursor is None:
                return

    def _tell(self, line: bytes, *, opened: bool = False) -> None:
        """Have it sent, after what was to be sent before."""
        if len(self._untold) >= MAX_UNTOLD:
            _log.warning("a message of the client was dropped: %d are waiting for the server", MAX_UNTOLD)
            return
        self._untold.append((line, opened))
        if self._telling is None or self._telling.done():
            self._telling = asyncio.ensure_future(self._tell_all())

    async def _tell_all(self) -> None:
        while self._untold:
            line, opened = self._untold.popleft()
            try:
                await self._older.tell(line, opened=opened)
            except ClientError as fault:
                _log.warning("a message of the client did not reach the server: %s", fault)

    # From the server

    async def _aside(self, message: Incoming) -> None:
        """What comes before an answer, in the pace of who reads it."""
        self._write(line_of(message))
        if self._way.full:
            await self._way.room()

    def _receive(self, message: Notice | Ask) -> None:
        """What the server says on its own. A client that is far behind does without its notifications."""
        if isinstance(message, Ask) or not self._way.overfull:
            self._write(line_of(message))

    def _write(self, line: bytes) -> None:
        if line:
            self._way.write(line)

    # The end

    async def drain(self, seconds: float) -> None:
        """Let what is under way end, at most so long; then let go of it. Streams without an end are let go at once."""
        for relayed in list(self._running.values()):
            if relayed.request.method == LISTEN:
                relayed.work.cancel()
        waiting = [relayed.work for relayed in self._running.values() if relayed.request.method != LISTEN]
        if self._telling is not None:
            waiting.append(self._telling)
        if waiting and seconds > 0:
            await asyncio.wait(waiting, timeout=seconds)
        for work in waiting:
            work.cancel()

    async def aclose(self) -> None:
        """End the older era's session, and all connections."""
        await self._older.transport.aclose()
        await self._modern.aclose()


def _wait(fault: ConnectionFailed | HttpError, pause: float, *, again: bool) -> float | None:
    """Seconds until another attempt, None for no other. `again`: it may be carried out twice."""
    if isinstance(fault, ConnectionFailed):
        return pause if not fault.sent or (again and not fault.begun) else None
    if fault.status == 503 and fault.retry_after is not None:
        return max(fault.retry_after, pause)
    return None
