"""The official Python client, in both eras, against four workers."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import LoggingMessageNotificationParams, PromptReference

from tests.serving import serving

MODERN = "2026-07-28"
ERAS = pytest.mark.parametrize("mode", ["legacy", MODERN])
PATIENCE = 5.0  # seconds


@pytest.fixture(scope="module")
def small_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the same shop, with four tools on a page."""
    with serving("tests.clients.shop:app", 1, tmp_path_factory.mktemp("pages"), ERLMCP_MCP__PAGE_SIZE="4") as url:
        yield url


def client(url: str, mode: str, **options: Any) -> Client:
    """A client of that era; it must not wait for ever."""
    return Client(url, mode=mode, read_timeout_seconds=PATIENCE, **options)


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", MODERN), (MODERN, MODERN)])
async def test_each_way_to_connect_agrees_on_its_era(shop: str, mode: str, version: str) -> None:
    async with client(shop, mode) as session:
        assert session.protocol_version == version


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_server_says_who_it_is_and_what_it_can(shop: str, mode: str) -> None:
    async with client(shop, mode) as session:
        assert session.server_info is not None
        assert (session.server_info.name, session.server_info.version) == ("shop", "2.1")
        assert session.instructions == "Ask for prices before you order."
        can = session.server_capabilities
        assert all(part is not None for part in (can.tools, can.resources, can.prompts, can.completions))


@ERAS
async def test_tools_are_listed_in_the_order_they_were_written(shop: str, mode: str) -> None:
    async with client(shop, mode) as session:
        listed = (await session.list_tools()).tools
    assert [tool.name for tool in listed] == ["add", "pack", "order", "bake", "brew", "crash"]
    assert listed[0].description == "Adds two numbers."
    properties = listed[0].input_schema["properties"]
    assert {name: schema["description"] for name, schema in properties.items()} == {
        "a": "The first number.",
        "b": "The second number.",
    }


@ERAS
async def test_a_list_longer_than_a_page_is_walked_by_its_cursors(mode: str, small_pages: str) -> None:
    async with client(small_pages, mode) as session:
        first = await session.list_tools()
        rest = await session.list_tools(cursor=first.next_cursor)
        with pytest.raises(MCPError) as refused:
            await session.list_tools(cursor="nonsense")
    assert [tool.name for tool in first.tools + rest.tools] == ["add", "pack", "order", "bake", "brew", "crash"]
    assert (len(first.tools), rest.next_cursor, refused.value.code) == (4, None, -32602)


@ERAS
async def test_a_call_answers_with_text_and_structured_content(shop: str, mode: str) -> None:
    async with client(shop, mode) as session:
        parcel = await session.call_tool("pack", {"items": ["tea", "pot"]})
        total = await session.call_tool("add", {"a": 2, "b": 40.0})
    assert (parcel.is_error, parcel.structured_content) == (False, {"weight": 1.0, "items": ["tea", "pot"]})
    assert total.content[0].model_dump(include={"type", "text"}) == {"type": "text", "text": "42"}


@ERAS
async def test_a_tool_that_says_no_says_why(shop: str, mode: str) -> None:
    async with client(shop, mode) as session:
        answer = await session.call_tool("order", {"item": "cake"})
    assert (answer.is_error, answer.content[0].model_dump()["text"]) == (True, "cake is sold out: order tea")


@ERAS
async def test_wrong_arguments_are_an_error_that_a_model_can_mend(shop: str, mode: str) -> None:
    async with client(shop, mode) as session:
        answer = await session.call_tool("add", {"a": "two", "b": 2})
    assert answer.is_error
    assert "a" in answer.content[0].model_dump()["text"]


@ERAS
async def test_an_unknown_tool_is_a_protocol_error(shop: str, mode: str) -> None:
    async with client(shop, mode) as session:
        with pytest.raises(MCPError) as refused:
            await session.call_tool("steal", {})
    assert refused.value.code == -32602


@ERAS
async def test_a_bug_in_a_tool_is_answered_without_its_secrets(shop: str, mode: str) -> None:
    async with client(shop, mode) as session:
        with pytest.raises(MCPError) as broken:
            await session.call_tool("crash", {})
    assert broken.value.code == -32603
    assert "42" not in broken.value.message


@ERAS
async def test_progress_arrives_in_order_and_before_the_answer(shop: str, mode: str) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        seen.append((done, total, message))

    async with client(shop, mode) as session:
        answer = await session.call_tool("bake", {"minutes": 3}, progress_callback=progress)
    assert seen == [(1, 3, "minute 1"), (2, 3, "minute 2"), (3, 3, "minute 3")]
    assert answer.content[0].model_dump()["text"] == "baked"


