"""What a handler may know and do about the request it serves: its facts, `progress`, `log`, questions, `cancelled`.

It does not know how messages travel. There is one way back to the client, `Sink.emit`, and a sink that cannot carry
messages says no by itself. There is one way to ask the client, `Ask`, and each era has its own.
"""

import asyncio
import concurrent.futures
import contextlib
import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, Unpack, overload

import msgspec

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.capabilities import can, require
from erlmcp.mcp.crossing import at_once, release, running_loop
from erlmcp.mcp.deadline import Deadline
from erlmcp.mcp.facts import Facts, capabilities_of, client_of, meta_of
from erlmcp.mcp.inputs import (
    AnswerFault,
    Answers,
    Elicit,
    Elicited,
    ElicitUrl,
    InputRequest,
    Interview,
    Question,
    Root,
    Roots,
)
from erlmcp.mcp.lifespan import Closed
from erlmcp.mcp.notices import log_message, progress_made
from erlmcp.mcp.sampling import Sample, Sampled, SampleOptions, Spoken
from erlmcp.mcp.schema import JsonSchema
from erlmcp.mcp.sink import SENT, Resumable, Sink
from erlmcp.mcp.tool_error import ToolError
from erlmcp.mcp.trace import Trace, trace_of

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    L = TypeVar("L", default=Any)
else:
    from typing import TypeVar

    L = TypeVar("L")

T = TypeVar("T")

Ask: TypeAlias = Callable[["Context[Any]", Mapping[str, InputRequest]], Awaitable[Answers]]
"""How a request asks its client: all the questions at once, and the answers by their keys.

One that starts the function anew to go on has a method `recall(context)` as well: what `Context.state` was before.
"""


async def cannot_ask(context: "Context[Any]", requests: Mapping[str, InputRequest]) -> Answers:  # noqa: ARG001 - an Ask
    """For a request that cannot ask its client."""
    raise RuntimeError(f"{context.method} cannot ask the client in {context.protocol_version}")


