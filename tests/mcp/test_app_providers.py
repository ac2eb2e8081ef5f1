"""Lists that change: providers, and what is added or removed after serving began."""

import asyncio
from typing import Any

import pytest

from erlmcp import App
from erlmcp.mcp import Given, Options, providers
from erlmcp.mcp.providers import Provider
from tests.mcp.author import context, listed
from tests.mcp.posts import call, endpoint, modern, said


class Tables:
    """A database whose tables come and go."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.asked = 0
        self.fails = False

    def fill(self, given: Given) -> None:
        self.asked += 1
        if self.fails:
            raise ConnectionError("the database is away")
        for name in self.names:
            given.tool(lambda name=name: name, name=f"read_{name}", inline=True, input_schema={"type": "object"})


async def answer(door: Any, request: Any) -> Any:
    made = door(request)
    return said(await asyncio.wait_for(made, 5) if asyncio.isfuture(made) else made)


async def names(door: Any) -> list[str]:
    result = (await answer(door, modern("tools/list")))["result"]
    return [tool["name"] for tool in result["tools"]]


def served(tables: Tables, **options: Any) -> App:
    app = App("a")
    app.tool(lambda: "own", name="own", inline=True)
    app.provider(**options)(tables.fill)
    return app


async def test_what_a_provider_gives_is_listed_behind_what_was_registered_and_can_be_called() -> None:
    app = served(Tables("users", "orders"))
    door = endpoint(app)
    async with app.running():
        assert await names(door) == ["own", "read_users", "read_orders"]
        assert (await answer(door, call("read_orders")))["result"]["content"][0]["text"] == "orders"


async def test_it_is_asked_once_until_somebody_says_that_it_changed() -> None:
    tables = Tables("users")
    app = served(tables)
    door = endpoint(app)
    async with app.running(processes=4):
        for _ in range(3):
            await names(door)
        assert tables.asked == 1
        tables.names = ["orders"]
        assert await names(door) == ["own", "read_users"]
        app.stale("tools")
        assert await names(door) == ["own", "read_orders"]
        assert tables.asked == 2
        assert (await answer(door, call("read_users")))["error"]["message"] == "unknown tool: read_users"


async def test_many_who_come_at_once_wait_for_one_answer() -> None:
    tables = Tables("users")
    app = served(tables)
    door = endpoint(app)
    async with app.running():
        app.stale("tools")
        answers = await asyncio.gather(*(names(door) for _ in range(10)))
    assert answers == [["own", "read_users"]] * 10
    assert tables.asked == 2


async def test_one_that_fails_later_keeps_what_it_gave_and_one_that_fails_at_the_start_ends_it(caplog: Any) -> None:
    tables = Tables("users")
    app = served(tables)
    door = endpoint(app)
    async with app.running():
        tables.fails = True
        app.stale("tools")
        assert await names(door) == ["own", "read_users"]
        assert "a provider failed, what it gave last stays" in caplog.text
        await names(door)
        assert tables.asked == 2
    with pytest.raises(ConnectionError):
        async with app.running():
            pytest.fail("it runs")


async def test_one_that_gives_no_answer_holds_nobody_up_for_ever(caplog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "PATIENCE", 0.02)
    app, asked = App("hangs"), 0

    @app.provider(kinds=["tools"])
    async def tables(given: Given) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            await asyncio.Event().wait()
        given.tool(lambda: "x", name="first", inline=True)

    door = endpoint(app)
    async with app.running():
        app.stale("tools")
        async with asyncio.timeout(5):
            assert await names(door) == ["first"]
            assert await names(door) == ["first"]
    assert asked == 2
    assert "a provider gave no answer within 0.02 s" in caplog.text


async def test_one_that_gives_a_name_that_is_taken_keeps_what_it_gave(caplog: Any) -> None:
    tables = Tables("users")
    app = served(tables)
    app.tool(lambda: "x", name="read_own", inline=True)
    door = endpoint(app)
    async with app.running():
        tables.names = ["orders", "own"]
        app.stale("tools")
        assert await names(door) == ["own", "read_own", "read_users"]
    assert "tool 'read_own' is given, and taken already" in caplog.text


async def test_its_time_to_live_is_kept_on_both_sides() -> None:
    now = [10.0]
    provider = Provider(lambda given: None, App("a"), ["tools"], 5.0, lambda: now[0])
    assert not provider.fresh
    await provider.ask()
    now[0] = 14.9
    assert provider.fresh
    now[0] = 15.0
    assert not provider.fresh


async def test_a_change_that_is_told_while_it_is_asked_has_it_asked_again() -> None:
    async def fill(given: Given) -> None:
        provider.stale()

    provider = Provider(fill, App("a"), ["tools"], None, lambda: 10.0)
    await provider.ask()
    assert not provider.fresh


async def test_resources_templates_and_prompts_are_given_too() -> None:
    app = App("a")

    @app.provider(kinds=["resources", "prompts"])
    async def everything(given: Given) -> None:
        @given.resource("a://one", inline=True)
        def one() -> str:
            return "1"

        @given.resource("a://{n}/more", inline=True)
        def more(n: str) -> str:
            return n

        @given.prompt(inline=True)
        def ask() -> str:
            return "?"

    door = endpoint(app)
    capabilities = (await answer(door, modern("server/discover")))["result"]["capabilities"]
    assert {"resources", "prompts"} <= capabilities.keys()
    assert "tools" not in capabilities
    async with app.running():
        read = await answer(door, modern("resources/read", {"uri": "a://5/more"}))
        assert read["result"]["contents"][0]["text"] == "5"
        assert [each["name"] for each in listed(app, "prompts")] == ["ask"]


async def test_what_it_did_not_say_it_gives_is_refused() -> None:
    app = App("a")

    @app.provider
    def prompts(given: Given) -> None:
        given.prompt(lambda: "x", name="x")

    with pytest.raises(TypeError, match=r"gave prompts and did not say so; its kinds are \('tools',\)"):
        async with app.running():
            pytest.fail("it runs")
    with pytest.raises(ValueError, match="a provider gives kinds of tools, resources, prompts"):
        app.provider(kinds=["tool"])(prompts)  # type: ignore[list-item]
    for ttl in (0, -1, float("inf")):
        with pytest.raises(ValueError, match="ttl must be a number of seconds"):
            app.provider(ttl=ttl)(prompts)


async def test_without_running_the_first_who_asks_gets_the_answer() -> None:
    assert await names(endpoint(served(Tables("users")))) == ["own", "read_users"]


async def test_a_list_and_a_call_never_see_half_a_change() -> None:
    tables = Tables(*(f"v0_{n}" for n in range(5)))
    app = served(tables)
    door = endpoint(app)
    async with app.running():
        for version in range(20):
            tables.names = [f"v{version}_{n}" for n in range(5)]
            app.stale("tools")
            for seen in await asyncio.gather(*(names(door) for _ in range(5))):
                assert len({name.split("_")[1] for name in seen[1:]}) == 1
                assert len(seen) == 6


async def test_alone_a_process_may_add_and_remove_and_clients_are_told() -> None:
    app = App("a")
    app.tool(lambda: "own", name="own", inline=True)
    told: list[str] = []
    door = endpoint(app)
    app.relay(lambda change: told.append(change.method))
    async with app.running(processes=1):
        app.tool(lambda: "new", name="new", inline=True)
        assert await names(door) == ["own", "new"]
        app.remove_tool("own")
        assert await names(door) == ["new"]
    assert told == ["notifications/tools/list_changed"] * 2
    app.tool(lambda: "late", name="late", inline=True)
    assert len(told) == 2


async def test_one_of_several_processes_may_not_and_is_told_what_to_do_instead() -> None:
    app = App("a")
    app.tool(lambda: "own", name="own", inline=True)
    app.bind(Options())
    async with app.running(processes=2):
        with pytest.raises(RuntimeError, match=r"2 processes serve a, .*@app.provider, .*app.tools_changed\(\)"):
            app.tool(lambda: "new", name="new", inline=True)
        with pytest.raises(RuntimeError, match="cannot be added or removed"):
            app.remove_tool("own")
    assert [each["name"] for each in listed(app)] == ["own"]


async def test_a_kind_that_was_not_there_when_serving_began_cannot_be_added() -> None:
    app = App("a")
    app.tool(lambda: "own", name="own", inline=True)
    app.bind(Options())
    async with app.running():
        with pytest.raises(RuntimeError, match="a had no prompts when serving began"):
            app.prompt(lambda: "x", name="x")


async def test_what_is_not_there_cannot_be_removed() -> None:
    app = served(Tables("users"))
    async with app.running():
        for name in ("nothing", "read_users"):
            with pytest.raises(KeyError):
                app.remove_tool(name)
        assert app.tools.get("read_users") is not None
    assert context()
