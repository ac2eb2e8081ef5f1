"""Dependencies: made once per call where their function runs, cleaned up behind it, and unseen by clients."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest

from erlmcp import App, Context, ToolError
from erlmcp.mcp import Depends
from tests.mcp.author import call, context, listed, text


class Log:
    """What happened, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def opened(self) -> Iterator[str]:
        self.lines.append("open")
        try:
            yield "session"
        except ToolError:
            self.lines.append("roll back")
            raise
        finally:
            self.lines.append("close")

    async def opened_async(self) -> AsyncIterator[str]:
        self.lines.append("open")
        await asyncio.sleep(0)
        try:
            yield "session"
        finally:
            await asyncio.sleep(0)
            self.lines.append("close")


def settings() -> dict[str, int]:
    return {"limit": 3}


async def test_a_dependency_is_made_for_the_call_and_no_client_sees_it() -> None:
    app = App("a")

    @app.tool(inline=True)
    def limited(n: int, found: dict[str, int] = Depends(settings)) -> int:
        return min(n, found["limit"])

    assert (await call(app, "limited", {"n": 7}))["structuredContent"] == {"result": 3}
    assert list(listed(app)[0]["inputSchema"]["properties"]) == ["n"]
    refused = await call(app, "limited", {"n": 7, "found": {}})
    assert "unknown argument found; known are: n" in text(refused)


async def test_a_dependency_may_stand_in_the_annotation() -> None:
    app = App("a")

    @app.tool
    async def limited(found: Annotated[dict[str, int], Depends(settings)], n: int = 1) -> int:
        return found["limit"] + n

    assert (await call(app, "limited"))["structuredContent"] == {"result": 4}


