"""The official Python client over pipes, straight and by the bridge to a node: asked, told of changes, rolled."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import CreateMessageResult, ElicitResult, ListRootsResult, Root, TextContent

from erlmcp.node.control import ask
from tests.clients.ways import WAYS, command, environment
from tests.node.listening import APP
from tests.node.nodes import running, until

MODERN = "2026-07-28"
PATIENCE = 10.0  # seconds


def client(words: list[str], mode: str, folder: Path, **options: Any) -> Client:
    program, *arguments = words
    server = StdioServerParameters(command=program, args=arguments, env=environment(folder), cwd=folder)
    return Client(server, mode=mode, read_timeout_seconds=PATIENCE, **options)


async def fill(_context: Any, params: Any) -> ElicitResult:
    """A user who fills in whatever is asked for."""
    return ElicitResult(action="accept", content=dict.fromkeys(params.requested_schema["properties"], "Ada"))


async def speak(_context: Any, params: Any) -> CreateMessageResult:
    return CreateMessageResult(role="assistant", content=TextContent(text=f"up to {params.max_tokens}"), model="m")


async def roots(_context: Any) -> ListRootsResult:
    return ListRootsResult(roots=[Root(uri="file:///work", name="Work")])


@WAYS
@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
@pytest.mark.parametrize(
    ("mode", "calls"),
    [
        (
            MODERN,
            {
                "test_input_required_result_elicitation": "Hello, Ada!",
                "test_input_required_result_sampling": "up to 100",
                "test_input_required_result_list_roots": "file:///work",
            },
        ),
        ("legacy", {"test_sampling": "LLM response: up to 100", "test_elicitation": "User response: "}),
    ],
)
async def test_the_client_answers_what_it_is_asked(
    everything: str, tmp_path: Path, way: str, mode: str, calls: dict[str, str]
) -> None:
    asked = {"elicitation_callback": fill, "sampling_callback": speak, "list_roots_callback": roots}
    words = command(way, everything, tmp_path, "tests.conformance.everything:app")
    given = {"test_sampling": {"prompt": "?"}, "test_elicitation": {"message": "who?"}}
    async with client(words, mode, tmp_path, **asked) as session:
        for tool, text in calls.items():
            answer = await session.call_tool(tool, given.get(tool, {}))
            assert answer.content[0].model_dump()["text"].startswith(text)


@WAYS
async def test_the_client_hears_of_changes(tmp_path: Path, way: str) -> None:
    with running(tmp_path, "--workers", "2", source=APP) as node:
        words = command(way, f"http://127.0.0.1:{node.port()}/mcp", tmp_path / "client", "probe:app")
        (tmp_path / "client").mkdir()
        (tmp_path / "client" / "probe.py").write_text(APP)
        async with (
            client(words, "auto", tmp_path / "client") as session,
            session.listen(tools_list_changed=True, resource_subscriptions=["note://a"]) as listening,
        ):
            for tool, event in (("update", "note://a"), ("change", "")):
                await session.call_tool(tool, {"uri": "note://a"} if tool == "update" else {})
                async with asyncio.timeout(PATIENCE):
                    assert event in str(await anext(listening))


async def test_behind_the_bridge_a_session_outlives_a_roll_and_a_restart_of_the_node(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "2", source=APP) as node:
        port = str(node.port())
        async with client(command("bridge", f"http://127.0.0.1:{port}/mcp", tmp_path), "legacy", tmp_path) as session:
            await session.call_tool("update", {"uri": "note://a"})
            before = set(node.pids().values())
            await asyncio.to_thread(ask, node.data, "reload", PATIENCE)
            await asyncio.to_thread(until, lambda: len(set(node.pids().values()) - before) == len(before), "a roll")
            await session.call_tool("update", {"uri": "note://a"})
            node.process.terminate()
            assert await asyncio.to_thread(node.wait) == 0
            calling = asyncio.create_task(session.list_tools())
            with running(tmp_path, "--workers", "2", "--port", port, source=APP):
                assert (await calling).tools
                await session.call_tool("update", {"uri": "note://a"})
