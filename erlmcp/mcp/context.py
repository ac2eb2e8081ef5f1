"""What a handler may know and do about the request it serves: its facts, `progress`, `log` and `cancelled`.

It does not know how messages travel. There is one way back to the client, `Sink.emit`, and a sink that cannot carry
messages says no by itself.
"""

import asyncio
import concurrent.futures
import functools
import math
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeAlias

import msgspec

from erlmcp.mcp.inputs import Answers, InputRequest
from erlmcp.mcp.lifespan import Closed

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    L = TypeVar("L", default=Any)
else:
    from typing import TypeVar

    L = TypeVar("L")

LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""The severities of RFC 5424 §6.2.1 as MCP spells them, the least severe first."""

_RANK: Final = {level: rank for rank, level in enumerate(LEVELS)}


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What the protocol side read about a request, in both eras of MCP."""

    id: bytes
    """The JSON-RPC id as raw JSON text."""
    protocol_version: str
    modern: bool
    log_level: str | None = None
    """The least severe level the client asked for; None: it wants no log messages."""
    progress_token: bytes | None = None
    """The progress token as raw JSON; None: it wants no progress."""
    params: bytes = b""
    """The request's parameters as raw JSON, empty when absent: what handlers rarely ask for is decoded when they do."""
    method: str = ""
    principal: str = "local"
    """Who asks. Until there is access control there is one."""
    session: str = ""
    """The session that the request belongs to, before 2026-07-28; empty: none."""


class _Envelope(msgspec.Struct, gc=False):
    meta: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="_meta")


class _Introduction(msgspec.Struct):
    client: dict[str, Any] | None = msgspec.field(default=None, name="io.modelcontextprotocol/clientInfo")


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_INTRODUCTION: Final = msgspec.json.Decoder(_Introduction | None)


class Sink(Protocol):
    """The way back to the client while its request is being served."""

    def emit(self, method: str, params: bytes) -> Awaitable[None] | None:
        """Send one notification; `params` is a raw JSON object.

        Called on the loop's thread only. Returns None when there is nothing to wait for, else something to await until
        the reader has caught up (a future: the author may drop it).
        """

    def room(self) -> Awaitable[None] | None:
        """None when what is emitted now is surely not dropped, else something to await before that."""


Ask: TypeAlias = Callable[["Context[Any]", Mapping[str, InputRequest]], Awaitable[Answers]]
"""How a request asks its client: all the questions at once, and the answers by their keys."""


async def cannot_ask(context: "Context[Any]", requests: Mapping[str, InputRequest]) -> Answers:  # noqa: ARG001 - an Ask
    """For a request that cannot ask its client."""
    raise RuntimeError(f"{context.method} cannot ask the client")


