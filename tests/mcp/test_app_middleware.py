"""Middleware: what it sees, what it may change and refuse, and its order."""

import asyncio
from typing import Any

import pytest

from erlmcp import App, ToolError
from erlmcp.http import Response
from erlmcp.jsonrpc import RpcError
from erlmcp.mcp import Invocation, Options, Proceed, Reply
from erlmcp.mcp.types import Argument, PromptReference
from tests.mcp.author import answer, call, context, text
from tests.mcp.posts import call as calling
from tests.mcp.posts import endpoint


def shop() -> App:
    app = App("shop")

    @app.tool(inline=True)
    def price(item: str) -> str:
        return f"{item}: 3"

    @app.tool
    async def slow(item: str) -> str:
        await asyncio.sleep(0)
        return item

    @app.resource("shop://{item}", inline=True)
    def read(item: str) -> str:
        return item

    @app.prompt(inline=True)
    def praise(item: str) -> str:
        return item

    @app.completion(prompt="praise", argument="item", inline=True)
    def items(value: str) -> list[str]:
        return [value + "elon"]

    return app


async def test_it_sees_every_call_of_a_function_with_its_target_and_arguments() -> None:
    app, seen = shop(), []

    @app.middleware
    async def watch(invocation: Invocation, proceed: Proceed) -> Reply:
        seen.append((invocation.method, invocation.target, invocation.arguments))
        return await proceed(invocation)

    app.bind(Options())
    assert text(await call(app, "price", {"item": "melon"})) == "melon: 3"
    assert text(await call(app, "slow", {"item": "melon"})) == "melon"
    await answer(app.read("shop://melon", context()))
    await answer(app.prompts.get("praise").get(b'{"item":"melon"}', context()))  # type: ignore[union-attr]
    completed = await answer(app.complete(PromptReference("praise"), Argument("item", "m"), {}, context()))
    assert completed["completion"]["values"] == ["melon"]
    assert seen == [
        ("tools/call", "price", {"item": "melon"}),
        ("tools/call", "slow", {"item": "melon"}),
        ("resources/read", "shop://melon", {"item": "melon"}),
        ("prompts/get", "praise", {"item": "melon"}),
        ("completion/complete", "praise", {"argument": "item", "value": "m", "arguments": {}}),
    ]


async def test_the_first_is_outermost() -> None:
    lines: list[str] = []

    def named(name: str) -> Any:
        async def around(invocation: Invocation, proceed: Proceed) -> Reply:
            lines.append(f"{name} in")
            reply = await proceed(invocation)
            lines.append(f"{name} out")
            return reply

        return around

    app = App("a", middleware=[named("one"), named("two")])
    app.tool(lambda: lines.append("tool"), name="tool", inline=True)
    app.bind(Options())
    await call(app, "tool")
    assert lines == ["one in", "two in", "tool", "two out", "one out"]


async def test_it_may_change_arguments_and_answer() -> None:
    app = shop()

    @app.middleware
    async def shout(invocation: Invocation, proceed: Proceed) -> Reply:
        reply = await proceed(invocation.having({"item": invocation.arguments["item"].upper()}))
        result = reply.result
        result["content"].append({"type": "text", "text": "!"})
        return Reply.of(result)

    app.bind(Options())
    assert [each["text"] for each in (await call(app, "price", {"item": "melon"}))["content"]] == ["MELON: 3", "!"]


async def test_a_tool_is_refused_in_words_for_the_model_and_the_function_is_not_called() -> None:
    app, called = App("a"), []

    @app.middleware
    async def deny(invocation: Invocation, proceed: Proceed) -> Reply:
        raise ToolError("not today")

    app.tool(lambda: called.append(1), name="tool", inline=True)
    app.prompt(lambda: "x", name="prompt", inline=True)
    app.bind(Options())
    refused = await call(app, "tool")
    assert (refused["isError"], text(refused), called) == (True, "not today", [])
    with pytest.raises(RpcError, match="not today"):
        await answer(app.prompts.get("prompt").get(None, context()))  # type: ignore[union-attr]


async def test_it_sees_the_no_of_a_tool_as_a_reply_and_its_crash_as_the_exception() -> None:
    app, seen = App("a"), []

    @app.middleware
    async def watch(invocation: Invocation, proceed: Proceed) -> Reply:
        try:
            reply = await proceed(invocation)
        except KeyError:
            seen.append("crash")
            raise
        seen.append("no" if reply.is_error else "yes")
        return reply

    @app.tool(inline=True)
    def choose(how: str) -> str:
        if how == "no":
            raise ToolError("no")
        return {"yes": "yes"}[how]

    app.bind(Options())
    for how in ("yes", "no"):
        await call(app, "choose", {"how": how})
    with pytest.raises(KeyError):
        await call(app, "choose", {"how": "crash"})
    assert seen == ["yes", "no", "crash"]


async def test_what_it_returns_must_be_a_reply() -> None:
    app = shop()

    @app.middleware
    async def forgetful(invocation: Invocation, proceed: Proceed) -> Any:
        await proceed(invocation)

    app.bind(Options())
    with pytest.raises(TypeError, match="returned NoneType, and no Reply"):
        await call(app, "price", {"item": "melon"})


def test_what_is_not_async_is_refused() -> None:
    def sync(invocation: Invocation, proceed: Proceed) -> Any:
        return None

    with pytest.raises(TypeError, match="middleware is an async function"):
        App("a").middleware(sync)


async def test_without_middleware_an_inline_tool_is_answered_at_once_and_the_way_in_is_bare() -> None:
    app = shop()
    app.bind(Options())
    tool = app.tools.get("price")
    assert tool is not None
    assert tool.call is tool._bare
    assert isinstance(endpoint(app)(calling("price", item="x")), Response)


async def test_middleware_with_its_function_may_take_twice_the_time_of_the_function() -> None:
    app = App("a")

    @app.middleware
    async def stuck(invocation: Invocation, proceed: Proceed) -> Reply:
        await asyncio.sleep(60)
        return await proceed(invocation)

    @app.tool(timeout=0.01)
    async def quick() -> str:
        return "quick"

    app.bind(Options())
    assert text(await call(app, "quick")) == "timed out after 0.02 s"
