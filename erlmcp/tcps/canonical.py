"""Canonical JSON, RFC 8785, of values without floats: one text for one value, so that a hash of it means something.

msgspec writes strings and integers as the RFC asks (section 3.2.2); it sorts keys by code point, the RFC by UTF-16 code
unit (section 3.2.3). The two differ only where a key has a character beyond U+FFFF, which is looked for.
"""

import re
from typing import Any, Final

import msgspec

from erlmcp.tcps.errors import shown

__all__ = ["MAX_INTEGER", "canonical", "fault"]

#: Beyond it a reader with IEEE doubles takes another number (RFC 8785 section 3.2.2.3, RFC 7493 section 2.2).
MAX_INTEGER: Final = 2**53 - 1

_SORTING: Final = msgspec.json.Encoder(order="sorted")
_PLAIN: Final = msgspec.json.Encoder()
_BEYOND_FFFF: Final = re.compile(rb"[\xf0-\xf4]")


def canonical(value: Any) -> bytes:
    """The canonical JSON of a value in which `fault` finds nothing; Structs of such values too."""
    text = _SORTING.encode(value)
    if text.isascii() or _BEYOND_FFFF.search(text) is None:
        return text
    return _PLAIN.encode(_sorted(msgspec.json.decode(text)))


def fault(value: Any, depth: int) -> str | None:
    """Why plain data (dicts, lists, …) nested at most `depth` deep cannot be written; None if it can."""
    match value:
        case None | bool():
            return None
        case int():
            return (
                None if abs(value) <= MAX_INTEGER else f"the integer {shown(value)} is beyond 2^53-1: write it as text"
            )
        case float():
            return f"{value} is no integer: write decimals as text"
        case str():
            return _fault_in_text(value)
        case dict() | list() | tuple():
            return "it is nested too deep" if depth < 1 else _fault_in_parts(value, depth - 1)
    return f"a {type(value).__name__} is no JSON"


def _fault_in_parts(value: dict[Any, Any] | list[Any] | tuple[Any, ...], depth: int) -> str | None:
    if isinstance(value, dict):
        for key in value:
            found = _fault_in_text(key) if isinstance(key, str) else f"the key {shown(key)} is no text"
            if found:
                return found
    parts = value.values() if isinstance(value, dict) else value
    return next((found for part in parts if (found := fault(part, depth))), None)


def _fault_in_text(text: str) -> str | None:
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it has half of a surrogate pair, which is no character"
    return None


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    return list(map(_sorted, value)) if isinstance(value, list) else value