class TaskPlace(Protocol):
    """What a call knows of the task that it is, or may become."""

    @property
    def id(self) -> str | None:
        """None: it is none yet."""

    async def become(self) -> None:
        """Answer the request with a task; the function goes on as that. Nothing happens when it is one already."""


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
    _deadline: Deadline | None = None
    _lifespan: Any = None
    _interview: Interview | None = None
    _place: TaskPlace | None = None

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
        return client_of(self.facts)

    @property
    def meta(self) -> bytes:
        """The request's `_meta` as raw JSON, empty when absent."""
        return meta_of(self.facts)

    @property
    def principal(self) -> str:
        """Who asks; `local` until there is access control."""
        return self.facts.principal

    @property
    def trace(self) -> Trace | None:
        """The client's trace that the request belongs to; None when it names none, or a malformed one."""
        return trace_of(self.meta)

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the client declared, as it said it. `can` answers the usual questions."""
        return capabilities_of(self.facts)

    def can(self, name: str) -> bool:
        """Whether the client declared a capability: `elicitation` (forms), `elicitation.url`, `sampling`,
        `sampling.tools`, `sampling.context`, `roots`, `ui`, or an extension by its identifier. ValueError for others.
        """
        return can(self.capabilities, name)

    @property
    def state(self) -> dict[str, Any]:
        """Whatever JSON can hold, kept while the client is asked: it is here again when the function starts anew.

        Sealed, so the client can neither read nor change it; a client that repeats a round gets it as it was then.
        """
        interview = self.interview
        if interview.state is None:
            recall: Callable[[Context], dict[str, Any]] | None = getattr(self._ask, "recall", None)
            interview.state = {} if recall is None else recall(self)
        return interview.state

    @property
    def task_id(self) -> str | None:
        """The task that this call runs as; None when it is answered like any other."""
        return None if self._place is None else self._place.id

    async def become_task(self) -> None:
        """For a tool with `task_later=True`: answer the client with a task now, and go on as that.

        Before, questions are asked as in any other call; from here on they park the task. Does nothing where the call
        is a task already, or where the client knows no tasks. Raises Overloaded when there are too many.
        """
        if self._place is not None:
            await self._place.become()

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more; may be read from any thread."""
        return self._cancelled

    async def wait_cancelled(self) -> None:
        """Return once the request is cancelled or has timed out."""
        if self._cancelled:
            return
        gone = asyncio.get_running_loop().create_future()
        self.when_cancelled(functools.partial(release, gone))
        await gone

    def progress(self, progress: float, total: float | None = None, message: str | None = None) -> Awaitable[None]:
        """Tell the client how far the work is; nothing is sent when it did not ask.

        The message leaves at once. Awaiting the returned object waits while the reader is behind; in a thread the call
        itself does. Raises ValueError for a number that JSON cannot hold.
        """
        token = self.facts.progress_token
        if token is None:
            return SENT
        return self._emit("notifications/progress", progress_made(token, progress, total, message))

    def log(self, level: str, data: object, logger: str | None = None) -> Awaitable[None]:
        """Send a log message when the client asked for its level; `data` is anything JSON can hold. Waits as
        `progress`.

        Raises ValueError for a level that is none of LEVELS.
        """
        params = log_message(self.facts.log_level, level, data, logger)
        return SENT if params is None else self._emit("notifications/message", params)

    def debug(self, data: object, logger: str | None = None) -> Awaitable[None]:
        return self.log("debug", data, logger)

    def info(self, data: object, logger: str | None = None) -> Awaitable[None]:
        return self.log("info", data, logger)

    def warning(self, data: object, logger: str | None = None) -> Awaitable[None]:
        return self.log("warning", data, logger)

    def error(self, data: object, logger: str | None = None) -> Awaitable[None]:
        return self.log("error", data, logger)

    @overload
    async def elicit(self, message: str, schema: type[T], *, key: str | None = None) -> Elicited[T]: ...
    @overload
    async def elicit(self, message: str, schema: JsonSchema, *, key: str | None = None) -> Elicited[dict[str, Any]]: ...
    async def elicit(self, message: str, schema: Any, *, key: str | None = None) -> Elicited[Any]:
        """Ask the user to fill in a form: `schema` is a Struct, a dataclass or a TypedDict of plain fields, or a JSON
        Schema of the same. As `ask` otherwise."""
        return await self._ask_one(Elicit(message, schema), key)

    async def elicit_url(self, message: str, url: str, *, key: str | None = None) -> Elicited[None]:
        """Ask the user to open a link. That it was accepted does not say that anything was done there. As `ask`
        otherwise."""
        return await self._ask_one(ElicitUrl(message, url), key)

    async def sample(
        self, messages: "Spoken | list[Spoken]", *, key: str | None = None, **options: Unpack[SampleOptions]
    ) -> Sampled:
        """Ask the client's model. As `ask` otherwise."""
        return await self._ask_one(Sample(messages, **options), key)

    async def roots(self, *, key: str | None = None) -> tuple[Root, ...]:
        """Ask which places the client lets the server work in. As `ask` otherwise."""
        return await self._ask_one(Roots(), key)

    async def ask(self, questions: Mapping[str, Question[Any]]) -> dict[str, Any]:
        """Ask several things at once; the answers come by the same keys.

        Since 2026-07-28 the function ends here and starts anew with the client's answers: what stands before runs
        again, so effects belong after the last question. A question that has no key goes by its place among the
        others, which must be the same in each run.

        Raises RpcError for what the client has not declared (-32021) and for what is no answer (-32602), TypeError or
        ValueError for what is no question.
        """
        require(self.capabilities, (need for each in questions.values() for need in each.needs))
        asked = self.interview.keys
        requests = {}
        for key, question in questions.items():
            if key in asked:
                raise ValueError(f"the key {key!r} is asked twice; give each question one of its own")
            asked[key] = None
            requests[key] = question.request(self.facts.protocol_version)
        answers = await self._ask(self, requests)
        return {key: _value(key, request, answers[key]) for key, request in requests.items()}

    def wait(self, question: Coroutine[Any, Any, T]) -> T:
        """The same for a sync function: `name = ctx.wait(ctx.elicit(…))` blocks its thread until the answer is there.

        An inline function has no thread to block: it may ask since 2026-07-28 only, where nobody waits. Raises
        RuntimeError where waiting would block the loop.
        """
        if self._loop is None or running_loop() is self._loop:
            return at_once(question)
        waiting = asyncio.run_coroutine_threadsafe(self._until_cancelled(question), self._loop)
        try:
            return waiting.result()
        except concurrent.futures.CancelledError:
            raise ToolError("the request was cancelled") from None

    def close_stream(self) -> None:
        """End the connection, not the call: the client comes back for the answer, if it can, and else nothing happens.

        For long work behind proxies that cut long connections (2025-11-25, Transports, polling). The function goes on.
        """
        sink = self._sink
        if not isinstance(sink, Resumable):
            return
        if self._loop is None or running_loop() is self._loop:
            sink.close_early()
        else:
            self._loop.call_soon_threadsafe(sink.close_early)

    # What follows is for those who run handlers, not for their authors.

    @property
    def sink(self) -> Sink:
        """The way back to the client."""
        return self._sink

    def within(self, lifespan: Any) -> "Context[L]":
        """The same, with the value of its app's lifespan."""
        self._lifespan = lifespan
        return self

    @property
    def interview(self) -> Interview:
        if self._interview is None:
            self._interview = Interview()
        return self._interview

    @property
    def place(self) -> TaskPlace | None:
        """What the call knows of its task; None where it can be none."""
        return self._place

    def placed(self, place: TaskPlace) -> None:
        """The call may become a task."""
        self._place = place

    def answered(self) -> Mapping[str, tuple[bytes, bytes]]:
        """By key, digest and answer of the questions that were answered in earlier rounds of the same request."""
        known: Callable[[Context], Mapping[str, tuple[bytes, bytes]]] | None = getattr(self._ask, "answered", None)
        return {} if known is None else known(self)

    def move(self, facts: Facts, sink: Sink, ask: Ask) -> None:
        """The request is answered and the function goes on: what it says from here on takes another way."""
        self.facts, self._sink, self._ask = facts, sink, ask

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The handler runs in a thread or a task: emissions from any other thread hop to `loop`."""
        self._loop = loop

    def limit(self, deadline: Deadline) -> None:
        """The handler's time is limited by this."""
        self._deadline = deadline

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """While the client is waited for, the handler's time stands still. On the loop's thread."""
        deadline = self._deadline
        if deadline is not None:
            deadline.hold()
        try:
            yield
        finally:
            if deadline is not None:
                deadline.go_on()

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

    async def _ask_one(self, question: Question[T], key: str | None) -> T:
        name = key or self.interview.position()
        answer: T = (await self.ask({name: question}))[name]
        return answer

    async def _until_cancelled(self, question: Coroutine[Any, Any, T]) -> T:
        task = asyncio.current_task()
        if task is not None:
            self.when_cancelled(task.cancel)
        return await question

    def _emit(self, method: str, params: bytes) -> Awaitable[None]:
        if self._cancelled:
            return SENT
        if self._loop is None or running_loop() is self._loop:
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

        freed = functools.partial(release, caught_up)
        asyncio.ensure_future(pending).add_done_callback(freed)
        self.when_cancelled(freed)


def _value(key: str, request: InputRequest, raw: bytes) -> Any:
    try:
        return request.read(raw)
    except AnswerFault as fault:
        raise RpcError(INVALID_PARAMS, f"the answer to {request.method} ({key}) is none: {fault.message}") from None
