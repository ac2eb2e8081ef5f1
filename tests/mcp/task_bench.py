"""An app for the tests of tasks, whose tools wait until they are let go."""

import asyncio

import msgspec

from erlmcp import App, Context, ToolError
from erlmcp.jsonrpc import RpcError
from erlmcp.mcp import Elicit


class Name(msgspec.Struct):
    name: str


class Bench:
    """An app whose tools wait until they are let go."""

    def __init__(self) -> None:
        self.app = App("bench")
        self.gate = asyncio.Event()
        self.cancelled = asyncio.Event()
        app = self.app

        @app.tool(task="optional")
        async def work(size: int = 1) -> str:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return "x" * size

        @app.tool(task="required")
        async def refuse() -> str:
            raise ToolError("not today")

        @app.tool(task="optional")
        async def crash(code: int = 0) -> str:
            if code:
                raise RpcError(code, "an error of its own", b'{"why":"x"}')
            raise KeyError("the secret")

        @app.tool(task="optional")
        async def greet(ctx: Context) -> str:
            return f"Hello, {(await ctx.elicit('Who?', Name)).granted().name}!"

        @app.tool(task="optional")
        async def both(ctx: Context) -> str:
            answers = await ctx.ask({"a": Elicit("A?", Name), "b": Elicit("B?", Name)})
            return " ".join(answers[key].granted().name for key in ("a", "b"))

        @app.tool(task="optional")
        async def report(ctx: Context) -> str:
            await ctx.progress(1, 3)
            await ctx.info("nobody hears this")
            await self.gate.wait()
            await ctx.progress(3, 3, "all done")
            return "reported"

        @app.tool(task="required", task_later=True)
        async def later(ctx: Context, ask: bool = True) -> str:
            name = (await ctx.elicit("Who?", Name, key="who")).granted().name if ask else "nobody"
            assert ctx.task_id is None
            await ctx.become_task()
            await ctx.become_task()
            await self.gate.wait()
            return f"{name} as {ctx.task_id}"
