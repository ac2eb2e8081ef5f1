"""The official Python client and FastMCP's, which start their server themselves: straight, and by the bridge."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client as FastClient
from fastmcp.client.transports import StdioTransport
from mcp import Client, MCPError, StdioServerParameters
from mcp_types import LoggingMessageNotificationParams, PromptReference

from tests.clients.ways import WAYS, command, environment

MODERN = "2026-07-28"
ERAS = pytest.mark.parametrize("mode", ["legacy", MODERN])
PATIENCE = 10.0  # seconds


def client(way: str, mode: str, url: str, folder: Path, **options: Any) -> Client:
    """A client of that era; it must not wait for ever."""
    program, *arguments = command(way, url, folder)
    server = StdioServerParameters(command=program, args=arguments, env=environment(folder), cwd=folder)
    return Client(server, mode=mode, read_timeout_seconds=PATIENCE, **options)


@WAYS
@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", MODERN), (MODERN, MODERN)])
async def test_each_way_to_connect_agrees_on_its_era(
    shop: str, tmp_path: Path, way: str, mode: str, version: str
) -> None:
    async with client(way, mode, shop, tmp_path) as session:
        assert session.protocol_version == version
        listed = (await session.list_tools()).tools
    assert [tool.name for tool in listed][:3] == ["add", "pack", "order"]


@WAYS
@ERAS
async def test_everything_that_is_offered_can_be_used(shop: str, tmp_path: Path, way: str, mode: str) -> None:
    seen: list[float] = []

    async def progress(done: float, _total: float | None, _message: str | None) -> None:
        seen.append(done)

    async with client(way, mode, shop, tmp_path) as session:
        total = await session.call_tool("add", {"a": 2, "b": 40})
        baked = await session.call_tool("bake", {"minutes": 3}, progress_callback=progress)
        refused = await session.call_tool("order", {"item": "cake"})
        order = await session.read_resource("shop://orders/7")
        prompt = await session.get_prompt("haggle", {"item": "tea"})
        completed = await session.complete(
            PromptReference(type="ref/prompt", name="haggle"), {"name": "item", "value": "te"}
        )
        with pytest.raises(MCPError) as unknown:
            await session.call_tool("steal", {})
    assert total.structured_content == {"result": 42}
    assert (seen, baked.is_error, refused.is_error) == ([1, 2, 3], False, True)
    assert order.contents[0].model_dump()["text"] == "order 7"
    assert len(prompt.messages) == 2
    assert (completed.completion.values, unknown.value.code) == (["tea", "teapot"], -32602)


@WAYS
async def test_log_messages_come_when_they_are_asked_for(shop: str, tmp_path: Path, way: str) -> None:
    messages: list[LoggingMessageNotificationParams] = []

    async def hear(message: LoggingMessageNotificationParams) -> None:
        messages.append(message)

    async with client(way, MODERN, shop, tmp_path, logging_callback=hear, log_level="warning") as session:
        await session.call_tool("bake", {"minutes": 1})
    assert [(m.level, m.data) for m in messages] == [("warning", {"oven": "hot"})]


@WAYS
@ERAS
async def test_a_call_that_is_cancelled_stops_its_tool(shop: str, tmp_path: Path, way: str, mode: str) -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            await told.put(line)
        writer.close()

    phone = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with phone, client(way, mode, shop, tmp_path) as session:
        brewing = asyncio.create_task(session.call_tool("brew", {"port": phone.sockets[0].getsockname()[1]}))
        assert await asyncio.wait_for(told.get(), PATIENCE) == b"started\n"
        brewing.cancel()
        assert await asyncio.wait_for(told.get(), PATIENCE) == b"stopped\n"
        assert (await session.call_tool("add", {"a": 1, "b": 1})).structured_content == {"result": 2}


@WAYS
async def test_many_calls_at_once_are_all_answered(shop: str, tmp_path: Path, way: str) -> None:
    async with client(way, MODERN, shop, tmp_path) as session:
        answers = await asyncio.gather(*(session.call_tool("add", {"a": n, "b": 1}) for n in range(100)))
    assert [answer.structured_content for answer in answers] == [{"result": n + 1} for n in range(100)]


@WAYS
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_client_of_fastmcp_works_alike(shop: str, tmp_path: Path, way: str, mode: str) -> None:
    program, *arguments = command(way, shop, tmp_path)
    transport = StdioTransport(program, arguments, env=environment(tmp_path), cwd=str(tmp_path), keep_alive=False)
    async with FastClient(transport, mode=mode, timeout=PATIENCE) as session:
        assert [tool.name for tool in await session.list_tools()][:2] == ["add", "pack"]
        assert (await session.call_tool("add", {"a": 2, "b": 40})).structured_content == {"result": 42}
        assert (await session.read_resource("shop://orders/7"))[0].text == "order 7"
