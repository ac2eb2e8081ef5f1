"""A conversation over a transport: requests with ids, deadlines, retries and questions; each era dresses them its way.

What a method means is the client's affair, how messages travel the transport's.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
from msgspec import Raw

from erlmcp.client.call import Call, LogMessage, OnLog, Progress, heard
from erlmcp.client.errors import (
    METHOD_NOT_FOUND,
    ClientError,
    ConnectionFailed,
    Garbled,
    HttpError,
    InputNeeded,
    RpcError,
    SessionLost,
    TimedOut,
)
from erlmcp.client.inputs import Inputs
from erlmcp.client.message import Ask, Failed, Incoming, Notice, Outgoing, notification
from erlmcp.client.patience import Patience
from erlmcp.client.results import Json, decode
from erlmcp.client.transport import Transport, answer_to

__all__ = ["Era", "Question", "Session"]

_log: Final = logging.getLogger("erlmcp.client")

MAX_ROUNDS: Final = 16  # questions, one after the other, before a request is given up
MAX_ASKS: Final = 32  # questions of the server at once, before 2026-07-28
ASKING: Final = frozenset({"tools/call", "prompts/get", "resources/read"})
"""The requests whose result may ask something (patterns/mrtr, Supported Requests)."""
_PAUSES: Final = (0.1, 0.4, 1.6)
MAX_RETRY_AFTER: Final = 5.0  # seconds


class Era(Protocol):
    """What differs between the eras in a request."""

    @property
    def version(self) -> str: ...

    @property
    def modern(self) -> bool: ...

    def dress(self, method: str, params: Json, id_: int, call: Call) -> Outgoing: ...

    async def reopen(self, session: "Session") -> None:
        """The server forgot the session. Raises ClientError when there can be no other."""


class _Result(msgspec.Struct, rename="camel"):
    result_type: str = "complete"
    input_requests: dict[str, "Question"] | None = None
    request_state: Any = msgspec.UNSET


class Question(msgspec.Struct):
    """What a server asks before it answers."""

    method: str
    params: Raw = Raw(b"{}")


class Session:
    """`retries`: how often a request that may be repeated is sent again."""

    def __init__(self, transport: Transport, inputs: Inputs, *, retries: int, on_log: OnLog | None) -> None:
        self.transport: Final = transport
        self.inputs: Final = inputs
        self.era: Era | None = None
        self._retries: Final = retries
        self._on_log: Final = on_log
        self._patience: Final = Patience()
        self._next = 0
        self._following = False
        self._listeners: list[Callable[[Notice], object]] = []
        self._asks: dict[bytes, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def request(self, method: str, params: Json, call: Call) -> bytes:
        """The raw result; questions in it are answered first. Raises ClientError."""
        more: Json = {}
        for _ in range(MAX_ROUNDS):
            raw = await self._tried(method, params | more, call)
            if b"input_required" not in raw:  # a word that most results do not have
                return raw
            result = decode(raw, _Result, method)
            if result.result_type != "input_required":
                return raw
            more = await self._answered(method, result)
        raise InputNeeded(f"the server asked {MAX_ROUNDS} times in a row before it would answer {method}")

    async def tell(self, method: str, params: Json | None = None) -> None:
        """Send a notification."""
        await self.transport.tell(notification(method, params))

    def on_notice(self, listener: Callable[[Notice], object]) -> Callable[[], None]:
        """Call `listener` with every notification of no request; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def receive(self, message: Notice | Ask) -> None:
        """What belongs to no request of ours."""
        if isinstance(message, Ask):
            self._asked(message)
            return
        if message.method == "notifications/cancelled":
            self._withdrawn(message)
        if message.method == "notifications/message" and self._on_log is not None:
            self._spawn(self._heard(message, Call(None)))
        for listener in tuple(self._listeners):
            listener(message)

    async def aclose(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.transport.aclose()

    # One request

    async def _tried(self, method: str, params: Json, call: Call) -> bytes:
        reopened = False
        for attempt in range(self._retries + 1):
            try:
                return await self.once(method, params, call)
            except SessionLost:
                if reopened or self.era is None:
                    raise
                reopened = True  # the server refused it, so it was not carried out
                await self.era.reopen(self)
                if self._following:
                    await self.transport.listen()
            except (ConnectionFailed, HttpError, RpcError) as fault:
                pause = _pause(fault, attempt, repeatable=call.repeatable)
                if pause is None or attempt == self._retries:
                    raise
                await asyncio.sleep(pause)
        return await self.once(method, params, call)

    async def once(self, method: str, params: Json, call: Call) -> bytes:
        """One round trip, within the call's deadline."""
        message = self.dress(method, params, call)
        answered = False
        try:
            async with self._patience.limit(call.timeout):
                result = await self._exchange(message, call)
            answered = True
        except ClientError:  # before TimeoutError: who lets nobody connect need not be told that we gave up
            answered = True
            raise
        except TimeoutError:
            raise TimedOut(f"{self.transport.url} has not answered {method} within {call.timeout:g} s") from None
        finally:
            if not answered:
                await self.abandon(message)
        return result

    def dress(self, method: str, params: Json, call: Call) -> Outgoing:
        """A request with a new id, in the words of the era."""
        assert self.era is not None  # noqa: S101 - opened before anything is asked
        self._next += 1
        return self.era.dress(method, params, self._next, call)

    async def follow(self) -> None:
        """Before 2026-07-28: hear what the server sends on its own."""
        if not self._following:
            self._following = True
            await self.transport.listen()

    async def _exchange(self, message: Outgoing, call: Call) -> bytes:
        answer = await answer_to(self.transport, message, lambda each: self._aside(each, call))
        if isinstance(answer, Failed):
            raise RpcError(answer.code, answer.message, answer.data, answer.status)
        return answer.result

    async def _aside(self, message: Incoming, call: Call) -> None:
        """What comes on a request's behalf before its answer."""
        if isinstance(message, Notice) and message.method == "notifications/progress":
            if call.on_progress is not None:
                await heard(call.on_progress, message.method, message.params, Progress)
        elif isinstance(message, Notice) and message.method == "notifications/message":
            await self._heard(message, call)
        elif isinstance(message, Notice | Ask):
            self.receive(message)

    async def _heard(self, message: Notice, call: Call) -> None:
        handler = call.on_log or self._on_log
        if handler is not None:
            await heard(handler, message.method, message.params, LogMessage)

    async def abandon(self, message: Outgoing) -> None:
        """Nobody waits any more: tell the server, unless the transport did by closing."""
        if self.transport.closing_cancels or message.method == "initialize":
            return
        with contextlib.suppress(ClientError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self.tell("notifications/cancelled", {"requestId": message.id})

    # Questions

    async def _answered(self, method: str, result: _Result) -> Json:
        """What a request must say besides its own parameters when it is sent again (patterns/mrtr)."""
        if method not in ASKING:
            raise Garbled(f"the server asks for input before it answers {method}, where that is not foreseen")
        if result.input_requests is None and result.request_state is msgspec.UNSET:
            raise Garbled(f"the server asks for input before it answers {method}, and does not say which")
        more: Json = {}
        if result.input_requests is not None:
            more["inputResponses"] = await self.answers(result.input_requests)
        if result.request_state is not msgspec.UNSET:
            more["requestState"] = result.request_state
        return more

    async def answers(self, questions: dict[str, Question]) -> Json:
        """All answers, by key; the handlers run at once."""
        given = await asyncio.gather(*(self.inputs.answer(q.method, bytes(q.params)) for q in questions.values()))
        return dict(zip(questions, given, strict=True))

    def _asked(self, ask: Ask) -> None:
        if ask.id in self._asks or len(self._asks) >= MAX_ASKS:  # the same again after a resumption, or a flood
            _log.warning("%s asks too much at once: %s is not answered", self.transport.url, ask.method)
            return
        task = self._spawn(self._answer(ask))
        self._asks[ask.id] = task
        task.add_done_callback(lambda _done: self._asks.pop(ask.id, None))

    async def _answer(self, ask: Ask) -> None:
        """Answer a request of the server (2025-11-25 and before)."""
        with self._patience.paused():
            said = await self._said(ask)
        try:
            await self.transport.tell(msgspec.json.encode({"jsonrpc": "2.0", "id": Raw(ask.id), **said}))
        except ClientError as fault:
            _log.warning("the answer to %s did not reach the server: %s", ask.method, fault)

    async def _said(self, ask: Ask) -> Json:
        """The result, or the error: a handler that fails is no reason to leave the server waiting."""
        if ask.method == "ping":
            return {"result": {}}
        work = self._spawn(self.inputs.answer(ask.method, ask.params))
        try:
            await asyncio.wait([work])
        finally:
            work.cancel()
        fault = None if work.cancelled() else work.exception()
        if not work.cancelled() and fault is None:
            return {"result": work.result()}
        if isinstance(fault, InputNeeded):
            return {"error": {"code": METHOD_NOT_FOUND, "message": str(fault)}}
        if isinstance(fault, Garbled):
            return {"error": {"code": -32602, "message": str(fault)}}
        _log.error("a handler failed: %s", ask.method, exc_info=fault)
        return {"error": {"code": -32603, "message": "the client's handler failed"}}

    def _withdrawn(self, message: Notice) -> None:
        """The server wants no answer any more."""
        with contextlib.suppress(Garbled):
            task = self._asks.get(bytes(decode(message.params, _Cancelled, message.method).request_id))
            if task is not None:
                task.cancel()

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Cancelled(msgspec.Struct, rename="camel"):
    request_id: Raw = Raw(b"")


def _pause(fault: ClientError, attempt: int, *, repeatable: bool) -> float | None:
    """Seconds until another attempt; None: there must be none.

    A request that never left may always be sent again. One that may have been carried out only when it is repeatable,
    and when no part of an answer was there; one that was refused for want of room (503) after the time that was asked.
    """
    usual = _PAUSES[min(attempt, len(_PAUSES) - 1)]
    if isinstance(fault, ConnectionFailed):
        return usual if not fault.sent or (repeatable and not fault.begun) else None
    if not isinstance(fault, HttpError) or fault.status != 503 or not repeatable:
        return None
    return fault.retry_after if fault.retry_after is not None and fault.retry_after <= MAX_RETRY_AFTER else None
