"""What a handler may know and do about its request."""

import asyncio
import threading

import pytest

from erlmcp import App, Context
from erlmcp.mcp.notices import LEVELS
from tests.mcp.author import Heard, call, context, until

pytestmark = pytest.mark.both_loops


def test_the_facts_of_a_request_are_readable():
    ctx = context(
        id=b'"seven \\u00fc"',
        method="tools/call",
        params=b'{"name":"add","_meta":{"io.modelcontextprotocol/clientInfo":{"name":"cli","version":"2"}}}',
    )
    assert ctx.request_id == "seven ü"
    assert ctx.method == "tools/call"
    assert ctx.protocol_version == "2026-07-28"
    assert ctx.client == {"name": "cli", "version": "2"}
    assert ctx.meta == b'{"io.modelcontextprotocol/clientInfo":{"name":"cli","version":"2"}}'


def test_an_id_of_digits_is_given_as_its_digits():
    assert context(id=b"9007199254740993").request_id == "9007199254740993"


def test_a_client_that_does_not_introduce_itself_is_none():
    assert context().client is None
    assert context(params=b'{"name":"add"}').client is None
    assert context(params=b'{"_meta":{}}').client is None
    assert context(params=b'{"_meta":null}').client is None


async def test_progress_is_sent_with_the_token_of_the_request():
    heard = Heard()
    ctx = context(heard, progress_token=b'"p-1"')
    await ctx.progress(1, 4, "a quarter")
    await ctx.progress(0.5)
    assert heard.messages == [
        ("notifications/progress", {"progressToken": "p-1", "progress": 1, "total": 4, "message": "a quarter"}),
        ("notifications/progress", {"progressToken": "p-1", "progress": 0.5}),
    ]


async def test_a_token_that_is_a_number_stays_one():
    heard = Heard()
    await context(heard, progress_token=b"7").progress(1)
    assert heard.messages[0][1]["progressToken"] == 7


async def test_progress_is_not_sent_to_a_client_that_did_not_ask():
    heard = Heard()
    await context(heard).progress(1)
    assert heard.messages == []


@pytest.mark.parametrize("numbers", [(float("nan"), None), (float("inf"), None), (1.0, float("nan"))])
def test_progress_that_json_cannot_hold_is_refused(numbers: tuple[float, float | None]):
    with pytest.raises(ValueError, match="finite"):
        context(progress_token=b"1").progress(*numbers)


async def test_a_log_message_is_sent_from_the_level_the_client_asked_for():
    heard = Heard()
    ctx = context(heard, log_level="warning")
    await ctx.info("too quiet")
    await ctx.log("notice", "too quiet")
    await ctx.warning({"disk": 0.9}, logger="disk")
    await ctx.error(["full"])
    assert heard.messages == [
        ("notifications/message", {"level": "warning", "logger": "disk", "data": {"disk": 0.9}}),
        ("notifications/message", {"level": "error", "data": ["full"]}),
    ]


async def test_every_level_reaches_a_client_that_asked_for_debug():
    heard = Heard()
    ctx = context(heard, log_level="debug")
    for level in LEVELS:
        await ctx.log(level, "x")
    assert [params["level"] for _, params in heard.messages] == list(LEVELS)


async def test_a_client_that_asked_for_no_level_gets_no_log_messages():
    heard = Heard()
    await context(heard).error("unheard")
    assert heard.messages == []


def test_an_unknown_level_is_refused_even_when_nobody_listens():
    with pytest.raises(ValueError, match="unknown log level 'loud'; one of debug, info"):
        context().log("loud", "x")


async def test_an_emission_leaves_at_once_and_is_awaited_only_while_the_reader_is_behind():
    behind = asyncio.get_running_loop().create_future()
    heard = Heard(behind)
    waiting = asyncio.ensure_future(_awaited(context(heard, progress_token=b"1").progress(1)))
    assert len(heard.messages) == 1  # before anything was awaited
    await asyncio.sleep(0)
    assert not waiting.done()
    behind.set_result(None)
    await asyncio.wait_for(waiting, 5)


async def _awaited(emission) -> None:
    await emission


async def test_a_thread_sends_through_the_loop_and_in_order():
    app, heard, threads = App("x"), Heard(), set()
    loop_thread = threading.get_ident()

    class Noting(Heard):
        def emit(self, method: str, params: bytes):
            threads.add(threading.get_ident())
            return heard.emit(method, params)

    @app.tool
    def work(ctx: Context) -> None:
        assert threading.get_ident() != loop_thread
        for step in range(3):
            ctx.progress(step, 2)
            ctx.info(step)

    await call(app, "work", None, context(Noting(), progress_token=b"1", log_level="info"))
    assert threads == {loop_thread}
    assert [params.get("progress", params.get("data")) for _, params in heard.messages] == [0, 0, 1, 1, 2, 2]


async def test_a_thread_is_held_while_the_reader_is_behind():
    app = App("x")
    behind = asyncio.get_running_loop().create_future()
    heard, after = Heard(behind), threading.Event()

    @app.tool
    def work(ctx: Context) -> str:
        ctx.progress(1)
        after.set()
        return "done"

    calling = asyncio.ensure_future(call(app, "work", None, context(heard, progress_token=b"1")))
    await until(lambda: heard.messages)
    await asyncio.sleep(0)
    assert not after.is_set()
    behind.set_result(None)
    assert (await calling)["structuredContent"] == {"result": "done"}


async def test_a_thread_is_let_go_when_its_call_is_cancelled_while_the_reader_is_behind():
    app = App("x")
    heard = Heard(asyncio.get_running_loop().create_future())
    seen, left = [], threading.Event()

    @app.tool
    def work(ctx: Context) -> None:
        ctx.progress(1)
        seen.append(ctx.cancelled)
        ctx.progress(2)  # goes nowhere, and does not wait
        left.set()

    calling = asyncio.ensure_future(call(app, "work", None, context(heard, progress_token=b"1")))
    await until(lambda: heard.messages)
    calling.cancel()
    await until(left.is_set)
    assert seen == [True]
    assert len(heard.messages) == 1


async def test_a_sink_that_breaks_does_not_hold_the_thread_for_ever():
    app, reported = App("x"), []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told["exception"]))

    class Broken(Heard):
        def emit(self, method: str, params: bytes):
            raise OSError("pipe")

    @app.tool
    def work(ctx: Context) -> None:
        ctx.progress(1)

    with pytest.raises(RuntimeError, match="could not be sent"):
        await call(app, "work", None, context(Broken(), progress_token=b"1"))
    assert [str(error) for error in reported] == ["pipe"]


async def test_a_thread_of_an_async_tool_may_use_its_context_too():
    app, heard = App("x"), Heard()

    @app.tool
    async def work(ctx: Context) -> None:
        await asyncio.to_thread(ctx.progress, 1)

    await call(app, "work", None, context(heard, progress_token=b"1"))
    assert len(heard.messages) == 1


async def test_waiting_for_the_cancellation_ends_with_it():
    ctx = context()
    waiting = asyncio.ensure_future(ctx.wait_cancelled())
    await asyncio.sleep(0)
    assert not ctx.cancelled
    assert not waiting.done()
    ctx.cancel()
    await asyncio.wait_for(waiting, 5)
    await asyncio.wait_for(ctx.wait_cancelled(), 5)
    assert ctx.cancelled


async def test_nothing_is_sent_after_the_cancellation():
    heard = Heard()
    ctx = context(heard, progress_token=b"1")
    ctx.cancel()
    await ctx.progress(1)
    assert heard.messages == []
