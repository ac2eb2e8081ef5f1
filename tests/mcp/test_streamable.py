"""The endpoint: at once or late, JSON or a stream, cancelled or overloaded; in both eras."""

import asyncio
import gc
import logging

import pytest

from erlmcp import App, Context
from erlmcp.http import COMMENT, Response, Stream
from erlmcp.jsonrpc import RpcError
from erlmcp.mcp import Overloaded
from tests.mcp.posts import MODERN, PREFIX, call, endpoint, events, legacy, modern, outcome, said, sample

pytestmark = pytest.mark.both_loops

ASKED = {"progressToken": "t", PREFIX + "logLevel": "info"}


class Gate:
    """What a tool of these tests waits for, and what has become of it."""

    def __init__(self):
        self.open = asyncio.Event()
        self.started = asyncio.Event()
        self.cancelled = False

    async def passed(self):
        self.started.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


def gated(gate):
    app = App("gated", version="1")

    @app.tool
    async def wait() -> str:
        """Wait for the gate."""
        await gate.passed()
        return "through"

    @app.tool
    async def steps(ctx: Context) -> str:
        """Tell, wait, tell."""
        await ctx.progress(1, 2)
        await gate.passed()
        await ctx.info("through")
        return "through"

    @app.tool
    async def flood(ctx: Context) -> int:
        """Send until held."""
        for sent in range(1000):
            gate.started.set()
            gate.sent = sent
            await ctx.progress(sent)
        return 1000

    @app.tool
    async def fail_late(ctx: Context) -> str:
        """Tell, then break."""
        await ctx.progress(1)
        raise KeyError("the secret")

    @app.tool
    async def fail() -> str:
        """Break."""
        raise KeyError("the secret")

    @app.tool
    async def no_room() -> str:
        """Be busy."""
        raise Overloaded("all hands are full", 2.5)

    @app.tool
    async def own_code() -> str:
        """Answer with a code of its own."""
        raise RpcError(4711, "own", b'{"why":1}')

    return app


async def within(awaitable):
    return await asyncio.wait_for(awaitable, 5)


async def rest(stream):
    """All chunks of a stream, joined."""

    async def read():
        return b"".join([chunk async for chunk in stream.chunks])

    return await within(read())


