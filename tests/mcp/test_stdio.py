"""The conversation over lines: both eras side by side, concurrent, cancelled, broken, full; in memory."""

import asyncio
import json

import pytest

from erlmcp import App, Context
from erlmcp.mcp import Conversation, Options
from tests.mcp.posts import MODERN, PREFIX, message, sample
from tests.mcp.talking import WITHIN, Pipe, call, cancelled, initialize, modern, talk

pytestmark = pytest.mark.both_loops


class Gate:
    """Tools that wait until they are let through."""

    def __init__(self):
        self.open = asyncio.Event()
        self.app = App("gated", version="1")
        self.cancelled: list[str] = []
        self.started = asyncio.Event()

        @self.app.tool
        async def wait(name: str, ctx: Context) -> str:
            """Wait for the gate."""
            self.started.set()
            try:
                await ctx.progress(1, 2)
                await self.open.wait()
            except asyncio.CancelledError:
                self.cancelled.append(name)
                await ctx.progress(2, 2)
                raise
            return name

        @self.app.tool(inline=True)
        def quick() -> str:
            """Do not wait."""
            return "quick"


async def test_a_modern_request_needs_no_headers_and_no_handshake():
    conversation, pipe = talk()
    conversation.hear(modern("server/discover", number="probe"))
    conversation.hear(call("add", 2, a=1, b=2))
    discovered, added = pipe.written
    assert discovered["id"] == "probe"
    assert MODERN in discovered["result"]["supportedVersions"]
    assert added["result"]["structuredContent"] == {"result": 3}
    assert added["result"]["resultType"] == "complete"


