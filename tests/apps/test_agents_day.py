"""An agent's day: a client with nothing but the tool list takes a signal to a published sku, over two workers.

It is stopped by a failing gate, pulls the cord for something else, asks five times why, resolves, and finishes.
"""

from collections.abc import Iterator
from typing import Any

import mcp
import pytest

from erlmcp import Client
from tests.apps.agent import Agent
from tests.serving import serving

PATIENCE = 20.0


class Ours:
    """erlmcp's own client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tools(self) -> dict[str, dict[str, Any]]:
        return {tool.name: tool.input_schema for tool in await self._client.list_tools()}

    async def call(self, tool: str, arguments: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        result = await self._client.call_tool(tool, arguments, check=False)
        return result.is_error, result.structured_content


class Theirs:
    """The official Python client."""

    def __init__(self, client: mcp.Client) -> None:
        self._client = client

    async def tools(self) -> dict[str, dict[str, Any]]:
        return {tool.name: tool.input_schema for tool in (await self._client.list_tools()).tools}

    async def call(self, tool: str, arguments: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        result = await self._client.call_tool(tool, arguments)
        assert isinstance(result.structured_content, dict), result
        return bool(result.is_error), result.structured_content


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving("erlmcp.apps.tcps:build", 2, tmp_path_factory.mktemp("day")) as url:
        yield url


async def day(agent: Agent, bucket: str) -> dict[str, Any]:
    """What somebody wants who knows the way only roughly."""
    await agent.begin()
    await agent.achieve("work_order_create", signal_type="internal", title="Patch it", bucket=bucket)
    await agent.achieve("work_order_pull", bucket=bucket)
    await agent.achieve("work_order_complete")
    return await agent.achieve("sku_publish")


async def check(agent: Agent, published: dict[str, Any]) -> None:
    """It is published, by the straight way and no other, and the chain says so."""
    sku = published["sku"]
    assert (sku["stage"], sku["status"]) == ("publication", "published")
    assert {"gate_not_run", "gate_failed", "line_stopped", "invalid_transition"} <= set(agent.refusals)
    assert {"andon_pull", "root_cause_start", "root_cause_add_why", "root_cause_finalize"} <= set(agent.called)
    shown = (await agent.achieve("sku_get"))["sku"]
    verdicts = [(each["stage"], each["verdict"]) for each in shown["history"] if each["verdict"]]
    assert [stage for stage, verdict in verdicts if verdict == "failed"] == ["test_execution"]
    assert [stage for stage, verdict in verdicts if verdict == "passed"] == [
        "shacl_validation",
        "compilation",
        "test_execution",
        "security_scan",
        "deterministic_build",
        "quality_metrics",
        "release_verification",
        "smoke_test",
    ]
    andons = (await agent.achieve("andon_list", work_order_id=sku["work_order_id"]))["andons"]
    assert {andon["type"]: (andon["status"], andon["severity"]) for andon in andons} == {
        "test_failure": ("resolved", "high"),
        "manual": ("resolved", "medium"),
    }
    assert (await agent.achieve("receipt_verify"))["chain"] == "ok"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_with_our_client_takes_a_signal_to_a_published_sku(url: str, mode: str) -> None:
    async with Client(url, mode=mode, timeout=PATIENCE) as client:
        agent = Agent(Ours(client))
        await check(agent, await day(agent, "cost" if mode == "auto" else "features"))


async def test_an_agent_with_the_official_client_takes_a_signal_to_a_published_sku(url: str) -> None:
    async with mcp.Client(url, mode="auto", read_timeout_seconds=PATIENCE) as client:
        agent = Agent(Theirs(client))
        await check(agent, await day(agent, "reliability"))
