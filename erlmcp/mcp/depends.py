"""`Depends(factory)`: marks a parameter whose value a function makes for each call, and which no client fills.

It only marks; what is made when, and how it is cleaned up, is known to `injection`.
"""

import inspect
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar, overload

import msgspec

__all__ = ["Depends", "Factory", "dependencies_of"]

T = TypeVar("T")

Factory: TypeAlias = Callable[..., Any]


class Marker(msgspec.Struct, frozen=True):
    """What stands in a signature for a value yet to be made."""

    factory: Factory


@overload
def Depends(factory: Callable[..., AsyncIterator[T]], /) -> T: ...
@overload
def Depends(factory: Callable[..., Iterator[T]], /) -> T: ...
@overload
def Depends(factory: Callable[..., Awaitable[T]], /) -> T: ...
@overload
def Depends(factory: Callable[..., T], /) -> T: ...
def Depends(factory: Factory, /) -> Any:  # noqa: N802 - the field's word, and what authors know it by
    """A parameter's value, made by `factory` for each call: `db: Db = Depends(open_db)`, or
    `Annotated[Db, Depends(open_db)]`.

    The factory is a function, sync or async, or a generator, sync or async, which is resumed when the call is over to
    clean up. Its own parameters are a `Context` and further dependencies. One call makes each value once.
    """
    if not callable(factory):
        raise TypeError(f"Depends wants a function that makes the value, not {factory!r}")
    return Marker(factory)


def dependencies_of(parameters: Sequence[inspect.Parameter], hints: Mapping[str, Any]) -> dict[str, Factory]:
    """Parameter → factory, for those that are marked."""
    found = {each.name: _marker(each, hints.get(each.name)) for each in parameters}
    return {name: marker.factory for name, marker in found.items() if marker is not None}


def _marker(parameter: inspect.Parameter, hint: Any) -> Marker | None:
    if isinstance(parameter.default, Marker):
        return parameter.default
    if typing.get_origin(hint) is not typing.Annotated:
        return None
    return next((each for each in typing.get_args(hint)[1:] if isinstance(each, Marker)), None)
