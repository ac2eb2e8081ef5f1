"""`erlmcp.testing.client`: an app in memory, in each era, as its author tests it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Struct

from erlmcp import App, Client, Context
from erlmcp.client import ClientError, LogMessage, Progress, RpcError, ToolFailed
from erlmcp.testing import client
from tests.clients.shop import app as shop

ERAS = pytest.mark.parametrize("era", ["modern", "legacy", "2026-07-28", "2025-06-18", "2024-11-05"])


@ERAS
async def test_everything_that_an_app_offers_is_listed_and_used(era: str) -> None:
    async with client(shop, era=era) as one:
        assert isinstance(one, Client)
        assert [tool.name for tool in await one.list_tools()] == ["add", "pack", "order", "bake", "brew", "crash"]
        assert [each.uri for each in await one.list_resources()] == ["shop://prices", "shop://logo"]
        assert [each.uri_template for each in await one.list_resource_templates()] == ["shop://orders/{number}"]
        assert [each.name for each in await one.list_prompts()] == ["haggle"]
        parcel = await one.call_tool("pack", {"items": ["tea"], "each": 2})
        assert (await one.read_resource("shop://logo")).contents[0].data == b"\x89PNG\r\n\x1a\n"
        assert (await one.read_resource("shop://orders/7")).text == "order 7"
        assert [m.role for m in (await one.get_prompt("haggle", {"item": "tea"})).messages] == ["user", "assistant"]
        assert (await one.complete("prompt", "haggle", "item", "te")).values == ["tea", "teapot"]
        await one.ping()
    assert parcel.text == '{"weight":2.0,"items":["tea"]}'


@ERAS
async def test_a_no_an_unknown_tool_and_a_bug_are_exceptions(era: str) -> None:
    async with client(shop, era=era) as one:
        with pytest.raises(ToolFailed, match="cake is sold out: order tea"):
            await one.call_tool("order", {"item": "cake"})
        with pytest.raises(RpcError, match="-32602"):
            await one.call_tool("steal")
        with pytest.raises(RpcError, match="-32603") as bug:
            await one.call_tool("crash")
    assert "42" not in str(bug.value)


@ERAS
async def test_progress_comes_in_order_and_before_the_answer(era: str) -> None:
    heard: list[Progress] = []
    async with client(shop, era=era) as one:
        assert (await one.call_tool("bake", {"minutes": 3}, on_progress=heard.append)).text == "baked"
    assert [(each.progress, each.total, each.message) for each in heard] == [(n, 3, f"minute {n}") for n in (1, 2, 3)]


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_log_messages_come_from_the_level_on_that_was_asked_for(era: str) -> None:
    heard: list[LogMessage] = []
    for level, count in (("warning", 1), ("error", 1)):
        async with client(shop, era=era, on_log=heard.append, log_level=level) as one:
            await one.call_tool("bake", {"minutes": 1})
        assert len(heard) == count


async def test_the_app_is_at_work_inside_and_at_rest_after() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: App) -> AsyncIterator[str]:
        told.append("opened")
        yield "the state"
        told.append("closed")

    app = App("living", lifespan=lifespan)

    @app.tool
    def state(context: Context[str]) -> str:
        """The state."""
        return context.lifespan

    async with client(app) as one:
        assert (await one.call_tool("state")).text == "the state"
        assert told == ["opened"]
    assert told == ["opened", "closed"]


class Home(Struct):
    street: str
    speed: str = "slow"


def asking() -> App:
    """An app that asks its client in every way there is."""
    app = App("asking")

    @app.tool
    async def deliver(context: Context) -> str:
        """Asks for an address."""
        home = (await context.elicit("Where to?", Home, key="home")).granted()
        return f"{home.street}, {home.speed}"

    @app.tool
    async def speak(context: Context) -> str:
        """Asks the client's model."""
        said = await context.sample("hello", max_tokens=5)
        return str(said.text)

    @app.tool
    async def where(context: Context) -> str:
        """Asks for the roots."""
        return ", ".join(root.uri for root in await context.roots())

    return app


@pytest.mark.parametrize("era", ["modern", "legacy", "2025-06-18"])
async def test_what_an_app_asks_is_answered_by_the_tests_handlers(era: str) -> None:
    handlers: Any = {
        "elicit": lambda question: {"street": f"{question.message} Lane 1"},
        "sample": lambda ask: f"at most {ask.max_tokens}",
        "roots": ["file:///home"],
    }
    async with client(asking(), era=era, timeout=5, **handlers) as one:
        assert (await one.call_tool("deliver")).text == "Where to? Lane 1, slow"
        assert (await one.call_tool("speak")).text == "at most 5"
        assert (await one.call_tool("where")).text == "file:///home"


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_client_without_handlers_is_told_what_is_missing(era: str) -> None:
    async with client(asking(), era=era, timeout=5) as one:
        with pytest.raises(ClientError, match="elicitation"):
            await one.call_tool("deliver")


async def test_to_cancel_the_caller_cancels_the_tool() -> None:
    started, stopped = asyncio.Event(), asyncio.Event()
    app = App("slow")

    @app.tool
    async def wait() -> str:
        """Waits."""
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return ""

    async with client(app) as one, asyncio.timeout(5):
        call = asyncio.create_task(one.call_tool("wait"))
        await started.wait()
        call.cancel()
        await stopped.wait()


@pytest.mark.parametrize("era", ["auto", "2027-01-01", ""])
async def test_an_era_that_is_none_is_refused(era: str) -> None:
    with pytest.raises(ValueError, match="era must be one of modern, legacy, 2026-07-28"):
        async with client(shop, era=era):
            pass


async def test_an_option_that_is_none_is_refused() -> None:
    nonsense: Any = {"tiemout": 3}
    with pytest.raises(TypeError, match="tiemout"):
        async with client(shop, **nonsense):
            pass


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_client_in_memory_hears_of_changes(era: str) -> None:
    app = App("changing")

    @app.resource("a://b")
    def read() -> str:
        """Text."""
        return "text"

    @app.tool(inline=True)
    def touch() -> str:
        """Changes it."""
        app.resource_updated("a://b")
        return "done"

    async with client(app, era=era) as one, asyncio.timeout(5), one.listen(tools=True, uris=["a://b"]) as changes:
        assert changes.honoured.get("resourceSubscriptions") == ["a://b"]
        await one.call_tool("touch")
        assert (await anext(changes)).uri == "a://b"
