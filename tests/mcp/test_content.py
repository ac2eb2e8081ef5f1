"""From what a tool returns to the members of its result."""

import datetime
import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp import App, ToolError
from erlmcp.mcp import Annotations, Audio, Embedded, Image, Link, Message, Text
from erlmcp.mcp import result as results
from erlmcp.mcp.content import encode_block
from tests.mcp.author import call, listed, members


class Point(msgspec.Struct):
    x: int
    y: int = 0


@dataclass
class Size:
    width: float


class Options(TypedDict):
    depth: int


class Node(msgspec.Struct):
    value: int
    children: list["Node"] = []


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    tricks: int


class Colour(enum.Enum):
    RED = "red"


class Alien:
    pass


def tool_of(value: Any, hint: Any = None, annotated: bool = True) -> App:
    app = App("x")

    def tool():
        return value

    if annotated:
        tool.__annotations__["return"] = hint
    app.tool(tool, inline=True)
    return app


def texts(*said: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": each} for each in said]


@pytest.mark.parametrize(
    ("hint", "value", "shown", "structured"),
    [
        (int, 5, "5", {"result": 5}),
        (int, 10**40, str(10**40), {"result": 10**40}),
        (float, 1.5, "1.5", {"result": 1.5}),
        (float, 2, "2", {"result": 2}),
        (bool, True, "true", {"result": True}),
        (str, 'a "b" \n', 'a "b" \n', {"result": 'a "b" \n'}),
        (Colour, Colour.RED, '"red"', {"result": "red"}),
        (list[int], [1, 2], "[1,2]", {"result": [1, 2]}),
        (list[str], [], "[]", {"result": []}),
        (tuple[int, str], (1, "a"), '[1,"a"]', {"result": [1, "a"]}),
        (int | None, 3, "3", {"result": 3}),
        (str | None, "s", "s", {"result": "s"}),
        (Cat | Dog, Cat(9), '{"type":"Cat","lives":9}', {"result": {"type": "Cat", "lives": 9}}),
        (datetime.date, datetime.date(2026, 1, 2), '"2026-01-02"', {"result": "2026-01-02"}),
        (Point, Point(1), '{"x":1,"y":0}', {"x": 1, "y": 0}),
        (Annotated[Point, msgspec.Meta(title="P")], Point(1), '{"x":1,"y":0}', {"x": 1, "y": 0}),
        (Size, Size(2.0), '{"width":2.0}', {"width": 2.0}),
        (Options, {"depth": 1}, '{"depth":1}', {"depth": 1}),
        (dict[str, int], {"a": 1}, '{"a":1}', {"a": 1}),
        (dict, {"a": 1}, '{"a":1}', {"a": 1}),
        (Node, Node(1, [Node(2)]), None, {"value": 1, "children": [{"value": 2, "children": []}]}),
    ],
    ids=str,
)
async def test_an_annotated_result_is_structured_and_conforms_to_its_schema(hint, value, shown, structured):
    app = tool_of(value, hint)
    schema = listed(app)[0]["outputSchema"]
    assert schema["type"] == "object"
    jsonschema_rs.meta.validate(schema)
    result = await call(app, "tool")
    assert result["structuredContent"] == structured
    assert jsonschema_rs.is_valid(schema, structured)
    assert result["isError"] is False
    if shown is not None:
        assert result["content"] == texts(shown)


def test_both_eras_list_the_same_schema():
    app = tool_of([1], list[int])
    assert listed(app, modern=True) == listed(app, modern=False)


def test_a_schema_that_refers_to_itself_keeps_its_definition():
    schema = listed(tool_of(Node(1), Node))[0]["outputSchema"]
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert "Node" in schema["$defs"]
    assert "$defs" not in listed(tool_of(Point(1), Point))[0]["outputSchema"]


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, True),
        (int, "5"),
        (int, None),
        (str, 5),
        (float, math.nan),
        (float, math.inf),
        (list[int], ["a"]),
        (list[int], None),
        (dict[str, int], {"a": "b"}),
        (Point, {"y": 1}),
        (Point, Point("1")),  # type: ignore[arg-type]
    ],
    ids=str,
)
async def test_a_result_that_breaks_its_annotation_is_a_crash_and_never_sent(hint: Any, value: Any):
    with pytest.raises(TypeError, match="which the return annotation forbids"):
        await call(tool_of(value, hint), "tool")


@pytest.mark.parametrize(
    ("value", "content", "structured"),
    [
        (None, [], None),
        ("hi", texts("hi"), None),
        (5, texts("5"), None),
        ([1, 2], texts("[1,2]"), None),
        (["a", "b"], texts('["a","b"]'), None),
        ([], [], None),
        ({"a": 1}, texts('{"a":1}'), {"a": 1}),
        (Point(1), texts('{"x":1,"y":0}'), {"x": 1, "y": 0}),
    ],
    ids=str,
)
async def test_a_result_without_annotation_is_text_and_objects_are_structured_too(value, content, structured):
    app = tool_of(value, annotated=False)
    assert "outputSchema" not in listed(app)[0]
    result = await call(app, "tool")
    assert result.pop("structuredContent", None) == structured
    assert result == {"content": content, "isError": False}


