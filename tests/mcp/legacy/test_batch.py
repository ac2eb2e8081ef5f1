"""Batches of 2025-03-26: one array of answers, or a stream; and what no batch may hold."""

import asyncio
import json

import pytest

from erlmcp.http import Response, Stream
from erlmcp.mcp.legacy.batch import MAX_BATCH
from tests.mcp.legacy.nodes import Client, Workers, all_of, settled, turns
from tests.mcp.posts import outcome

OLD = "2025-03-26"


def request(number, method="ping", **params):
    return {"jsonrpc": "2.0", "id": number, "method": method} | ({"params": params} if params else {})


def call(number, name, **arguments):
    return request(number, "tools/call", name=name, arguments=arguments)


NOTE = {"jsonrpc": "2.0", "method": "notifications/initialized"}


async def sent(messages, node=None, client=None):
    node = node or Workers(1)
    client = client or Client(version=OLD)
    return await settled(client.send(node[0], json.dumps(messages).encode()))


async def test_the_answers_come_as_one_array():
    answer = await sent([request(1), NOTE, call(2, "add", a=1, b=2), request("x", "tools/fly")])
    one, two, three = json.loads(answer.body)
    assert answer.content_type == b"application/json"
    assert (one["id"], one["result"]) == (1, {})
    assert two["result"]["structuredContent"] == {"result": 3}
    assert (three["id"], three["error"]["code"]) == ("x", -32601)


async def test_a_batch_of_one_is_answered_by_an_array_of_one():
    assert json.loads((await sent([request(1)])).body) == [{"jsonrpc": "2.0", "id": 1, "result": {}}]


async def test_without_a_request_there_is_nothing_to_answer():
    answer = await sent([NOTE, NOTE])
    assert (answer.status, answer.body) == (202, b"")


async def test_each_bad_message_is_told_what_is_wrong_with_it():
    answer = await sent([1, request(2), {"jsonrpc": "1.0", "id": 3, "method": "ping"}])
    by_id = {each.get("id"): each for each in json.loads(answer.body)}
    assert by_id[None]["error"]["code"] == by_id[3]["error"]["code"] == -32600
    assert by_id[2]["result"] == {}


async def test_initialize_is_no_part_of_a_batch():
    answer = await sent([request(1, "initialize", protocolVersion=OLD), request(2)])
    refused, pong = json.loads(answer.body)
    assert refused["error"]["code"] == -32600
    assert pong["result"] == {}


@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", "2025-11-25"])
async def test_other_versions_have_no_batches(version):
    assert outcome(await sent([request(1)], client=Client(version=version))) == (400, -32600)


async def test_the_version_of_the_session_counts():
    node = Workers(1)
    newer = await Client.open(node[0], version="2025-06-18")
    older = await Client.open(node[0], version=OLD)
    newer.version, older.version = OLD, "2025-06-18"
    assert outcome(await sent([request(1)], node, newer)) == (400, -32600)
    assert (await sent([request(1)], node, older)).status == 200


@pytest.mark.parametrize(("count", "status"), [(0, 400), (1, 200), (MAX_BATCH, 200), (MAX_BATCH + 1, 400)])
async def test_a_batch_has_so_many_messages(count, status):
    assert (await sent([request(number) for number in range(count)])).status == status


async def test_slow_answers_come_together_with_quick_ones():
    node = Workers(1)
    waiting = asyncio.ensure_future(sent([call(1, "wait"), request(2)], node))
    await turns()
    assert node[0].in_flight == 1
    node.apps[0].gate("wait").set()
    answer = await waiting
    assert isinstance(answer, Response)
    assert sorted(each["id"] for each in json.loads(answer.body)) == [1, 2]
    assert node[0].in_flight == 0


async def test_once_something_is_sent_the_answers_come_as_a_stream():
    node = Workers(2)
    client = await Client.open(node[0], version=OLD)
    await client.result(node[0], "logging/setLevel", {"level": "info"})
    for number in range(2):
        node.apps[0].gate(str(number)).set()
    stream = await sent([request(1), call(2, "count", to=2), call(3, "wait")], node, client)
    assert isinstance(stream, Stream)
    node.apps[0].gate("wait").set()
    told = [each.message for each in await all_of(stream)]
    assert sorted(each["id"] for each in told if "id" in each) == [1, 2, 3]
    assert [each["method"] for each in told if "method" in each] == ["notifications/message"] * 2
    assert node[0].in_flight == 0


async def test_a_stream_of_answers_is_resumed():
    node = Workers(2)
    client = await Client.open(node[0], version=OLD)
    await client.result(node[0], "logging/setLevel", {"level": "info"})
    stream = await sent([call(1, "count", to=1), call(2, "wait")], node, client)
    async for chunk in stream.chunks:
        last = chunk.decode().split("\n")[0].removeprefix("id: ")
        break
    await stream.chunks.aclose()
    following = await client.get(node[1], last)
    node.apps[0].gate("0").set()
    node.apps[0].gate("wait").set()
    told = [each.message["id"] for each in await all_of(following)]
    assert sorted(told) == [1, 2]


async def test_without_a_session_a_disconnect_cancels_all_of_it():
    node = Workers(1)
    answer = Client(version=OLD).send(node[0], json.dumps([call(1, "wait"), call(2, "wait")]).encode())
    await turns()
    assert node[0].in_flight == 2
    answer.cancel()
    await turns()
    assert node[0].in_flight == 0


@pytest.mark.parametrize("worker", [0, 1])
async def test_one_request_of_a_batch_is_cancelled_and_the_others_are_answered(worker):
    node = Workers(2)
    client = await Client.open(node[0], version=OLD)
    waiting = asyncio.ensure_future(sent([call(1, "wait"), request(2)], node, client))
    await turns()
    await client.notify(node[worker], "notifications/cancelled", {"requestId": 1})
    await turns()
    assert node.apps[0].gate("cancelled").is_set()
    assert [each["id"] for each in json.loads((await waiting).body)] == [2]
    assert node[0].in_flight == 0


async def test_answers_of_a_client_may_come_in_a_batch():
    node = Workers(2)
    client = await Client.open(node[0], version=OLD)
    stream = await client.call(node[0], "name")
    async for chunk in stream.chunks:
        asked = json.loads(chunk.decode().split("data: ")[1])
        break
    replies = [{"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}}, NOTE]
    answer = await settled(client.send(node[1], json.dumps(replies).encode()))
    assert answer.status == 202
    assert [each.said for each in await all_of(stream)] == ["decline None"]
