"""What client and server each have a table of, as neither may import the other: the tables agree."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.client import eras
from erlmcp.client.param_headers import field_value, param_headers
from erlmcp.client.repeating import NAMED
from erlmcp.mcp import METHODS, versions
from erlmcp.mcp.headers import literal
from erlmcp.mcp.param_headers import param_headers as taken

HEADER = "x-mcp-header"
SPOT = {"type": "string", HEADER: "Region"}


def test_the_client_speaks_the_revisions_that_are_served() -> None:
    assert tuple(versions.MODERN.values()) == eras.MODERN
    assert tuple(versions.HANDSHAKE.values()) == eras.HANDSHAKE


def test_the_client_names_in_a_header_what_the_server_looks_for() -> None:
    looked_for = {method.name: method.mirrored for method in METHODS if method.mirrored is not None}
    assert {method: name.replace("taskId", "task_id") for method, name in NAMED.items()} == looked_for


@given(st.text(st.characters(codec="utf-8")))
def test_the_server_reads_every_text_that_the_client_puts_in_a_header(text: str) -> None:
    assert literal(field_value(text)) == text


@pytest.mark.parametrize(
    "properties",
    [
        {"region": SPOT},
        {"where": {"type": "object", "properties": {"region": SPOT, "n": {"type": "integer", HEADER: "N"}}}},
        {"region": {**SPOT, "type": "number"}},
        {"region": {**SPOT, HEADER: "not a token"}},
        {"regions": {"type": "array", "items": SPOT}},
        {"a": SPOT, "b": {**SPOT, HEADER: "REGION"}},
    ],
    ids=str,
)
def test_the_client_takes_the_headers_of_a_tool_as_the_server_does(properties: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": properties}
    try:
        served = [(each.header, each.path) for each in taken("tool", schema, json.dumps(schema).encode())]
    except ValueError:
        with pytest.raises(ValueError, match="header"):
            param_headers(schema)
    else:
        assert [(each.field.lower(), each.path) for each in param_headers(schema)] == served
