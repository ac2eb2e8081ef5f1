"""One app mounted in another: names, what stays around what is its own, and what is refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from erlmcp import App, Context, ToolError
from erlmcp.mcp import Given, Invocation, Options, Proceed, Reply, ResourceNotFound
from erlmcp.mcp.types import Argument, PromptReference, ResourceReference
from tests.mcp.author import answer, call, context, listed, text
from tests.mcp.posts import endpoint, legacy, modern, said


def weather() -> App:
    app = App("weather")

    @app.tool(inline=True)
    def now(city: str) -> str:
        """What it is like."""
        return f"sunny in {city}"

    @app.tool
    async def later(city: str) -> str:
        await asyncio.sleep(0)
        return f"rain in {city}"

    @app.resource("weather://all", inline=True)
    def everything() -> str:
        return "sun"

    @app.resource("weather://{city}/now", inline=True)
    def city_now(city: str) -> str:
        if city == "atlantis":
            raise ResourceNotFound("weather://atlantis/now")
        return city

    @app.prompt(inline=True)
    def tell(city: str) -> str:
        return city

    @app.completion(prompt="tell", argument="city", inline=True)
    def prompted(value: str) -> list[str]:
        return ["Ulm"]

    @app.completion(resource="weather://{city}/now", argument="city", inline=True)
    def cities(value: str) -> list[str]:
        return ["Bonn"]

    return app


def travel() -> App:
    app = App("travel")
    app.tool(lambda: "booked", name="book", inline=True)
    app.mount(weather(), "weather")
    app.bind(Options())
    return app


async def test_its_features_stand_behind_the_outer_ones_under_the_prefix() -> None:
    app = travel()
    assert [each["name"] for each in listed(app)] == ["book", "weather_now", "weather_later"]
    assert listed(app)[1]["description"] == "What it is like."
    assert [each["uri"] for each in listed(app, "resources")] == ["weather://weather/all"]
    assert [each["uriTemplate"] for each in listed(app, "resourceTemplates")] == ["weather://weather/{city}/now"]
    assert [each["name"] for each in listed(app, "prompts")] == ["weather_tell"]


async def test_they_are_called_read_got_and_completed() -> None:
    app = travel()
    assert text(await call(app, "weather_now", {"city": "Ulm"})) == "sunny in Ulm"
    assert text(await call(app, "weather_later", {"city": "Ulm"})) == "rain in Ulm"
    assert "argument city is required" in text(await call(app, "weather_now", {}))
    read = await answer(app.read("weather://weather/Ulm/now", context()))
    assert read["contents"] == [{"uri": "weather://weather/Ulm/now", "mimeType": "text/plain", "text": "Ulm"}]
    assert (await answer(app.read("weather://weather/all", context())))["contents"][0]["text"] == "sun"
    argument = Argument("city", "")
    prompt = app.complete(PromptReference("weather_tell"), argument, {}, context())
    assert (await answer(prompt))["completion"]["values"] == ["Ulm"]
    template = app.complete(ResourceReference("weather://weather/{city}/now"), argument, {}, context())
    assert (await answer(template))["completion"]["values"] == ["Bonn"]


@pytest.mark.parametrize("ask", [modern, legacy])
def test_a_resource_that_is_not_there_is_told_by_the_uri_that_was_asked_for(ask: Callable[..., Any]) -> None:
    response: Any = endpoint(travel())(ask("resources/read", {"uri": "weather://weather/atlantis/now"}))
    assert said(response)["error"]["data"] == {"uri": "weather://weather/atlantis/now"}


async def test_the_mounted_app_is_what_it_was_by_itself() -> None:
    inner = weather()
    App("outer").mount(inner, "in")
    inner.bind(Options())
    assert [each["name"] for each in listed(inner)] == ["now", "later"]
    assert text(await call(inner, "now", {"city": "Ulm"})) == "sunny in Ulm"


async def test_threads_are_those_of_the_app_that_is_served() -> None:
    inner, outer = App("inner"), App("outer")
    outer.mount(inner, "in")
    outer.bind(Options())
    assert inner.pool is outer.pool
    inner.bind(Options())
    assert inner.pool is not outer.pool
    inner.close()
    outer.close()


async def test_what_is_registered_there_later_is_here_as_well() -> None:
    inner, outer = weather(), App("outer")
    outer.mount(inner, "in")
    inner.tool(lambda: "new", name="new", inline=True)
    assert [each["name"] for each in listed(outer)] == ["in_now", "in_later", "in_new"]
    inner.remove_tool("now")
    assert [each["name"] for each in listed(outer)] == ["in_later", "in_new"]


async def test_apps_are_mounted_in_apps_that_are_mounted() -> None:
    middle, outer = App("middle"), App("outer")
    outer.mount(middle, "m")
    middle.mount(weather(), "w")
    outer.bind(Options())
    assert text(await call(outer, "m_w_now", {"city": "Ulm"})) == "sunny in Ulm"
    read = await answer(outer.read("weather://m/w/Ulm/now", context()))
    assert read["contents"][0]["text"] == "Ulm"


async def test_lifespans_are_open_side_by_side_and_each_function_has_its_own() -> None:
    lines: list[str] = []

    def made(name: str) -> App:
        @asynccontextmanager
        async def lifespan(app: App) -> AsyncIterator[str]:
            lines.append(f"open {name}")
            yield name
            lines.append(f"close {name}")

        app = App(name, lifespan=lifespan)

        @app.tool
        async def whose(ctx: Context[str]) -> str:
            return ctx.lifespan

        return app

    outer, inner = made("outer"), made("inner")
    outer.mount(inner, "in")
    outer.bind(Options())
    async with outer.running():
        assert text(await call(outer, "whose")) == "outer"
        assert text(await call(outer, "in_whose")) == "inner"
    assert lines == ["open outer", "open inner", "close inner", "close outer"]


async def test_middleware_goes_around_what_is_its_app_s_the_outer_one_outside() -> None:
    seen: list[tuple[str, str]] = []

    def named(name: str) -> Any:
        async def around(invocation: Invocation, proceed: Proceed) -> Reply:
            seen.append((name, invocation.target))
            return await proceed(invocation)

        return around

    inner, outer = weather(), App("outer")
    outer.tool(lambda: "x", name="own", inline=True)
    outer.mount(inner, "in")
    outer.middleware(named("outer"))
    outer.bind(Options())
    inner.middleware(named("inner"))
    await call(outer, "own")
    assert seen == [("outer", "own")]
    seen.clear()
    await call(outer, "in_now", {"city": "Ulm"})
    assert seen == [("outer", "in_now"), ("inner", "in_now")]


async def test_its_providers_give_under_the_prefix_and_its_changes_are_told() -> None:
    inner, outer, found = App("inner"), App("outer"), ["a"]
    outer.mount(inner, "in")

    @inner.provider
    def some(given: Given) -> None:
        for name in found:
            given.tool(lambda name=name: name, name=name, inline=True, input_schema={"type": "object"})

    door = endpoint(outer)
    told: list[str] = []
    outer.relay(lambda change: told.append(change.method))
    async with outer.running(processes=2):
        assert [each["name"] for each in listed(outer)] == ["in_a"]
        found[:] = ["b"]
        outer.stale("tools")
        response = await door(modern("tools/list"))  # type: ignore[misc]
        assert [each["name"] for each in said(response)["result"]["tools"]] == ["in_b"]  # type: ignore[arg-type]
        inner.tools_changed()
    assert told == ["notifications/tools/list_changed"]


async def test_limits_of_a_mounted_tool_are_kept() -> None:
    inner, outer = App("inner"), App("outer")
    inner.tool(lambda: "x", name="x", inline=True, rate_limit="1/h")
    outer.mount(inner, "in")
    door = endpoint(outer)
    ask = modern("tools/call", {"name": "in_x"})
    assert [door(ask).status, door(ask).status] == [200, 429]  # type: ignore[union-attr]


def test_a_name_that_is_taken_is_refused_and_nothing_is_mounted() -> None:
    app = App("outer")
    app.tool(lambda: "x", name="w_later", inline=True)
    with pytest.raises(ValueError, match="tool 'w_later' is registered twice"):
        app.mount(weather(), "w")
    assert [each["name"] for each in listed(app)] == ["w_later"]
    assert len(app.resources) == 0
    app.mount(weather(), "v")
    inner = weather()
    app.mount(inner, "u")
    app.tool(lambda: "x", name="u_new", inline=True)
    with pytest.raises(ValueError, match="tool 'u_new' is registered twice"):
        inner.tool(lambda: "x", name="new", inline=True)
    assert inner.tools.get("new") is None


@pytest.mark.parametrize("prefix", ["", "a b", "a/b", "ä", "x" * 65])
def test_a_prefix_that_is_none_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="is no prefix"):
        App("outer").mount(weather(), prefix)


def test_a_circle_is_refused() -> None:
    one, two = App("one"), App("two")
    one.mount(two, "two")
    for outer, inner in ((two, one), (one, one)):
        with pytest.raises(ValueError, match="cannot be mounted in"):
            outer.mount(inner, "x")


async def test_nothing_is_mounted_once_serving_has_begun() -> None:
    app = App("outer")
    async with app.running():
        with pytest.raises(RuntimeError, match="mount it before"):
            app.mount(weather(), "w")


async def test_a_tool_s_no_stays_a_no() -> None:
    inner, outer = App("inner"), App("outer")

    @inner.tool(inline=True)
    def refuse() -> str:
        raise ToolError("no")

    outer.mount(inner, "in")
    outer.bind(Options())
    assert (await call(outer, "in_refuse"))["isError"] is True
