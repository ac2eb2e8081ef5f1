"""Exchanges over HTTP with a modern server: answers, streams, faults of every kind, and what is sent again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from erlmcp.client import Client, ClientError, ConnectionFailed, Garbled, HttpError, RpcError, TimedOut, ToolFailed
from erlmcp.client.streamable import MAX_MESSAGE
from tests.client.peer import Peer, Said, Script, answer, event, for_ever, note, peer, refusal, reply, response, stream

PATIENCE = 5.0
MODERN = "2026-07-28"


@asynccontextmanager
async def connected(script: Script, **options: Any) -> AsyncIterator[tuple[Client, Peer]]:
    async with peer(script) as one, Client(one.url, mode=MODERN, **{"timeout": PATIENCE} | options) as client:
        yield client, one


def said(*answers: Said) -> Script:
    """Each request gets the next of these."""
    left = list(answers)
    return lambda _seen: left.pop(0)


async def test_a_call_repeats_in_headers_what_the_body_says() -> None:
    async with connected(answer, headers={"Authorization": "Bearer x"}) as (client, one):
        await client.call_tool("größe", {"a": 1}, meta={"traceparent": "00-1"})
    (seen,) = one.seen
    assert seen.headers["mcp-name"] == "=?base64?Z3LDtsOfZQ==?="
    assert (seen.headers["mcp-method"], seen.headers["authorization"]) == ("tools/call", "Bearer x")
    assert (seen.message["params"]["name"], seen.message["params"]["arguments"]) == ("größe", {"a": 1})
    assert seen.message["params"]["_meta"]["traceparent"] == "00-1"


async def test_a_stream_gives_progress_and_logs_before_its_answer() -> None:
    heard: list[Any] = []

    async def script(seen: Any) -> AsyncIterator[bytes]:
        token = seen.message["params"]["_meta"]["progressToken"]
        yield event(note("notifications/progress", progressToken=token, progress=1, total=2))
        yield b": waiting\n\n" + event(note("notifications/message", level="info", data=[1]))
        yield event(reply(seen, {"content": [{"type": "text", "text": "done"}]}))

    async with connected(lambda seen: stream(script(seen))) as (client, one):
        result = await client.call_tool("t", on_progress=heard.append, on_log=heard.append)
    assert result.text == "done"
    assert [getattr(each, "progress", None) or each.data for each in heard] == [1, [1]]
    assert one.seen[0].message["params"]["_meta"]["io.modelcontextprotocol/logLevel"] == "debug"


async def test_connections_are_kept_and_a_stream_that_is_read_to_its_end_leaves_its_own() -> None:
    async with connected(lambda seen: stream([event(reply(seen))]) if one_of(seen) else answer(seen)) as (client, one):
        for _ in range(3):
            await client.call_tool("t")
    assert (len(one.seen), one.connections) == (
        3,
        1 + 1,
    )  # the stream was left at its answer


def one_of(seen: Any) -> bool:
    return bool(seen.message["id"] == 1)


async def test_many_calls_at_once_have_an_answer_each() -> None:
    async with connected(lambda seen: answer(seen, {"structuredContent": seen.message["params"]["arguments"]})) as (
        c,
        _,
    ):
        results = await asyncio.gather(*(c.call_tool("t", {"n": n}) for n in range(20)))
    assert [result.structured_content for result in results] == [{"n": n} for n in range(20)]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("wrong", "kind", "why"),
    [
        (b"nonsense\r\n\r\n", Garbled, "does not speak HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, Garbled, "does not speak HTTP/1.1"),
        (response(200, b"<html>", "text/html"), Garbled, "no JSON-RPC message"),
        (response(200, b""), Garbled, "no JSON-RPC message"),
        (response(202), Garbled, "no JSON-RPC message"),
        (response(200, b'{"jsonrpc":"2.0","id":99,"result":{}}'), Garbled, "nothing that is an answer"),
        (response(200, b'{"jsonrpc":"2.0","id":"1","result":{}}'), Garbled, "nothing that is an answer"),
        (response(200, b'{"jsonrpc":"2.0","id":1,"result":3}'), Garbled, "malformed"),
        (response(200, b'{"jsonrpc":"2.0","id":1,"result":{"content":3}}'), Garbled, "malformed"),
        (response(200, b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text"}]}}'), Garbled, "malformed"),
        (response(200, b"x", headers={"Content-Encoding": "gzip"}), Garbled, "answers in gzip"),
        (HEAD + b"Content-Length: 99\r\n\r\n{", ConnectionFailed, "broke"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", ConnectionFailed, "broke"),
        (b"", ConnectionFailed, "closed|broke"),
        (response(404, b"nothing", "text/plain"), HttpError, "answers 404"),
        (response(421, b'{"detail":"no such host here"}'), HttpError, "answers 421: no such host here"),
        (response(307, headers={"Location": "http://x/"}), HttpError, "redirects .307. to http://x/; if you trust it"),
        (response(500, b'{"jsonrpc":"2.0","error":{"code":-32603,"message":"Oh"}}'), RpcError, r"Oh \(-32603\)"),
    ],
)
async def test_an_answer_that_is_none_is_told_in_a_line(wrong: bytes, kind: type[ClientError], why: str) -> None:
    async def once(_seen: Any) -> AsyncIterator[bytes]:
        yield wrong

    async with connected(once, retries=0) as (client, _):
        with pytest.raises(kind, match=why) as fault:
            await client.call_tool("t")
    assert "\n" not in str(fault.value)


async def test_a_stream_that_ends_before_its_answer_is_a_connection_that_failed() -> None:
    noise = event(note("notifications/x"), id="1")
    for whole in (True, False):
        async with connected(lambda _seen, whole=whole: stream([noise], whole=whole)) as (client, one):
            with pytest.raises(ConnectionFailed, match=r"ended before the answer|broke") as fault:
                await client.call_tool("t", repeatable=True)
        assert (fault.value.sent, fault.value.begun, len(one.seen)) == (True, True, 1)


async def test_an_answer_of_another_request_in_a_stream_is_passed_over() -> None:
    other = event({"jsonrpc": "2.0", "id": 99, "result": {}})
    async with connected(lambda seen: stream([other, event(reply(seen, {"content": []}))])) as (client, _):
        assert (await client.call_tool("t")).content == []


@pytest.mark.parametrize("more", [0, 1])
async def test_an_answer_has_a_largest_size(more: int) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"result":{}}'
    for form in (response(200, body), HEAD + b"Transfer-Encoding: chunked\r\n\r\n24\r\n" + body + b"\r\n0\r\n\r\n"):
        async with connected(said(form), max_message=len(body) - more) as (client, _):
            if more:
                with pytest.raises(Garbled, match="more than 35 bytes"):
                    await client.call_tool("t")
            else:
                await client.call_tool("t")


async def test_a_body_without_end_is_left_at_the_limit() -> None:
    async def flood() -> AsyncIterator[bytes]:
        yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + b" " * 65536 + b"\r\n"

    async with connected(lambda _seen: flood()) as (client, _):
        with pytest.raises(Garbled, match=f"more than {MAX_MESSAGE} bytes"):
            await client.call_tool("t")


async def test_an_event_without_end_is_left_at_the_limit() -> None:
    async def flood() -> AsyncIterator[bytes]:
        while True:
            yield b"data: " + b"x" * 1000

    async with connected(lambda _seen: stream(flood()), max_message=100_000) as (client, _):
        with pytest.raises(Garbled, match="an event of more than 100000 bytes"):
            await client.call_tool("t")


@pytest.mark.parametrize(
    "silence", [lambda _seen: for_ever(), lambda _seen: stream(for_ever()), lambda _seen: stream(chatter())]
)
async def test_a_server_that_does_not_answer_in_time_is_a_timeout_whatever_it_says_meanwhile(silence: Script) -> None:
    async with connected(silence, timeout=0.1) as (client, _):
        with pytest.raises(TimedOut, match=r"has not answered tools/call within 0\.1 s"):
            await client.call_tool("t")


async def chatter() -> AsyncIterator[bytes]:
    while True:
        yield b": still here\n\n"
        await asyncio.sleep(0.01)


async def test_nobody_there_is_told_with_the_address() -> None:
    async with peer(answer) as one:
        pass
    async with Client(one.url, mode=MODERN, retries=0) as client:
        with pytest.raises(ConnectionFailed, match=f"no server answers at {one.url}: ") as fault:
            await client.call_tool("t")
    assert not fault.value.sent


def flaky(first: bytes, times: int = 1) -> Script:
    """So many times `first`, then an answer."""
    left = [first] * times
    return lambda seen: left.pop() if left else answer(seen, {"contents": [], "content": []})


async def test_what_only_reads_is_sent_again_when_the_connection_breaks() -> None:
    async with connected(flaky(b"", 2)) as (client, one):
        await client.read_resource("a://b")
    assert [seen.message["id"] for seen in one.seen] == [1, 2, 3]


async def test_a_call_is_not_sent_again_unless_it_may_be() -> None:
    async with connected(flaky(b"")) as (client, one):
        with pytest.raises(ConnectionFailed) as fault:
            await client.call_tool("t")
        assert (fault.value.sent, len(one.seen)) == (True, 1)
    async with connected(flaky(b"")) as (client, one):
        await client.call_tool("t", repeatable=True)
        assert len(one.seen) == 2


async def test_what_broke_off_in_the_middle_is_not_sent_again() -> None:
    half = HEAD + b"Content-Length: 99\r\nConnection: close\r\n\r\n{"
    async with connected(flaky(half)) as (client, one):
        with pytest.raises(ConnectionFailed):
            await client.read_resource("a://b")
    assert len(one.seen) == 1


@pytest.mark.parametrize(("after", "times"), [("0", 2), ("6", 1), ("", 1), ("Wed, 21 Oct 2026 07:28:00 GMT", 1)])
async def test_a_busy_server_is_asked_again_when_it_says_so_soon(after: str, times: int) -> None:
    busy = response(503, headers={"Retry-After": after} if after else {})
    async with connected(flaky(busy)) as (client, one):
        if times == 1:
            with pytest.raises(HttpError, match="answers 503"):
                await client.read_resource("a://b")
        else:
            await client.read_resource("a://b")
    assert len(one.seen) == times


async def test_retries_may_be_off_and_have_an_end() -> None:
    for retries in (0, 1):
        async with connected(lambda _seen: b"", retries=retries) as (client, one):
            with pytest.raises(ConnectionFailed):
                await client.read_resource("a://b")
        assert len(one.seen) == retries + 1


async def test_to_cancel_the_caller_closes_the_stream() -> None:
    closed = asyncio.Event()

    async def wait() -> AsyncIterator[bytes]:
        try:
            yield event(note("notifications/x"))
            while True:  # a write is what notices that nobody reads
                yield b": \n\n"
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async with connected(lambda _seen: stream(wait())) as (client, one):
        call = asyncio.create_task(client.call_tool("t"))
        async with asyncio.timeout(PATIENCE):
            while not one.seen:  # noqa: ASYNC110 - the peer is no wiser
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await closed.wait()
    assert one.asked == ["tools/call"]


async def test_a_tools_no_is_raised_with_its_text_or_returned() -> None:
    no = {"isError": True, "content": [{"type": "text", "text": "sold out"}], "structuredContent": {"code": 7}}
    async with connected(lambda seen: answer(seen, no)) as (client, _):
        with pytest.raises(ToolFailed, match="tool order: sold out") as fault:
            await client.call_tool("order")
        assert fault.value.result.structured_content == {"code": 7}
        assert (await client.call_tool("order", check=False)).is_error


async def test_headers_that_a_tool_wants_are_learnt_when_the_server_misses_them() -> None:
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}

    def script(seen: Any) -> bytes:
        if seen.rpc == "tools/list":
            return answer(seen, {"tools": [{"name": "t", "inputSchema": schema}]})
        return answer(seen) if seen.headers.get("mcp-param-region") == "eu" else refusal(seen, -32020)

    async with connected(script) as (client, one):
        await client.call_tool("t", {"region": "eu"})
        assert one.asked == ["tools/call", "tools/list", "tools/call"]
        with pytest.raises(RpcError):
            await client.call_tool("t", {"region": "us"})
        assert one.asked[3:] == ["tools/call", "tools/list"]


async def test_a_list_is_walked_to_its_end_and_not_in_circles() -> None:
    def script(seen: Any) -> bytes:
        page = int(seen.message["params"].get("cursor", "0"))
        tools = [{"name": f"t{page}", "inputSchema": {}, "unknown": 1}]
        return answer(seen, {"tools": tools, "nextCursor": str((page + 1) % 3)})

    async with connected(script) as (client, one):
        assert [tool.name for tool in await client.list_tools()] == ["t0", "t1", "t2", "t0"]
        assert len(one.seen) == 4


async def test_answers_are_kept_as_long_as_the_server_allows_where_that_is_wanted() -> None:
    def script(seen: Any) -> bytes:
        ttl = 60_000 if seen.message["params"]["uri"] == "a://kept" else 0
        return answer(seen, {"contents": [], "ttlMs": ttl, "cacheScope": "private"})

    for cache, asked in ((True, 3), (False, 4)):
        async with connected(script, cache=cache) as (client, one):
            for uri in ("a://kept", "a://kept", "a://not", "a://not"):
                await client.read_resource(uri)
        assert len(one.seen) == asked


async def test_content_of_an_unknown_kind_is_kept_as_it_came() -> None:
    async with connected(lambda seen: answer(seen, {"content": [{"type": "hologram", "rays": 3}]})) as (client, _):
        (block,) = (await client.call_tool("t")).content
    assert (block.type, block.value) == ("hologram", {"type": "hologram", "rays": 3})  # type: ignore[union-attr]
