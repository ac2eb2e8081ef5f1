"""Every kind of message that we emit, judged by the official SDK's types for its version."""

import asyncio

import pytest
from mcp_types import methods as official
from mcp_types.jsonrpc import jsonrpc_message_adapter
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS

from erlmcp import App, Context
from erlmcp.http import Response
from erlmcp.mcp.errors import STATUS
from erlmcp.mcp.versions import SUPPORTED
from tests.mcp.posts import PREFIX, ask, call, endpoint, events, legacy, modern, said
from tests.mcp.test_discover import ASKS

INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
RESULTS = [
    (version, method)
    for version in SUPPORTED
    for method in (*ASKS, "initialize", "ping")
    if (method, version) in official.SERVER_RESULTS
]


def asked(version, method):
    params = {"initialize": INITIALIZE, "ping": {}}.get(method, ASKS.get(method))
    return modern(method, params) if version == "2026-07-28" else legacy(method, params, version=version)


def test_we_speak_the_versions_that_the_official_sdk_knows():
    assert sorted(SUPPORTED) == sorted(KNOWN_PROTOCOL_VERSIONS)


@pytest.mark.parametrize(("version", "method"), RESULTS)
def test_every_result_is_what_the_schema_of_its_version_says(version, method):
    answer = ask(asked(version, method))
    official.parse_server_result(method, version, said(answer)["result"])
    jsonrpc_message_adapter.validate_json(answer.body, by_name=False)


@pytest.mark.parametrize("tool", ["add", "refuse", "tell", "link"])
@pytest.mark.parametrize("version", SUPPORTED)
def test_every_kind_of_tool_result_is_what_the_schema_says(version, tool):
    params = {"name": tool, "arguments": {"a": 1, "b": 2} if tool == "add" else {}}
    request = modern("tools/call", params) if version == "2026-07-28" else legacy("tools/call", params, version=version)
    official.parse_server_result("tools/call", version, said(endpoint()(request))["result"])


@pytest.mark.parametrize(
    "request_", [call("fly"), modern("tools/fly"), legacy("tools/fly"), legacy("tools/list", version="v9")]
)
def test_errors_are_messages_that_the_official_client_reads(request_):
    answer = endpoint()(request_)
    read = jsonrpc_message_adapter.validate_json(answer.body, by_name=False)
    assert read.error.code in STATUS
    assert read.id == 1


async def test_notifications_are_what_the_schema_of_their_version_says():
    app = App("notes")

    @app.tool
    async def tell(ctx: Context) -> str:
        """Tell everything."""
        await ctx.progress(0.5)
        await ctx.progress(1, 2.5, "half")
        await ctx.log("error", {"a": [1]}, "here")
        return "told"

    meta = {"progressToken": "t", PREFIX + "logLevel": "debug"}
    for version, request in (
        ("2026-07-28", call("tell", meta=meta)),
        ("2025-11-25", legacy("tools/call", {"name": "tell", "_meta": {"progressToken": 7}})),
    ):
        stream = await asyncio.wait_for(endpoint(app)(request), 5)
        assert not isinstance(stream, Response)
        *notes, result = events(b"".join([chunk async for chunk in stream.chunks]))
        assert notes
        for note in notes:
            official.parse_server_notification(note["method"], version, note["params"])
        official.parse_server_result("tools/call", version, result["result"])
