"""The session of an older client on a pipe: what changes is told, levels hold, questions are asked and answered."""

import json

import pytest

from erlmcp import App, Context
from tests.mcp.posts import message, sample
from tests.mcp.talking import cancelled, initialize, opened, talk, turns

pytestmark = pytest.mark.both_loops


def watch(uri: str, number: int, verb: str = "subscribe") -> bytes:
    return message(f"resources/{verb}", {"uri": uri}, number)


async def test_an_older_client_is_told_of_lists_that_change_from_the_end_of_the_handshake_on():
    app = sample()
    conversation, pipe = talk(app)
    conversation.hear(initialize())
    app.tools_changed()
    await turns()
    assert len(pipe.written) == 1
    conversation.hear(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    app.tools_changed()
    assert (await pipe.until(2))[1] == {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


async def test_an_older_client_is_told_of_resources_that_it_watches_and_of_no_others():
    app = sample()
    conversation, pipe = talk(app)
    opened(conversation)
    conversation.hear(watch("config://app", 1))
    app.resource_updated("user://ada/profile")
    app.resource_updated("config://app")
    told = (await pipe.until(3))[2]
    assert told == {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "config://app"}}
    conversation.hear(watch("config://app", 2, "unsubscribe"))
    app.resource_updated("config://app")
    app.tools_changed()
    assert (await pipe.until(5))[4]["method"] == "notifications/tools/list_changed"


async def test_a_resource_that_is_not_there_can_not_be_watched():
    conversation, pipe = talk()
    opened(conversation)
    conversation.hear(watch("nowhere://x", 1))
    assert pipe.written[1]["error"]["code"] == -32002


async def test_a_client_that_is_far_behind_does_without_news():
    app = sample()
    conversation, pipe = talk(app)
    opened(conversation)
    pipe.overfull = True
    app.tools_changed()
    await turns()
    pipe.overfull = False
    app.prompts_changed()
    assert (await pipe.until(2))[1]["method"] == "notifications/prompts/list_changed"


async def test_after_the_end_nothing_is_told():
    app = sample()
    conversation, pipe = talk(app)
    opened(conversation)
    await conversation.drain(0)
    app.tools_changed()
    await turns()
    assert len(pipe.written) == 1


async def test_a_log_level_that_an_older_client_sets_holds_for_the_pipe():
    conversation, pipe = talk()
    opened(conversation)
    tell = message("tools/call", {"name": "tell"}, 1)
    conversation.hear(tell)
    assert [said.get("method") for said in pipe.written[1:]] == [None]
    conversation.hear(message("logging/setLevel", {"level": "info"}, 2))
    conversation.hear(tell.replace(b'"id": 1', b'"id": 3'))
    assert [said.get("method") for said in pipe.written[2:]] == [None, "notifications/message", None]


def curious() -> App:
    app = App("curious", version="1")

    @app.tool
    async def look(ctx: Context) -> list[str]:
        """Ask for the roots."""
        return [root.uri for root in await ctx.roots()]

    return app


async def test_an_older_client_is_asked_on_the_pipe_and_its_reply_goes_to_who_asked():
    conversation, pipe = talk(curious())
    opened(conversation, {"roots": {}})
    conversation.hear(message("tools/call", {"name": "look"}, 1))
    question = (await pipe.until(2))[1]
    assert question["method"] == "roots/list"
    reply = {"jsonrpc": "2.0", "id": question["id"], "result": {"roots": [{"uri": "file:///a"}]}}
    conversation.hear(json.dumps(reply | {"id": "another"}).encode())
    conversation.hear(json.dumps(reply).encode())
    answer = (await pipe.until(3))[2]
    assert answer["result"]["structuredContent"] == {"result": ["file:///a"]}


async def test_a_client_that_says_no_is_heard_and_one_that_was_cancelled_is_told():
    conversation, pipe = talk(curious())
    opened(conversation, {"roots": {}})
    conversation.hear(message("tools/call", {"name": "look"}, 1))
    question = (await pipe.until(2))[1]
    error = {"jsonrpc": "2.0", "id": question["id"], "error": {"code": -1, "message": "never"}}
    conversation.hear(json.dumps(error).encode())
    assert (await pipe.until(3))[2]["result"]["isError"]
    conversation.hear(message("tools/call", {"name": "look"}, 2))
    question = (await pipe.until(4))[3]
    conversation.hear(cancelled(2))
    withdrawn = (await pipe.until(5))[4]
    assert (withdrawn["method"], withdrawn["params"]["requestId"]) == ("notifications/cancelled", question["id"])
    assert conversation.in_flight == 0
