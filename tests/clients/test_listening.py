"""The official Python client listens for changes at four workers, and hears when they leave."""

import asyncio
import signal
from pathlib import Path

from mcp import Client

from tests.node.listening import APP
from tests.node.nodes import running

PATIENCE = 5.0  # seconds


async def test_it_hears_of_changes_at_any_worker_and_its_loop_ends_when_the_node_leaves(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "4", source=APP) as node:
        async with Client(f"http://127.0.0.1:{node.port()}/mcp", mode="auto") as session:
            assert session.server_capabilities.tools is not None
            assert session.server_capabilities.tools.list_changed is True
            async with session.listen(tools_list_changed=True, resource_subscriptions=["note://a"]) as listening:
                assert listening.honored.tools_list_changed is True
                assert listening.honored.resource_subscriptions == ["note://a"]
                for _ in range(8):  # whichever worker is asked
                    await session.call_tool("update", {"uri": "note://a"})
                    async with asyncio.timeout(PATIENCE):
                        event = await anext(listening)
                    assert "note://a" in str(event)
                await session.call_tool("update", {"uri": "note://b"})
                await session.call_tool("change", {})
                async with asyncio.timeout(PATIENCE):
                    event = await anext(listening)
                assert type(event).__name__ == "ToolsListChanged"
                node.process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(PATIENCE):
                    assert [event async for event in listening] == []
        assert await asyncio.to_thread(node.wait) == 0
