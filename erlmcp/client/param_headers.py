"""Arguments that a tool wants repeated as `Mcp-Param-*`, and how values become fields (streamable-http, Custom Headers
from Tool Parameters). Pure."""

import base64
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

__all__ = ["ParamHeader", "field_value", "fields_for", "param_headers"]

KEYWORD: Final = "x-mcp-header"
MAX_DEPTH: Final = 64
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_PLAIN: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")
_TYPES: Final = ("string", "integer", "boolean")
_DATA: Final = frozenset({"default", "const", "enum", "examples"})
"""Keywords whose value is data, not a schema: what looks like the keyword in there is none."""


class ParamHeader(msgspec.Struct, frozen=True):
    """`path`: the argument's place, outermost first."""

    field: bytes
    path: tuple[str, ...]


def param_headers(schema: Any) -> tuple[ParamHeader, ...]:
    """Raises ValueError with the reason for a schema that breaks the rules: its tool must not be used."""
    found = tuple(_reachable(schema, (), 0))
    if len(found) != _mentions(schema, 0):
        raise ValueError(f"{KEYWORD} stands where no chain of properties leads")
    names = [each.field.lower() for each in found]
    if len(set(names)) != len(names):
        raise ValueError(f"{KEYWORD} names one header twice")
    return found


def fields_for(wanted: tuple[ParamHeader, ...], arguments: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    """The fields that repeat these arguments; none for what is absent or null."""
    for each in wanted:
        value: Any = arguments
        for name in each.path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, bool):
            yield each.field, b"true" if value else b"false"
        elif isinstance(value, int):
            yield each.field, b"%d" % value
        elif isinstance(value, float) and value.is_integer():
            yield each.field, b"%d" % int(value)
        elif isinstance(value, str):
            yield each.field, field_value(value)


def field_value(text: str) -> bytes:
    """A text as a field's value: as it is where that is safe, else in base64 (Value Encoding)."""
    if _PLAIN.fullmatch(text) and not (text.startswith("=?base64?") and text.endswith("?=")):
        return text.encode()
    return b"=?base64?%b?=" % base64.b64encode(text.encode("utf-8", "surrogatepass"))


def _reachable(schema: Any, path: tuple[str, ...], depth: int) -> Iterator[ParamHeader]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or depth > MAX_DEPTH:
        return
    for name, spot in properties.items():
        if isinstance(spot, dict):
            if KEYWORD in spot:
                yield _header(spot, (*path, name))
            yield from _reachable(spot, (*path, name), depth + 1)


def _header(spot: dict[str, Any], path: tuple[str, ...]) -> ParamHeader:
    name, kind, place = spot[KEYWORD], spot.get("type"), ".".join(path)
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ValueError(f"property {place}: {KEYWORD} is no header name")
    if kind not in _TYPES:
        raise ValueError(f"property {place}: only a string, integer or boolean can be a header")
    return ParamHeader(f"Mcp-Param-{name}".encode(), path)


def _mentions(node: Any, depth: int) -> int:
    """How many schemas in this one carry the keyword."""
    if depth > 2 * MAX_DEPTH:
        raise ValueError(f"the schema nests deeper than {2 * MAX_DEPTH}")
    if isinstance(node, list):
        return sum(_mentions(each, depth + 1) for each in node)
    if not isinstance(node, dict):
        return 0
    count = 0
    for keyword, value in node.items():
        if keyword == KEYWORD:
            count += 1
        elif keyword in {"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"}:
            count += sum(_mentions(each, depth + 2) for each in value.values()) if isinstance(value, dict) else 0
        elif keyword not in _DATA:
            count += _mentions(value, depth + 1)
    return count
