"""Conversations before 2026-07-28: sessions, what the server asks, resumption, cancellation, its own stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from erlmcp.client import Client, ConnectionFailed, HttpError, RpcError, TimedOut
from tests.client.peer import (
    Peer,
    Said,
    Script,
    Seen,
    answer,
    event,
    for_ever,
    note,
    peer,
    refusal,
    reply,
    response,
    stream,
)

PATIENCE = 5.0
ABOUT = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"logging": {}},
    "serverInfo": {"name": "old", "version": "1"},
}


def with_session(script: Script, sessions: list[str] | None = None, *, tells: bool = False) -> Script:
    """A server that mints sessions, one after the other, and is `script` within one; `tells`: also on its own."""
    left = sessions or ["s1"]

    def whole(seen: Seen) -> Said:
        if seen.rpc == "initialize":
            return answer(seen, ABOUT, **{"Mcp-Session-Id": left.pop(0)})
        if seen.rpc in {"notifications/initialized", "DELETE", "notifications/cancelled"}:
            return response(202)
        if seen.rpc == "GET" and "last-event-id" not in seen.headers and not tells:
            return response(405)
        return script(seen)

    return whole


@asynccontextmanager
async def connected(script: Script, **options: Any) -> AsyncIterator[tuple[Client, Peer]]:
    async with peer(script) as one, Client(one.url, mode="legacy", **{"timeout": PATIENCE} | options) as client:
        yield client, one


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - the peer is no wiser
            await asyncio.sleep(0)


async def test_a_session_is_carried_by_every_request_and_ended() -> None:
    async with connected(with_session(answer)) as (client, one):
        await client.call_tool("t")
    assert one.asked == ["initialize", "notifications/initialized", "tools/call", "DELETE"]
    assert [seen.headers.get("mcp-session-id") for seen in one.seen] == [None, "s1", "s1", "s1"]
    assert "mcp-method" not in one.seen[2].headers
    assert "_meta" not in one.seen[2].message["params"]


async def test_a_server_without_sessions_is_left_without_a_word() -> None:
    async with connected(lambda seen: answer(seen, ABOUT) if seen.rpc == "initialize" else response(202)) as (_, one):
        pass
    assert one.asked == ["initialize", "notifications/initialized"]


async def test_a_session_that_the_server_lost_is_opened_anew_and_the_request_sent_again() -> None:
    def script(seen: Seen) -> Said:
        return answer(seen, {}) if seen.headers["mcp-session-id"] == "s2" else refusal(seen, -32001, 404)

    async with connected(with_session(script, ["s1", "s2"])) as (client, one):
        await client.call_tool("t")
    assert one.asked[2:6] == ["tools/call", "initialize", "notifications/initialized", "tools/call"]


async def test_a_server_that_forgets_every_session_is_given_up() -> None:
    async with connected(with_session(lambda seen: refusal(seen, -32001, 404), ["s1", "s2"])) as (client, _):
        with pytest.raises(HttpError, match="answers 404: no"):
            await client.call_tool("t")


async def test_what_the_server_asks_during_a_call_is_answered_by_a_post() -> None:
    answered = asyncio.Event()

    async def script(seen: Seen) -> AsyncIterator[bytes]:
        asks = {
            "e": ("elicitation/create", {"message": "who?", "requestedSchema": {"properties": {"n": {"default": 7}}}}),
            "s": ("sampling/createMessage", {"messages": [], "maxTokens": 5}),
            "r": ("roots/list", None),
            "p": ("ping", None),
            "x": ("novel/thing", None),
        }
        for id_, (method, params) in asks.items():
            yield event({"jsonrpc": "2.0", "id": id_, "method": method} | ({"params": params} if params else {}))
        await answered.wait()
        yield event(reply(seen, {"content": []}))

    answers: dict[str, Any] = {}

    def whole(seen: Seen) -> Said:
        if seen.rpc == "tools/call":
            return stream(script(seen))
        answers[seen.message["id"]] = seen.message.get("result", seen.message.get("error"))
        if len(answers) == 5:
            answered.set()
        return response(202)

    options: Any = {
        "elicit": lambda question: {"name": question.message},
        "sample": lambda ask: f"{ask.max_tokens} tokens",
        "roots": ["file:///home"],
    }
    async with connected(with_session(whole), **options) as (client, one):
        await client.call_tool("t")
    assert one.seen[0].message["params"]["capabilities"] == {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}
    assert answers["e"] == {"action": "accept", "content": {"n": 7, "name": "who?"}}
    assert answers["s"]["content"] == {"type": "text", "text": "5 tokens"}
    assert (answers["r"], answers["p"]) == ({"roots": [{"uri": "file:///home"}]}, {})
    assert answers["x"]["code"] == -32601


async def test_a_handler_that_fails_is_told_to_the_server_without_its_words() -> None:
    answered: list[Any] = []

    def fail(_question: Any) -> Any:
        raise RuntimeError("secret")

    async def script(seen: Seen) -> AsyncIterator[bytes]:
        yield event({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {"message": "?"}})
        await until(lambda: answered)
        yield event(reply(seen, {}))

    def whole(seen: Seen) -> Said:
        if seen.rpc == "tools/call":
            return stream(script(seen))
        answered.append(seen.message)
        return response(202)

    async with connected(with_session(whole), elicit=fail) as (client, _):
        await client.call_tool("t")
    assert answered[0]["error"] == {"code": -32603, "message": "the client's handler failed"}


async def test_the_time_that_a_person_takes_to_answer_is_not_the_servers() -> None:
    answered = asyncio.Event()

    async def slow(_question: Any) -> dict[str, Any]:
        await asyncio.sleep(0.3)
        return {}

    async def script(seen: Seen) -> AsyncIterator[bytes]:
        yield event({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {"message": "?"}})
        await answered.wait()
        yield event(reply(seen, {}))

    def whole(seen: Seen) -> Said:
        if seen.rpc == "tools/call":
            return stream(script(seen))
        answered.set()
        return response(202)

    async with connected(with_session(whole), elicit=slow) as (client, _):
        await client.call_tool("t", timeout=0.2)


async def test_a_call_that_is_cancelled_or_late_is_told_to_the_server() -> None:
    def script(seen: Seen) -> Said:
        return stream(for_ever()) if seen.rpc == "tools/call" else response(202)

    async with connected(with_session(script)) as (client, one):
        with pytest.raises(TimedOut):
            await client.call_tool("t", timeout=0.05)
        call = asyncio.create_task(client.call_tool("t"))
        await until(lambda: one.asked.count("tools/call") == 2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    cancelled = [seen.message["params"]["requestId"] for seen in one.seen if seen.rpc == "notifications/cancelled"]
    assert cancelled == [seen.message["id"] for seen in one.seen if seen.rpc == "tools/call"]


@pytest.mark.parametrize("whole", [True, False])
async def test_a_stream_that_ends_is_resumed_where_it_was(*, whole: bool) -> None:
    calls: list[Seen] = []

    def script(seen: Seen) -> Said:
        if seen.rpc == "tools/call":
            calls.append(seen)
            return stream([event(None, "e1", retry=10)], whole=whole)
        at = seen.headers["last-event-id"]
        if at == "e1":
            progress = note("notifications/progress", progressToken=calls[0].message["id"], progress=1)
            return stream([event(progress, "e2")], whole=whole)
        return stream([event(reply(calls[0], {"content": []}), "e3")])

    heard: list[Any] = []
    async with connected(with_session(script)) as (client, one):
        await client.call_tool("t", on_progress=heard.append)
    assert [each.progress for each in heard] == [1]
    assert [seen.headers.get("last-event-id") for seen in one.seen if seen.rpc == "GET"] == ["e1", "e2"]
    assert all(seen.headers["accept"] == "text/event-stream" for seen in one.seen if seen.rpc == "GET")


async def test_a_stream_that_brings_nothing_new_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("erlmcp.client.streamable.RESUMPTIONS", 2)
    async with connected(with_session(lambda _seen: stream([event(None, "e1", retry=0)]))) as (client, one):
        with pytest.raises(ConnectionFailed, match="ended before the answer"):
            await client.call_tool("t")
    assert one.asked.count("GET") == 2


async def test_a_stream_without_ids_cannot_be_resumed() -> None:
    async with connected(with_session(lambda _seen: stream([event(None, retry=0)]))) as (client, one):
        with pytest.raises(ConnectionFailed, match="ended before the answer"):
            await client.call_tool("t")
    assert one.asked.count("GET") == 0


async def test_a_server_that_refuses_to_resume_is_told_about() -> None:
    def script(seen: Seen) -> Said:
        return response(405) if seen.rpc == "GET" else stream([event(None, "e1", retry=0)])

    async with connected(with_session(script)) as (client, _):
        with pytest.raises(HttpError, match="answers 405"):
            await client.call_tool("t")


async def test_changes_are_heard_on_the_servers_own_stream_and_only_those_that_were_asked_for() -> None:
    async def own() -> AsyncIterator[bytes]:
        for each in ("tools/list_changed", "prompts/list_changed"):
            yield event(note(f"notifications/{each}"))
        for uri in ("a://not", "a://b"):
            yield event(note("notifications/resources/updated", uri=uri))
        await asyncio.Event().wait()

    def script(seen: Seen) -> Said:
        return stream(own()) if seen.rpc == "GET" else answer(seen)

    async with connected(with_session(script, tells=True)) as (client, one):
        async with asyncio.timeout(PATIENCE), client.listen(tools=True, uris=["a://b"]) as changes:
            first, second = await anext(changes), await anext(changes)
        assert (first.method, second.uri) == ("notifications/tools/list_changed", "a://b")
        assert [each for each in one.asked if each.startswith("resources")] == [
            "resources/subscribe",
            "resources/unsubscribe",
        ]


async def test_the_servers_own_stream_is_taken_up_again_after_its_end() -> None:
    def script(seen: Seen) -> Said:
        if seen.rpc != "GET":
            return answer(seen)
        at = seen.headers.get("last-event-id")
        change = event(note("notifications/tools/list_changed"), f"{at or ''}x", retry=1)
        return stream([change])

    async with connected(with_session(script, tells=True)) as (client, one):
        changes = client.listen(tools=True)
        async with asyncio.timeout(PATIENCE), changes:
            for _ in range(3):
                await anext(changes)
    assert [seen.headers.get("last-event-id") for seen in one.seen if seen.rpc == "GET"][:3] == [None, "x", "xx"]


async def test_a_client_with_handlers_follows_the_servers_own_stream_before_it_calls_in_a_new_session_too() -> None:
    def script(seen: Seen) -> Said:
        if seen.rpc == "GET":
            return stream(for_ever())
        lost = seen.rpc == "tools/call" and seen.headers["mcp-session-id"] == "s1"
        return refusal(seen, -32001, 404) if lost else answer(seen)

    tells = with_session(script, ["s1", "s2"], tells=True)
    async with connected(tells, roots=["file:///tmp"]) as (client, one):
        await client.call_tool("t")
    told = [(seen.rpc, seen.headers.get("mcp-session-id")) for seen in one.seen if seen.rpc in {"GET", "tools/call"}]
    assert told == [("GET", "s1"), ("tools/call", "s1"), ("GET", "s2"), ("tools/call", "s2")]


async def test_a_level_is_set_once_and_ping_is_ping() -> None:
    async with connected(with_session(answer), on_log=lambda _: None, log_level="error") as (client, one):
        await client.ping()
        await client.set_level("debug")
    told = [(seen.rpc, seen.message["params"]) for seen in one.seen if seen.rpc in {"logging/setLevel", "ping"}]
    assert told == [("logging/setLevel", {"level": "error"}), ("ping", {}), ("logging/setLevel", {"level": "debug"})]


async def test_an_answer_may_come_in_a_batch_with_its_notifications() -> None:
    def script(seen: Seen) -> Said:
        return response(200, json.dumps([note("notifications/x"), reply(seen, {"content": []})]).encode())

    async with connected(with_session(script)) as (client, _):
        assert (await client.call_tool("t")).content == []


async def test_a_question_that_is_withdrawn_is_answered_no_more() -> None:
    asked, given_up = asyncio.Event(), asyncio.Event()

    async def ponder(_question: Any) -> dict[str, Any]:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        return {}

    async def script(seen: Seen) -> AsyncIterator[bytes]:
        yield event({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {"message": "?"}})
        await asked.wait()
        yield event(note("notifications/cancelled", requestId="q"))
        await given_up.wait()
        yield event(reply(seen, {}))

    async with connected(with_session(lambda seen: stream(script(seen))), elicit=ponder) as (client, one):
        await client.call_tool("t")
    assert one.asked == ["initialize", "notifications/initialized", "GET", "tools/call", "DELETE"]


async def test_an_error_before_the_session_is_an_error() -> None:
    with pytest.raises(RpcError, match="-32603"):
        async with connected(lambda seen: refusal(seen, -32603, 500)):
            pass