@pytest.mark.parametrize(("level", "heard"), [("info", 1), ("warning", 1), ("error", 0), (None, 0)])
async def test_log_messages_come_from_the_level_that_was_asked_for(shop: str, level: Any, heard: int) -> None:
    messages: list[LoggingMessageNotificationParams] = []

    async def hear(message: LoggingMessageNotificationParams) -> None:
        messages.append(message)

    async with client(shop, MODERN, logging_callback=hear, log_level=level) as session:
        await session.call_tool("bake", {"minutes": 1})
    assert [(m.level, m.logger, m.data) for m in messages] == [("warning", "oven", {"oven": "hot"})] * heard


async def test_a_modern_client_that_goes_away_stops_its_tool(shop: str) -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            told.put_nowait(line)
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as kitchen, client(shop, MODERN) as session:
        call = asyncio.create_task(session.call_tool("brew", {"port": kitchen.sockets[0].getsockname()[1]}))
        assert await asyncio.wait_for(told.get(), PATIENCE) == b"started\n"
        call.cancel()
        assert await asyncio.wait_for(told.get(), PATIENCE) == b"stopped\n"


@ERAS
async def test_resources_are_listed_and_read(shop: str, mode: str) -> None:
    async with client(shop, mode) as session:
        resources = (await session.list_resources()).resources
        templates = (await session.list_resource_templates()).resource_templates
        text = (await session.read_resource("shop://prices")).contents[0].model_dump()
        blob = (await session.read_resource("shop://logo")).contents[0].model_dump()
        filled = (await session.read_resource("shop://orders/7")).contents[0].model_dump()
    assert [(r.uri, r.name, r.mime_type) for r in resources] == [
        ("shop://prices", "prices", "text/csv"),
        ("shop://logo", "logo", "image/png"),
    ]
    assert [t.uri_template for t in templates] == ["shop://orders/{number}"]
    assert (text["mime_type"], text["text"]) == ("text/csv", "tea,2\ncake,3\n")
    assert (blob["mime_type"], blob["blob"]) == ("image/png", "iVBORw0KGgo=")
    assert (filled["uri"], filled["text"]) == ("shop://orders/7", "order 7")


@pytest.mark.parametrize(("mode", "code"), [("legacy", -32002), (MODERN, -32602)])
async def test_a_resource_that_is_not_there_has_the_code_of_its_era(shop: str, mode: str, code: int) -> None:
    async with client(shop, mode) as session:
        with pytest.raises(MCPError) as refused:
            await session.read_resource("shop://cellar")
    assert (refused.value.code, refused.value.data) == (code, {"uri": "shop://cellar"})


@ERAS
async def test_prompts_are_listed_and_filled(shop: str, mode: str) -> None:
    async with client(shop, mode) as session:
        (prompt,) = (await session.list_prompts()).prompts
        filled = await session.get_prompt("haggle", {"item": "tea"})
        with pytest.raises(MCPError) as refused:
            await session.get_prompt("threaten", {})
    assert prompt.arguments is not None
    assert [(a.name, a.description, a.required) for a in prompt.arguments] == [("item", "What the price is for.", True)]
    assert [(m.role, m.content.model_dump()["text"]) for m in filled.messages] == [
        ("user", "Is tea cheaper tomorrow?"),
        ("assistant", "I will ask."),
    ]
    assert refused.value.code == -32602


@ERAS
async def test_an_argument_is_completed(shop: str, mode: str) -> None:
    reference = PromptReference(type="ref/prompt", name="haggle")
    async with client(shop, mode) as session:
        answer = await session.complete(reference, {"name": "item", "value": "te"})
    assert answer.completion.values == ["tea", "teapot"]


async def test_a_legacy_client_may_ping(shop: str) -> None:
    async with client(shop, "legacy") as session:
        with pytest.warns(MCPDeprecationWarning):
            await session.send_ping()


@ERAS
async def test_sixteen_clients_at_once_are_all_answered(shop: str, mode: str) -> None:
    async def calls(first: int) -> list[str]:
        async with client(shop, mode) as session:
            answers = [await session.call_tool("add", {"a": first, "b": n}) for n in range(5)]
        return [answer.content[0].model_dump()["text"] for answer in answers]

    sums = await asyncio.wait_for(asyncio.gather(*map(calls, range(16))), 4 * PATIENCE)
    assert sums == [[str(first + n) for n in range(5)] for first in range(16)]
