"""Mcp-Param-* headers against the arguments that they repeat."""

import json

import pytest

from erlmcp import App
from erlmcp.jsonrpc import RpcError
from erlmcp.mcp.mirror import check_param_headers
from erlmcp.mcp.param_headers import ParamHeader
from tests.mcp.posts import META, MODERN, endpoint, message, outcome, post, said

REGION = ParamHeader(b"mcp-param-region", ("region",), "string")
COUNT = ParamHeader(b"mcp-param-count", ("count",), "integer")
DRY = ParamHeader(b"mcp-param-dry", ("dry",), "boolean")
DEEP = ParamHeader(b"mcp-param-deep", ("where", "zone"), "string")


def checked(wanted, arguments, header=None, repeated=()):
    headers = {} if header is None else {wanted.header: header}
    check_param_headers(
        (wanted,),
        arguments.encode() if isinstance(arguments, str) else json.dumps(arguments).encode(),
        headers,
        repeated,
    )


@pytest.mark.parametrize(
    ("wanted", "arguments", "header"),
    [
        (REGION, {"region": "us-west1"}, b"us-west1"),
        (REGION, {"region": "Zürich"}, b"=?base64?WsO8cmljaA==?="),
        (REGION, {"region": ""}, b""),
        (REGION, {"region": None}, None),
        (REGION, {}, None),
        (COUNT, {"count": 42}, b"42"),
        (COUNT, {"count": 42}, b"42.0"),
        (COUNT, '{"count":42.0}', b"42"),
        (COUNT, '{"count":4.2e1}', b"42"),
        (COUNT, {"count": -7}, b"-7"),
        (COUNT, {"count": 2**60 + 1}, str(2**60 + 1).encode()),
        (DRY, {"dry": True}, b"true"),
        (DRY, {"dry": False}, b"false"),
        (DEEP, {"where": {"zone": "b"}}, b"b"),
        (DEEP, {"where": "nowhere"}, None),
        (REGION, {"region": ["us"]}, None),
    ],
)
def test_a_header_that_repeats_its_argument_passes(wanted, arguments, header):
    checked(wanted, arguments, header)


@pytest.mark.parametrize(
    ("wanted", "arguments", "header"),
    [
        (REGION, {"region": "us-west1"}, None),
        (REGION, {"region": "us-west1"}, b"us-west2"),
        (REGION, {"region": "us-west1"}, b"US-WEST1"),
        (REGION, {"region": "us"}, b"=?base64?dXM?="),
        (REGION, {"region": "us"}, b"dXM="),
        (REGION, {"region": None}, b"us"),
        (REGION, {}, b""),
        (REGION, {"region": ["us"]}, b"us"),
        (COUNT, {"count": 42}, b"43"),
        (COUNT, {"count": 42}, b"4.2e1"),
        (COUNT, {"count": 2**60 + 1}, str(2**60).encode()),
        (COUNT, {"count": 42}, b"forty-two"),
        (DRY, {"dry": True}, b"True"),
        (DRY, {"dry": True}, b"1"),
        (DEEP, {"where": {"zone": "b"}}, None),
    ],
)
def test_a_header_that_says_something_else_is_a_mismatch(wanted, arguments, header):
    with pytest.raises(RpcError, match=wanted.header.decode()) as refused:
        checked(wanted, arguments, header)
    assert refused.value.code == -32020


def test_a_header_that_comes_twice_is_a_mismatch():
    with pytest.raises(RpcError, match="more than once"):
        checked(REGION, {"region": "us, us"}, b"us, us", (REGION.header,))


def test_a_tool_that_wants_a_header_gets_its_calls_checked():
    app = App("mirrors")

    @app.tool(
        inline=True,
        input_schema={"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}},
    )
    def where(region: str = "nowhere") -> str:
        """Say where."""
        return region

    served = endpoint(app)
    headers = {b"mcp-protocol-version": MODERN.encode(), b"mcp-method": b"tools/call", b"mcp-name": b"where"}

    def sent(arguments, extra=None):
        return served(
            post(message("tools/call", {"name": "where", "_meta": META} | arguments), headers | (extra or {}))
        )

    assert outcome(sent({"arguments": {"region": "us"}})) == (400, -32020)
    assert said(sent({"arguments": {"region": "us"}}, {b"mcp-param-region": b"us"}))["result"]["isError"] is False
    assert sent({}).status == 200
    assert sent({"arguments": None}).status == 200
    assert outcome(sent({"arguments": [1]})) == (400, -32602)
