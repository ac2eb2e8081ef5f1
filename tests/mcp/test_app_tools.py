"""Tools: how they are registered, and where and how long their functions run."""

import asyncio
import functools
import re
import threading
from typing import Annotated

import pytest

from erlmcp import App, Context, ToolError
from erlmcp.mcp import Icon, Overloaded
from erlmcp.mcp.options import Options
from tests.mcp.author import Heard, answer, call, context, listed, text, until

pytestmark = pytest.mark.both_loops


def test_a_registered_function_stays_itself():
    app = App("x")

    @app.tool
    def add(a: int, b: int) -> int:
        return a + b

    @app.tool(name="negate")
    def minus(a: int) -> int:
        return -a

    assert add(1, 2) == 3
    assert minus(1) == -1
    assert [tool["name"] for tool in listed(app)] == ["add", "negate"]


def test_what_an_author_says_about_a_tool_is_listed():
    app = App("x")

    @app.tool(
        name="files/read-1.x",
        title="Read",
        description="Reads.",
        annotations={"readOnlyHint": True, "title": "R"},
        icons=[Icon("https://a/b.png", "image/png", ["48x48"])],
        meta={"ui": {"resourceUri": "ui://x"}},
    )
    def tool() -> None:
        """Not this."""

    assert listed(app) == [
        {
            "name": "files/read-1.x",
            "title": "Read",
            "description": "Reads.",
            "inputSchema": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
            "annotations": {"readOnlyHint": True, "title": "R"},
            "icons": [{"src": "https://a/b.png", "mimeType": "image/png", "sizes": ["48x48"]}],
            "_meta": {"ui": {"resourceUri": "ui://x"}},
        }
    ]


@pytest.mark.parametrize("name", ["a", "A1_./-", "x" * 128])
def test_a_name_of_the_specification_is_taken(name: str):
    app = App("x")
    app.tool(name=name)(lambda: None)
    assert name in app.tools


@pytest.mark.parametrize("name", ["", "a b", "ü", "a:b", "x" * 129, "a\n"])
def test_any_other_name_is_refused(name: str):
    app = App("x")
    if name:
        with pytest.raises(ValueError, match="is no name for a tool"):
            app.tool(name=name)(lambda: None)
    with pytest.raises(ValueError, match=r"'<lambda>' is no name for a tool.*name="):
        app.tool(lambda: None)


def test_a_name_that_is_taken_is_refused():
    app = App("x")
    app.tool(name="a")(lambda: None)
    with pytest.raises(ValueError, match="tool 'a' is registered twice"):
        app.tool(name="a")(lambda: None)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(timeout: float):
    with pytest.raises(ValueError, match="timeout must be a number of seconds greater than 0"):
        App("x").tool(timeout=timeout)(lambda: None)


def test_annotations_that_mcp_does_not_have_so_are_refused():
    with pytest.raises(ValueError, match=r"tool t: its annotations are not as MCP has them: .*readOnlyHint"):
        App("x").tool(name="t", annotations={"readOnlyHint": "yes"})(lambda: None)  # type: ignore[typeddict-item]


def test_an_inline_tool_has_no_timeout():
    with pytest.raises(ValueError, match="inline function has no timeout"):
        App("x").tool(inline=True, timeout=1)(lambda: None)


def test_an_unknown_option_is_refused_by_name():
    with pytest.raises(TypeError, match=r"@app.tool has no option 'titel'; it has .*title"):
        App("x").tool(titel="x")  # type: ignore[call-overload]


def test_an_inline_async_function_is_refused():
    async def tool() -> None: ...

    with pytest.raises(TypeError, match="tool is async; inline=True is for quick functions without await"):
        App("x").tool(tool, inline=True)


def test_generators_are_refused():
    def one():
        yield 1

    async def other():
        yield 1

    for function in (one, other):
        with pytest.raises(TypeError, match="is a generator; return one value"):
            App("x").tool(function)


async def test_an_inline_tool_answers_at_once_on_the_loop():
    app = App("x")

    @app.tool(inline=True)
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    tool = app.tools.get("where")
    assert tool is not None
    before = asyncio.all_tasks()
    made = tool.call(None, context())
    assert isinstance(made, bytes)
    assert asyncio.all_tasks() == before
    assert (await answer(made))["structuredContent"] == {"result": True}


async def test_a_sync_tool_runs_in_a_thread_and_needs_no_task():
    app = App("x")

    @app.tool
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    tool = app.tools.get("where")
    assert tool is not None
    before = asyncio.all_tasks()
    made = tool.call(None, context())
    assert asyncio.all_tasks() == before
    assert (await answer(made))["structuredContent"] == {"result": False}


