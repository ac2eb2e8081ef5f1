"""Reads an author's function: which parameters the client fills, which one takes the Context, what it returns.

The parameters become one msgspec Struct, so that arguments are decoded and checked in one step. It does not know what
the function is for, nor what a schema looks like.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from erlmcp.mcp.context import Context
from erlmcp.mcp.depends import Factory, dependencies_of

UNKNOWN: Final = inspect.Signature.empty
"""The return annotation of a function without one."""

_REFUSED: Final[dict[Any, str]] = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only; arguments arrive by name",
    inspect.Parameter.VAR_POSITIONAL: "collects positional arguments; arguments arrive by name",
    inspect.Parameter.VAR_KEYWORD: "collects any argument; name each one, or give an input_schema",
}
_CONSTANTS: Final = (bool, int, float, str, bytes, type(None))


class Signature(msgspec.Struct, frozen=True):
    """What a function takes and returns."""

    name: str
    """The function's own name, for messages and as the default name of the feature."""
    hints: Mapping[str, Any]
    """Parameter → type, in order and without the Context's; `Any` where there is no annotation."""
    defaults: Mapping[str, Any]
    """Parameter → default, for those that have one."""
    context: str | None
    """The parameter that receives the Context."""
    dependencies: Mapping[str, Factory]
    """Parameter → what makes its value, for those that no client fills."""
    open: bool
    """Whether it collects any argument (`**kwargs`)."""
    positional: bool
    """Whether it may be called with the values of `hints` in order."""
    returns: Any
    """The return annotation, `UNKNOWN` when there is none."""


def read(function: Callable[..., Any], *, open_allowed: bool = False) -> Signature:
    """Raises TypeError, naming function and parameter, for one that arguments by name cannot fill."""
    name = name_of(function)
    _refuse_unbound(function, name)
    parameters = inspect.signature(function).parameters
    hints = hints_of(function, name)
    for parameter in parameters.values():
        if reason := _REFUSED.get(parameter.kind):
            if open_allowed and parameter.kind is inspect.Parameter.VAR_KEYWORD:
                continue
            raise TypeError(f"{name}: parameter {parameter} {reason}")
    named = [each for each in parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    contexts = [each.name for each in named if is_context(hints.get(each.name))]
    if len(contexts) > 1:
        raise TypeError(f"{name}: parameters {contexts} both want the Context; one may")
    made = dependencies_of(named, hints)
    taken = [each for each in named if each.name not in contexts and each.name not in made]
    return Signature(
        name=name,
        hints={each.name: _hint(each, hints.get(each.name, Any)) for each in taken},
        defaults={each.name: each.default for each in taken if each.default is not each.empty},
        context=contexts[0] if contexts else None,
        dependencies=made,
        open=len(named) < len(parameters),
        positional=not contexts and not made and all(each.kind is each.POSITIONAL_OR_KEYWORD for each in taken),
        returns=hints.get("return", UNKNOWN),
    )


def _refuse_unbound(function: Callable[..., Any], name: str) -> None:
    """A method as it stands in its class would have its object filled by the client."""
    if isinstance(function, classmethod):
        raise TypeError(f"{name} is a class method: register it once the class is there, app.tool(Class.{name})")
    around = getattr(function, "__qualname__", "").rpartition(".")[0]
    if not around or around.endswith("<locals>") or inspect.ismethod(function):
        return
    first = next(iter(inspect.signature(function).parameters.values()), None)
    if first and first.name in {"self", "cls"} and first.annotation is first.empty and first.default is first.empty:
        raise TypeError(
            f"{name}: parameter {first.name} is for an object of {around}, which no client can send:"
            f" register the bound method, app.tool(obj.{name})"
        )


def name_of(function: Callable[..., Any]) -> str:
    if isinstance(function, functools.partial):
        return name_of(function.func)
    return str(getattr(function, "__name__", type(function).__name__))


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine. Raises TypeError for a generator: a result is one value."""
    body = body_of(function)
    if inspect.isasyncgenfunction(body) or inspect.isgeneratorfunction(body):
        raise TypeError(
            f"{name_of(function)} is a generator; return one value, and report progress through the Context"
        )
    return inspect.iscoroutinefunction(body)


def struct_of(signature: Signature) -> type[msgspec.Struct]:
    """The Struct that the arguments decode into; its fields are the parameters, unknown ones are refused."""
    fields = [
        (name, hint, _default(signature.defaults[name])) if name in signature.defaults else (name, hint)
        for name, hint in signature.hints.items()
    ]
    return msgspec.defstruct(signature.name, fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def body_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """What has the code: the function under a partial, the `__init__` of a class, the `__call__` of a callable
    object."""
    if isinstance(function, functools.partial):
        return body_of(function.func)
    if isinstance(function, type):
        made: Callable[..., Any] = function.__init__  # type: ignore[misc]  # only its hints are read
        return made
    if inspect.isroutine(function):
        return function
    called: Callable[..., Any] = type(function).__call__
    return called


def hints_of(function: Callable[..., Any], name: str) -> dict[str, Any]:
    body = body_of(function)
    try:
        return typing.get_type_hints(body, include_extras=True)
    except NameError:
        pass
    try:
        around: dict[str, Any] = dict(inspect.getclosurevars(inspect.unwrap(body)).nonlocals)
        return typing.get_type_hints(body, localns=around, include_extras=True)
    except NameError as missing:
        raise TypeError(
            f"{name}: an annotation names {missing.name!r}, which its module does not have when it is imported; "
            "import it outside of TYPE_CHECKING, and define types at the top of the module"
        ) from missing


def is_context(hint: Any) -> bool:
    """`Context`, `Context[State]`, `Context | None`, `Annotated[Context, …]`."""
    origin = typing.get_origin(hint)
    if origin is Context:
        return True
    if origin in {typing.Union, types.UnionType, typing.Annotated}:
        return any(is_context(each) for each in typing.get_args(hint))
    return isinstance(hint, type) and issubclass(hint, Context)


def _hint(parameter: inspect.Parameter, hint: Any) -> Any:
    """`a: int = None` has always meant `a: int | None = None`."""
    if parameter.default is None and hint is not Any:
        return typing.Optional[hint]  # noqa: UP045 - a hint need not be a class, so `|` may not be defined on it
    return hint


def _default(value: Any) -> Any:
    """A mutable default stays the very object that the author wrote, as in any call in Python."""
    return value if type(value) in _CONSTANTS else msgspec.field(default_factory=lambda: value)
