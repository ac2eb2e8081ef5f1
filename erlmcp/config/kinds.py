"""The types that settings have: read from text, and said in words."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import inspect

__all__ = ["in_words", "plain_type", "read_text"]

_WORDS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def plain_type(type_: Any) -> tuple[inspect.Type, Mapping[str, Any]]:
    """A type as msgspec sees it, and what its Meta says beyond constraints (extra_json_schema)."""
    kind = inspect.type_info(type_)
    if isinstance(kind, inspect.Metadata):
        return kind.type, kind.extra_json_schema or {}
    return kind, {}


def read_text(text: str, kind: inspect.Type) -> object:
    """A value of about this kind, its constraints not yet checked. ValueError when the text can not be one."""
    reader = _READERS.get(type(kind))
    return reader(text, kind) if reader else text


def _read_bool(text: str, _: inspect.Type) -> bool:
    if text.strip().lower() not in _WORDS:
        raise ValueError(text)
    return _WORDS[text.strip().lower()]


def _read_list(text: str, kind: Any) -> list[object]:
    return [read_text(item.strip(), kind.item_type) for item in text.split(",") if item.strip()]


def _read_literal(text: str, kind: Any) -> object:
    return next((value for value in kind.values if str(value) == text), text)


def _read_union(text: str, kind: Any) -> object:
    if kind.includes_none and not text:
        return None
    for member in kind.types:
        if not isinstance(member, inspect.NoneType):
            try:
                return read_text(text, member)
            except ValueError:
                continue
    raise ValueError(text)


_READERS: Final[Mapping[type[inspect.Type], Callable[[str, Any], object]]] = {
    inspect.Metadata: lambda text, kind: read_text(text, kind.type),
    inspect.BoolType: _read_bool,
    inspect.IntType: lambda text, _: int(text),
    inspect.FloatType: lambda text, _: float(text),
    inspect.ListType: _read_list,
    inspect.VarTupleType: _read_list,
    inspect.SetType: _read_list,
    inspect.FrozenSetType: _read_list,
    inspect.LiteralType: _read_literal,
    inspect.UnionType: _read_union,
}


def in_words(kind: inspect.Type) -> str:
    """What a value of this kind is, constraints included: `an integer from 0 to 65535`."""
    words = _IN_WORDS.get(type(kind))
    return words(kind) if words else "a value of another kind"


def _list_in_words(kind: Any) -> str:
    item = kind.item_type
    plain = isinstance(item, inspect.StrType) and not item.min_length
    return "a list of strings" if plain else f"a list, each item {in_words(item)}"


def _union_in_words(kind: Any) -> str:
    return " or ".join(in_words(member) for member in kind.types if not isinstance(member, inspect.NoneType))


def _bounds(kind: Any) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {_number(kind.ge)} to {_number(kind.le)}"
    said = {"of at least": kind.ge, "greater than": kind.gt, "less than": kind.lt, "at most": kind.le}
    words = " and ".join(f"{words} {_number(bound)}" for words, bound in said.items() if bound is not None)
    return f" {words}" if words else ""


def _number(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


_IN_WORDS: Final[Mapping[type[inspect.Type], Callable[[Any], str]]] = {
    inspect.Metadata: lambda kind: in_words(kind.type),
    inspect.BoolType: lambda _: "true or false",
    inspect.IntType: lambda kind: f"an integer{_bounds(kind)}",
    inspect.FloatType: lambda kind: f"a number{_bounds(kind)}",
    inspect.StrType: lambda kind: "a string that is not empty" if kind.min_length else "a string",
    inspect.LiteralType: lambda kind: "one of " + ", ".join(map(str, kind.values)),
    inspect.UnionType: _union_in_words,
    inspect.ListType: _list_in_words,
    inspect.VarTupleType: _list_in_words,
    inspect.SetType: _list_in_words,
    inspect.FrozenSetType: _list_in_words,
    inspect.DictType: lambda _: "a table",
    inspect.StructType: lambda _: "a table",
}