@pytest.mark.parametrize("hint", [None, Any, Text, list[Text], Text | Image, Sequence[Text | str], Image | None, Alien])
def test_content_nothing_and_anything_promise_no_structure(hint: Any):
    assert "outputSchema" not in listed(tool_of(None, hint))[0]


async def test_a_tool_that_returns_nothing_has_empty_content():
    assert await call(tool_of(None, None), "tool") == {"content": [], "isError": False}


async def test_an_optional_result_that_is_none_is_structured_and_has_no_text():
    assert await call(tool_of(None, int | None), "tool") == {
        "content": [],
        "structuredContent": {"result": None},
        "isError": False,
    }


BLOCKS: list[tuple[Any, dict[str, Any]]] = [
    (Text("t"), {"type": "text", "text": "t"}),
    (
        Text("t", annotations=Annotations(audience=["user"], priority=0.5, last_modified="2026-01-02"), meta={"k": 1}),
        {
            "type": "text",
            "text": "t",
            "annotations": {"audience": ["user"], "priority": 0.5, "lastModified": "2026-01-02"},
            "_meta": {"k": 1},
        },
    ),
    (Image(b"\x89PNG"), {"type": "image", "data": "iVBORw==", "mimeType": "image/png"}),
    (Image(b"", "image/gif"), {"type": "image", "data": "", "mimeType": "image/gif"}),
    (Audio(b"RIFF"), {"type": "audio", "data": "UklGRg==", "mimeType": "audio/wav"}),
    (
        Embedded("a://b", "text", "text/plain"),
        {"type": "resource", "resource": {"uri": "a://b", "mimeType": "text/plain", "text": "text"}},
    ),
    (Embedded("a://b", ""), {"type": "resource", "resource": {"uri": "a://b", "text": ""}}),
    (Embedded("a://b", b"\x00"), {"type": "resource", "resource": {"uri": "a://b", "blob": "AA=="}}),
    (
        Link("a://b", "b", mime_type="text/x", size=3),
        {"type": "resource_link", "uri": "a://b", "name": "b", "mimeType": "text/x", "size": 3},
    ),
]


@pytest.mark.parametrize(("block", "wire"), BLOCKS, ids=lambda each: type(each).__name__)
async def test_each_block_is_written_as_the_specification_spells_it(block: Any, wire: dict[str, Any]):
    assert msgspec.json.decode(encode_block(block)) == wire
    assert await call(tool_of(block, annotated=False), "tool") == {"content": [wire], "isError": False}


async def test_a_list_with_blocks_is_its_blocks_in_order():
    value = ["first", Image(b""), {"third": 3}]
    result = await call(tool_of(value, annotated=False), "tool")
    assert [block["type"] for block in result["content"]] == ["text", "image", "text"]
    assert result["content"][2]["text"] == '{"third":3}'
    assert "structuredContent" not in result


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), memoryview(b"x")], ids=lambda each: type(each).__name__)
async def test_bytes_are_refused_and_told_what_to_return(value: Any):
    with pytest.raises(TypeError, match=r"returns bytes; say what they are: Image\(data, type\)"):
        await call(tool_of(value, annotated=False), "tool")
    with pytest.raises(TypeError, match="tool tool returns bytes"):
        tool_of(value, type(value))


async def test_what_json_cannot_hold_is_named():
    with pytest.raises(TypeError, match="returned Alien, which JSON cannot hold"):
        await call(tool_of(Alien(), annotated=False), "tool")


@given(value=st.one_of(st.text(), st.integers(), st.lists(st.integers()), st.dictionaries(st.text(), st.text())))
def test_text_and_structure_say_the_same(value: Any):
    result = members(results.of("tool", type(value), None).encode(value))
    structured = result["structuredContent"]
    shown = result["content"][0]["text"]
    told = structured if isinstance(value, dict) else structured["result"]
    assert told == value
    assert shown == value if isinstance(value, str) else msgspec.json.decode(shown) == value


def refusing(error: ToolError, hint: Any = None) -> App:
    app = App("x")

    def tool():
        raise error

    tool.__annotations__["return"] = hint
    app.tool(tool, inline=True)
    return app


async def test_a_tool_error_is_a_result_that_the_model_reads():
    assert await call(refusing(ToolError("the board is full")), "tool") == {
        "content": texts("the board is full"),
        "isError": True,
    }


async def test_the_data_of_a_tool_error_is_structured_and_shown():
    assert await call(refusing(ToolError("full", {"limit": 5})), "tool") == {
        "content": texts("full", '{"limit":5}'),
        "structuredContent": {"limit": 5},
        "isError": True,
    }


async def test_the_data_of_a_tool_error_never_breaks_the_output_schema():
    assert await call(refusing(ToolError("full", {"limit": 5}), int), "tool") == {
        "content": texts("full", '{"limit":5}'),
        "isError": True,
    }


def test_a_message_speaks_for_the_user_unless_told():
    assert msgspec.json.decode(Message("hi").encode()) == {"role": "user", "content": {"type": "text", "text": "hi"}}
    assert msgspec.json.decode(Message(Image(b""), "assistant").encode())["role"] == "assistant"
