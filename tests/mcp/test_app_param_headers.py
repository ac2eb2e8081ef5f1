"""Arguments that HTTP headers repeat (x-mcp-header), as an author says so, and what is refused at registration."""

from typing import Annotated, Any

import msgspec
import pytest

from erlmcp import App
from tests.mcp.author import listed

pytestmark = pytest.mark.both_loops


def test_arguments_that_headers_repeat_are_known_by_header_and_place():
    app = App("x")
    meta = msgspec.Meta(extra_json_schema={"x-mcp-header": "Region"})

    @app.tool
    def tool(region: Annotated[str, meta] = "", other: int = 0) -> None: ...

    found = app.tools.get("tool")
    assert found is not None
    assert [(each.header, each.path, each.type) for each in found.headers] == [
        (b"mcp-param-region", ("region",), "string")
    ]
    assert listed(app)[0]["inputSchema"]["properties"]["region"] == {
        "type": "string",
        "default": "",
        "x-mcp-header": "Region",
    }


NESTED = {"type": "object", "properties": {"b": {"type": "boolean", "x-mcp-header": "Deep-1"}}}


@pytest.mark.parametrize(
    ("properties", "headers"),
    [
        ({}, []),
        ({"a": {"type": "integer", "x-mcp-header": "A"}}, [(b"mcp-param-a", ("a",), "integer")]),
        ({"a": NESTED}, [(b"mcp-param-deep-1", ("a", "b"), "boolean")]),
    ],
)
def test_a_header_may_stand_on_plain_properties_at_any_depth(properties: dict[str, Any], headers: list[Any]):
    app = App("x")
    schema = {"type": "object", "properties": properties}
    app.tool(name="t", input_schema=schema)(lambda **values: None)
    tool = app.tools.get("t")
    assert tool is not None
    assert [(each.header, each.path, each.type) for each in tool.headers] == headers


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"a": {"type": "number", "x-mcp-header": "A"}}, "only a string, integer or boolean"),
        ({"a": {"type": ["string", "null"], "x-mcp-header": "A"}}, "only a string, integer or boolean"),
        ({"a": {"type": "string", "x-mcp-header": ""}}, "must be a header name"),
        ({"a": {"type": "string", "x-mcp-header": "A B"}}, "must be a header name"),
        ({"a": {"type": "string", "x-mcp-header": 5}}, "must be a header name"),
        (
            {"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}},
            "where no chain of properties leads",
        ),
        ({"a": {"anyOf": [{"type": "string", "x-mcp-header": "A"}]}}, "where no chain of properties leads"),
        (
            {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}},
            "is used twice",
        ),
    ],
    ids=str,
)
def test_a_tool_that_clients_must_drop_for_its_headers_is_refused(properties: dict[str, Any], message: str):
    schema = {"type": "object", "properties": properties}
    with pytest.raises(ValueError, match=f"tool t: .*{message}"):
        App("x").tool(name="t", input_schema=schema)(lambda **values: None)
