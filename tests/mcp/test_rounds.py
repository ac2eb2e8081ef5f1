"""Questions of 2026-07-28: a request is answered with them and comes again with the answers, at any worker."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erlmcp import App, Context
from erlmcp.jsonrpc import RpcError
from erlmcp.mcp import Depends, Elicit, Facts, FixedRing, Invocation, Options, Proceed, Reply, Sealer
from erlmcp.mcp.inputs import Asked
from erlmcp.mcp.rounds import PURPOSE, Rounds, _digest_of
from tests.mcp.asking import ADA, EVERYTHING, RED, ROOTS, SPOKE, Client, Clock, Named, text
from tests.mcp.author import Heard, members
from tests.mcp.posts import PREFIX, modern, outcome, post, said

WHO = {
    "method": "elicitation/create",
    "params": {
        "message": "Your name?",
        "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
}


def invalid(error: dict, *words: str) -> None:
    assert error["code"] == -32602
    assert all(word in error["message"] for word in words), error["message"]


async def test_a_question_ends_the_round_and_its_answer_the_request():
    client = Client()
    asked = await client.call("greet")
    assert asked["resultType"] == "input_required"
    assert asked["inputRequests"] == {"who": WHO}
    assert set(asked) == {"resultType", "inputRequests", "requestState", "_meta"}
    done = await client.call("greet", inputResponses={"who": ADA}, requestState=asked["requestState"])
    assert text(done) == "Hello, Ada!"
    assert client.outcomes == ["input_required", "ok"]


async def test_questions_without_keys_go_by_their_place_and_each_round_has_a_state_of_its_own():
    client = Client()
    first = await client.call("two")
    second = await client.call("two", inputResponses={"input_1": ADA}, requestState=first["requestState"])
    assert list(second["inputRequests"]) == ["input_2"]
    assert second["requestState"] != first["requestState"]
    third = await client.call("two", inputResponses={"input_2": RED}, requestState=second["requestState"])
    assert text(third) == "Ada likes red"


async def test_several_questions_at_once_may_be_answered_in_parts():
    client = Client()
    asked = await client.call("several")
    assert {key: each["method"] for key, each in asked["inputRequests"].items()} == {
        "who": "elicitation/create",
        "hi": "sampling/createMessage",
        "where": "roots/list",
    }
    rest = await client.call("several", inputResponses={"hi": SPOKE}, requestState=asked["requestState"])
    assert set(rest["inputRequests"]) == {"who", "where"}
    answers = {"who": ADA, "where": ROOTS}
    assert text(await client.call("several", inputResponses=answers, requestState=rest["requestState"])) == "Hi Ada W"


@pytest.mark.parametrize("tool", ["threaded", "inline", "grouped"])
async def test_a_function_may_ask_from_a_thread_inline_and_in_a_task_group(tool: str):
    client = Client()
    asked = await client.call(tool)
    assert asked["inputRequests"] == {"who": WHO}
    assert text(await client.call(tool, inputResponses={"who": ADA}, requestState=asked["requestState"])) == "Ada"


@pytest.mark.parametrize(
    ("method", "params", "member"),
    [("resources/read", {"uri": "asking://page"}, "contents"), ("prompts/get", {"name": "about"}, "messages")],
)
async def test_resources_and_prompts_ask_alike_and_what_asks_may_not_be_cached(method, params, member):
    client = Client()
    asked = said(await client.post(method, params))["result"]
    assert set(asked) == {"resultType", "inputRequests", "requestState", "_meta"}
    answered = params | {"inputResponses": {"who": ADA}, "requestState": asked["requestState"]}
    done = said(await client.post(method, answered))["result"]
    assert done["resultType"] == "complete"
    assert "Ada" in json.dumps(done[member])


async def test_what_an_author_keeps_is_there_in_the_next_round():
    client = Client()
    first = await client.call("remembering")
    second = await client.call("remembering", inputResponses={"input_1": ADA}, requestState=first["requestState"])
    answers = {"inputResponses": {"input_2": RED}, "requestState": second["requestState"]}
    assert text(await client.call("remembering", **answers)) == "3 runs"
    assert text(await client.call("remembering", **answers)) == "3 runs", "a round that comes twice finds the same"


async def test_any_worker_with_the_ring_serves_the_next_round_and_no_other_does():
    client = Client()
    asked = await client.call("greet")
    client.served = client.worker()
    answered = {"inputResponses": {"who": ADA}, "requestState": asked["requestState"]}
    assert text(await client.call("greet", **answered)) == "Hello, Ada!"
    stranger = Client(ring=FixedRing())
    invalid(await stranger.call("greet", **answered), "requestState is not ours", "call again without")


async def test_answers_may_come_before_the_question():
    assert text(await Client().call("greet", inputResponses={"who": ADA, "other": RED})) == "Hello, Ada!"


@pytest.mark.parametrize("responses", [{}, {"wrong": ADA}, {"input_1": ADA}])
async def test_what_is_missing_is_asked_again_and_what_was_not_asked_is_ignored(responses):
    client = Client()
    asked = await client.call("greet")
    again = await client.call("greet", inputResponses=responses, requestState=asked["requestState"])
    assert again["inputRequests"] == {"who": WHO}


@pytest.mark.parametrize(
    ("responses", "words"),
    [
        (None, ("object", "null", "inputResponses")),
        ([], ("object", "array", "inputResponses")),
        ({"who": 12345}, ("inputResponses.who", "object", "int")),
        ({"who": None}, ("inputResponses.who",)),
        ({"who": {}}, ("inputResponses.who", "action")),
        ({"who": {"action": "maybe"}}, ("inputResponses.who", "maybe")),
        ({"who": {"action": "accept"}}, ("inputResponses.who", "content", "name")),
        ({"who": {"action": "accept", "content": {"name": 5}}}, ("inputResponses.who", "content", "str")),
        ({"who": {"action": "accept", "content": None}}, ("inputResponses.who", "content")),
    ],
)
async def test_what_is_no_answer_is_refused_in_words_and_never_completes(responses, words):
    client = Client()
    state = (await client.call("greet"))["requestState"]
    invalid(await client.call("greet", inputResponses=responses, requestState=state), *words)


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_user_who_says_no_is_an_answer_for_the_author(action: str):
    done = await Client().call("greet", inputResponses={"who": {"action": action}})
    assert done["isError"] is True
    assert done["content"][0]["text"].startswith("the user " + action)


async def test_a_state_is_good_until_it_expires_and_not_then():
    client = Client(input_ttl=10)
    answered = {"inputResponses": {"who": ADA}, "requestState": (await client.call("greet"))["requestState"]}
    client.clock.at += 9.9
    assert text(await client.call("greet", **answered)) == "Hello, Ada!"
    client.clock.at += 0.1
    invalid(await client.call("greet", **answered), "expired", "10 s")


async def test_a_state_that_another_release_made_of_other_things_is_refused():
    bound = msgspec.msgpack.encode(("local", "tools/call", _digest_of(b'{"name":"greet","arguments":{}}')))
    client = Client()
    token = Sealer(client.ring).seal(PURPOSE, msgspec.msgpack.encode({"another": "shape"}), bound)
    invalid(await client.call("greet", requestState=token), "another release")


@pytest.mark.parametrize("state", [None, 5, "", "x", "e1.", {"a": 1}])
async def test_a_state_that_is_none_is_refused(state):
    invalid(await Client().call("greet", inputResponses={"who": ADA}, requestState=state))


async def test_a_state_is_for_its_tool_its_arguments_and_its_method():
    client = Client()
    asked = await client.call("greet", arguments={"greeting": "Hi"})
    answered = {"inputResponses": {"who": ADA}, "requestState": asked["requestState"]}
    assert text(await client.call("greet", arguments={"greeting": "Hi"}, **answered)) == "Hi, Ada!"
    invalid(await client.call("greet", arguments={"greeting": "Bye"}, **answered), "another request")
    invalid(await client.call("greet", **answered), "another request")
    invalid(await client.call("threaded", **answered), "another request")
    prompt = said(await client.post("prompts/get", {"name": "about", **answered}))["error"]
    invalid(prompt, "another request")


async def round_of(rounds: Rounds, principal: str, **params: Any) -> dict[str, Any]:
    """What a function gets that asks for a name: the answer, or the question that ends it."""
    raw = msgspec.json.encode({"name": "greet"} | params)
    facts = Facts(b"1", "2026-07-28", modern=True, params=raw, method="tools/call", principal=principal)
    question = {"who": Elicit("Your name?", Named).request("2026-07-28")}
    try:
        return {"answer": (await rounds(Context(facts, Heard()), question))["who"]}
    except Asked as asked:
        return members(asked.members)


@given(st.text(max_size=5), st.text(max_size=5))
def test_a_state_is_for_its_principal(mine: str, theirs: str):
    async def two_rounds() -> None:
        rounds = Rounds(Options(), Sealer(FixedRing(b"k" * 32)), Clock())
        state = (await round_of(rounds, mine))["requestState"]
        answered = {"inputResponses": {"who": ADA}, "requestState": state}
        assert "answer" in await round_of(rounds, mine, **answered)
        if theirs != mine:
            with pytest.raises(RpcError, match="another request"):
                await round_of(rounds, theirs, **answered)

    asyncio.run(two_rounds())


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_no_other_byte_of_a_state_is_accepted(data: st.DataObject):
    async def change() -> None:
        client = Client()
        state = (await client.call("greet"))["requestState"].encode()
        at, bits = data.draw(st.integers(0, len(state) - 1)), data.draw(st.integers(1, 127))
        other = (state[:at] + bytes([state[at] ^ bits]) + state[at + 1 :]).decode()
        invalid(await client.call("greet", inputResponses={"who": ADA}, requestState=other))

    asyncio.run(change())


async def test_the_order_and_the_spelling_of_arguments_do_not_matter():
    app = App("pair")

    @app.tool
    async def pair(ctx: Context, a: int, b: str) -> str:
        """Ask, with two arguments."""
        return f"{a} {b} {(await ctx.elicit('Your name?', Named, key='who')).granted().name}"

    client = Client(app)
    asked = await client.call("pair", arguments={"a": 1, "b": "é"})
    answered = {"inputResponses": {"who": ADA}, "requestState": asked["requestState"]}
    again = {"arguments": {"b": "é", "a": 1}, "name": "pair", **answered}
    request = modern("tools/call", again, meta={PREFIX + "clientCapabilities": EVERYTHING})
    body = json.dumps(json.loads(request.body), indent=1, ensure_ascii=False).encode()
    answer = await asyncio.wait_for(client.served(post(body, request.headers)), 5)
    assert text(said(answer)["result"]) == "1 é Ada"


async def test_a_question_that_changed_meanwhile_is_asked_again():
    app, wording = App("moody"), ["Your name?"]

    @app.tool
    async def moody(ctx: Context) -> str:
        """Ask in words of the day."""
        who = await ctx.elicit(wording[0], Named, key="who")
        await ctx.elicit("And then?", Named, key="then")
        return who.granted().name

    client = Client(app)
    first = await client.call("moody")
    wording[0] = "Your enemy's name?"
    second = await client.call("moody", inputResponses={"who": ADA}, requestState=first["requestState"])
    assert second["inputRequests"]["who"]["params"]["message"] == "Your enemy's name?"
    third = await client.call("moody", inputResponses={"who": ADA}, requestState=second["requestState"])
    assert list(third["inputRequests"]) == ["then"]
    wording[0] = "Your name?"
    fourth = await client.call("moody", inputResponses={"then": ADA}, requestState=third["requestState"])
    assert list(fourth["inputRequests"]) == ["who"], "an answer from before is to another question, too"


def crowd(count: int) -> App:
    app = App("crowd")

    @app.tool
    async def crowd(ctx: Context) -> str:
        """Ask many things at once."""
        return str(len(await ctx.ask({f"q{n}": Elicit("Your name?", Named) for n in range(count)})))

    return app


async def test_as_many_questions_as_allowed_may_be_asked_at_once_and_not_one_more(caplog):
    assert len((await Client(crowd(3), max_inputs=3).call("crowd"))["inputRequests"]) == 3
    error = await Client(crowd(4), max_inputs=3).call("crowd")
    assert error == {"code": -32603, "message": "Internal error"}
    assert "4 questions at once; max_inputs allows 3" in caplog.text


def keeping(size: int) -> App:
    app = App("keeping")

    @app.tool
    async def keep(ctx: Context) -> str:
        """Keep much while asking."""
        ctx.state["kept"] = "x" * size
        await ctx.elicit("Your name?", Named, key="who")
        await ctx.elicit("Your friend's name?", Named, key="friend")
        return "kept"

    return app


async def test_a_state_may_be_as_large_as_allowed_and_not_larger(caplog):
    assert "requestState" in await Client(keeping(900), max_request_state=1000).call("keep")
    error = await Client(keeping(1000), max_request_state=1000).call("keep")
    assert error["code"] == -32603
    assert "max_request_state allows 1000" in caplog.text


async def test_answers_that_are_larger_than_allowed_are_the_clients_fault(caplog):
    client = Client(keeping(0), max_request_state=1000)
    small, large = ({"action": "accept", "content": {"name": "x" * size}} for size in (800, 1000))
    assert "requestState" in await client.call("keep", inputResponses={"who": small})
    invalid(await client.call("keep", inputResponses={"who": large}), "max_request_state allows 1000")
    assert caplog.text == ""


async def test_a_key_that_is_asked_twice_is_the_authors_mistake(caplog):
    app = App("twice")

    @app.tool
    async def twice(ctx: Context) -> None:
        """Ask the same thing twice."""
        await ctx.elicit("Your name?", Named, key="who")
        await ctx.elicit("Your other name?", Named, key="who")

    assert (await Client(app).call("twice", inputResponses={"who": ADA}))["code"] == -32603
    assert "the key 'who' is asked twice" in caplog.text


async def test_a_method_that_may_not_ask_says_so(caplog):
    app = App("completing")

    @app.prompt
    def say(what: str) -> str:
        """Say something."""
        return what

    @app.completion(prompt="say", argument="what")
    async def whats(value: str, ctx: Context) -> list[str]:
        return [(await ctx.elicit("Your name?", Named)).granted().name]

    ref = {"ref": {"type": "ref/prompt", "name": "say"}, "argument": {"name": "what", "value": ""}}
    assert outcome(await Client(app).post("completion/complete", ref)) == (500, -32603)
    assert "completion/complete cannot ask the client" in caplog.text


@pytest.mark.parametrize("name", ["input_ttl", "max_inputs", "max_request_state"])
def test_limits_of_asking_must_be_greater_than_0(name: str):
    Options(**{name: 1})
    with pytest.raises(ValueError, match=f"{name} must be greater than 0"):
        Options(**{name: 0})


def guarded() -> App:
    app = App("guarded")

    @app.middleware
    async def sure(invocation: Invocation, proceed: Proceed) -> Reply:
        """Ask before anything is done."""
        (await invocation.context.elicit("Sure?", Named, key="sure")).granted()
        reply = await proceed(invocation)
        return Reply.of({**reply.result, "seen": reply.finished})

    @app.tool
    async def greet(ctx: Context) -> str:
        """Ask for a name."""
        return (await ctx.elicit("Your name?", Named, key="who")).granted().name

    return app


async def test_middleware_may_ask_too_and_what_it_changes_stays_a_question():
    client = Client(guarded())
    sure = await client.call("greet")
    assert list(sure["inputRequests"]) == ["sure"]
    who = await client.call("greet", inputResponses={"sure": ADA}, requestState=sure["requestState"])
    assert (who["resultType"], list(who["inputRequests"]), who["seen"]) == ("input_required", ["who"], False)
    done = await client.call("greet", inputResponses={"who": ADA}, requestState=who["requestState"])
    assert (text(done), done["seen"]) == ("Ada", True)


async def test_a_dependency_may_ask_and_is_cleaned_up_in_each_round():
    app, ends = App("depending"), []

    async def named(ctx: Context) -> AsyncIterator[str]:
        try:
            yield (await ctx.elicit("Your name?", Named, key="who")).granted().name
        finally:
            ends.append("closed")

    @app.tool
    async def greet(ctx: Context, name: Annotated[str, Depends(named)]) -> str:
        """Greet who is asked."""
        await ctx.elicit("And your friend?", Named, key="friend")
        return f"Hello, {name}"

    client = Client(app)
    first = await client.call("greet")
    second = await client.call("greet", inputResponses={"who": ADA}, requestState=first["requestState"])
    done = await client.call("greet", inputResponses={"friend": ADA}, requestState=second["requestState"])
    assert (text(done), ends) == ("Hello, Ada", ["closed"] * 3)