async def test_an_async_tool_is_one_task_on_the_loop():
    app, tasks = App("x"), []

    @app.tool
    async def where() -> bool:
        await asyncio.sleep(0)
        tasks.append(asyncio.current_task())
        return threading.current_thread() is threading.main_thread()

    tool = app.tools.get("where")
    assert tool is not None
    before = asyncio.all_tasks()
    made = tool.call(None, context())
    started = asyncio.all_tasks() - before
    assert (await answer(made))["structuredContent"] == {"result": True}
    assert started == set(tasks)


@pytest.mark.parametrize("kind", ["inline", "thread", "task"])
async def test_faults_in_the_arguments_are_answered_at_once_whatever_the_tool(kind: str):
    app = App("x")
    if kind == "task":

        @app.tool(name="t")
        async def task(a: int) -> None: ...
    else:

        @app.tool(name="t", inline=kind == "inline")
        def function(a: int) -> None: ...

    tool = app.tools.get("t")
    assert tool is not None
    assert isinstance(tool.call(b'{"a":"x"}', context()), bytes)


async def test_the_context_is_given_to_whoever_annotates_it_wherever_it_stands():
    app = App("x")

    @app.tool(inline=True)
    def first(ctx: Context, a: int) -> str:
        return f"{ctx.request_id} {a}"

    @app.tool(inline=True)
    def last(a: int, *, here: Context | None = None) -> str:
        return f"{here.request_id if here else 'nobody'} {a}"

    @app.tool(inline=True)
    def noted(a: int, ctx: Annotated[Context, "the call's"]) -> str:
        return f"{ctx.request_id} {a}"

    for name in ("first", "last", "noted"):
        assert text(await call(app, name, {"a": 5}, context(id=b"7"))) == "7 5"


async def test_keyword_only_parameters_and_defaults_are_filled_by_name():
    app = App("x")

    @app.tool(inline=True)
    def tool(a: int, b: int = 2, *, c: int = 3, d: int) -> list[int]:
        return [a, b, c, d]

    assert text(await call(app, "tool", {"d": 4, "a": 1})) == "[1,2,3,4]"


async def test_methods_partials_and_callable_objects_are_tools_too():
    class Counter:
        def __init__(self) -> None:
            self.count = 0

        def add(self, step: int) -> int:
            self.count += step
            return self.count

        async def __call__(self, step: int) -> int:
            return self.add(step)

    app, counter = App("x"), Counter()
    app.tool(counter.add)
    app.tool(counter, name="call")
    app.tool(functools.partial(counter.add, 10), name="ten")
    assert text(await call(app, "add", {"step": 1})) == "1"
    assert text(await call(app, "call", {"step": 1})) == "2"
    assert [tool["inputSchema"]["required"] for tool in listed(app)] == [["step"], ["step"], []]


@pytest.mark.parametrize("kind", ["inline", "thread", "task"])
async def test_a_crash_propagates_as_itself(kind: str):
    app = App("x")
    if kind == "task":

        @app.tool(name="t")
        async def task() -> None:
            raise LookupError("gone")
    else:

        @app.tool(name="t", inline=kind == "inline")
        def function() -> None:
            raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await call(app, "t")


class Odd(BaseException):
    """What some libraries derive, so that nobody catches it by accident."""


@pytest.mark.parametrize("error", [SystemExit(2), KeyboardInterrupt(), GeneratorExit(), Odd()], ids=repr)
@pytest.mark.parametrize("kind", ["inline", "thread"])
async def test_whatever_a_function_raises_crashes_its_call_and_not_its_worker(kind: str, error: BaseException):
    app = App("x")

    @app.tool(name="t", inline=kind == "inline")
    def function() -> None:
        raise error

    with pytest.raises(RuntimeError, match=re.escape(f"the function raised {error!r}")):
        await call(app, "t")


@pytest.mark.parametrize("error", [SystemExit(2), KeyboardInterrupt()], ids=repr)
async def test_a_task_that_exits_crashes_its_call_and_not_its_worker(error: BaseException):
    app = App("x")

    @app.tool(name="t")
    async def task() -> None:
        raise error

    with pytest.raises(RuntimeError, match=re.escape(f"the function raised {error!r}")):
        await call(app, "t")


async def test_a_cancellation_from_inside_a_tool_is_a_crash_and_no_cancelled_call():
    app = App("x")

    @app.tool
    async def awaits_the_cancelled() -> None:
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    @app.tool
    def raises() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="the function raised CancelledError"):
        await call(app, "awaits_the_cancelled")
    with pytest.raises(RuntimeError, match="the function raised CancelledError"):
        await call(app, "raises")


