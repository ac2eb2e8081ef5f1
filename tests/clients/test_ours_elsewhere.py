"""Our client at servers of the official Python SDK, over HTTP and as a child, in both eras."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from erlmcp import Client
from erlmcp.client import Progress, RpcError, Stdio, ToolFailed
from tests.node.nodes import until
from tests.serving import ROOT

STRANGER = str(ROOT / "tests" / "clients" / "stranger.py")
PATIENCE = 15.0  # seconds; the SDK takes two to start
MODES = pytest.mark.parametrize("mode", ["auto", "2026-07-28", "legacy", "2025-06-18"])
WAYS = pytest.mark.parametrize("way", ["http", "stdio"])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the SDK's server is."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, STRANGER, "http", str(port)])
    until(lambda: reachable(port), "the SDK's server")
    yield f"http://127.0.0.1:{port}/mcp"
    process.terminate()
    process.wait(PATIENCE)


def reachable(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def client(way: str, url: str, mode: str, **options: Any) -> Client:
    target: Any = url if way == "http" else Stdio([sys.executable, STRANGER, "stdio"])
    return Client(target, mode=mode, timeout=PATIENCE, **options)


@WAYS
@MODES
async def test_everything_is_listed_and_used(way: str, url: str, mode: str) -> None:
    heard: list[Progress] = []
    async with client(way, url, mode) as one:
        modern = mode in {"auto", "2026-07-28"}
        assert one.modern == modern
        assert (await one.discover()).info.name == "stranger"
        assert [tool.name for tool in await one.list_tools()] == ["add", "refuse", "count", "greet", "greet_again"]
        assert [each.uri_template for each in await one.list_resource_templates()] == ["note://{name}"]
        assert [each.uri for each in await one.list_resources()] == ["note://all"]
        total = await one.call_tool("add", {"a": 2, "b": 40})
        assert (await one.call_tool("count", {"to": 3}, on_progress=heard.append)).text == "counted"
        with pytest.raises(ToolFailed, match="not today"):
            await one.call_tool("refuse")
        with pytest.raises(RpcError):
            await one.read_resource("nowhere://")
        assert (await one.read_resource("note://tea")).text == "note tea"
        (message,) = (await one.get_prompt("haggle", {"item": "tea"})).messages
        await one.ping()
    assert (total.text, total.structured_content) == ("42", {"result": 42})
    assert [each.progress for each in heard] == [1, 2, 3]
    assert message.content.text == "Is tea cheaper tomorrow?"  # type: ignore[union-attr]


@WAYS
async def test_a_question_of_the_older_era_is_answered(way: str, url: str) -> None:
    async with client(way, url, "legacy", elicit=lambda question: {"name": question.message[:3]}) as one:
        assert (await one.call_tool("greet")).text == "accept Who 30"


@WAYS
async def test_a_question_of_the_newer_era_is_answered_in_a_second_round(way: str, url: str) -> None:
    async with client(way, url, "auto", elicit=lambda _question: {"name": "Ada"}) as one:
        assert (await one.call_tool("greet_again")).text == "hello Ada (round 1)"


@WAYS
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_calls_at_once_have_an_answer_each(way: str, url: str, mode: str) -> None:
    async with client(way, url, mode) as one:
        results = await asyncio.gather(*(one.call_tool("add", {"a": n, "b": n}) for n in range(10)))
    assert [result.structured_content for result in results] == [{"result": 2 * n} for n in range(10)]