@pytest.mark.parametrize("kind", ["opened", "opened_async"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_generator_is_resumed_when_the_call_is_over(kind: str, is_async: bool) -> None:
    app, log = App("a"), Log()
    factory = getattr(log, kind)
    if is_async:

        @app.tool(name="use")
        async def use_async(session: Any = Depends(factory)) -> str:
            log.lines.append(session)
            return "used"
    else:

        @app.tool
        def use(session: Any = Depends(factory)) -> str:
            log.lines.append(session)
            return "used"

    assert text(await call(app, "use")) == "used"
    assert log.lines == ["open", "session", "close"]
    app.close()


@pytest.mark.parametrize("inline", [False, True])
async def test_a_generator_sees_how_the_call_failed(inline: bool) -> None:
    app, log = App("a"), Log()

    @app.tool(inline=inline)
    def fail(session: str = Depends(log.opened)) -> str:
        raise ToolError("no")

    assert (await call(app, "fail"))["isError"] is True
    assert log.lines == ["open", "roll back", "close"]
    app.close()


async def test_a_generator_that_keeps_the_exception_to_itself_is_a_crash() -> None:
    app = App("a")

    def greedy() -> Iterator[int]:
        try:
            yield 1
        except KeyError:
            return

    @app.tool(inline=True)
    def fail(one: int = Depends(greedy)) -> str:
        raise KeyError(one)

    with pytest.raises(RuntimeError, match="fail failed, and a dependency kept its exception"):
        await call(app, "fail")


async def test_one_call_makes_each_value_once_and_the_next_call_anew() -> None:
    app, made = App("a"), []

    def number() -> int:
        made.append(1)
        return len(made)

    def doubled(n: int = Depends(number)) -> int:
        return 2 * n

    @app.tool(inline=True)
    def both(one: int = Depends(number), two: int = Depends(doubled)) -> list[int]:
        return [one, two]

    assert (await call(app, "both"))["structuredContent"] == {"result": [1, 2]}
    assert (await call(app, "both"))["structuredContent"] == {"result": [2, 4]}


async def test_clean_up_runs_in_the_reverse_order() -> None:
    app, lines = App("a"), []

    def outer() -> Iterator[str]:
        yield "outer"
        lines.append("outer")

    async def inner(around: str = Depends(outer)) -> AsyncIterator[str]:
        yield around + " inner"
        lines.append("inner")

    @app.tool
    async def use(both: str = Depends(inner)) -> str:
        return both

    assert text(await call(app, "use")) == "outer inner"
    assert lines == ["inner", "outer"]


async def test_a_sync_factory_runs_in_the_thread_of_its_function_and_an_async_one_on_the_loop() -> None:
    app = App("a")

    async def on_the_loop() -> str:
        return threading.current_thread().name

    def in_the_thread() -> str:
        return threading.current_thread().name

    @app.tool
    def where(loop: str = Depends(on_the_loop), thread: str = Depends(in_the_thread)) -> list[str]:
        return [loop, thread, threading.current_thread().name]

    loop, thread, own = (await call(app, "where"))["structuredContent"]["result"]
    assert loop == threading.current_thread().name
    assert thread == own != loop
    app.close()


async def test_a_factory_may_ask_for_the_context() -> None:
    app = App("a")

    def method(ctx: Context) -> str:
        return ctx.method

    @app.tool(inline=True)
    def tell(ctx: Context, name: str = Depends(method)) -> str:
        return f"{name} {ctx.request_id}"

    assert text(await call(app, "tell", ctx=context(method="tools/call"))) == "tools/call 1"


async def test_resources_prompts_and_completions_have_dependencies_too() -> None:
    app = App("a")

    @app.resource("a://{name}", inline=True)
    def read(name: str, found: dict[str, int] = Depends(settings)) -> str:
        return f"{name} {found['limit']}"

    @app.prompt(inline=True)
    def ask(name: str, found: dict[str, int] = Depends(settings)) -> str:
        return f"{name} {found['limit']}"

    @app.completion(prompt="ask", argument="name", inline=True)
    def names(value: str, found: dict[str, int] = Depends(settings)) -> list[str]:
        return [value] * found["limit"]

    app.bind(app.options)
    assert b'"text":"x 3"' in app.read("a://x", context())  # type: ignore[operator]
    prompt = app.prompts.get("ask")
    assert prompt is not None
    assert b"x 3" in prompt.get(b'{"name":"x"}', context())  # type: ignore[operator]
    assert [each["name"] for each in listed(app, "prompts")[0]["arguments"]] == ["name"]


async def test_a_call_that_takes_too_long_is_cleaned_up() -> None:
    app, log = App("a"), Log()

    @app.tool(timeout=0.01)
    async def wait(session: str = Depends(log.opened_async)) -> str:
        await asyncio.sleep(60)
        return session

    assert text(await call(app, "wait")) == "timed out after 0.01 s"
    assert log.lines == ["open", "close"]


def test_a_parameter_of_a_factory_that_nobody_fills_is_refused() -> None:
    app = App("a")

    def lookup(key: str) -> str:
        return key

    with pytest.raises(TypeError, match="use: parameter key of the dependency lookup is filled by nobody"):

        @app.tool
        def use(found: str = Depends(lookup)) -> str:
            return found


def test_factories_in_a_circle_are_refused() -> None:
    def egg(hen: Any = None) -> Any:
        return hen

    def hen(laid: Any = Depends(egg)) -> Any:
        return laid

    egg.__defaults__ = (Depends(hen),)
    with pytest.raises(TypeError, match="go round in a circle: egg → hen → egg"):
        App("a").tool(hen)


async def _wait() -> int:
    return 1


def test_an_inline_function_cannot_wait_for_an_async_factory() -> None:
    with pytest.raises(TypeError, match="depends on an async factory"):

        @App("a").tool(inline=True)
        def use(one: Any = Depends(_wait)) -> int:
            return 1


def test_what_makes_nothing_is_no_factory() -> None:
    with pytest.raises(TypeError, match="Depends wants a function"):
        Depends(5)  # type: ignore[call-overload]
