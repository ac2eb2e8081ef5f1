"""Makes what a function's parameters depend on, once per call, calls the function, and cleans up behind it.

The graph of factories is read at registration, so that a mistake in it is told there. Async factories run on the loop.
A sync one runs where what needs it runs: for a sync function that is its thread.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from enum import Enum
from typing import Any, Final, NoReturn, Protocol, TypeAlias

import msgspec

from erlmcp.mcp.context import Context
from erlmcp.mcp.depends import Factory, dependencies_of
from erlmcp.mcp.signature import Signature, body_of, hints_of, is_context, name_of
from erlmcp.mcp.threads import Pool

__all__ = ["Injection"]

MAX_DEPTH: Final = 32
"""Factories behind factories; a chain that is longer is taken for a circle."""

Made: TypeAlias = dict[int, Any]
"""The values of one call, by the `id` of their `Need`."""


class Room(Protocol):
    @property
    def pool(self) -> Pool: ...

    @property
    def lifespan(self) -> Any: ...


class Kind(Enum):
    VALUE = "returns the value"
    GENERATOR = "yields it, and cleans up"
    COROUTINE = "returns it, async"
    ASYNC_GENERATOR = "yields it and cleans up, async"


class Need(msgspec.Struct, frozen=True, eq=False):
    """One factory, and what it needs itself."""

    make: Callable[..., Any]
    """Gives the value, an awaitable of it, or a context manager around it, as `kind` says."""
    kind: Kind
    needs: Mapping[str, "Need"]
    context: str | None
    waits: bool
    """Whether it, or what it needs, is async."""


class Injection:
    """A function with its dependencies. Each way to call it takes decoded arguments and the call's context."""

    def __init__(
        self, function: Callable[..., Any], signature: Signature, spread: Callable[[Any], dict[str, Any]], room: Room
    ) -> None:
        """Raises TypeError for a factory whose parameters nobody can fill, and for a circle of factories."""
        self._function = function
        self._spread = spread
        self._context = signature.context
        self._room = room
        known: dict[Factory, Need] = {}
        self._needs = {
            name: _need(factory, known, (signature.name,)) for name, factory in signature.dependencies.items()
        }
        self.waits = any(need.waits for need in self._needs.values())

    def in_place(self, values: Any, context: Context) -> Any:
        """Where all is sync."""
        return self._call(values, context.within(self._room.lifespan), {})

    async def on_the_loop(self, values: Any, context: Context) -> Any:
        """Where the function is async."""
        context.within(self._room.lifespan)
        made: Made = {}
        async with AsyncExitStack() as stack:
            given = {name: await _supply(need, context, made, stack) for name, need in self._needs.items()}
            return await self._function(**self._arguments(values, context), **given)
        raise _swallowed(self._function)

    async def in_a_thread(self, values: Any, context: Context) -> Any:
        """Where a sync function depends on something async: that is made on the loop, the rest in the thread."""
        context.within(self._room.lifespan)
        made: Made = {}
        async with AsyncExitStack() as stack:
            for need in self._needs.values():
                if need.waits:
                    await _supply(need, context, made, stack)
            work = functools.partial(self._call, values, context, made)
            return await self._room.pool.submit(work, context, None, _never)
        raise _swallowed(self._function)

    def _call(self, values: Any, context: Context, made: Made) -> Any:
        with ExitStack() as stack:
            given = {name: _supply_now(need, context, made, stack) for name, need in self._needs.items()}
            return self._function(**self._arguments(values, context), **given)
        raise _swallowed(self._function)

    def _arguments(self, values: Any, context: Context) -> dict[str, Any]:
        arguments = self._spread(values)
        return arguments if self._context is None else {**arguments, self._context: context}


def _supply_now(need: Need, context: Context, made: Made, stack: ExitStack) -> Any:
    if id(need) in made:
        return made[id(need)]
    given = {name: _supply_now(each, context, made, stack) for name, each in need.needs.items()}
    value = need.make(**given) if need.context is None else need.make(**given, **{need.context: context})
    if need.kind is Kind.GENERATOR:
        value = stack.enter_context(value)
    made[id(need)] = value
    return value


async def _supply(need: Need, context: Context, made: Made, stack: AsyncExitStack) -> Any:
    if id(need) in made:
        return made[id(need)]
    given = {name: await _supply(each, context, made, stack) for name, each in need.needs.items()}
    value = need.make(**given) if need.context is None else need.make(**given, **{need.context: context})
    match need.kind:
        case Kind.GENERATOR:
            value = stack.enter_context(value)
        case Kind.ASYNC_GENERATOR:
            value = await stack.enter_async_context(value)
        case Kind.COROUTINE:
            value = await value
    made[id(need)] = value
    return value


def _swallowed(function: Callable[..., Any]) -> RuntimeError:
    return RuntimeError(f"{name_of(function)} failed, and a dependency kept its exception: raise it again after yield")


def _never() -> NoReturn:
    raise RuntimeError("nobody set this job a time")


def _need(factory: Factory, known: dict[Factory, Need], path: tuple[str, ...]) -> Need:
    if factory in known:
        return known[factory]
    name = name_of(factory)
    if len(path) > MAX_DEPTH:
        raise TypeError(f"{path[0]}: its dependencies go round in a circle: {' → '.join(path[1:6])} …")
    parameters = _parameters(factory)
    hints = hints_of(factory, name)
    made = dependencies_of(parameters, hints)
    contexts = [each.name for each in parameters if is_context(hints.get(each.name))]
    for each in parameters:
        if each.name not in made and each.name not in contexts and each.default is each.empty:
            raise TypeError(
                f"{path[0]}: parameter {each.name} of the dependency {name} is filled by nobody;"
                " annotate Context, give a default, or mark it with Depends"
            )
    needs = {each: _need(made[each], known, (*path, name)) for each in made}
    kind, make = _kind_of(factory, name)
    waits = kind in {Kind.COROUTINE, Kind.ASYNC_GENERATOR} or any(each.waits for each in needs.values())
    known[factory] = Need(make, kind, needs, next(iter(contexts), None), waits)
    return known[factory]


def _parameters(factory: Factory) -> list[inspect.Parameter]:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except ValueError:  # a builtin class, such as dict: it has no signature to read, and needs no argument
        return []
    variadic = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return [each for each in parameters if each.kind not in variadic]


def _kind_of(factory: Factory, name: str) -> tuple[Kind, Callable[..., Any]]:
    body = body_of(factory)
    if inspect.isasyncgenfunction(body):
        return Kind.ASYNC_GENERATOR, asynccontextmanager(factory)
    if inspect.isgeneratorfunction(body):
        return Kind.GENERATOR, contextmanager(factory)
    under = inspect.unwrap(body)
    if under is not body and (inspect.isgeneratorfunction(under) or inspect.isasyncgenfunction(under)):
        raise TypeError(f"the dependency {name} is a context manager; take its decorator off, a generator is enough")
    return (Kind.COROUTINE if inspect.iscoroutinefunction(body) else Kind.VALUE), factory
