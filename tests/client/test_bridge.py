"""The bridge from pipes to HTTP, against a scripted server: both eras, what is repeated, what is tried again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from erlmcp.client import UNREACHABLE, Address, Bridge, Network
from tests.client.peer import Peer, Script, Seen, answer, event, note, peer, refusal, reply, response, stream
from tests.client.test_legacy import until
from tests.mcp.posts import META, message
from tests.mcp.talking import Pipe, cancelled, initialize, modern

WITHIN = 5.0


@asynccontextmanager
async def bridged(script: Script, **options: Any) -> AsyncIterator[tuple[Bridge, Pipe, Peer]]:
    async with peer(script) as server:
        pipe = Pipe()
        bridge = Bridge(Network(Address.of(server.url)), pipe, **options)
        await bridge.start()
        try:
            yield bridge, pipe, server
        finally:
            await bridge.drain(0)
            await bridge.aclose()


def shook(seen: Seen) -> bytes:
    result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
    return answer(seen, result, **{"Mcp-Session-Id": "one"})


async def test_a_modern_request_gets_its_headers_from_its_body_and_its_answer_is_a_line() -> None:
    async with bridged(lambda seen: answer(seen, {"content": []})) as (bridge, pipe, server):
        bridge.hear(modern("tools/call", {"name": "grüße", "arguments": {}}, "x"))
        assert await pipe.until(1) == [{"jsonrpc": "2.0", "id": "x", "result": {"content": []}}]
    headers = server.seen[0].headers
    assert (headers["mcp-protocol-version"], headers["mcp-method"]) == ("2026-07-28", "tools/call")
    assert headers["mcp-name"] == "=?base64?Z3LDvMOfZQ==?="
    assert json.loads(server.seen[0].body)["params"]["_meta"] == META


async def test_headers_that_a_tool_wants_are_learnt_from_the_list_that_passes() -> None:
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
    tools = {"tools": [{"name": "go", "inputSchema": schema}]}

    def script(seen: Seen) -> bytes:
        return answer(seen, tools if seen.rpc == "tools/list" else {})

    async with bridged(script) as (bridge, pipe, server):
        bridge.hear(modern("tools/list", number=1))
        await pipe.until(1)
        bridge.hear(modern("tools/call", {"name": "go", "arguments": {"region": "eu"}}, 2))
        await pipe.until(2)
    assert server.seen[1].headers["mcp-param-region"] == "eu"


async def test_headers_that_nobody_has_listed_are_learnt_when_the_server_misses_them() -> None:
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}

    def script(seen: Seen) -> bytes:
        if seen.rpc == "tools/list":
            return answer(seen, {"tools": [{"name": "go", "inputSchema": schema}]})
        return answer(seen, {}) if "mcp-param-region" in seen.headers else refusal(seen, -32020)

    async with bridged(script) as (bridge, pipe, server):
        bridge.hear(modern("tools/call", {"name": "go", "arguments": {"region": "eu"}}, 2))
        assert "result" in (await pipe.until(1))[0]
    assert server.asked == ["tools/call", "tools/list", "tools/call"]


async def test_an_error_of_the_server_is_passed_on_with_its_data() -> None:
    async with bridged(lambda seen: refusal(seen, -32602, data={"uri": "x"})) as (bridge, pipe, _):
        bridge.hear(modern("resources/read", {"uri": "x"}))
        error = (await pipe.until(1))[0]["error"]
    assert (error["code"], error["data"]) == (-32602, {"uri": "x"})


async def test_what_a_stream_tells_comes_before_its_answer_each_on_a_line() -> None:
    def script(seen: Seen) -> Any:
        told = json.dumps(note("notifications/progress", progressToken=1, progress=1), indent=1)
        return stream([event(json.loads(told)), event(reply(seen, {"content": []}))])

    async with bridged(script) as (bridge, pipe, _):
        bridge.hear(modern("tools/call", {"name": "a"}))
        told, done = await pipe.until(2)
    assert (told["method"], done["result"]) == ("notifications/progress", {"content": []})


async def test_a_session_of_the_older_era_is_kept_its_stream_opened_and_the_session_ended() -> None:
    def script(seen: Seen) -> Any:
        if seen.rpc == "initialize":
            return shook(seen)
        if seen.method == "GET":
            return stream([event(note("notifications/tools/list_changed"))])
        if seen.method == "DELETE" or seen.rpc.startswith("notifications/"):
            return response(202)
        return answer(seen, {"tools": []})

    async with bridged(script) as (bridge, pipe, server):
        bridge.hear(initialize())
        await pipe.until(1)
        bridge.hear(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        assert (await pipe.until(2))[1]["method"] == "notifications/tools/list_changed"
        bridge.hear(message("tools/list", None, 2))
        await pipe.until(3)
    later = [each for each in server.seen if each.rpc != "initialize"]
    assert {each.headers["mcp-session-id"] for each in later} == {"one"}
    assert {each.headers["mcp-protocol-version"] for each in later} == {"2025-11-25"}
    assert server.asked[-1] == "DELETE"


async def test_a_question_of_the_server_and_its_reply_pass() -> None:
    replied = asyncio.Event()

    def script(seen: Seen) -> Any:
        if seen.rpc == "initialize":
            return shook(seen)
        if seen.rpc == "tools/call":
            return stream(asking(seen))
        if "result" in (seen.message or {}):
            replied.set()
        return response(202)

    async def asking(seen: Seen) -> AsyncIterator[bytes]:
        yield event({"jsonrpc": "2.0", "id": "q1", "method": "roots/list"})
        await replied.wait()
        yield event(reply(seen, {"content": []}))

    async with bridged(script) as (bridge, pipe, server):
        bridge.hear(initialize())
        await pipe.until(1)
        bridge.hear(message("tools/call", {"name": "a"}, 2))
        assert (await pipe.until(2))[1] == {"jsonrpc": "2.0", "id": "q1", "method": "roots/list", "params": {}}
        bridge.hear(b'{"jsonrpc":"2.0","id":"q1","result":{"roots":[]}}')
        assert (await pipe.until(3))[2]["result"] == {"content": []}
    assert json.loads(server.seen[2].body) == {"jsonrpc": "2.0", "id": "q1", "result": {"roots": []}}


async def test_a_session_that_the_server_forgot_is_opened_anew_with_what_was_set_in_it() -> None:
    sessions = iter(["one", "two"])
    current = ""

    def script(seen: Seen) -> bytes:
        nonlocal current
        if seen.rpc == "initialize":
            current = next(sessions)
            result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
            return answer(seen, result, **{"Mcp-Session-Id": current})
        if seen.headers.get("mcp-session-id") != current:
            return response(404)
        if seen.method == "GET":
            return response(405)
        return response(202) if seen.rpc.startswith("notifications/") else answer(seen, {})

    async with bridged(script) as (bridge, pipe, server):
        bridge.hear(initialize())
        await pipe.until(1)
        bridge.hear(message("logging/setLevel", {"level": "info"}, 2))
        await pipe.until(2)
        bridge.hear(message("resources/subscribe", {"uri": "a://b"}, 3))
        await pipe.until(3)
        current = "gone"
        bridge.hear(message("tools/list", None, 4))
        assert (await pipe.until(4))[3] == {"jsonrpc": "2.0", "id": 4, "result": {}}
        assert [each["id"] for each in pipe.written] == [0, 2, 3, 4]
    again = [each.rpc for each in server.seen[4:] if each.method == "POST"]
    assert again[:4] == ["initialize", "notifications/initialized", "logging/setLevel", "resources/subscribe"]
    assert again[-1] == "tools/list"


async def test_a_cancelled_modern_request_closes_its_stream_and_is_not_answered() -> None:
    left = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        try:
            yield event(note("notifications/progress", progressToken=1, progress=1))
            while True:
                await asyncio.sleep(0.01)
                yield b": \n\n"
        finally:
            left.set()

    def script(seen: Seen) -> Any:
        return stream(waiting()) if seen.rpc == "tools/call" else answer(seen, {})

    async with bridged(script) as (bridge, pipe, server):
        bridge.hear(modern("tools/call", {"name": "a"}, 1))
        await pipe.until(1)
        bridge.hear(cancelled(1))
        await asyncio.wait_for(left.wait(), WITHIN)
        bridge.hear(modern("tools/list", number=2))
        assert (await pipe.until(2))[1]["id"] == 2
        assert server.asked == ["tools/call", "tools/list"]


async def test_a_cancellation_of_the_older_era_is_forwarded() -> None:
    told = asyncio.Event()

    def script(seen: Seen) -> Any:
        if seen.rpc == "initialize":
            return shook(seen)
        if seen.rpc == "notifications/cancelled":
            told.set()
        return stream(_silence()) if seen.rpc == "tools/call" else response(202)

    async with bridged(script) as (bridge, pipe, server):
        bridge.hear(initialize())
        await pipe.until(1)
        bridge.hear(message("tools/call", {"name": "a"}, 1))
        await until(lambda: "tools/call" in server.asked)
        bridge.hear(cancelled(1))
        await asyncio.wait_for(told.wait(), WITHIN)
        assert len(pipe.written) == 1


async def _silence() -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(0.01)
        yield b": \n\n"


async def test_a_server_that_is_away_is_waited_for_a_while_then_said_to_be_away() -> None:
    pipe = Pipe()
    async with peer(lambda _: b"") as gone:
        url = gone.url
    bridge = Bridge(Network(Address.of(url)), pipe, patience=0.2)
    await bridge.start()
    bridge.hear(modern("tools/call", {"name": "a"}, 7))
    error = (await pipe.until(1))[0]
    assert (error["id"], error["error"]["code"]) == (7, UNREACHABLE)
    assert url in error["error"]["message"]
    await bridge.aclose()


@pytest.mark.parametrize(("method", "asked"), [("tools/list", 2), ("tools/call", 1)])
async def test_only_what_may_be_carried_out_twice_is_sent_again(method: str, asked: int) -> None:
    answers = iter([b""])

    def script(seen: Seen) -> bytes:
        return next(answers, answer(seen, {}))

    async with bridged(script) as (bridge, pipe, server):
        bridge.hear(modern(method, {"name": "a"} if method == "tools/call" else {}))
        (said,) = await pipe.until(1)
        assert ("error" in said, len(server.seen)) == (asked == 1, asked)


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_a_status_without_an_error_of_its_own_becomes_one(status: int) -> None:
    async with bridged(lambda _: response(status)) as (bridge, pipe, _):
        bridge.hear(modern("tools/list"))
        error = (await pipe.until(1))[0]["error"]
        assert (error["code"], f"answers {status}" in error["message"]) == (status, True)


async def test_headers_of_ones_own_go_with_every_request() -> None:
    fields = ((b"Authorization", b"Bearer secret"),)
    async with bridged(lambda seen: answer(seen, {}), headers=fields) as (bridge, pipe, server):
        bridge.hear(modern("tools/list"))
        bridge.hear(message("ping", None, 2))
        await pipe.until(2)
    assert [each.headers["authorization"] for each in server.seen] == ["Bearer secret"] * 2


@pytest.mark.parametrize(("line", "code"), [(b"{", -32700), (b"[]", -32600), (b'{"jsonrpc":"2.0","id":1}', -32600)])
async def test_what_is_no_message_is_refused_here(line: bytes, code: int) -> None:
    async with bridged(lambda seen: answer(seen, {})) as (bridge, pipe, server):
        bridge.hear(line)
        bridge.too_long("a line is longer than 8 bytes")
        assert [each["error"]["code"] for each in pipe.written] == [code, -32700]
        assert server.seen == []


async def test_a_batch_of_2025_03_26_goes_out_in_parts_and_comes_back_as_one() -> None:
    def script(seen: Seen) -> bytes:
        if seen.rpc == "initialize":
            result = {"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
            return answer(seen, result)
        return answer(seen, {}) if "id" in seen.message else response(202)

    async with bridged(script) as (bridge, pipe, _):
        bridge.hear(initialize("2025-03-26"))
        await pipe.until(1)
        bridge.hear(b"[%b]" % b",".join([message("ping", None, 1), message("ping", None, 2), b"7"]))
        answers = (await pipe.until(2))[1]
    assert sorted(each.get("id", 0) for each in answers) == [0, 1, 2]


async def test_a_drain_waits_for_answers_and_lets_streams_without_an_end_go() -> None:
    going = asyncio.Event()

    async def later(seen: Seen) -> AsyncIterator[bytes]:
        await going.wait()
        yield event(reply(seen, {}))

    def script(seen: Seen) -> Any:
        return stream(_silence() if seen.rpc == "subscriptions/listen" else later(seen))

    async with bridged(script) as (bridge, pipe, server):
        bridge.hear(modern("subscriptions/listen", {"notifications": {}}, 1))
        bridge.hear(modern("tools/call", {"name": "a"}, 2))
        await until(lambda: len(server.seen) == 2)
        draining = asyncio.ensure_future(bridge.drain(WITHIN))
        going.set()
        await asyncio.wait_for(draining, WITHIN)
        assert [each["id"] for each in pipe.written] == [2]
