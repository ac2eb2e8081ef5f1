"""Rows as values: a compiled way from the columns of a query to a Struct, or to the one value of a one-column row.

Numbers, text and bytes pass as they are, unchecked: the schema is STRICT and checks them. A bool comes from 0 or 1; an
enum, a date and the like from their text; everything that has parts (list, dict, Struct, Raw) from JSON text.
"""

import inspect
from collections.abc import Callable, Sequence
from enum import Enum
from operator import itemgetter
from typing import Any, get_type_hints

import msgspec
from msgspec import inspect as kinds

from erlmcp.store.database import Row
from erlmcp.store.errors import QueryError

__all__ = ["builder"]

Convert = Callable[[Any], Any]

_PLAIN = (
    kinds.AnyType,
    kinds.BytesType,
    kinds.FloatType,
    kinds.IntType,
    kinds.LiteralType,
    kinds.NoneType,
    kinds.StrType,
)
_FROM_TEXT = (
    kinds.DateTimeType,
    kinds.DateType,
    kinds.DecimalType,
    kinds.TimeDeltaType,
    kinds.TimeType,
    kinds.UUIDType,
)


def builder(columns: Sequence[str], into: Any) -> Callable[[Row], Any]:
    """How a row of these columns becomes an `into`. Raises QueryError where it cannot."""
    if isinstance(into, type) and issubclass(into, msgspec.Struct):
        return _struct(list(columns), into)
    if len(columns) != 1:
        raise QueryError(f"{_name(into)} is one column, and the query gives {', '.join(columns)}")
    convert = _converter(kinds.type_info(into), into)
    if convert is None:
        return itemgetter(0)
    return lambda row: None if row[0] is None else convert(row[0])


def _struct(columns: list[str], into: type[Any]) -> Callable[[Row], Any]:
    fields = list(into.__struct_fields__)
    if surplus := [column for column in columns if column not in fields]:
        raise QueryError(f"{_name(into)} has no field {', '.join(surplus)}")
    signature = inspect.signature(into).parameters
    if missing := [
        name for name in fields if name not in columns and signature[name].default is inspect.Parameter.empty
    ]:
        raise QueryError(f"{_name(into)} needs {', '.join(missing)}, which the query does not give")
    if len(set(columns)) != len(columns):
        raise QueryError(f"a column comes twice: {', '.join(columns)}")
    conversions = _conversions(columns, into)
    by_name = any(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in signature.values())
    if by_name or fields[: len(columns)] != columns:
        return _by_name(columns, conversions, into)
    return _by_position(conversions, into)


def _conversions(columns: list[str], into: type[Any]) -> list[tuple[int, Convert]]:
    hints = get_type_hints(into, include_extras=True)
    found = ((at, _converter(kinds.type_info(hints[name]), hints[name])) for at, name in enumerate(columns))
    return [(at, convert) for at, convert in found if convert is not None]


def _by_position(conversions: list[tuple[int, Convert]], into: type[Any]) -> Callable[[Row], Any]:
    if not conversions:
        return lambda row: into(*row)

    def build(row: Row) -> Any:
        return into(*_converted(row, conversions))

    return build


def _by_name(columns: list[str], conversions: list[tuple[int, Convert]], into: type[Any]) -> Callable[[Row], Any]:
    def build(row: Row) -> Any:
        return into(**dict(zip(columns, _converted(row, conversions), strict=True)))

    return build


def _converted(row: Row, conversions: list[tuple[int, Convert]]) -> list[Any]:
    values = list(row)
    for at, convert in conversions:
        if values[at] is not None:
            values[at] = convert(values[at])
    return values


def _converter(kind: kinds.Type, annotation: Any) -> Convert | None:
    """None: the column's value is the field's value."""
    members = kind.types if isinstance(kind, kinds.UnionType) else (kind,)
    members = tuple(member for member in members if not isinstance(member, kinds.NoneType))
    if all(isinstance(member, _PLAIN) for member in members):
        return None
    if all(isinstance(member, kinds.BoolType) for member in members):
        return bool
    if all(isinstance(member, kinds.RawType) for member in members):
        return msgspec.Raw
    if len(members) == 1 and isinstance(members[0], kinds.EnumType):
        return _enum(members[0].cls)
    if all(isinstance(member, _FROM_TEXT) for member in members):
        return lambda value: msgspec.convert(value, annotation, strict=False)
    return msgspec.json.Decoder(annotation).decode


def _enum(kind: type[Enum]) -> Convert:
    """By a table: `msgspec.convert` looks the type up anew for every value, twenty times as slow."""
    members = {member.value: member for member in kind}

    def convert(value: Any) -> Enum:
        try:
            return members[value]
        except KeyError:
            raise msgspec.ValidationError(f"{value!r} is no {_name(kind)}") from None

    return convert


def _name(into: Any) -> str:
    return getattr(into, "__name__", str(into))
