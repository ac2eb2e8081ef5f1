"""From the raw JSON of a call's arguments to values, in one step, and from msgspec's complaint to a sentence for the
model.

What a model can mend is an `ArgumentFault`, answered as a tool's result and not as a protocol error (SEP-1303).
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from erlmcp.mcp.errors import shorten
from erlmcp.mcp.schema import JsonSchema

_WHERE: Final = re.compile(r" - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`$")
_STEP: Final = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+|\.\.\.)\]")
_MISSING: Final = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_INTEGER_WANTED: Final = re.compile(r"Expected `[^`]*\bint\b[^`]*`, got `float`")
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
"""A string or a number of JSON; possessive, so that four megabytes of text take a twentieth of a second and no
memory."""
_TYPE_NAME: Final = re.compile(r"`([^`]*)`")
_WORDS: Final = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "a boolean",
    "null": "null",
    "object": "an object",
    "array": "an array",
    "bytes": "a base64 string",
    "datetime": "a date and time (RFC 3339)",
    "date": "a date (YYYY-MM-DD)",
    "time": "a time (RFC 3339)",
    "duration": "a duration (ISO 8601)",
    "uuid": "a UUID",
    "decimal": "a decimal number",
}


class ArgumentFault(Exception):
    """The arguments do not fit; `message` names the argument and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Arguments:
    """Decodes arguments into a Struct; strict, but a number like 42.0 passes for an integer, as JSON Schema has it."""

    __slots__ = ("_decode", "_schema", "straight")

    def __init__(self, struct: type[msgspec.Struct], schema: bytes) -> None:
        """`schema` is the struct's as JSON: it is read when a fault has to name the choices, so it need not be kept
        open."""
        self.straight: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(struct).decode
        """What `decode` does, but for the faults: raises msgspec's own. Ask `decode` then, which may know better."""
        self._decode = self.straight
        self._schema = schema

    def decode(self, raw: bytes | None) -> Any:
        """Raises ArgumentFault."""
        try:
            return self._decode(raw or b"{}")
        except msgspec.ValidationError as fault:
            return self._decode_again(raw or b"{}", str(fault))
        except msgspec.DecodeError as fault:  # what the scan before us lets pass: a lone surrogate in a string
            raise _unreadable(fault) from fault

    def _decode_again(self, raw: bytes, complaint: str) -> Any:
        """Where an integer was wanted and a float came, whole floats are written as integers and tried once more.

        All of them are, as a complaint names the first only; so then an argument of any type gets 42 for 42.0, too.
        """
        if not _INTEGER_WANTED.match(complaint):
            raise ArgumentFault(self._sentence(complaint))
        try:
            return self._decode(_TOKEN.sub(_as_integer, raw))
        except msgspec.ValidationError as fault:
            raise ArgumentFault(self._sentence(str(fault))) from fault
        except msgspec.DecodeError as fault:
            raise _unreadable(fault) from fault

    def _sentence(self, complaint: str) -> str:
        return sentence(complaint, msgspec.json.decode(self._schema))


def _unreadable(fault: msgspec.DecodeError) -> ArgumentFault:
    return ArgumentFault(f"the arguments cannot be read: {fault}")


def _as_integer(token: re.Match[bytes]) -> bytes:
    text = token[0]
    if text.startswith(b'"') or text.lstrip(b"-").isdigit() or not float(text).is_integer():
        return text  # float() also keeps 1e999999 out, which is infinite to it
    return b"%d" % Decimal(text.decode()).to_integral_value()


def sentence(complaint: str, schema: JsonSchema) -> str:
    """msgspec's `Expected `int`, got `str` - at `$.a`` → "argument a: expected an integer, got a string"."""
    where = _WHERE.search(complaint)
    what = complaint[: where.start()] if where else complaint
    path = where["path"].removeprefix(".") if where else ""
    if missing := _MISSING.fullmatch(what):
        return f"argument {path}{'.' if path else ''}{missing[1]} is required"
    if unknown := _UNKNOWN.fullmatch(what):
        return _unknown_field(path, unknown[1], schema)
    subject = f"argument {path}" if path else "the arguments"
    if where and where["key"]:
        subject = f"a key of {subject}"
    return f"{subject}: {_expectation(what)}{_choices(what, where['path'] if where else '', schema)}"


def _unknown_field(path: str, name: str, schema: JsonSchema) -> str:
    if path:
        return f"argument {path}: unknown field {shorten(name)}"
    known = ", ".join(schema.get("properties", ())) or "none"
    return f"unknown argument {shorten(name)}; known are: {known}"


def _expectation(what: str) -> str:
    named = _TYPE_NAME.sub(lambda name: _in_words(name[1]), what) if what.startswith("Expected") else what
    return shorten(named[:1].lower() + named[1:])


def _in_words(types: str) -> str:
    return " or ".join(_WORDS.get(each, each) for each in types.split(" | "))


def _choices(what: str, path: str, schema: JsonSchema) -> str:
    if not what.startswith("Invalid enum value"):
        return ""
    choices = sorted({msgspec.json.encode(each).decode() for each in _enum_at(schema, path)})
    return f"; one of {', '.join(choices)}" if choices else ""


def _enum_at(schema: JsonSchema, path: str) -> list[Any]:
    """The values that the schema allows at a path like `.a[0]`; empty when it is not told by an `enum`."""
    spots = _alternatives(schema, schema)
    for step in _STEP.finditer(path):
        spots = [
            leaf
            for spot in spots
            for below in _below(spot, step["name"], step["index"])
            for leaf in _alternatives(below, schema)
        ]
    return [value for spot in spots for value in spot.get("enum", ())]


def _below(spot: JsonSchema, name: str | None, index: str | None) -> list[JsonSchema]:
    if name is not None:
        found = [spot.get("properties", {}).get(name)]
    else:
        prefix = spot.get("prefixItems", ())
        at = prefix[int(index)] if index and index.isdigit() and int(index) < len(prefix) else None
        found = [at, spot.get("items"), spot.get("additionalProperties")]
    return [each for each in found if isinstance(each, dict)]


def _alternatives(spot: JsonSchema, root: JsonSchema) -> list[JsonSchema]:
    if reference := spot.get("$ref"):
        definitions: Mapping[str, JsonSchema] = root.get("$defs", {})
        return _alternatives(definitions[reference.removeprefix("#/$defs/")], root)
    return [spot, *(leaf for each in spot.get("anyOf", ()) for leaf in _alternatives(each, root))]
