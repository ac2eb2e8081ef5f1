"""Schemas that an author wrote by hand: listed as they are, checked by jsonschema-rs."""

from typing import Any

import pytest

from erlmcp import App
from erlmcp.mcp.raw_schema import MAX_DEPTH, MAX_NODES
from tests.mcp.author import call, context, listed, text

CONTACT: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "method": {"enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"method": {"const": "phone"}}, "required": ["method"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def tool_of(function: Any, schema: dict[str, Any], **options: Any) -> App:
    app = App("x")
    app.tool(name="tool", input_schema=schema, inline=True, **options)(function)
    return app


def contact(**values: Any) -> list[str]:
    return sorted(values)


def object_of(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}


def test_the_schema_is_listed_verbatim_in_both_eras():
    app = tool_of(contact, CONTACT)
    for modern in (True, False):
        (definition,) = listed(app, modern=modern)
        assert definition["inputSchema"] == CONTACT
        assert list(definition["inputSchema"]) == list(CONTACT)


async def test_arguments_that_it_admits_arrive_by_name():
    app = tool_of(contact, CONTACT)
    result = await call(app, "tool", {"method": "phone", "phone": "1", "name": "n"})
    assert result["structuredContent"] == {"result": ["method", "name", "phone"]}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"method": "phone", "email": "e"}, '"phone" is a required property'),
        ({"name": 5, "email": "e"}, 'argument name: 5 is not of type "string"'),
        ({"email": "e", "address": {"city": 1}}, 'argument address.city: 1 is not of type "string"'),
        ({"email": "e", "other": 1}, "other"),
        ({}, '"email" is a required property'),
    ],
)
async def test_arguments_that_it_refuses_are_told_why(arguments: dict[str, Any], part: str):
    result = await call(tool_of(contact, CONTACT), "tool", arguments)
    assert result["isError"] is True
    assert part in text(result)


async def test_the_first_three_faults_are_told_at_moderate_length():
    app = tool_of(contact, object_of({}, additionalProperties={"type": "integer"}))
    told = text(await call(app, "tool", dict.fromkeys("abcdef", "x" * 10000)))
    assert told.count("argument ") == 3
    assert len(told) < 1000


async def test_an_integral_float_passes_for_an_integer():
    app = tool_of(lambda a: a == 42, object_of({"a": {"type": "integer"}}, required=["a"]))
    assert "isError" in await call(app, "tool", b'{"a": 42.0}')
    assert (await call(app, "tool", b'{"a": 42.5}'))["isError"] is True


async def test_a_function_may_take_all_arguments_as_one_dict():
    def tool(arguments: dict[str, Any]) -> list[str]:
        return sorted(arguments)

    app = tool_of(tool, object_of({"a": {"type": "integer"}}))
    assert (await call(app, "tool", {"a": 1, "b": 2}))["structuredContent"] == {"result": ["a", "b"]}
    assert (await call(app, "tool"))["structuredContent"] == {"result": []}


async def test_what_the_schema_lets_in_and_the_function_does_not_take_is_refused():
    app = tool_of(lambda a=1: a, object_of({"a": {"type": "integer"}}))
    assert text(await call(app, "tool", {"b": 2})) == "unknown argument b; known are: a"


async def test_arguments_that_cannot_be_read_are_a_fault():
    told = text(await call(tool_of(contact, CONTACT), "tool", rb'{"name": "\ud800"}'))
    assert told.startswith("the arguments cannot be read")


@pytest.mark.parametrize("schema", [{}, {"type": "array"}, {"type": ["object", "null"]}, {"properties": {}}])
def test_a_root_that_is_no_object_is_refused(schema: dict[str, Any]):
    with pytest.raises(ValueError, match='the root of input_schema must have "type": "object"'):
        tool_of(contact, schema)


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        (object_of({"a": {"type": "integr"}}), "integr"),
        (object_of({"a": {"$ref": "#/$defs/missing"}}), "missing"),
        (object_of({"a": {"pattern": "("}}), "pattern|regex"),
        (object_of({"a": {"minimum": "1"}}), "1"),
    ],
)
def test_a_malformed_schema_is_refused(schema: dict[str, Any], part: str):
    with pytest.raises(ValueError, match=f"contact: input_schema is not a usable JSON Schema: .*({part})"):
        tool_of(contact, schema)


@pytest.mark.parametrize(
    "reference",
    ["http://127.0.0.1:9/schema.json", "https://schemas.example/a", "file:///etc/hostname", "other.json"],
)
def test_nothing_is_fetched(reference: str):
    with pytest.raises(ValueError, match="not a usable JSON Schema"):
        tool_of(contact, object_of({"a": {"$ref": reference}}))


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"not": schema}
    return {"type": "object", **schema}


def test_the_depth_of_a_schema_is_bounded():
    tool_of(contact, nested(MAX_DEPTH - 1))
    with pytest.raises(ValueError, match=f"nested deeper than {MAX_DEPTH} levels"):
        tool_of(contact, nested(MAX_DEPTH))


def test_the_size_of_a_schema_is_bounded():
    room = MAX_NODES - 2  # the root and `properties`
    tool_of(contact, object_of({f"p{number}": {} for number in range(room)}))
    with pytest.raises(ValueError, match=f"more than {MAX_NODES} objects"):
        tool_of(contact, object_of({f"p{number}": {} for number in range(room + 1)}))


def test_a_parameter_that_a_call_may_leave_out_needs_a_default():
    with pytest.raises(TypeError, match="parameter b has no default, and input_schema does not require it"):
        tool_of(lambda a, b: None, object_of({"a": {}, "b": {}}, required=["a"]))


def test_a_property_that_is_no_parameter_is_refused():
    with pytest.raises(TypeError, match="input_schema has 'b', which is no parameter"):
        tool_of(lambda a=1: None, object_of({"a": {}, "b": {}}))


async def test_a_result_is_held_to_the_output_schema():
    schema = object_of({"total": {"type": "integer"}}, required=["total"])
    app = App("x")
    answers: list[Any] = [{"total": 3}, {"total": "three"}, 3]
    app.tool(name="tool", output_schema=schema, inline=True)(lambda: answers.pop(0))
    assert listed(app)[0]["outputSchema"] == schema
    assert await call(app, "tool") == {
        "content": [{"type": "text", "text": '{"total":3}'}],
        "structuredContent": {"total": 3},
        "isError": False,
    }
    with pytest.raises(TypeError, match='output_schema forbids: total: "three" is not of type "integer"'):
        await call(app, "tool")
    with pytest.raises(TypeError, match="output_schema forbids"):
        await call(app, "tool")


async def test_an_output_schema_of_more_than_objects_is_for_the_modern_wire_only():
    schema = {"type": "array", "items": {"type": "integer"}}
    app = App("x")
    app.tool(name="tool", output_schema=schema, inline=True)(lambda: [1, 2])
    assert listed(app, modern=True)[0]["outputSchema"] == schema
    assert "outputSchema" not in listed(app, modern=False)[0]
    block = {"type": "text", "text": "[1,2]"}
    assert await call(app, "tool") == {"content": [block], "structuredContent": [1, 2], "isError": False}
    legacy = context(modern=False, protocol_version="2025-11-25")
    assert await call(app, "tool", None, legacy) == {"content": [block], "isError": False}


def test_a_bad_output_schema_is_refused():
    with pytest.raises(ValueError, match="tool: output_schema is not a usable JSON Schema"):
        App("x").tool(name="tool", output_schema={"type": "objekt"})(lambda: None)
