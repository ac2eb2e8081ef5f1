"""FastMCP's client over HTTP, in both eras, against four workers."""

import asyncio
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

MODERN = "2026-07-28"
MODES = pytest.mark.parametrize("mode", ["auto", "legacy", MODERN])
PATIENCE = 10.0  # seconds


@MODES
async def test_everything_that_is_offered_can_be_used(shop: str, mode: Any) -> None:
    seen: list[float] = []

    async def progress(done: float, _total: float | None, _message: str | None) -> None:
        seen.append(done)

    async with Client(shop, mode=mode, timeout=PATIENCE) as session:
        assert [tool.name for tool in await session.list_tools()][:3] == ["add", "pack", "order"]
        assert (await session.call_tool("add", {"a": 2, "b": 40})).structured_content == {"result": 42}
        assert (await session.call_tool("pack", {"items": ["tea"]})).data.items == ["tea"]
        await session.call_tool("bake", {"minutes": 3}, progress_handler=progress)
        with pytest.raises(ToolError, match="cake is sold out: order tea"):
            await session.call_tool("order", {"item": "cake"})
        assert (await session.read_resource("shop://orders/7"))[0].text == "order 7"
        assert len((await session.get_prompt("haggle", {"item": "tea"})).messages) == 2
    assert seen == [1, 2, 3]


async def test_it_answers_what_it_is_asked_in_rounds(everything: str) -> None:
    async def fill(_message: str, form: Any, _params: Any, _context: Any) -> Any:
        return form(name="Ada")

    async with Client(everything, mode=MODERN, elicitation_handler=fill, timeout=PATIENCE) as session:
        answer = await session.call_tool("test_input_required_result_elicitation", {})
    assert answer.content[0].text == "Hello, Ada!"  # type: ignore[union-attr]


async def test_it_answers_requests_of_the_server(everything: str) -> None:
    async def fill(_message: str, form: Any, _params: Any, _context: Any) -> Any:
        return form(username="ada", email="ada@x")

    async with Client(everything, mode="legacy", elicitation_handler=fill, timeout=PATIENCE) as session:
        answer = await session.call_tool("test_elicitation", {"message": "who?"})
    assert "ada@x" in answer.content[0].text  # type: ignore[union-attr]


@MODES
async def test_eight_clients_at_once_are_all_answered(shop: str, mode: Any) -> None:
    async def calls(first: int) -> list[Any]:
        async with Client(shop, mode=mode, timeout=PATIENCE) as session:
            return [(await session.call_tool("add", {"a": first, "b": n})).data.result for n in range(5)]

    sums = await asyncio.wait_for(asyncio.gather(*map(calls, range(8))), 4 * PATIENCE)
    assert sums == [[first + n for n in range(5)] for first in range(8)]