class Sent:
    """An emission that needs no waiting: awaiting it does not leave the running step."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return iter(())  # type: ignore[return-value]  # an exhausted iterator awaits nothing; a generator costs more


SENT: Final = Sent()


class Context(msgspec.Struct, Generic[L], eq=False):
    """A handler's view of its request; a parameter annotated `Context` receives it.

    `Context[State]` is the same to us; it tells type checkers what the app's lifespan yields.
    """

    facts: Facts
    _sink: Sink
    _ask: Ask = cannot_ask
    _cancelled: bool = False
    _loop: asyncio.AbstractEventLoop | None = None
    _on_cancel: list[Callable[[], object]] | None = None
    _lifespan: Any = None

    __repr__ = object.__repr__  # what a client sent has no place in a traceback

    @property
    def request_id(self) -> str:
        """The JSON-RPC id: a string's text, a number's digits."""
        raw = self.facts.id
        return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else raw.decode()

    @property
    def method(self) -> str:
        return self.facts.method

    @property
    def lifespan(self) -> L:
        """What the lifespan of the handler's app yielded, None when it has none. Raises RuntimeError while the app is
        not running."""
        value: L = self._lifespan
        if isinstance(value, Closed):
            raise RuntimeError("the app's lifespan is not entered: serve it within `async with app.running()`")
        return value

    @property
    def protocol_version(self) -> str:
        return self.facts.protocol_version

    @property
    def client(self) -> dict[str, Any] | None:
        """The client's `clientInfo`, or None when it did not tell."""
        meta = self.meta
        introduction = _INTRODUCTION.decode(meta) if meta else None
        return introduction.client if introduction else None

    @property
    def meta(self) -> bytes:
        """The request's `_meta` as raw JSON, empty when absent."""
        return bytes(_ENVELOPE.decode(self.facts.params).meta) if self.facts.params else b""

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more; may be read from any thread."""
        return self._cancelled

    async def wait_cancelled(self) -> None:
        """Return once the request is cancelled or has timed out."""
        if self._cancelled:
            return
        gone = asyncio.get_running_loop().create_future()
        self.when_cancelled(functools.partial(_release, gone))
        await gone

    def progress(self, progress: float, total: float | None = None, message: str | None = None) -> Awaitable[None]:
        """Tell the client how far the work is; nothing is sent when it did not ask.

        The message leaves at once. Awaiting the returned object waits while the reader is behind; in a thread the call
        itself does. Raises ValueError for a number that JSON cannot hold.
        """
        token = self.facts.progress_token
        if token is None:
            return SENT
        if not (math.isfinite(progress) and (total is None or math.isfinite(total))):
            raise ValueError(f"progress must be a finite number, not {progress} of {total}")
        members = [b'{"progressToken":', token, b',"progress":', msgspec.json.encode(progress)]
        if total is not None:
            members += b',"total":', msgspec.json.encode(total)
        if message is not None:
            members += b',"message":', msgspec.json.encode(message)
        return self._emit("notifications/progress", b"".join((*members, b"}")))

    def log(self, level: str, data: object, logger: str | None = None) -> Awaitable[None]:
        """Send a log message when the client asked for its level; `data` is anything JSON can hold. Waits as
        `progress`.

        Raises ValueError for a level that is none of LEVELS.
        """
        rank = _RANK.get(level)
        if rank is None:
            raise ValueError(f"unknown log level {level!r}; one of {', '.join(LEVELS)}")
        asked = self.facts.log_level
        if asked is None or rank < _RANK[asked]:
            return SENT
        name = b"" if logger is None else b',"logger":' + msgspec.json.encode(logger)
        params = b'{"level":"%b"%b,"data":%b}' % (level.encode(), name, msgspec.json.encode(data))
        return self._emit("notifications/message", params)

    def debug(self, data: object, logger: str | None = None) -> Awaitable[None]:
        return self.log("debug", data, logger)

    def info(self, data: object, logger: str | None = None) -> Awaitable[None]:
        return self.log("info", data, logger)

    def warning(self, data: object, logger: str | None = None) -> Awaitable[None]:
        return self.log("warning", data, logger)

    def error(self, data: object, logger: str | None = None) -> Awaitable[None]:
        return self.log("error", data, logger)

    # What follows is for those who run handlers, not for their authors.

    @property
    def sink(self) -> Sink:
        """The way back to the client."""
        return self._sink

    def within(self, lifespan: Any) -> "Context[L]":
        """The same, with the value of its app's lifespan."""
        self._lifespan = lifespan
        return self

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The handler runs in a thread or a task: emissions from any other thread hop to `loop`."""
        self._loop = loop

    def when_cancelled(self, hook: Callable[[], object]) -> None:
        """Call `hook` on the loop's thread when the request is cancelled. Called on the loop's thread only."""
        if self._on_cancel is None:
            self._on_cancel = []
        self._on_cancel.append(hook)

    def cancel(self) -> None:
        """Nobody waits for the answer any more. Called on the loop's thread only."""
        if self._cancelled:
            return
        self._cancelled = True
        hooks, self._on_cancel = self._on_cancel, None
        for hook in hooks or ():
            hook()

    def _emit(self, method: str, params: bytes) -> Awaitable[None]:
        if self._cancelled:
            return SENT
        if self._loop is None or _running_loop() is self._loop:
            return self._sink.emit(method, params) or SENT
        self._emit_from_thread(self._loop, method, params)
        return SENT

    def _emit_from_thread(self, loop: asyncio.AbstractEventLoop, method: str, params: bytes) -> None:
        """Emit on the loop and block this thread until the reader has caught up or the request is cancelled."""
        caught_up: concurrent.futures.Future[None] = concurrent.futures.Future()
        try:
            loop.call_soon_threadsafe(self._emit_and_release, caught_up, method, params)
        except RuntimeError:  # the loop is closed: the process is leaving, and nobody reads any more
            return
        caught_up.result()

    def _emit_and_release(self, caught_up: "concurrent.futures.Future[None]", method: str, params: bytes) -> None:
        sent = False
        try:
            pending = None if self._cancelled else self._sink.emit(method, params)
            sent = True
        finally:
            if not sent:  # what went wrong is the loop's to report; the thread must not wait for it for ever
                caught_up.set_exception(RuntimeError("the message could not be sent"))
        if pending is None:
            caught_up.set_result(None)
            return

        release = functools.partial(_release, caught_up)
        asyncio.ensure_future(pending).add_done_callback(release)
        self.when_cancelled(release)


def _release(
    waiting: "asyncio.Future[None] | concurrent.futures.Future[None]", emission: "asyncio.Future[None] | None" = None
) -> None:
    if emission is not None and not emission.cancelled():
        emission.exception()  # a reader who is gone is told by the cancellation of the call, not by each message
    if not waiting.done():
        waiting.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