async def test_an_older_client_opens_with_a_handshake():
    conversation, pipe = talk()
    conversation.hear(initialize("2025-06-18"))
    conversation.hear(message("notifications/initialized", None).replace(b'"id": 1, ', b""))
    conversation.hear(message("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}))
    hello, added = pipe.written
    assert hello["result"]["protocolVersion"] == "2025-06-18"
    assert added["result"] == {
        "content": [{"type": "text", "text": "3"}],
        "structuredContent": {"result": 3},
        "isError": False,
    }


async def test_both_eras_interleave_on_one_pipe():
    conversation, pipe = talk()
    conversation.hear(initialize())
    conversation.hear(call("add", 1, a=1, b=2))
    conversation.hear(message("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, 2))
    assert ["resultType" in said["result"] for said in pipe.written] == [False, True, False]


async def test_an_unknown_version_gets_the_newest_that_opens_with_a_handshake():
    conversation, pipe = talk()
    conversation.hear(initialize("1999-01-01"))
    assert pipe.written[0]["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize(
    ("line", "code", "number"),
    [
        (message("tools/list", None), -32602, 1),
        (message("tools/list", {"_meta": {"progressToken": 1}}), -32602, 1),
        (message("tools/list", {"_meta": {PREFIX + "protocolVersion": MODERN}}), -32602, 1),
        (message("tools/list", {"_meta": {PREFIX + "clientCapabilities": {}}}), -32602, 1),
        (message("tools/list", {"_meta": 5}), -32602, 1),
        (modern("ping"), -32601, 1),
        (modern("initialize"), -32601, 1),
        (modern("fly", number="a"), -32601, "a"),
        (modern("tools/list", **{PREFIX + "protocolVersion": "2099-01-01"}), -32022, 1),
        (b"{", -32700, None),
        (b"\xff\xfe", -32700, None),
        (b'"\xe9"', -32700, None),
        (b"[]", -32600, None),
        (b"7", -32600, None),
        (b'{"jsonrpc":"2.0","id":3}', -32600, 3),
        (b'{"jsonrpc":"1.0","id":3,"method":"ping"}', -32600, 3),
    ],
)
async def test_what_cannot_be_served_is_refused_and_the_conversation_goes_on(line, code, number):
    conversation, pipe = talk()
    conversation.hear(line)
    conversation.hear(call("add", 9, a=1, b=2))
    refused, added = pipe.written
    assert (refused["error"]["code"], refused.get("id")) == (code, number)
    assert added["id"] == 9


async def test_a_line_that_was_too_long_is_told():
    conversation, pipe = talk()
    conversation.too_long("a line is longer than 8 bytes")
    assert pipe.written == [
        {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error: a line is longer than 8 bytes"}}
    ]


async def test_ping_is_answered_before_the_handshake_and_after_it():
    conversation, pipe = talk()
    conversation.hear(message("ping", None, 1))
    conversation.hear(initialize())
    conversation.hear(message("ping", None, 2))
    assert [pipe.written[0]["result"], pipe.written[2]["result"]] == [{}, {}]


async def test_a_second_handshake_is_refused():
    conversation, pipe = talk()
    conversation.hear(initialize(number=1))
    conversation.hear(initialize(number=2))
    assert (pipe.written[1]["id"], pipe.written[1]["error"]["code"]) == (2, -32600)


async def test_a_strict_server_wants_a_version_and_takes_another_try():
    conversation, pipe = talk(strict_initialize=True)
    conversation.hear(message("initialize", {"capabilities": {}}, 1))
    conversation.hear(initialize(number=2))
    assert pipe.written[0]["error"]["code"] == -32602
    assert pipe.written[1]["result"]["protocolVersion"] == "2025-11-25"


async def test_requests_run_side_by_side_and_are_answered_as_they_come():
    gate = Gate()
    conversation, pipe = talk(gate.app)
    conversation.hear(call("wait", 1, name="a"))
    conversation.hear(call("wait", 2, name="b"))
    conversation.hear(call("quick", 3))
    assert conversation.in_flight == 2
    assert [said["id"] for said in pipe.written] == [3]
    gate.open.set()
    await pipe.until(3)
    assert {said["id"] for said in pipe.written} == {1, 2, 3}
    assert conversation.in_flight == 0


async def test_progress_and_log_messages_share_the_pipe_when_they_are_asked_for():
    conversation, pipe = talk()
    conversation.hear(call("tell", 1))
    assert [said.get("method") for said in pipe.written] == [None]
    conversation.hear(call("tell", 2, {"progressToken": "t", PREFIX + "logLevel": "info"}))
    assert [said.get("method") for said in pipe.written[1:]] == [
        "notifications/progress",
        "notifications/message",
        None,
    ]
    assert pipe.written[1]["params"] == {"progressToken": "t", "progress": 1, "total": 2, "message": "half"}


@pytest.mark.parametrize(
    ("number", "spelled"), [(7, "7"), ("7", '"7"'), ("café", '"caf\\u00e9"'), ("café", '"café"'), (2**70, str(2**70))]
)
async def test_a_cancelled_request_stops_and_is_not_answered(number, spelled):
    gate = Gate()
    conversation, pipe = talk(gate.app)
    line = call("wait", 1, {"progressToken": "t"}, name="a").replace(b'"id": 1', b'"id": ' + spelled.encode())
    conversation.hear(line)
    await asyncio.wait_for(gate.started.wait(), WITHIN)
    before = list(pipe.written)
    conversation.hear(cancelled(number))
    conversation.hear(call("quick", 2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert gate.cancelled == ["a"]
    assert [said["id"] for said in pipe.written[len(before) :]] == [2]


async def test_an_older_client_cancels_alike():
    gate = Gate()
    conversation, pipe = talk(gate.app)
    conversation.hear(initialize())
    conversation.hear(message("tools/call", {"name": "wait", "arguments": {"name": "a"}}, 1))
    await asyncio.wait_for(gate.started.wait(), WITHIN)
    conversation.hear(cancelled(1))
    await asyncio.sleep(0)
    assert (gate.cancelled, len(pipe.written), conversation.in_flight) == (["a"], 1, 0)


@pytest.mark.parametrize("params", ["", ',"params":{}', ',"params":{"requestId":null}', ',"params":{"requestId":99}'])
async def test_a_cancellation_of_nothing_is_ignored(params):
    conversation, pipe = talk()
    conversation.hear(b'{"jsonrpc":"2.0","method":"notifications/cancelled"%b}' % params.encode())
    assert pipe.written == []


async def test_an_id_that_is_still_being_served_is_refused():
    gate = Gate()
    conversation, pipe = talk(gate.app)
    conversation.hear(call("wait", "x", name="a"))
    conversation.hear(call("wait", "x", name="b"))
    assert pipe.written[0]["error"]["code"] == -32600
    gate.open.set()
    assert (await pipe.until(2))[1]["result"]["content"][0]["text"] == "a"


async def test_one_call_more_than_may_be_in_flight_is_refused_and_lists_are_not():
    gate = Gate()
    conversation, pipe = talk(gate.app, max_calls=2)
    for number in (1, 2, 3):
        conversation.hear(call("wait", number, name="a"))
    conversation.hear(modern("tools/list", number=4))
    assert [(said["id"], "error" in said) for said in pipe.written] == [(3, True), (4, False)]
    assert pipe.written[0]["error"]["code"] == 503
    await conversation.drain(0)


async def test_a_tool_that_tells_waits_for_a_client_that_does_not_read():
    gate = Gate()
    pipe = Pipe()
    conversation, _ = talk(gate.app, pipe)
    pipe.full = True
    gate.open.set()
    conversation.hear(call("wait", 1, {"progressToken": "t"}, name="a"))
    await asyncio.wait_for(gate.started.wait(), WITHIN)
    await asyncio.sleep(0)
    assert [said["method"] for said in pipe.written] == ["notifications/progress"]
    pipe.read()
    await pipe.until(2)


async def test_what_does_not_wait_is_dropped_when_the_client_is_far_behind_but_no_answer_is():
    conversation, pipe = talk(pipe=Pipe(held=True))
    conversation.hear(call("tell", 2, {"progressToken": "t", PREFIX + "logLevel": "info"}))
    assert [said.get("id") for said in pipe.written] == [2]


async def test_a_crash_is_answered_without_its_secret():
    conversation, pipe = talk()
    conversation.hear(call("crash"))
    assert "secret" not in json.dumps(pipe.written)


async def test_a_drain_lets_calls_end_and_cancels_what_does_not_end_in_time():
    gate = Gate()
    conversation, pipe = talk(gate.app)
    conversation.hear(call("wait", 1, name="a"))
    draining = asyncio.ensure_future(conversation.drain(WITHIN))
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.wait_for(draining, WITHIN)
    assert [said["id"] for said in pipe.written] == [1]
    gate.open.clear()
    gate.started.clear()
    conversation.hear(call("wait", 2, name="b"))
    await asyncio.wait_for(gate.started.wait(), WITHIN)
    await conversation.drain(0.01)
    await asyncio.sleep(0)
    assert (gate.cancelled, conversation.in_flight) == (["b"], 0)


async def test_a_drain_ends_a_subscription_with_its_result_and_says_that_it_is_cancelled():
    app = sample()
    conversation, pipe = talk(app)
    conversation.hear(modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, "s"))
    app.tools_changed()
    await asyncio.wait_for(conversation.drain(WITHIN), WITHIN)
    acknowledged, changed, result, note = pipe.written
    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert changed["method"] == "notifications/tools/list_changed"
    assert (result["id"], result["result"]["resultType"]) == ("s", "complete")
    assert (note["method"], note["params"]) == ("notifications/cancelled", {"requestId": "s"})
    assert conversation.in_flight == 0


async def test_a_subscription_that_its_client_cancels_hears_and_says_nothing_more():
    app = sample()
    conversation, pipe = talk(app)
    conversation.hear(modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, 7))
    conversation.hear(cancelled(7))
    app.tools_changed()
    await asyncio.sleep(0)
    await asyncio.wait_for(conversation.drain(WITHIN), WITHIN)
    assert [said.get("method") for said in pipe.written] == ["notifications/subscriptions/acknowledged"]


async def test_a_change_waits_for_a_pipe_that_is_full_of_something_else():
    app = sample()
    conversation, pipe = talk(app)
    conversation.hear(modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}}))
    pipe.full = pipe.overfull = True
    for _ in range(3):
        app.tools_changed()
        await asyncio.sleep(0)
    assert len(pipe.written) == 1
    pipe.read()
    assert [said["method"] for said in (await pipe.until(2))[1:]] == ["notifications/tools/list_changed"]
    await conversation.drain(0)


async def test_a_batch_of_2025_03_26_is_answered_as_one():
    conversation, pipe = talk()
    conversation.hear(initialize("2025-03-26"))
    note = b'{"jsonrpc":"2.0","method":"notifications/x"}'
    ping, wrong = message("ping", None, 1), b'{"jsonrpc":"2.0","id":2}'
    conversation.hear(b"[%b]" % b",".join([ping, note, wrong, b"5", initialize(number=3), message("fly", None, 4)]))
    assert sorted((said.get("id", -1), said.get("error", {}).get("code", 0)) for said in pipe.written[1]) == [
        (-1, -32600),
        (1, 0),
        (2, -32600),
        (3, -32600),
        (4, -32601),
    ]
    conversation.hear(b"[%b]" % note)
    conversation.hear(b" []")
    assert [said["error"]["code"] for said in pipe.written[2:]] == [-32600]


async def test_a_batch_waits_for_its_slowest_and_leaves_out_what_was_cancelled():
    gate = Gate()
    conversation, pipe = talk(gate.app)
    conversation.hear(initialize("2025-03-26"))
    calls = [message("tools/call", {"name": "wait", "arguments": {"name": str(n)}}, n) for n in (1, 2)]
    conversation.hear(b"[%b]" % b",".join([*calls, message("ping", None, 3)]))
    conversation.hear(cancelled(1))
    gate.open.set()
    answers = (await pipe.until(2))[1]
    assert sorted(said["id"] for said in answers) == [2, 3]


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2024-11-05"])
async def test_other_revisions_know_no_batches(version):
    conversation, pipe = talk()
    conversation.hear(initialize(version))
    conversation.hear(b"[%b]" % message("ping", None, 1))
    assert pipe.written[1]["error"]["code"] == -32600


async def test_the_observer_hears_what_became_of_each_call():
    heard = []
    app, options, pipe = sample(), Options(), Pipe()
    app.bind(options)
    conversation = Conversation(
        app, options, pipe, lambda method, target, word, _: heard.append((method, target, word))
    )
    for line in (call("add", a=1, b=2), call("refuse"), modern("fly"), modern("tools/list", {"cursor": 5})):
        conversation.hear(line)
    assert heard == [
        ("tools/call", "add", "ok"),
        ("tools/call", "refuse", "tool_error"),
        ("", "", "-32601"),
        ("tools/list", "", "-32602"),
    ]
