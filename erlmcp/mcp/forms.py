"""Forms that a user fills in: a flat object of plain fields, which is all of JSON Schema that elicitation has.

From an author's type, or from a schema the author wrote, to what the client is shown and to what reads its answer. It
does not know how the form is asked for.
"""

import enum
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec

from erlmcp.mcp.raw_schema import compiled
from erlmcp.mcp.schema import JsonSchema

__all__ = ["Form", "form_of"]

_REF: Final = "#/$defs/{name}"
_COMMON: Final = ("type", "title", "description", "default")
_KEYWORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "string": (*_COMMON, "minLength", "maxLength", "format", "enum", "oneOf", "enumNames"),
    "integer": (*_COMMON, "minimum", "maximum"),
    "number": (*_COMMON, "minimum", "maximum"),
    "boolean": _COMMON,
    "array": (*_COMMON, "minItems", "maxItems", "items"),
}
"""What a field may say, by its type (schema.ts of 2026-07-28, PrimitiveSchemaDefinition)."""

_FORMATS: Final = frozenset(("email", "uri", "date", "date-time"))
_FIELDS: Final = "str, int, float, bool, a date, a choice (Literal or Enum of str), or a list of choices"


class Form(msgspec.Struct, frozen=True):
    """What is shown, and what reads the answer."""

    schema: bytes
    """`requestedSchema`, a JSON object."""
    read: Callable[[bytes], Any]
    """From the answer's content, raw JSON, to its value. Raises ValueError, saying where, for one that does not fit."""


def form_of(asked: Any) -> Form:
    """The form of a Struct, dataclass or TypedDict, or of a JSON Schema.

    Raises TypeError for a type that is no form, ValueError for a schema that is none.
    """
    if isinstance(asked, dict):
        return _of_schema(asked)
    name = getattr(asked, "__name__", repr(asked))
    try:
        (root,), definitions = msgspec.json.schema_components([asked], ref_template=_REF)
        decode = msgspec.json.Decoder(asked).decode
    except TypeError as fault:
        raise TypeError(f"{name} is no form: {' '.join(str(fault).split())}") from fault
    shown = _resolved(root, definitions)
    if shown.get("type") != "object" or "properties" not in shown:
        raise TypeError(f"{name} is no form: ask for a Struct, a dataclass or a TypedDict")
    properties = {key: _field(f"{name}.{key}", each, definitions) for key, each in shown["properties"].items()}
    for key, hint in get_type_hints(asked, include_extras=True).items():
        _order(properties.get(key, {}), hint)
    schema = {"type": "object", "properties": properties, "required": shown.get("required", [])}
    return Form(msgspec.json.encode(schema), decode)


def _field(place: str, spot: JsonSchema, definitions: Mapping[str, JsonSchema]) -> JsonSchema:
    """A field as forms have it. Rules that they cannot show (a pattern, say) still hold when the answer is read."""
    field = _resolved(_present(spot), definitions)
    if "enum" in field:
        field = {"type": "string", **field}
    kind = str(field.get("type"))
    if kind not in _KEYWORDS or not _is_choice(field):
        raise TypeError(f"{place} is no field of a form: it may be {_FIELDS}")
    if kind == "array":
        field["items"] = _choices(field["items"], definitions, place)
    shown = {key: field[key] for key in _KEYWORDS[kind] if key in field}
    if shown.get("default", ...) is None:
        del shown["default"]
    if shown.get("format", "date") not in _FORMATS:
        del shown["format"]
    return shown


def _present(spot: JsonSchema) -> JsonSchema:
    """`X | None` is an X that may be left out."""
    some = [each for each in spot.get("anyOf", ()) if each.get("type") != "null"]
    if len(some) != 1:
        return spot
    return {**some[0], **{key: value for key, value in spot.items() if key != "anyOf"}}


def _resolved(spot: JsonSchema, definitions: Mapping[str, JsonSchema]) -> JsonSchema:
    if "$ref" not in spot:
        return dict(spot)
    beside = {key: value for key, value in spot.items() if key != "$ref"}
    return {**definitions[re.sub(r"^#/\$defs/", "", spot["$ref"])], **beside}


def _is_choice(field: JsonSchema) -> bool:
    return all(isinstance(each, str) for each in field.get("enum", ())) and (
        field["type"] != "array" or isinstance(field.get("items"), dict)
    )


def _choices(items: JsonSchema, definitions: Mapping[str, JsonSchema], place: str) -> JsonSchema:
    items = _resolved(items, definitions)
    titled = items.get("anyOf") or items.get("oneOf")
    if titled:
        return {"anyOf": titled}
    if "enum" not in items or not all(isinstance(each, str) for each in items["enum"]):
        raise TypeError(f"{place} is no field of a form: a list may have choices only, as in list[Literal[…]]")
    return {"type": "string", "enum": items["enum"]}


def _order(field: JsonSchema, hint: Any) -> None:
    """Choices as the author wrote them, for people read them in order: schemas from types have them sorted."""
    choices = _choices_of(hint)
    for spot in (field, field.get("items", {})):
        if "enum" in spot:
            spot["enum"].sort(key=lambda each: choices.index(each) if each in choices else len(choices))


def _choices_of(hint: Any) -> list[Any]:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return [each.value for each in hint]
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return list(arguments)
    return [choice for each in arguments for choice in _choices_of(each)]


def _of_schema(schema: JsonSchema) -> Form:
    """The author's schema as it stands."""
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict):
        raise ValueError('the schema of a form must have "type": "object" and "properties"')
    for key, each in properties.items():
        kind = each.get("type") if isinstance(each, dict) else None
        if kind not in _KEYWORDS or (kind == "array" and not ({"enum", "anyOf"} & each.get("items", {}).keys())):
            raise ValueError(f"the schema of a form: {key} is no plain field; it may be {', '.join(_KEYWORDS)} of enum")
    validator = compiled(schema, "the schema of a form")

    def read(raw: bytes) -> dict[str, Any]:
        content = msgspec.json.decode(raw, type=dict[str, Any])
        fault = next(validator.iter_errors(content), None)
        if fault is not None:
            place = ".".join(str(step) for step in fault.instance_path)
            raise ValueError(f"{place}: {fault.message}" if place else fault.message)
        return content

    return Form(msgspec.json.encode(schema), read)