@pytest.mark.parametrize("kind", ["inline", "thread", "task"])
async def test_a_tool_error_is_answered_wherever_the_function_runs(kind: str):
    app = App("x")
    if kind == "task":

        @app.tool(name="t")
        async def task() -> None:
            raise ToolError("no")
    else:

        @app.tool(name="t", inline=kind == "inline")
        def function() -> None:
            raise ToolError("no")

    assert await call(app, "t") == {"content": [{"type": "text", "text": "no"}], "isError": True}


async def test_an_async_tool_that_takes_too_long_is_cancelled_and_says_so():
    app, seen = App("x"), []

    @app.tool(timeout=0.01)
    async def slow(ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append(ctx.cancelled)

    ctx = context()
    result = await call(app, "slow", None, ctx)
    assert result == {"content": [{"type": "text", "text": "timed out after 0.01 s"}], "isError": True}
    assert seen == [False]
    assert ctx.cancelled


async def test_a_sync_tool_that_takes_too_long_is_left_behind_and_told():
    app, let_go, seen = App("x"), threading.Event(), []

    @app.tool(timeout=0.01)
    def slow(ctx: Context) -> None:
        assert let_go.wait(5)
        seen.append(ctx.cancelled)

    result = await call(app, "slow")
    assert text(result) == "timed out after 0.01 s"
    assert app.pool.taken == 1
    let_go.set()
    await until(lambda: seen == [True])


async def test_a_tool_without_its_own_timeout_has_the_configured_one():
    app = App("x")

    @app.tool
    async def slow() -> None:
        await asyncio.Event().wait()

    app.bind(Options(tool_timeout=0.02))
    assert text(await call(app, "slow")) == "timed out after 0.02 s"


async def test_cancelling_an_async_call_cancels_its_tool_and_is_no_timeout():
    app, entered, ctx = App("x"), asyncio.Event(), context()

    @app.tool(timeout=5)
    async def slow() -> None:
        entered.set()
        await asyncio.Event().wait()

    calling = asyncio.ensure_future(call(app, "slow", None, ctx))
    await asyncio.wait_for(entered.wait(), 5)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert ctx.cancelled


async def test_cancelling_a_threaded_call_sets_its_context_and_drops_its_answer():
    app, let_go, entered, seen = App("x"), threading.Event(), threading.Event(), []

    @app.tool
    def slow(ctx: Context) -> None:
        entered.set()
        assert let_go.wait(5)
        seen.append(ctx.cancelled)

    calling = asyncio.ensure_future(call(app, "slow"))
    await until(entered.is_set)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    let_go.set()
    await until(lambda: seen == [True])


async def test_when_the_threads_and_their_queue_are_full_a_call_is_refused_at_once():
    app, let_go = App("x"), threading.Event()
    app.bind(Options(threads=1, thread_queue=1))

    @app.tool
    def slow() -> None:
        assert let_go.wait(5)

    @app.tool(inline=True)
    def quick() -> str:
        return "still here"

    calls = [asyncio.ensure_future(call(app, "slow")) for _ in range(2)]
    await until(lambda: app.pool.taken == 2)
    slow_tool = app.tools.get("slow")
    assert slow_tool is not None
    with pytest.raises(Overloaded):
        slow_tool.call(None, context())
    assert text(await call(app, "quick")) == "still here"
    let_go.set()
    await asyncio.gather(*calls)
    app.close()


async def test_a_closed_app_serves_again_when_it_is_asked():
    app = App("x")

    @app.tool
    def tool() -> int:
        return 1

    await call(app, "tool")
    app.close()
    assert text(await call(app, "tool")) == "1"
    app.close()


async def test_an_async_tool_reports_its_progress_before_its_answer():
    app, heard = App("x"), Heard()

    @app.tool
    async def work(ctx: Context) -> str:
        await ctx.progress(1, 2)
        await ctx.info("half")
        return "done"

    result = await call(app, "work", None, context(heard, progress_token=b"1", log_level="info"))
    assert [method for method, _ in heard.messages] == ["notifications/progress", "notifications/message"]
    assert text(result) == "done"


def test_an_app_says_what_is_wrong_with_itself():
    with pytest.raises(ValueError, match="an app needs a name"):
        App("")
    with pytest.raises(ValueError, match="cache_ttl_ms must be 0 or more, not -1"):
        App("x", cache_ttl_ms=-1)
    with pytest.raises(ValueError, match="cache_scope must be one of private, public, not 'shared'"):
        App("x", cache_scope="shared")  # type: ignore[arg-type]
