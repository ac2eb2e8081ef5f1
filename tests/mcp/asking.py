"""An app that asks, and a client that answers round by round, as the tests of questions share them."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from erlmcp import App, Context
from erlmcp.http import Response
from erlmcp.mcp import Backplane, Elicit, Endpoint, FixedRing, Options, Roots, Sample, Sealer
from tests.mcp.posts import PREFIX, modern, said

EVERYTHING = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}, "context": {}}, "roots": {}}
ADA = {"action": "accept", "content": {"name": "Ada"}}
RED = {"action": "accept", "content": {"color": "red"}}
SPOKE = {"role": "assistant", "content": {"type": "text", "text": "Hi"}, "model": "m", "stopReason": "endTurn"}
ROOTS = {"roots": [{"uri": "file:///w", "name": "W"}]}


class Named(msgspec.Struct):
    name: str


class Colored(msgspec.Struct):
    color: Literal["red", "blue"]


class Clock:
    """The Unix time, which stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


def asking() -> App:
    """An app whose functions ask in every way there is."""
    app = App("asking")

    @app.tool
    async def greet(ctx: Context, greeting: str = "Hello") -> str:
        """Ask for a name."""
        return f"{greeting}, {(await ctx.elicit('Your name?', Named, key='who')).granted().name}!"

    @app.tool
    async def two(ctx: Context) -> str:
        """Ask twice, without keys."""
        name = (await ctx.elicit("Your name?", Named)).granted().name
        color = (await ctx.elicit("Your color?", Colored)).granted().color
        return f"{name} likes {color}"

    @app.tool
    async def several(ctx: Context) -> str:
        """Ask three things at once."""
        answers = await ctx.ask(
            {"who": Elicit("Your name?", Named), "hi": Sample("Greet", max_tokens=5), "where": Roots()}
        )
        return f"{answers['hi'].text} {answers['who'].granted().name} {answers['where'][0].name}"

    @app.tool
    def threaded(ctx: Context) -> str:
        """Ask from a thread."""
        return ctx.wait(ctx.elicit("Your name?", Named, key="who")).granted().name

    @app.tool(inline=True)
    def inline(ctx: Context) -> str:
        """Ask on the loop."""
        return ctx.wait(ctx.elicit("Your name?", Named, key="who")).granted().name

    @app.tool
    async def grouped(ctx: Context) -> str:
        """Ask in a task group, and swallow every Exception."""
        try:
            async with asyncio.TaskGroup() as group:
                who = group.create_task(ctx.elicit("Your name?", Named, key="who"))
        except Exception:  # noqa: BLE001 - what the test is about
            return "swallowed"
        return who.result().granted().name

    @app.tool
    async def remembering(ctx: Context) -> str:
        """Keep something while asking."""
        ctx.state["runs"] = ctx.state.get("runs", 0) + 1
        await ctx.elicit("Your name?", Named)
        await ctx.elicit("Your color?", Colored)
        return f"{ctx.state['runs']} runs"

    ask_beyond_tools(app)
    return app


def ask_beyond_tools(app: App) -> None:
    """A resource and a prompt that ask."""

    @app.resource("asking://page")
    async def page(ctx: Context) -> str:
        """A page for somebody."""
        return (await ctx.elicit("Your name?", Named, key="who")).granted().name

    @app.prompt
    async def about(ctx: Context) -> str:
        """A prompt about somebody."""
        return (await ctx.elicit("Your name?", Named, key="who")).granted().name


class Client:
    """One that declares `capabilities` and comes back with answers; `served` may differ from round to round."""

    def __init__(self, app: App | None = None, *, ring: FixedRing | None = None, **options: Any) -> None:
        self.app = app or asking()
        self.clock = Clock()
        self.ring = ring or FixedRing(b"k" * 32)
        self.options = Options(**options)
        self.outcomes: list[str] = []
        self.app.bind(self.options)
        self.served = self.worker()

    def worker(self) -> Endpoint:
        """Another worker that serves the same app."""
        plane = Backplane(sealer=Sealer(self.ring), now=self.clock)
        return Endpoint(self.app, self.options, lambda *told: self.outcomes.append(told[2]), plane)

    async def post(
        self, method: str, params: Mapping[str, Any], capabilities: Mapping[str, Any] | None = None
    ) -> Response:
        meta = {PREFIX + "clientCapabilities": EVERYTHING if capabilities is None else capabilities}
        answer = self.served(modern(method, dict(params), meta=meta))
        if not isinstance(answer, Response):
            answer = await asyncio.wait_for(answer, 5)
        assert isinstance(answer, Response)
        return answer

    async def call(self, name: str, capabilities: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """The result of a tool call, or the error; `more` stands beside the name."""
        told = said(await self.post("tools/call", {"name": name, "arguments": {}, **more}, capabilities))
        return told.get("result") or told["error"]


def text(result: Mapping[str, Any]) -> str:
    assert result["resultType"] == "complete", json.dumps(result)
    assert result["isError"] is False, json.dumps(result)
    return result["content"][0]["text"]
