"""Questions where the era lets a function wait for the answer: in a task, in a thread, and not where the loop would."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from erlmcp import App, Context, ToolError
from erlmcp.jsonrpc import RpcError
from erlmcp.mcp import Facts
from erlmcp.mcp.inputs import Answers, InputRequest
from tests.mcp.asking import ADA, EVERYTHING, Named
from tests.mcp.author import Heard, answer, text, until

OLDER = Facts(b"1", "2025-11-25", modern=False, method="tools/call", capabilities=msgspec.json.encode(EVERYTHING))


class Patient:
    """An `Ask` that keeps its questions until it is given the answers, as one with a session does."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, InputRequest]] = []
        self.answers: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()

    async def __call__(self, context: Context, requests: Mapping[str, InputRequest]) -> Answers:
        self.asked.append(requests)
        return await self.answers

    def say(self, **answers: Any) -> None:
        self.answers.set_result({key: msgspec.json.encode(each) for key, each in answers.items()})


def shop() -> App:
    app = App("shop")

    @app.tool
    async def task(ctx: Context) -> str:
        """Ask in a task."""
        return (await ctx.elicit("Your name?", Named, key="who")).granted().name

    @app.tool
    def thread(ctx: Context) -> str:
        """Ask in a thread."""
        return ctx.wait(ctx.elicit("Your name?", Named, key="who")).granted().name

    @app.tool(inline=True)
    def inline(ctx: Context) -> str:
        """Ask on the loop."""
        return ctx.wait(ctx.elicit("Your name?", Named, key="who")).granted().name

    @app.tool
    async def blocking(ctx: Context) -> str:
        """Wait where one awaits."""
        return ctx.wait(ctx.elicit("Your name?", Named, key="who")).granted().name

    return app


def called(app: App, name: str, ctx: Context) -> Any:
    tool = app.tools.get(name)
    assert tool is not None
    return tool.call(None, ctx)


@pytest.mark.parametrize("name", ["task", "thread"])
async def test_a_function_goes_on_where_it_was_when_the_answer_comes(name: str):
    ask, app = Patient(), shop()
    running = called(app, name, Context(OLDER, Heard(), ask))
    await until(lambda: ask.asked)
    assert ask.asked[0]["who"].method == "elicitation/create"
    ask.say(who=ADA)
    assert text(await answer(running)) == "Ada"
    app.close()


@pytest.mark.parametrize("name", ["task", "thread"])
async def test_what_is_no_answer_fails_the_call_in_words(name: str):
    ask, app = Patient(), shop()
    running = called(app, name, Context(OLDER, Heard(), ask))
    await until(lambda: ask.asked)
    ask.say(who={"action": "accept", "content": {"name": 5}})
    with pytest.raises(RpcError, match=r"the answer to elicitation/create \(who\) is none: content: Expected `str`"):
        await answer(running)
    app.close()


async def test_a_thread_that_waits_is_let_go_when_the_request_is_cancelled():
    ask, app, seen = Patient(), App("shop"), []

    @app.tool
    def thread(ctx: Context) -> str:
        """Ask in a thread."""
        try:
            return ctx.wait(ctx.elicit("Your name?", Named)).granted().name
        except ToolError as error:
            seen.append(error.message)
            raise

    running = called(app, "thread", Context(OLDER, Heard(), ask))
    await until(lambda: ask.asked)
    running.cancel()
    await until(lambda: seen)
    assert seen == ["the request was cancelled"]
    await until(lambda: app.pool.taken == 0)
    app.close()


@pytest.mark.parametrize("name", ["inline", "blocking"])
async def test_waiting_where_the_loop_would_is_the_authors_mistake(name: str):
    with pytest.raises(RuntimeError, match="would block the loop: make the function async and await it"):
        await answer(called(shop(), name, Context(OLDER, Heard(), Patient())))


async def test_state_is_a_plain_dict_where_the_function_runs_once():
    ctx = Context(OLDER, Heard(), Patient())
    ctx.state["a"] = 1
    assert ctx.state == {"a": 1}
