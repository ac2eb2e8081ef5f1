"""Our own client, in each era and over both transports, against four workers."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from erlmcp import Client
from erlmcp.client import LogMessage, Progress, RpcError, Stdio, ToolFailed
from tests.clients.ways import command, environment

PATIENCE = 10.0  # seconds
ERAS = pytest.mark.parametrize("mode", ["auto", "2026-07-28", "legacy", "2025-03-26"])
WAYS = pytest.mark.parametrize("way", ["http", "stdio"])


def client(way: str, url: str, folder: Path, mode: str, **options: Any) -> Client:
    child = Stdio(command("stdio", url, folder), env=environment(folder), cwd=folder)
    target: Any = url if way == "http" else child
    return Client(target, mode=mode, timeout=PATIENCE, **options)


@WAYS
@ERAS
async def test_everything_that_is_offered_can_be_used(shop: str, way: str, mode: str, tmp_path: Path) -> None:
    heard: list[Progress] = []
    async with client(way, shop, tmp_path, mode) as one:
        assert (await one.discover()).info.version == "2.1"
        assert [tool.name for tool in await one.list_tools()][:2] == ["add", "pack"]
        assert (await one.call_tool("add", {"a": 2, "b": 40})).text == "42"
        assert (await one.call_tool("bake", {"minutes": 3}, on_progress=heard.append)).text == "baked"
        with pytest.raises(ToolFailed, match="sold out"):
            await one.call_tool("order", {"item": "cake"})
        with pytest.raises(RpcError, match="-32602"):
            await one.call_tool("steal")
        assert (await one.read_resource("shop://orders/7")).text == "order 7"
        assert len((await one.get_prompt("haggle", {"item": "tea"})).messages) == 2
        assert (await one.complete("prompt", "haggle", "item", "te")).values == ["tea", "teapot"]
    assert [each.progress for each in heard] == [1, 2, 3]


@WAYS
async def test_log_messages_are_heard(shop: str, way: str, tmp_path: Path) -> None:
    heard: list[LogMessage] = []
    async with client(way, shop, tmp_path, "auto", on_log=heard.append) as one:
        await one.call_tool("bake", {"minutes": 1})
    assert [(each.level, each.data) for each in heard] == [("warning", {"oven": "hot"})]


@WAYS
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_that_is_cancelled_stops_its_tool(shop: str, way: str, mode: str, tmp_path: Path) -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            told.put_nowait(line)
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as kitchen, client(way, shop, tmp_path, mode) as one:
        call = asyncio.create_task(one.call_tool("brew", {"port": kitchen.sockets[0].getsockname()[1]}))
        async with asyncio.timeout(PATIENCE):
            assert await told.get() == b"started\n"
            call.cancel()
            assert await told.get() == b"stopped\n"


@ERAS
async def test_sixteen_clients_at_once_are_all_answered(shop: str, mode: str, tmp_path: Path) -> None:
    async def calls(first: int) -> list[str]:
        async with client("http", shop, tmp_path, mode) as one:
            return [(await one.call_tool("add", {"a": first, "b": n})).text for n in range(5)]

    async with asyncio.timeout(4 * PATIENCE):
        sums = await asyncio.gather(*map(calls, range(16)))
    assert sums == [[str(first + n) for n in range(5)] for first in range(16)]
