"""A stream that broke is read on at any worker: each event once, in order, whatever the cut, the death, the session."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.http import COMMENT, Response, Stream
from erlmcp.mcp.legacy.standalone import MISSES, Room
from tests.mcp.legacy.nodes import Client, Heard, Workers, all_of, events, next_of, settled, turns


async def counting(node, worker=0, to=3):
    """A client, and the stream of a call that counts aloud."""
    client = await Client.open(node[worker])
    await client.result(node[worker], "logging/setLevel", {"level": "debug"})
    await turns()
    stream = await client.call(node[worker], "count", to=to)
    assert isinstance(stream, Stream)
    return client, stream


def gate(node, worker, name):
    return gates(node, worker)(name)


def gates(node, worker):
    return node.apps[worker].gate


async def test_a_stream_begins_with_an_event_that_says_nothing():
    node = Workers(1)
    _, stream = await counting(node)
    reading = events(stream)
    first, second = await next_of(reading), await next_of(reading)
    assert (first.message, first.retry) == (None, "1000")
    assert first.id.endswith(".0")
    assert second.id == first.id[:-1] + "1"
    assert second.said == "notifications/message"


@pytest.mark.parametrize("version", ["2025-06-18", "2025-03-26", "2024-11-05"])
async def test_older_clients_get_no_event_that_says_nothing(version):
    node = Workers(1)
    client = await Client.open(node[0], version=version)
    await client.result(node[0], "logging/setLevel", {"level": "debug"})
    client.version = "2025-11-25"  # the session counts
    stream = await client.call(node[0], "count", to=1)
    assert (await next_of(events(stream))).said == "notifications/message"


async def test_a_call_goes_on_without_its_reader_and_its_answer_is_fetched_elsewhere():
    node = Workers(2)
    client, stream = await counting(node, to=2)
    reading = events(stream)
    await next_of(reading)
    last = await next_of(reading)
    await stream.chunks.aclose()
    gate(node, 0, "0").set()
    gate(node, 0, "1").set()
    await turns()
    rest = await all_of(await client.get(node[1], last.id))
    assert [each.said for each in rest] == ["notifications/message", "counted to 2"]


async def test_a_call_that_still_runs_elsewhere_is_followed():
    node = Workers(2)
    client, stream = await counting(node, to=2)
    last = await next_of(events(stream))
    await stream.chunks.aclose()
    following = events(await client.get(node[1], last.id))
    assert (await next_of(following)).said == "notifications/message"
    gate(node, 0, "0").set()
    assert (await next_of(following)).said == "notifications/message"
    gate(node, 0, "1").set()
    assert (await next_of(following)).said == "counted to 2"
    with pytest.raises(StopAsyncIteration):
        await next_of(following)


@pytest.mark.parametrize("worker", [0, 1])
async def test_a_stream_is_read_in_one_place(worker):
    node = Workers(2)
    client, stream = await counting(node, to=1)
    reading = events(stream)
    last = await next_of(reading)
    await next_of(reading)
    again = await client.get(node[worker], last.id)
    await turns()
    with pytest.raises(StopAsyncIteration):
        await next_of(reading)
    third = await client.get(node[1 - worker], last.id)
    await turns()
    gate(node, 0, "0").set()
    assert [each.said for each in await all_of(third)] == ["notifications/message", "counted to 1"]
    assert "counted to 1" not in [each.said for each in await all_of(again)]


async def test_the_server_may_close_the_connection_and_the_answer_comes_by_another():
    node = Workers(2)
    client = await Client.open(node[0])
    first = await all_of(await client.call(node[0], "leave"))
    assert [each.said for each in first] == [None]
    assert first[0].retry
    following = await client.get(node[1], first[0].id)
    gate(node, 0, "wait").set()
    assert [each.said for each in await all_of(following)] == ["came back"]


async def test_a_client_without_a_way_back_keeps_its_connection():
    node = Workers(1)
    client = await Client.open(node[0], version="2025-06-18")
    calling = asyncio.ensure_future(client.call(node[0], "leave"))
    await turns()
    gate(node, 0, "wait").set()
    answer = await calling
    assert isinstance(answer, Response)
    assert "came back" in answer.body.decode()


async def test_a_call_that_died_with_its_worker_ends_with_an_error_after_what_it_said():
    node = Workers(2)
    node[1]._annex.streams._room = Room(65536, 15.0, probe=0.01, watch=0.01)
    client, stream = await counting(node, to=2)
    last = await next_of(events(stream))
    await turns()
    node.kill(0)
    rest = await all_of(await client.get(node[1], last.id))
    assert rest[0].said == "notifications/message"
    assert rest[-1].message["error"]["code"] == -32603
    assert rest[-1].message["id"] == 3
    assert "has died" in rest[-1].said


def looks_of(streams):
    """What comes of each look whether a call lives."""
    looks, look = asyncio.Queue(), streams._written

    async def looking(stream):
        found = await look(stream)
        looks.put_nowait(found)
        return found

    streams._written = looking
    return looks


async def test_a_call_that_lives_elsewhere_is_not_taken_for_dead():
    node = Workers(2)
    node[1]._annex.streams._room = Room(65536, 15.0, probe=1.0, watch=0.005)
    client, stream = await counting(node, to=1)
    last = await next_of(events(stream))
    looks = looks_of(node[1]._annex.streams)
    following = events(await client.get(node[1], last.id))
    await next_of(following)
    async with asyncio.timeout(5):
        assert [await looks.get() for _ in range(3 * MISSES)] == [True] * 3 * MISSES
    gate(node, 0, "0").set()
    assert (await next_of(following)).said == "counted to 1"


async def test_nobody_resumes_the_stream_of_another_session():
    node = Workers(2)
    _, stream = await counting(node)
    last = await next_of(events(stream))
    stranger = await Client.open(node[0])
    for worker in node.endpoints:
        answer = await stranger.get(worker, last.id)
        assert answer.status == 400
        assert "Nothing is known" in answer.body.decode()


@pytest.mark.parametrize("last", ["", "c", "x.1", "cAAAAAAAAAAAA.1", "c" + "A" * 12 + ".", "sé.1"])
async def test_an_id_that_is_none_resumes_nothing(last):
    node = Workers(1)
    client = await Client.open(node[0])
    answer = await client.get(node[0], last_event_id=last.encode())
    assert answer.status == 400


async def test_the_session_must_still_live():
    node = Workers(1)
    client, stream = await counting(node)
    last = await next_of(events(stream))
    await client.delete(node[0])
    assert (await client.get(node[0], last.id)).status == 404


async def test_a_client_that_prefers_events_gets_them_for_every_answer():
    node = Workers(1)
    client = await Client.open(node[0])
    answer = await client.post(node[0], "ping", accept=b"text/event-stream, application/json")
    assert answer.content_type == b"text/event-stream"
    first, last = [Heard(text) for text in answer.body.decode().split("\n\n") if text]
    assert (first.message, last.message["result"]) == (None, {})
    again = await all_of(await client.get(node[0], first.id))
    assert [each.message for each in again] == [last.message]


async def test_an_answer_too_large_to_keep_is_an_error_for_who_comes_back():
    node = Workers(1)
    client = await Client.open(node[0])
    stream = await client.call(node[0], "large", size=3 << 20)
    first = await next_of(events(stream))
    await stream.chunks.aclose()
    gate(node, 0, "large").set()
    (last,) = await all_of(await client.get(node[0], first.id))
    assert "too large" in last.said


async def test_silence_is_broken_by_comments():
    node = Workers(1, keep_alive=0.01)
    client, stream = await counting(node)
    reading = events(stream)
    await next_of(reading), await next_of(reading)
    assert await anext(stream.chunks) == COMMENT
    following = await client.get(node[0])
    await next_of(events(following))
    assert await anext(following.chunks) == COMMENT


async def test_in_a_drain_who_follows_is_told_when_to_come_back():
    node = Workers(2)
    client, stream = await counting(node, to=1)
    last = await next_of(events(stream))
    following = await client.get(node[1], last.id)
    await turns()
    node[1].drain()
    told = await all_of(following)
    assert told[-1].retry == "1000"
    third = await client.get(node[0], told[-2].id)
    gate(node, 0, "0").set()
    assert [each.said for each in await all_of(third)] == ["counted to 1"]


async def cut_at(numbers_read, workers):
    """What a client sees of a call that counts to 4, when its connection breaks after so many events each time."""
    node = Workers(3)
    client, stream = await counting(node, to=4)
    seen, last = [], ""
    opened = 0
    for count, worker in [*zip(numbers_read, workers, strict=True), (100, 0)]:
        reading = events(stream)
        for _ in range(count):
            try:
                heard = await next_of(reading)
            except StopAsyncIteration:
                return seen
            last = heard.id or last
            if heard.message is not None:
                seen.append(heard.message.get("params", {}).get("data", heard.said))
            gate(node, 0, str(opened)).set()
            opened += 1
        await stream.chunks.aclose()
        stream = await client.get(node[worker], last) if last else stream
        if not last:
            return None  # it never knew of a stream
    return seen


@given(cuts=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2)), max_size=6))
def test_whatever_the_cut_a_client_sees_each_event_once_and_in_order(cuts):
    seen = asyncio.run(cut_at([count for count, _ in cuts], [worker for _, worker in cuts]))
    assert seen == [0, 1, 2, 3, "counted to 4"]


async def test_without_a_session_a_disconnect_cancels():
    node = Workers(1)
    client = Client()
    answer = client.send(node[0], json.dumps(waiting()).encode())
    await turns()
    answer.cancel()
    async with asyncio.timeout(5):
        await gate(node, 0, "cancelled").wait()


async def test_in_a_session_a_disconnect_does_not_cancel():
    node = Workers(1)
    client = await Client.open(node[0])
    await client.post(node[0], "ping")
    answer = client.send(node[0], json.dumps(waiting()).encode())
    await turns()
    answer.cancel()
    await turns()
    assert not gate(node, 0, "cancelled").is_set()
    assert node[0].in_flight == 1
    gate(node, 0, "wait").set()
    await turns()
    assert node[0].in_flight == 0


@pytest.mark.parametrize("worker", [0, 1])
@pytest.mark.parametrize("request_id", [9, "nine", 'ni"ne'])
async def test_a_cancelled_call_stops_and_is_not_answered(worker, request_id):
    node = Workers(2)
    client = await Client.open(node[0])
    await client.post(node[worker], "ping")
    calling = asyncio.ensure_future(settled(client.send(node[0], json.dumps(waiting(request_id)).encode())))
    await turns()
    for _ in range(2):
        note = await client.notify(node[worker], "notifications/cancelled", {"requestId": request_id})
        assert note.status == 202
    await turns()
    assert gate(node, 0, "cancelled").is_set()
    told = await all_of(await calling)
    assert [each.message for each in told] == [None]
    assert node[0].in_flight == 0


async def test_nobody_cancels_a_call_of_another_session():
    node = Workers(2)
    client, stranger = await Client.open(node[0]), await Client.open(node[0])
    calling = asyncio.ensure_future(settled(client.send(node[0], json.dumps(waiting(9)).encode())))
    await turns()
    for worker in node.endpoints:
        await stranger.notify(worker, "notifications/cancelled", {"requestId": 9})
    await turns()
    assert not gate(node, 0, "cancelled").is_set()
    gate(node, 0, "wait").set()
    assert "waited" in (await calling).body.decode()


@pytest.mark.parametrize(
    "params", [None, {}, {"requestId": None}, {"requestId": {}}, {"requestId": 1.5}, {"requestId": 77}]
)
async def test_a_cancellation_of_nothing_is_accepted(params):
    node = Workers(1)
    client = await Client.open(node[0])
    assert (await client.notify(node[0], "notifications/cancelled", params)).status == 202


async def test_the_calls_of_a_session_end_with_it():
    node = Workers(2)
    client = await Client.open(node[0])
    calling = asyncio.ensure_future(settled(client.send(node[0], json.dumps(waiting(9)).encode())))
    await turns()
    await client.delete(node[1])
    await turns()
    assert gate(node, 0, "cancelled").is_set()
    await calling


def waiting(request_id=9):
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": {"name": "wait"}}
