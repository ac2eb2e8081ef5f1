"""`key=value` on a command line as the arguments that a tool's schema asks for. Pure."""

import difflib
import json
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["arguments_of", "nearest"]

Schema = dict[str, Any]

_WORDS: Final = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}
MAX_DEPTH: Final = 16  # of $ref and anyOf


def arguments_of(pairs: Iterable[str], schema: Schema) -> dict[str, Any]:
    """Raises ValueError, with the nearest name or the wanted type, for what the schema does not know."""
    given: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"{pair!r} is no argument; write it as name=value")
        given.setdefault(name, []).append(value)
    return {name: _argument(name, values, schema) for name, values in given.items()}


def nearest(name: str, names: Iterable[str], *, otherwise: str = "") -> str:
    """`did you mean …?`, or `otherwise`."""
    close = difflib.get_close_matches(name, list(names), 1)
    return f"did you mean {close[0]}?" if close else otherwise


def _argument(name: str, values: list[str], schema: Schema) -> Any:
    properties = schema.get("properties") or {}
    if name not in properties:
        if schema.get("additionalProperties") is False:
            known = f"there are {', '.join(properties)}" if properties else "it takes none"
            raise ValueError(f"there is no argument {name}; {nearest(name, properties, otherwise=known)}")
        if len(values) == 1:
            return _free(values[0])
    spot = properties.get(name, {})
    kinds = _kinds(spot, schema, 0)
    if "array" in kinds and not (len(values) == 1 and values[0].startswith("[")):
        items = _items(spot, schema)
        return [_one(name, value, _kinds(items, schema, 0)) for value in values]
    if len(values) > 1:
        raise ValueError(f"argument {name} is there {len(values)} times, and is no list")
    return _one(name, values[0], kinds)


def _one(name: str, text: str, kinds: set[str]) -> Any:
    if kinds == {"string"}:
        return text
    value = _free(text)
    kind = _WORDS[type(value)]
    if not kinds or kind in kinds or (kind == "integer" and "number" in kinds):
        return value
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return int(value)
    if "string" in kinds:
        return text
    wanted = " or ".join(sorted(kinds))
    raise ValueError(f"argument {name} must be of type {wanted}, and {text!r} is not")


def _free(text: str) -> Any:
    """JSON where it is JSON, else the text."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _kinds(spot: Any, root: Schema, depth: int) -> set[str]:
    """The types that a schema allows; empty for any."""
    if not isinstance(spot, dict) or depth > MAX_DEPTH:
        return set()
    spot = _followed(spot, root)
    for many in ("anyOf", "oneOf"):
        if isinstance(spot.get(many), list):
            parts = [_kinds(each, root, depth + 1) for each in spot[many]]
            return set().union(*parts) if all(parts) else set()
    kind = spot.get("type")
    if kind is None:
        values = spot.get("enum", [spot["const"]] if "const" in spot else ())
        return {_WORDS.get(type(value), "string") for value in values}
    return set(kind) if isinstance(kind, list) else {str(kind)}


def _items(spot: Any, root: Schema) -> Any:
    spot = _followed(spot, root)
    for each in (spot, *spot.get("anyOf", ()), *spot.get("oneOf", ())):
        resolved = _followed(each, root) if isinstance(each, dict) else {}
        if "items" in resolved:
            return resolved["items"]
    return {}


def _followed(spot: Schema, root: Schema) -> Schema:
    """What a reference within the schema leads to."""
    for _ in range(MAX_DEPTH):
        reference = spot.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return spot
        found: Any = root
        for part in reference[2:].split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            return spot
        spot = found
    return spot
