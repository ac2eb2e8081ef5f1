"""How an author's function is run: in place, in a thread, or as one asyncio task; each with its limit in time.

Whatever comes of it, value or refusal, is turned into a result's members where it ran, so that a thread encodes its own
answer. It does not know what the members say: that is its subclasses' business.
"""

import asyncio
import copy
import enum
import functools
import types
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Protocol, Self, TypeAlias, TypedDict

from msgspec.structs import asdict, astuple

from erlmcp.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, RpcError
from erlmcp.mcp import signature as signatures
from erlmcp.mcp.caching import CacheScope
from erlmcp.mcp.context import Context
from erlmcp.mcp.deadline import Deadline
from erlmcp.mcp.injection import Injection
from erlmcp.mcp.inputs import Asked
from erlmcp.mcp.limits import MAX_CONCURRENCY, Enter, Limit, Limits, guarded, rate_of
from erlmcp.mcp.middleware import Invocation, Middleware, Site, surrounded
from erlmcp.mcp.options import Options
from erlmcp.mcp.signature import Signature
from erlmcp.mcp.threads import Pool
from erlmcp.mcp.tool_error import ToolError

Members: TypeAlias = bytes
"""A result's inner members (docs/adr/0004)."""

Invoke: TypeAlias = Callable[[Any, Context], Any]
"""Calls the author's function with decoded arguments."""


class Mode(enum.Enum):
    INLINE = "on the loop, at once"
    THREAD = "in a thread"
    TASK = "as a task"


class Room(Protocol):
    """Where functions run: one per app."""

    cache_ttl_ms: int
    cache_scope: CacheScope

    @property
    def options(self) -> Options: ...

    @property
    def pool(self) -> Pool: ...

    @property
    def around(self) -> Sequence[Middleware]:
        """The app's middleware, the outermost first."""

    @property
    def lifespan(self) -> Any:
        """What the app's lifespan yielded."""


class CalleeOptions(TypedDict, total=False):
    """What an author may say about how a function is called."""

    inline: bool
    """Run a quick sync function on the loop: no thread, and no timeout."""
    timeout: float | None
    """Seconds it may take; `tool_timeout` of the configuration when left out."""
    max_concurrency: int | None
    """Calls under way at a time, over all workers of a node; one more is refused with 503 and Retry-After."""
    rate_limit: str | None
    """`"10/s"`, `"100/min"`, `"1000/h"`: calls of each caller, over all workers of a node; one more is refused with 429
    and Retry-After."""


def limit_of(options: CalleeOptions) -> Limit:
    """Raises ValueError for a limit that is none."""
    size = options.get("max_concurrency")
    if size is not None and not 0 < size <= MAX_CONCURRENCY:
        raise ValueError(f"max_concurrency must be from 1 to {MAX_CONCURRENCY}, not {size}")
    return Limit(rate_of(options.get("rate_limit") or ""), size)


class Callee(ABC):
    """An author's function under the name that clients call it by."""

    __slots__ = ("_bare", "_invoke", "_mode", "_timeout", "call", "key", "limit", "rooms")

    method: ClassVar[str]
    """The method that asks for it."""
    key: str
    """What clients call it by."""
    call: Enter
    """The way in: from what is asked to members, or an awaitable of them. Raises Overloaded."""
    limit: Limit
    rooms: tuple[Room, ...]
    """The app it was registered in, and those that this one is mounted in, the outermost last."""
    _bare: Enter
    """The same without middleware and limits."""

    def __init__(self, invoke: Invoke, mode: Mode, options: CalleeOptions, room: Room) -> None:
        """Raises ValueError for a limit that is none."""
        self._invoke = invoke
        self._mode = mode
        self._timeout = options.get("timeout")
        self.rooms = (room,)
        self.limit = limit_of(options)

    def arm(self, middleware: Sequence[Middleware], limit: Limit, limits: Callable[[], Limits]) -> None:
        """Compose the way in. What is not used is not in the way."""
        enter = self._bare
        if middleware:
            enter = surrounded(enter, self.site(), middleware)
        if limit:
            enter = guarded(enter, f"{self.method} {self.key}", limit, limits)
        self.call = enter

    def site(self) -> Site:
        """How middleware goes around it."""
        return Site(self.method, self.describe, self.restore, self.refuse, self.late, self.seconds)

    @abstractmethod
    def describe(self, asked: Any) -> tuple[str, bytes]:
        """What was asked as middleware sees it: the target, and the arguments as a raw JSON object."""

    @abstractmethod
    def restore(self, asked: Any, invocation: Invocation) -> Any:
        """What is asked once middleware is through."""

    def seconds(self, context: Context) -> float:
        """How long the function may take."""
        if self._timeout is not None:
            return self._timeout
        options = self.rooms[-1].options
        return options.tool_timeout if context.place is None else options.task_timeout

    def moved(self, prefix: str, room: Room) -> Self:
        """The same in an app that its own is mounted in: under another key, beside middleware of both."""
        clone = copy.copy(self)
        clone.rooms = (*self.rooms, room)
        if getattr(self._bare, "__self__", None) is self:
            clone._bare = types.MethodType(self._bare.__func__, clone)
        clone.rename(prefix)
        clone.call = clone._bare
        return clone

    @abstractmethod
    def rename(self, prefix: str) -> None:
        """Take the key, and the definition, that it has under this prefix."""

    @abstractmethod
    def answer(self, value: Any, asked: Any, context: Context) -> Members:
        """What the function returned when `asked` this, as members. An exception is a crash."""

    def refuse(self, error: ToolError) -> Members:
        """The function said no. Where no member says so, it is an error of the request."""
        raise RpcError(INVALID_PARAMS, error.message) from error

    def late(self, seconds: float) -> Members:
        """The function took too long. As above."""
        raise RpcError(INTERNAL_ERROR, f"timed out after {seconds:g} s")

    def start(self, values: Any, context: Context) -> Members | Awaitable[Members]:
        """Run it. Inline ones answer at once; raises Overloaded when no thread will be free."""
        if self._mode is Mode.INLINE:
            return self.run(values, context)
        timeout = self.seconds(context)
        if self._mode is Mode.THREAD:
            work = functools.partial(self.run, values, context)
            return self.rooms[-1].pool.submit(work, context, timeout, functools.partial(self.late, timeout))
        loop = asyncio.get_running_loop()
        context.attach(loop)
        return loop.create_task(self._run_async(values, context, timeout))

    def run(self, values: Any, context: Context) -> Members:
        try:
            value = self._invoke(values, context)
        except ToolError as error:
            return self.refuse(error)
        except Asked as asked:
            return asked.members
        except BaseException as error:
            if isinstance(error, Exception):
                raise
            raise crash(error) from error
        return self.answer(value, values, context)

    async def _run_async(self, values: Any, context: Context, timeout: float) -> Members:
        deadline = _Deadline(timeout)
        context.limit(deadline)
        try:
            value = await self._invoke(values, context)
        except ToolError as error:
            return self.refuse(error)
        except (Asked, BaseExceptionGroup) as error:
            return _asked_in(error).members
        except (SystemExit, KeyboardInterrupt) as error:  # the two that a task does not keep for who awaits it
            raise crash(error) from error
        except asyncio.CancelledError as error:
            if deadline.undone():
                raise crash(error) from error
            context.cancel()
            if deadline.passed():
                return self.late(timeout)
            raise
        finally:
            deadline.lift()
        return self.answer(value, values, context)


