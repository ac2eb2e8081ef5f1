"""The lifespan of an app: open while it runs, there for every handler, and typed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from erlmcp import App, Context
from erlmcp.mcp import Depends
from tests.mcp.author import call, text


class State(msgspec.Struct):
    name: str
    open: bool = True


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[State]:
    state = State(app.name)
    try:
        yield state
    finally:
        state.open = False


def shop() -> App:
    app = App("shop", lifespan=lifespan)

    @app.tool
    async def whose(ctx: Context[State]) -> str:
        return ctx.lifespan.name

    def name(ctx: Context[State]) -> str:
        return ctx.lifespan.name

    @app.tool(inline=True)
    def through(found: str = Depends(name)) -> str:
        return found

    return app


async def test_what_the_lifespan_yields_is_there_for_functions_and_their_dependencies() -> None:
    app = shop()
    async with app.running():
        assert text(await call(app, "whose")) == text(await call(app, "through")) == "shop"


async def test_it_is_closed_when_the_app_no_longer_runs() -> None:
    app = shop()
    async with app.running():
        state: State = app.lifespan
        assert state.open
    assert not state.open


async def test_a_handler_of_an_app_that_does_not_run_is_told_so() -> None:
    app = shop()
    with pytest.raises(RuntimeError, match=r"serve it within `async with app.running\(\)`"):
        await call(app, "whose")
    async with app.running():
        pass
    with pytest.raises(RuntimeError, match="not entered"):
        await call(app, "whose")


async def test_an_app_without_a_lifespan_has_none() -> None:
    app = App("a")

    @app.tool(inline=True)
    def tell(ctx: Context) -> bool:
        return ctx.lifespan is None

    async with app.running():
        assert (await call(app, "tell"))["structuredContent"] == {"result": True}


async def test_what_the_lifespan_raises_ends_the_start() -> None:
    @asynccontextmanager
    async def broken(app: App) -> AsyncIterator[None]:
        raise ConnectionError("no database")
        yield

    with pytest.raises(ConnectionError, match="no database"):
        async with App("a", lifespan=broken).running():
            pytest.fail("it runs")


async def test_a_lifespan_that_is_no_context_manager_is_refused_with_what_to_do() -> None:
    async def bare(app: App) -> AsyncIterator[None]:
        yield

    given: Any = bare
    with pytest.raises(TypeError, match=r"decorate it with contextlib\.asynccontextmanager"):
        async with App("a", lifespan=given).running():
            pytest.fail("it runs")
    with pytest.raises(TypeError, match="lifespan must be a function"):
        App("a", lifespan=5)  # type: ignore[arg-type]