async def settled():
    """Let callbacks run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_quick_tool_is_answered_without_a_loop_and_so_without_a_task():
    answer = endpoint()(call("add", a=1, b=2))
    assert isinstance(answer, Response)
    assert said(answer)["result"]["structuredContent"] == {"result": 3}


async def test_a_slow_tool_that_tells_nothing_is_answered_in_json():
    gate = Gate()
    served = endpoint(gated(gate))
    late = served(call("wait", meta=ASKED))
    await within(gate.started.wait())
    assert (served.in_flight, late.done()) == (1, False)
    gate.open.set()
    answer = await within(late)
    assert (answer.status, answer.content_type) == (200, b"application/json")
    assert said(answer)["result"]["content"] == [{"type": "text", "text": "through"}]
    assert served.in_flight == 0


@pytest.mark.parametrize("era", [modern, legacy])
async def test_the_first_notification_makes_it_a_stream_that_ends_with_the_answer(era):
    gate = Gate()
    ask = {"name": "steps", "_meta": {"progressToken": 9}} if era is legacy else {"name": "steps"}
    late = endpoint(gated(gate))(era("tools/call", ask, **({} if era is legacy else {"meta": {"progressToken": 9}})))
    stream = await within(late)
    assert isinstance(stream, Stream)
    assert (stream.status, stream.content_type) == (200, b"text/event-stream")
    assert dict(stream.headers) == {b"x-accel-buffering": b"no", b"cache-control": b"no-cache"}
    first = events(await within(anext(stream.chunks)))
    assert first == [
        {
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {"progressToken": 9, "progress": 1, "total": 2},
        }
    ]
    gate.open.set()
    last = events(await rest(stream))
    assert [message.get("id") for message in last] == [1]
    assert last[0]["result"]["structuredContent"] == {"result": "through"}


async def test_log_messages_flow_only_to_who_named_a_level_in_the_modern_era():
    async def methods(request):
        gate = Gate()
        gate.open.set()
        answer = await within(endpoint(gated(gate))(request))
        return [] if isinstance(answer, Response) else [each.get("method") for each in events(await rest(answer))]

    level = {PREFIX + "logLevel": "info"}
    assert await methods(call("steps", meta=level)) == ["notifications/message", None]
    assert await methods(call("steps", meta={PREFIX + "logLevel": "error"})) == []
    assert await methods(call("steps")) == []
    assert await methods(legacy("tools/call", {"name": "steps", "_meta": level})) == []


async def test_a_silent_tool_becomes_a_stream_when_a_keep_alive_is_due_and_is_kept_alive():
    gate = Gate()
    stream = await within(endpoint(gated(gate), keep_alive=0.01)(call("wait")))
    assert isinstance(stream, Stream)
    assert await within(anext(stream.chunks)) == COMMENT
    gate.open.set()
    chunks = await rest(stream)
    assert events(chunks)[-1]["result"]["content"][0]["text"] == "through"


def test_what_an_inline_tool_tells_comes_with_its_answer_as_a_short_stream():
    answer = endpoint()(call("tell", meta=ASKED))
    assert isinstance(answer, Response)
    assert (answer.status, answer.content_type) == (200, b"text/event-stream")
    assert dict(answer.headers)[b"x-accel-buffering"] == b"no"
    told = events(answer.body)
    assert [each.get("method") for each in told] == ["notifications/progress", "notifications/message", None]
    assert endpoint()(call("tell")).content_type == b"application/json"


@pytest.mark.parametrize("era", [modern, legacy])
async def test_a_peer_that_goes_away_before_the_answer_cancels_the_work(era):
    gate, seen = Gate(), []
    served = endpoint(gated(gate), on_call=lambda *told: seen.append(told[:3]))
    late = served(era("tools/call", {"name": "wait"}))
    await within(gate.started.wait())
    late.cancel()
    await settled()
    assert (gate.cancelled, served.in_flight, seen) == (True, 0, [("tools/call", "wait", "cancelled")])


async def test_a_peer_that_goes_away_from_its_stream_cancels_the_work():
    gate = Gate()
    served = endpoint(gated(gate))
    stream = await within(served(call("steps", meta=ASKED)))
    await within(gate.started.wait())
    await stream.chunks.aclose()
    await settled()
    assert (gate.cancelled, served.in_flight) == (True, 0)


async def test_a_reader_that_is_behind_holds_an_async_sender():
    gate = Gate()
    stream = await within(endpoint(gated(gate), stream_buffer=1000)(call("flood", meta=ASKED)))
    await settled()
    held = gate.sent
    assert held < 20
    await anext(stream.chunks)
    await settled()
    assert gate.sent > held
    assert len(events(await rest(stream))) > 900


async def test_an_error_before_the_stream_has_a_status_and_after_it_is_the_last_event(caplog):
    served = endpoint(gated(Gate()))
    assert outcome(await within(served(call("fail", meta=ASKED)))) == (500, -32603)
    assert outcome(await within(served(legacy("tools/call", {"name": "fail"})))) == (200, -32603)
    stream = await within(served(call("fail_late", meta=ASKED)))
    assert (stream.status, events(await rest(stream))[-1]["error"]) == (
        200,
        {"code": -32603, "message": "Internal error"},
    )
    assert [record.exc_info[0] for record in caplog.records] == [KeyError] * 3


def test_a_crash_is_logged_once_with_its_traceback_and_answered_without_details(caplog):
    answer = endpoint()(call("crash"))
    assert answer.status == 500
    assert said(answer)["error"] == {"code": -32603, "message": "Internal error"}
    (record,) = caplog.records
    assert (record.name, record.levelno, record.exc_info[0]) == ("erlmcp.mcp", logging.ERROR, KeyError)
    assert record.getMessage() == "tools/call 'crash' crashed"


def test_a_tools_own_no_is_a_result_and_not_logged(caplog):
    answer = endpoint()(call("refuse"))
    assert (answer.status, said(answer)["result"]["isError"]) == (200, True)
    assert caplog.records == []


async def test_a_call_without_room_is_told_when_to_try_again():
    answer = await within(endpoint(gated(Gate()))(call("no_room")))
    assert outcome(answer) == (503, 503)
    assert answer.headers == ((b"retry-after", b"3"),)
    assert "all hands are full" in said(answer)["error"]["message"]


@pytest.mark.parametrize("era", [modern, legacy])
async def test_one_call_more_than_a_worker_takes_is_refused_and_lists_are_not(era):
    gate = Gate()
    app = gated(gate)
    served = endpoint(app, max_calls=1)
    late = served(era("tools/call", {"name": "wait"}))
    await within(gate.started.wait())
    refused = served(era("tools/call", {"name": "wait"}))
    assert outcome(refused) == (503, 503)
    assert refused.headers == ((b"retry-after", b"1"),)
    assert served(era("tools/list")).status == 200
    gate.open.set()
    await within(late)
    again = served(era("tools/call", {"name": "wait"}))
    assert (await within(again)).status == 200


async def test_an_apps_own_code_travels_with_its_data_under_200():
    answer = await within(endpoint(gated(Gate()))(call("own_code")))
    assert answer.status == 200
    assert said(answer)["error"] == {"code": 4711, "message": "own", "data": {"why": 1}}


async def test_a_sync_tool_in_a_thread_streams_and_answers():
    app = App("threads")

    @app.tool
    def work(ctx: Context) -> str:
        """Tell from a thread."""
        ctx.progress(1)
        return "done"

    stream = await within(endpoint(app)(call("work", meta=ASKED)))
    assert [each.get("method") for each in events(await rest(stream))] == ["notifications/progress", None]
    app.close()


async def test_a_resource_that_is_not_there_has_its_eras_code_and_names_the_uri():
    gone = {"uri": "test://nothing"}
    for request, expected in (
        (modern("resources/read", gone), (400, -32602)),
        (legacy("resources/read", gone), (200, -32002)),
    ):
        answer = endpoint()(request)
        assert outcome(answer) == expected
        assert said(answer)["error"]["data"] == gone


async def test_the_request_a_context_sees_is_the_one_that_was_sent():
    app, seen = App("facts"), []

    @app.tool(inline=True)
    def look(ctx: Context) -> None:
        """Look."""
        seen.append((ctx.request_id, ctx.method, ctx.protocol_version, ctx.client))

    served = endpoint(app)
    served(modern("tools/call", {"name": "look"}, number="a"))
    served(legacy("tools/call", {"name": "look"}, number=5))
    served(legacy("tools/call", {"name": "look"}, version=None))
    assert seen == [
        ("a", "tools/call", MODERN, {"name": "tester", "version": "1"}),
        ("5", "tools/call", "2025-11-25", None),
        ("1", "tools/call", "2025-03-26", None),
    ]


async def test_an_endpoint_of_an_app_serves_many_requests_at_once():
    gate = Gate()
    served = endpoint(gated(gate))
    answers = [served(call("wait", meta={"progressToken": number})) for number in range(20)]
    await settled()
    assert served.in_flight == 20
    gate.open.set()
    assert {(await within(answer)).status for answer in answers} == {200}


def test_the_sample_is_a_fresh_app_each_time():
    assert sample() is not sample()


def contexts():
    gc.collect()
    return sum(type(thing) is Context for thing in gc.get_objects())


@pytest.mark.parametrize(
    "request_",
    [
        call("no such tool"),
        modern("prompts/get", {"name": "no such prompt"}),
        modern("resources/read", {"uri": "no://such/resource"}),
        modern("tools/list", {"cursor": "no such cursor"}),
        modern("tools/call", {"name": "add", "arguments": []}),
        legacy("tools/call", {"name": "no such tool"}),
    ],
    ids=["tool", "prompt", "resource", "cursor", "arguments", "old tool"],
)
async def test_a_refused_call_leaves_nothing_in_memory(request_):
    answer = endpoint(sample())
    before = contexts()
    for _ in range(10):
        response = answer(request_)
        if not isinstance(response, Response):
            response = await response
        assert "error" in said(response)
    del response
    assert contexts() == before


LONG = "m" * 1_000_000
TYPED = {"name": "a", "value": "b"}


@pytest.mark.parametrize(
    "request_",
    [
        modern(LONG),
        legacy(LONG),
        call(LONG),
        legacy("tools/call", {"name": LONG}),
        modern("prompts/get", {"name": LONG}),
        modern("tools/list", meta={PREFIX + "protocolVersion": LONG}),
        legacy("tools/list", {"_meta": {PREFIX + "protocolVersion": LONG}}),
        modern("tools/list", meta={PREFIX + "logLevel": LONG}),
        modern("completion/complete", {"ref": {"type": LONG}, "argument": TYPED}),
        modern(
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": LONG}, "argument": TYPED},
        ),
    ],
    ids=["method", "old method", "tool", "old tool", "prompt", "version", "old version", "level", "ref", "completed"],
)
async def test_an_error_repeats_only_the_beginning_of_what_was_sent(request_):
    response = endpoint(sample())(request_)
    assert "error" in said(response)
    assert len(response.body) < 2000
