"""Our own client, in each era and over both transports, against four workers."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from erlmcp import Client
from erlmcp.client import LogMessage, Progress, RpcError, Stdio, TaskCancelled, ToolFailed
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


USER: Any = {
    "elicit": lambda question: dict.fromkeys(question.requested_schema["properties"], "ada"),
    "sample": lambda ask: f"up to {ask.max_tokens}",
    "roots": ["file:///work"],
}


async def test_what_any_worker_asks_is_answered_and_a_stream_resumed_in_the_older_era(everything: str) -> None:
    async with Client(everything, mode="legacy", timeout=PATIENCE, **USER) as one:
        for _ in range(8):
            assert "ada" in (await one.call_tool("test_elicitation", {"message": "who?"})).text
            assert (await one.call_tool("test_sampling", {"prompt": "x"})).text == "LLM response: up to 100"
        assert not (await one.call_tool("test_reconnection")).is_error


async def test_what_any_worker_asks_is_answered_in_rounds(everything: str) -> None:
    async with Client(everything, timeout=PATIENCE, **USER) as one:
        for _ in range(8):
            assert (await one.call_tool("test_input_required_result_elicitation")).text == "Hello, ada!"
            assert (await one.call_tool("test_input_required_result_multi_round")).text == "ada likes ada."


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_changes_are_followed_at_any_worker(everything: str, mode: str) -> None:
    async with Client(everything, mode=mode, timeout=PATIENCE) as one, one.listen(tools=True) as changes:
        for _ in range(4):
            await one.call_tool("test_trigger_tool_change")
            change = await asyncio.wait_for(anext(changes), PATIENCE)
            assert change.method == "notifications/tools/list_changed"


async def test_tasks_are_followed_at_any_worker(everything: str) -> None:
    async with Client(everything, tasks=True, timeout=PATIENCE, elicit=lambda _: {"confirm": True}) as one:
        task = await one.start_tool("slow_compute", {"seconds": 0, "label": "tea"})
        assert task.id is not None
        assert "tea" in (await task.result(PATIENCE)).text
        assert (await one.call_tool("confirm_delete", {"filename": "a.txt"})).text
        stopped = await one.start_tool("slow_compute", {"seconds": 60, "label": "tea"})
        await stopped.cancel()
        with pytest.raises(TaskCancelled):
            await stopped.result(PATIENCE)


@ERAS
async def test_sixteen_clients_at_once_are_all_answered(shop: str, mode: str, tmp_path: Path) -> None:
    async def calls(first: int) -> list[str]:
        async with client("http", shop, tmp_path, mode) as one:
            return [(await one.call_tool("add", {"a": first, "b": n})).text for n in range(5)]

    async with asyncio.timeout(4 * PATIENCE):
        sums = await asyncio.gather(*map(calls, range(16)))
    assert sums == [[str(first + n) for n in range(5)] for first in range(16)]
