"""Requests to clients of the older era: on the stream of their call, answered at any worker, by their session only."""

import asyncio
import json

import pytest

from erlmcp.http import Response, Stream
from tests.mcp.legacy.nodes import ALL, Client, Workers, all_of, events, next_of, turns
from tests.mcp.posts import outcome, said

ADA = {"action": "accept", "content": {"name": "Ada"}}


async def asked(node, capabilities=ALL, **more):
    """A client, the stream of its call, and the request on it."""
    client = await Client.open(node[0], capabilities, **more)
    stream = await client.call(node[0], "name")
    assert isinstance(stream, Stream)
    reading = events(stream)
    heard = await next_of(reading)
    while heard.message is None:
        heard = await next_of(reading)
    return client, reading, heard.message


@pytest.mark.parametrize("worker", [0, 1, 2])
@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18"])
async def test_an_answer_arrives_at_any_worker(worker, version):
    node = Workers(3)
    client, reading, request = await asked(node, version=version)
    assert request["method"] == "elicitation/create"
    assert request["params"]["message"] == "Who?"
    answer = await client.reply(node[worker], request["id"], ADA)
    assert (answer.status, answer.body) == (202, b"")
    assert (await next_of(reading)).said == "accept {'name': 'Ada'}"


async def test_the_answer_of_another_session_is_dropped():
    node = Workers(2)
    client, reading, request = await asked(node)
    stranger = await Client.open(node[0])
    for worker in node.endpoints:
        assert (await stranger.reply(worker, request["id"], ADA)).status == 202
    await turns()
    await client.reply(node[1], request["id"], {"action": "decline"})
    assert (await next_of(reading)).said == "decline None"


@pytest.mark.parametrize("request_id", [1, "x", "mcp.at.0:99", "mcp.at.9:1", "mcp.sessions:1", "../:1", None])
async def test_an_answer_to_nothing_is_accepted_and_dropped(request_id):
    node = Workers(2)
    client = await Client.open(node[0])
    assert (await client.reply(node[1], request_id, ADA)).status == 202


async def test_a_second_answer_is_dropped():
    node = Workers(1)
    client, reading, request = await asked(node)
    await client.reply(node[0], request["id"], ADA)
    assert (await client.reply(node[0], request["id"], {"action": "decline"})).status == 202
    assert (await next_of(reading)).said.startswith("accept")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"code": -1, "message": "User rejected"}, "the client answered with an error: User rejected (-1)"),
        ({"message": 5}, "the client answered with an error: it gave no reason (0)"),
    ],
)
async def test_an_error_of_the_client_is_told_to_the_model(error, told):
    node = Workers(2)
    client, reading, request = await asked(node)
    await client.reply(node[1], request["id"], error=error)
    heard = await next_of(reading)
    assert heard.message["result"]["isError"]
    assert heard.said == told


async def test_an_answer_that_is_none_is_told_to_the_model():
    node = Workers(1)
    client, reading, request = await asked(node)
    await client.reply(node[0], request["id"], [1])
    assert "no object" in (await next_of(reading)).said


async def test_a_client_that_does_not_answer_in_time_is_told_so():
    node = Workers(1, ask_timeout=0.02)
    _, reading, request = await asked(node)
    heard = await next_of(reading)
    assert heard.message["method"] == "notifications/cancelled"
    assert heard.message["params"]["requestId"] == request["id"]
    assert "did not answer elicitation/create within 0.02 s" in (await next_of(reading)).said
    assert node[0]._annex._backchannel._asked == {}


async def test_a_client_that_can_not_be_asked_is_told_what_it_lacks():
    node = Workers(1)
    client = await Client.open(node[0], {})
    answer = await client.call(node[0], "name")
    assert isinstance(answer, Response)
    assert outcome(answer) == (200, -32021)
    assert said(answer)["error"]["data"] == {"requiredCapabilities": {"elicitation": {"form": {}}}}


async def test_without_a_session_nobody_can_be_asked():
    answer = await Client().call(Workers(1)[0], "name")
    assert outcome(answer) == (200, -32021)


async def test_the_question_of_a_call_that_is_cancelled_is_withdrawn():
    node = Workers(1)
    client, reading, request = await asked(node)
    await client.notify(node[0], "notifications/cancelled", {"requestId": 2})
    told = [heard async for heard in reading]
    assert [each.message["params"]["requestId"] for each in told] == [request["id"]]
    assert node[0]._annex._backchannel._asked == {}


async def test_a_question_is_asked_again_on_the_stream_that_is_resumed():
    node = Workers(2)
    client = await Client.open(node[0])
    stream = await client.call(node[0], "name")
    first = await next_of(events(stream))
    await stream.chunks.aclose()
    again = events(await client.get(node[1], first.id))
    request = (await next_of(again)).message
    await client.reply(node[1], request["id"], ADA)
    assert (await next_of(again)).said == "accept {'name': 'Ada'}"


async def test_several_questions_are_asked_at_once():
    node = Workers(2)
    client = await Client.open(node[0])
    reading = events(await client.call(node[0], "both"))
    requests = []
    while len(requests) < 2:
        heard = await next_of(reading)
        if heard.message is not None:
            requests.append(heard.message)
    assert {each["method"] for each in requests} == {"roots/list", "elicitation/create"}
    for worker, request in zip(node.endpoints, requests, strict=True):
        result = ADA if request["method"] == "elicitation/create" else {"roots": [{"uri": "file:///home"}]}
        await client.reply(worker, request["id"], result)
    assert (await next_of(reading)).said == "Ada file:///home"


async def test_a_worker_that_died_does_not_hear_its_answers_and_says_nothing_more():
    node = Workers(2)
    client, reading, request = await asked(node)
    node.kill(0)
    assert (await client.reply(node[1], request["id"], ADA)).status == 202
    waiting = asyncio.ensure_future(next_of(reading))
    await turns()
    assert not waiting.done()
    waiting.cancel()


async def test_all_of_a_stream_is_kept_for_who_comes_back_after_its_end():
    node = Workers(2)
    client = await Client.open(node[0])
    stream = await client.call(node[0], "name")
    first = await next_of(events(stream))
    request = node.events.table.recent()[-1].events[0]
    await client.reply(node[1], json.loads(request.message)["id"], ADA)
    await stream.chunks.aclose()
    await turns()
    told = await all_of(await client.get(node[1], first.id))
    assert [each.said for each in told] == ["elicitation/create", "accept {'name': 'Ada'}"]
