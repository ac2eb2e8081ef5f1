"""JSON Schema 2020-12 of a function's arguments and of its result.

The root is an object written out, with `$defs` beside it: the wire up to 2025-11-25 reads `type`, `properties` and
`required` at the root, and models read best what stands where they look.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec

from erlmcp.mcp.signature import Signature

JsonSchema: TypeAlias = dict[str, Any]

_REF: Final = "#/$defs/"


def of_arguments(signature: Signature, arguments: type[msgspec.Struct], descriptions: Mapping[str, str]) -> JsonSchema:
    """The schema of `arguments`; a description in an annotation goes before one in `descriptions`.

    Raises TypeError for a description of a parameter that does not exist: it is a spelling mistake.
    """
    (root,), definitions = _components(arguments)
    schema = definitions.pop(root["$ref"].removeprefix(_REF))
    del schema["title"]
    properties: dict[str, JsonSchema] = schema["properties"]
    for name, text in descriptions.items():
        if name in properties:
            properties[name].setdefault("description", text)
        elif name != signature.context:
            raise TypeError(f"{signature.name}: its docstring describes {name!r}, which is no parameter of it")
    for name, value in signature.defaults.items():
        _write_default(properties[name], value)
    return _with_definitions(schema, definitions)


def of_result(hint: Any) -> tuple[JsonSchema, bool] | None:
    """The schema of a result and whether it is wrapped as `{"result": …}`, which what is no object is, for the wire up
    to 2025-11-25 has only objects there; the same in both eras. None for a type that has no schema."""
    try:
        (root,), definitions = _components(hint)
    except TypeError:  # a class of the author's own that msgspec cannot encode, or a union it cannot tell apart
        return None
    if not root:
        return None
    inlined = definitions[root["$ref"].removeprefix(_REF)] if "$ref" in root else root
    if inlined.get("type") == "object":
        if "$ref" in root and not _mentions(root["$ref"], inlined, definitions):
            definitions.pop(root["$ref"].removeprefix(_REF))
        return _with_definitions(dict(inlined), definitions), False
    wrapped = {"type": "object", "properties": {"result": root}, "required": ["result"]}
    return _with_definitions(wrapped, definitions), True


def _components(hint: Any) -> tuple[tuple[JsonSchema, ...], dict[str, JsonSchema]]:
    schemas, definitions = msgspec.json.schema_components((hint,), ref_template=_REF + "{name}")
    return schemas, definitions


def _with_definitions(schema: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    return {**schema, "$defs": definitions} if definitions else schema


def _write_default(property_: JsonSchema, value: Any) -> None:
    """A default that msgspec left out because it is made per call; one that JSON has no word for stays out."""
    if "default" in property_:
        return
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
