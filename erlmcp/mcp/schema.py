"""JSON Schema 2020-12 of a function's arguments and of its result.

The root is an object written out, with `$defs` beside it: the wire up to 2025-11-25 reads `type`, `properties` and
`required` at the root, and models read best what stands where they look.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

if TYPE_CHECKING:  # a signature knows the Context, whose questions have schemas
    from erlmcp.mcp.signature import Signature


JsonSchema: TypeAlias = dict[str, Any]

_REF: Final = "#/$defs/"
_UNKNOWN: Final = re.compile(r"type <(?:class|enum) '([^']+)'> is not supported")
_PLAIN: Final[dict[Any, JsonSchema]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
}


def of_arguments(signature: "Signature", descriptions: Mapping[str, str]) -> JsonSchema:
    """The schema of a function's arguments; a description in an annotation goes before one in `descriptions`.

    Raises TypeError for a type that JSON cannot fill, and for a description of a parameter that does not exist: it is a
    spelling mistake.
    """
    try:
        properties, definitions = _properties(signature.hints)
    except TypeError:
        _blame(signature)
        raise
    for name, text in descriptions.items():
        if name in properties:
            properties[name].setdefault("description", text)
        elif name != signature.context:
            raise TypeError(f"{signature.name}: its docstring describes {name!r}, which is no parameter of it")
    for name, value in signature.defaults.items():
        _write_default(properties[name], value)
    required = [name for name in properties if name not in signature.defaults]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return _with_definitions(schema, definitions)


def of_result(hint: Any) -> tuple[JsonSchema, bool] | None:
    """The schema of a result and whether it is wrapped as `{"result": …}`, which what is no object is, for the wire up
    to 2025-11-25 has only objects there; the same in both eras. None for a type that has no schema."""
    if (plain := _plain(hint)) is not None:
        return _wrapped(plain, {}), True
    try:
        msgspec.json.Decoder(hint)
        (root,), definitions = _components([hint])
    except TypeError:  # a class of the author's own that msgspec cannot encode, or a union it cannot tell apart
        return None
    if not root:
        return None
    inlined = definitions[root["$ref"].removeprefix(_REF)] if "$ref" in root else root
    if inlined.get("type") == "object":
        if "$ref" in root and not _mentions(root["$ref"], inlined, definitions):
            definitions.pop(root["$ref"].removeprefix(_REF))
        return _with_definitions(dict(inlined), definitions), False
    return _wrapped(root, definitions), True


def _wrapped(schema: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    return _with_definitions({"type": "object", "properties": {"result": schema}, "required": ["result"]}, definitions)


def _properties(hints: Mapping[str, Any]) -> tuple[dict[str, JsonSchema], dict[str, JsonSchema]]:
    """The schema of each parameter, and the definitions that they share; in one go, so that two classes of one name
    get two. Plain types are not asked for: they are most of what there is, and asking takes 25 µs."""
    asked = [hint for hint in hints.values() if _plain(hint) is None]
    schemas, definitions = _components(asked) if asked else ([], {})
    told = iter(schemas)
    return {name: dict(_plain(hint) or next(told)) for name, hint in hints.items()}, definitions


def _blame(signature: "Signature") -> None:
    """Raises TypeError with the first parameter whose type has no schema, and what to write instead."""
    for name, hint in signature.hints.items():
        try:
            _components([hint])
        except TypeError as error:
            raise TypeError(
                f"{signature.name}: parameter {name} has a type that JSON cannot fill: {_why(error)}"
            ) from None


def _why(error: TypeError) -> str:
    """msgspec's words, which address those who call msgspec, in one line for those who write a tool."""
    unknown = _UNKNOWN.search(str(error))
    if unknown is None:
        return " ".join(str(error).split())
    if unknown[1] == "object":
        return "object says nothing; annotate Any, where anything will do"
    name = unknown[1].removeprefix("__main__.")
    return f"{name}; make it a dataclass, a TypedDict or a msgspec.Struct, or take a dict and read that yourself"


def _plain(hint: Any) -> JsonSchema | None:
    return _PLAIN.get(hint) if type(hint) is type else None


def _components(hints: Sequence[Any]) -> tuple[Sequence[JsonSchema], dict[str, JsonSchema]]:
    return msgspec.json.schema_components(hints, ref_template=_REF + "{name}")


def _with_definitions(schema: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    return {**schema, "$defs": definitions} if definitions else schema


def _write_default(property_: JsonSchema, value: Any) -> None:
    """One that JSON has no word for stays out."""
    try:
        property_["default"] = msgspec.to_builtins(value)
    except TypeError:
        return


def _mentions(reference: str, *schemas: Any) -> bool:
    return any(_has_reference(each, reference) for each in schemas)


def _has_reference(schema: Any, reference: str) -> bool:
    if isinstance(schema, dict):
        return schema.get("$ref") == reference or any(_has_reference(each, reference) for each in schema.values())
    return isinstance(schema, list) and any(_has_reference(each, reference) for each in schema)
