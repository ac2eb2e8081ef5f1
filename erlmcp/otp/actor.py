"""An actor: state that outlives a request, behind a bounded mailbox, in one task that answers one message at a time.

A subclass puts each public method beside the code that answers it; callers call methods and never see the mailbox:

    class Counter(Actor):
        async def init(self) -> None:
            self.total = 0

        async def add(self, amount: int) -> int:
            return await self.call(self._add, amount)

        async def _add(self, amount: int) -> int:
            self.total += amount
            return self.total

An actor is a child: a supervisor starts `actor.run` again after a crash, and the object stays the reference to it. It
holds nothing that `init` cannot rebuild.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar, TypeVarTuple

from msgspec import Struct

from erlmcp.otp.child import ChildSpec, Overloaded
from erlmcp.otp.spec import Restart

logger = logging.getLogger("erlmcp.otp")

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Down(Exception):
    """The actor is not running, or ended before it answered. What a call did until then is unknown."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"actor {name} {why}")
        self.name = name
        self.why = why


class Message(Struct, frozen=True):
    work: Callable[..., Awaitable[Any]]
    args: tuple[Any, ...]
    reply: asyncio.Future[Any] | None = None


class Actor:
    """Answers calls one by one. `capacity`: messages that may wait, the one being answered not counted."""

    #: Exceptions that are an answer ("the answer is no"): they go to the caller. Any other one crashes the actor.
    refusals: ClassVar[tuple[type[Exception], ...]] = ()

    def __init__(self, *, name: str = "", capacity: int = 1000, timeout: float = 5.0) -> None:
        if capacity < 1:
            raise ValueError(f"capacity {capacity} must be 1 or more")
        self.name = name or type(self).__name__.lower()
        self.capacity = capacity
        self.timeout = timeout
        self._waiting: deque[Message] = deque()
        self._current: Message | None = None
        self._wake: asyncio.Future[None] | None = None
        self._running = False

    async def init(self) -> None:
        """Build the state. The actor is ready when this returns; an exception is a failed start."""

    async def terminate(self, error: BaseException | None) -> None:
        """Let go of what `init` took hold of. `error`: the crash or the CancelledError that ends the actor."""

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    def child(self, restart: Restart = Restart.PERMANENT, *, shutdown: float | None = 5.0) -> ChildSpec:
        """The spec of this actor as a child."""
        return ChildSpec(self.name, self.run, restart, shutdown)

    async def call(self, work: Callable[[*Ts], Awaitable[T]], *args: *Ts, timeout: float | None = None) -> T:
        """Have the actor run `work(*args)`, and wait for the answer at most `timeout` seconds (None: the actor's own).

        Raises Overloaded (not queued), Down, TimeoutError (a message that still waits by then is dropped, one that is
        being answered goes on), or one of the `refusals`.
        """
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[T] = loop.create_future()
        self._post(Message(work, args, reply))
        seconds = self.timeout if timeout is None else timeout
        deadline = loop.call_later(seconds, self._expire, reply, seconds)
        try:
            return await reply
        finally:
            deadline.cancel()

    def cast(self, work: Callable[[*Ts], Awaitable[object]], *args: *Ts) -> None:
        """Have the actor run `work(*args)` some time; nobody hears of the outcome. Raises Overloaded, Down."""
        self._post(Message(work, args))

    async def run(self, ready: Callable[[], None]) -> None:
        """Be the actor: a child for a supervisor."""
        if self._running:
            raise RuntimeError(f"actor {self.name} is running already")
        error: BaseException | None = None
        await self.init()
        self._running = True
        ready()
        try:
            while True:
                await self._answer(await self._next())
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._running = False
            self._abandon_callers(error)
            await self.terminate(error)

    def _post(self, message: Message) -> None:
        if not self._running:
            raise Down(self.name, "is not running")
        if len(self._waiting) >= self.capacity:
            raise Overloaded(f"the mailbox of actor {self.name}", self.capacity)
        self._waiting.append(message)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _expire(self, reply: asyncio.Future[Any], seconds: float) -> None:
        if not reply.done():
            reply.set_exception(TimeoutError(f"actor {self.name} did not answer within {seconds:g} s"))

    async def _next(self) -> Message:
        while not self._waiting:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        return self._waiting.popleft()

    async def _answer(self, message: Message) -> None:
        reply = message.reply
        if reply is not None and reply.done():
            return  # its caller has left
        self._current = message
        try:
            answer = await message.work(*message.args)
        except self.refusals as refusal:
            if reply is None:
                logger.info("actor %s refused a cast: %s", self.name, refusal)
            elif not reply.done():
                reply.set_exception(refusal)
        else:
            if reply is not None and not reply.done():
                reply.set_result(answer)
        self._current = None

    def _abandon_callers(self, error: BaseException | None) -> None:
        messages = [self._current] if self._current else []
        messages += self._waiting
        self._waiting.clear()
        self._current = None
        for message in messages:
            if message.reply is not None and not message.reply.done():
                down = Down(self.name, "ended before it answered")
                down.__cause__ = error
                message.reply.set_exception(down)
