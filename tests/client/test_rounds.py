"""Multi-round-trip requests and subscriptions of 2026-07-28, against scripted servers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from erlmcp.client import Answer, ConnectionFailed, Garbled, InputNeeded, RpcError, TimedOut
from erlmcp.client.session import MAX_ROUNDS
from tests.client.peer import Said, Seen, answer, event, for_ever, note, refusal, reply, stream
from tests.client.test_http import connected

FORM = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "default": 30}}}
WHO = {"method": "elicitation/create", "params": {"message": "who?", "requestedSchema": FORM}}
PAGE = {"method": "elicitation/create", "params": {"mode": "url", "message": "visit", "url": "https://x/"}}
SPEAK = {"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 5}}
PATIENCE = 5.0


def asking(requests: dict[str, Any] | None, state: Any = None) -> dict[str, Any]:
    asked = {"resultType": "input_required"} | ({"inputRequests": requests} if requests is not None else {})
    return asked | ({"requestState": state} if state is not None else {})


def once(*rounds: dict[str, Any]) -> Any:
    """A server that answers so, round by round, and then completes."""
    left = list(rounds)

    def script(seen: Seen) -> Said:
        return answer(seen, left.pop(0) if left else {"content": [], "messages": [], "contents": []})

    return script


async def test_all_questions_are_answered_and_the_state_goes_back_as_it_came() -> None:
    state = 'v1."\\ü'
    handlers: Any = {
        "elicit": lambda question: {"name": question.message},
        "elicit_url": lambda question: Answer("accept" if question.url == "https://x/" else "decline"),
        "sample": lambda ask: {"role": "assistant", "model": "m", "content": {"type": "text", "text": "hi"}},
        "roots": lambda: ["file:///a"],
    }
    script = once(asking({"w": WHO, "p": PAGE, "s": SPEAK, "r": {"method": "roots/list"}}, state))
    async with connected(script, **handlers) as (client, one):
        await client.call_tool("t", {"a": 1})
    first, second = (seen.message for seen in one.seen)
    assert first["id"] != second["id"]
    assert first["params"] == {
        key: value for key, value in second["params"].items() if key not in {"inputResponses", "requestState"}
    }
    assert second["params"]["requestState"] == state
    assert second["params"]["inputResponses"] == {
        "w": {"action": "accept", "content": {"name": "who?", "age": 30}},
        "p": {"action": "accept"},
        "s": {"role": "assistant", "model": "m", "content": {"type": "text", "text": "hi"}},
        "r": {"roots": [{"uri": "file:///a"}]},
    }


async def test_each_round_carries_its_own_answers_and_its_own_state_only() -> None:
    script = once(asking({"a": WHO}, "one"), asking({"b": WHO}), asking(None, "three"))
    async with connected(script, elicit=lambda _: {}) as (client, one):
        await client.get_prompt("p")
    told = [seen.message["params"] for seen in one.seen]
    assert [(list(each.get("inputResponses", ())), each.get("requestState")) for each in told] == [
        ([], None),
        (["a"], "one"),
        (["b"], None),
        ([], "three"),
    ]


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_no_of_the_user_is_an_answer(action: Any) -> None:
    async with connected(once(asking({"w": WHO})), elicit=lambda _: Answer(action, {"name": "x"})) as (client, one):
        await client.call_tool("t")
    assert one.seen[1].message["params"]["inputResponses"] == {"w": {"action": action}}


@pytest.mark.parametrize(
    ("result", "kind", "why"),
    [
        (asking({"w": WHO}), InputNeeded, "asks the user .'who.'.; give the client elicit="),
        (asking({"s": SPEAK}), InputNeeded, "asks for sampling/createMessage.* give it sample="),
        (asking({"x": {"method": "novel/thing"}}), InputNeeded, "asks for novel/thing, and this client has no handler"),
        (asking(None), Garbled, "does not say which"),
        (asking({"w": {"method": "elicitation/create", "params": {"message": 7}}}), Garbled, "malformed"),
        (asking({"w": 7}), Garbled, "malformed"),
    ],
)
async def test_what_cannot_be_answered_is_raised(result: Any, kind: Any, why: str) -> None:
    async with connected(once(result)) as (client, one):
        with pytest.raises(kind, match=why):
            await client.call_tool("t")
    assert len(one.seen) == 1


async def test_a_list_that_asks_is_garbled() -> None:
    async with connected(once(asking(None, "s")), elicit=lambda _: {}) as (client, _):
        with pytest.raises(Garbled, match="asks for input before it answers tools/list"):
            await client.list_tools()


async def test_a_server_that_asks_for_ever_is_given_up() -> None:
    async with connected(lambda seen: answer(seen, asking(None, "again"))) as (client, one):
        with pytest.raises(InputNeeded, match=f"asked {MAX_ROUNDS} times in a row"):
            await client.call_tool("t")
    assert len(one.seen) == MAX_ROUNDS


async def test_a_handler_that_fails_fails_the_call() -> None:
    def fail(_question: Any) -> Any:
        raise RuntimeError("mine")

    async with connected(once(asking({"w": WHO})), elicit=fail) as (client, one):
        with pytest.raises(RuntimeError, match="mine"):
            await client.call_tool("t")
    assert one.asked == ["tools/call"]


# Subscriptions


def acknowledged(**honoured: Any) -> bytes:
    return event(note("notifications/subscriptions/acknowledged", notifications=honoured))


async def test_a_subscription_is_acknowledged_first_and_ends_with_its_result() -> None:
    def script(seen: Seen) -> Said:
        told = [acknowledged(toolsListChanged=True), event(note("notifications/tools/list_changed"))]
        return stream([*told, event(reply(seen))])

    async with connected(script) as (client, one), asyncio.timeout(PATIENCE):
        async with client.listen(tools=True, uris=["a://b"], task_ids=["t"]) as changes:
            heard = [change.method async for change in changes]
        assert changes.honoured == {"toolsListChanged": True}
    assert heard == ["notifications/tools/list_changed"]
    assert one.seen[0].message["params"]["notifications"] == {
        "toolsListChanged": True,
        "resourceSubscriptions": ["a://b"],
        "taskIds": ["t"],
    }


async def test_to_leave_a_subscription_closes_its_stream() -> None:
    closed = asyncio.Event()

    async def wait() -> AsyncIterator[bytes]:
        try:
            yield acknowledged()
            while True:  # a write is what notices that nobody reads
                yield b":\n\n"
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async with connected(lambda _seen: stream(wait())) as (client, one), asyncio.timeout(PATIENCE):
        async with client.listen(tools=True):
            pass
        await closed.wait()
    assert one.asked == ["subscriptions/listen"]


async def test_a_subscription_that_breaks_or_is_refused_is_raised() -> None:
    async with connected(lambda _seen: stream([acknowledged()], whole=False)) as (client, _):
        changes = await client.listen(tools=True).__aenter__()
        with pytest.raises(ConnectionFailed):
            await anext(changes)
    async with connected(lambda seen: refusal(seen, -32601, 404)) as (client, _):
        with pytest.raises(RpcError, match="-32601"):
            await client.listen(tools=True).__aenter__()
    async with connected(answer) as (client, _):
        with pytest.raises(Garbled, match="ends a subscription before it begins"):
            await client.listen(tools=True).__aenter__()
    async with connected(lambda _seen: stream(for_ever()), timeout=0.1) as (client, _):
        with pytest.raises(TimedOut, match="has not acknowledged"):
            await client.listen(tools=True).__aenter__()