class _Deadline(Deadline):
    """Cancels the task that it is made in. `asyncio.timeout` does it at several times the cost, which shows in a call
    of ten microseconds: 3.7 to 6.8 µs against 0.7 for a timer that is set and taken back, on uvloop."""

    __slots__ = ("_expired", "_task")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._task = task
        self._expired = False
        super().__init__(task.get_loop(), seconds, self._cancel)

    def passed(self) -> bool:
        """Whether the cancellation that just arrived was this one, and nobody else's as well."""
        return self._expired and self._task.uncancel() == 0

    def undone(self) -> bool:
        """Whether nobody cancelled the task: what arrived comes from something the function awaited."""
        return self._task.cancelling() == 0

    def _cancel(self) -> None:
        self._expired = True
        self._task.cancel()


def _asked_in(error: "Asked | BaseExceptionGroup[BaseException]") -> Asked:
    """The question that ended a function, which a task group of its author may have wrapped. Raises what has none."""
    if isinstance(error, Asked):
        return error
    found = error.subgroup(Asked)
    while found is not None:
        first = found.exceptions[0]
        if isinstance(first, Asked):
            return first
        found = first  # only groups and questions are left
    raise error


def crash(error: BaseException) -> RuntimeError:
    """What a function raised that means more around it: an exit, as a parser of command lines does, would take the
    worker and everybody's calls along, a cancellation that nobody asked for would pass for the client's, and whatever
    else is no Exception would end the connection without an answer."""
    return RuntimeError(f"the function raised {error!r}")


def mode_of(function: Callable[..., Any], *, inline: bool) -> Mode:
    """Raises TypeError for an inline coroutine function: it would need a task."""
    if signatures.is_async(function):
        if inline:
            raise TypeError(
                f"{signatures.name_of(function)} is async; inline=True is for quick functions without await"
            )
        return Mode.TASK
    return Mode.INLINE if inline else Mode.THREAD


Spread: TypeAlias = Callable[[Any], dict[str, Any]]
"""From what was asked to keyword arguments."""


def prepared(
    function: Callable[..., Any], signature: Signature, room: Room, *, inline: bool = False, spread: Spread = asdict
) -> tuple[Invoke, Mode]:
    """How what was asked, a Struct unless `spread` says otherwise, reaches the function, and where that runs.

    Raises TypeError for an inline function that would need a task.
    """
    mode = mode_of(function, inline=inline)
    if not signature.dependencies:
        return _invoker(function, signature, room, spread), mode
    injection = Injection(function, signature, spread, room)
    if mode is Mode.TASK:
        return injection.on_the_loop, mode
    if not injection.waits:
        return injection.in_place, mode
    if inline:
        raise TypeError(f"{signature.name} depends on an async factory, which an inline function cannot wait for")
    return injection.in_a_thread, Mode.TASK


def _invoker(function: Callable[..., Any], signature: Signature, room: Room, spread: Spread) -> Invoke:
    """By position where that is possible, as it is faster."""
    if spread is asdict and signature.positional:
        return lambda values, _: function(*astuple(values))
    parameter = signature.context
    if parameter is None:
        return lambda values, _: function(**spread(values))
    return lambda values, context: function(**spread(values), **{parameter: context.within(room.lifespan)})
