"""Arguments that clients repeat as `Mcp-Param-*` headers: properties of a tool's schema that say `x-mcp-header`.

Clients must drop a tool that breaks the rules (MCP 2026-07-28, streamable-http, Custom Headers from Tool Parameters),
so such a tool is refused at registration, where its author can read why.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from erlmcp.mcp.schema import JsonSchema

KEYWORD: Final = "x-mcp-header"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_TYPES: Final = ("string", "integer", "boolean")


class ParamHeader(msgspec.Struct, frozen=True):
    """One argument that a header repeats."""

    header: bytes
    """The whole field name in lower case, `mcp-param-region`."""
    path: tuple[str, ...]
    """The property's place in the arguments, outermost first."""
    type: str
    """`string`, `integer` or `boolean`."""


def param_headers(tool: str, schema: JsonSchema, encoded: bytes) -> tuple[ParamHeader, ...]:
    """The headers of a tool, in the order of its schema. `encoded` is the schema as JSON, to pass most tools at a
    glance.

    Raises ValueError for an x-mcp-header that breaks the rules.
    """
    if KEYWORD.encode() not in encoded:
        return ()
    found = tuple(_reachable(tool, schema, ()))
    if len(found) != _mentions(schema):
        raise ValueError(
            f"tool {tool}: {KEYWORD} stands where no chain of properties leads (in items, $defs, anyOf, …)"
        )
    names = [each.header for each in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"tool {tool}: {KEYWORD} {twice.decode()} is used twice; header names do not tell case apart")
    return found


def _reachable(tool: str, schema: JsonSchema, path: tuple[str, ...]) -> Iterator[ParamHeader]:
    for name, spot in _properties(schema):
        if KEYWORD in spot:
            yield _header(tool, spot, (*path, name))
        yield from _reachable(tool, spot, (*path, name))


def _header(tool: str, spot: JsonSchema, path: tuple[str, ...]) -> ParamHeader:
    place, name, kind = f"tool {tool}: property {'.'.join(path)}", spot[KEYWORD], spot.get("type")
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ValueError(f"{place}: {KEYWORD} must be a header name (letters, digits and -), not {name!r}")
    if kind not in _TYPES:
        raise ValueError(
            f"{place}: only a string, integer or boolean can be a header; for an optional one use a default"
        )
    return ParamHeader(f"mcp-param-{name}".lower().encode(), path, str(kind))


def _properties(schema: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    properties = schema.get("properties")
    if isinstance(properties, dict):
        yield from ((name, spot) for name, spot in properties.items() if isinstance(spot, dict))


def _mentions(node: Any) -> int:
    """How often the keyword stands anywhere. A property or definition that merely has this name is not told apart."""
    if isinstance(node, dict):
        return (KEYWORD in node) + sum(_mentions(each) for each in node.values())
    return sum(_mentions(each) for each in node) if isinstance(node, list) else 0
