"""The stream of a session that answers no request: one at a time, over all workers, with what changes."""

import asyncio

import pytest

from erlmcp.mcp.legacy.standalone import Room
from tests.mcp.author import until
from tests.mcp.legacy.nodes import Client, Workers, all_of, events, next_of, turns

LISTS = ["tools", "prompts", "resources"]


def quick(node):
    for worker in node.endpoints:
        worker._annex.streams._room = Room(65536, 15.0, probe=0.05)


async def opened(node, worker=0, **more):
    client = await Client.open(node[0], **more)
    reading = events(await client.get(node[worker]))
    return client, reading


async def test_it_tells_of_lists_that_changed_at_any_worker():
    node = Workers(2)
    _, reading = await opened(node)
    first = await next_of(reading)
    assert (first.message, first.retry) == (None, "1000")
    for number, kind in enumerate(LISTS):
        getattr(node.apps[number % 2], f"{kind}_changed")()
        heard = await next_of(reading)
        assert heard.message == {"jsonrpc": "2.0", "method": f"notifications/{kind}/list_changed"}


async def test_it_tells_of_watched_resources_only_and_from_when_they_are_watched_on():
    node = Workers(2)
    client, reading = await opened(node)
    await next_of(reading)
    node.apps[1].resource_updated("test://watched")
    await turns()
    await client.result(node[1], "resources/subscribe", {"uri": "test://watched"})
    await turns()
    node.apps[1].resource_updated("test://other")
    node.apps[1].resource_updated("test://watched")
    heard = await next_of(reading)
    assert heard.message["params"] == {"uri": "test://watched"}
    assert heard.id.endswith(".1")
    await client.result(node[0], "resources/unsubscribe", {"uri": "test://watched"})
    await turns()
    node.apps[0].resource_updated("test://watched")
    node.apps[0].tools_changed()
    assert (await next_of(reading)).said == "notifications/tools/list_changed"


async def test_what_was_watched_before_it_opened_is_told():
    node = Workers(2)
    client = await Client.open(node[0])
    await client.result(node[0], "resources/subscribe", {"uri": "test://watched"})
    reading = events(await client.get(node[1]))
    await next_of(reading)
    node.apps[0].resource_updated("test://watched")
    assert (await next_of(reading)).said == "notifications/resources/updated"


async def test_older_clients_get_no_event_that_says_nothing():
    node = Workers(1)
    _, reading = await opened(node, version="2025-06-18")
    waiting = asyncio.ensure_future(next_of(reading))
    await turns()
    assert not waiting.done()
    node.apps[0].tools_changed()
    assert (await waiting).said == "notifications/tools/list_changed"


@pytest.mark.parametrize("worker", [0, 1])
async def test_a_second_one_is_refused_while_the_first_is_read(worker):
    node = Workers(2)
    client, reading = await opened(node)
    await next_of(reading)
    assert (await client.get(node[worker])).status == 409
    node.apps[0].tools_changed()
    assert (await next_of(reading)).said == "notifications/tools/list_changed"


@pytest.mark.parametrize("worker", [0, 1])
async def test_a_second_one_takes_the_place_of_one_that_nobody_reads(worker):
    node = Workers(2)
    quick(node)
    client = await Client.open(node[0])
    stream = await client.get(node[0])
    await stream.chunks.aclose()
    reading = events(await client.get(node[worker]))
    await next_of(reading)
    node.apps[0].tools_changed()
    assert (await next_of(reading)).said == "notifications/tools/list_changed"
    assert (await client.get(node[1 - worker])).status == 409


async def test_a_second_one_takes_the_place_of_one_whose_worker_died():
    node = Workers(2)
    quick(node)
    client, reading = await opened(node)
    await next_of(reading)
    node.kill(0)
    again = events(await client.get(node[1]))
    assert (await next_of(again)).message is None


@pytest.mark.parametrize("worker", [0, 1])
async def test_what_happened_while_it_was_broken_is_told_when_it_is_resumed(worker):
    node = Workers(2)
    client = await Client.open(node[0])
    stream = await client.get(node[0])
    reading = events(stream)
    last = await next_of(reading)
    node.apps[1].tools_changed()
    last = await next_of(reading)
    await stream.chunks.aclose()
    node.apps[1].prompts_changed()
    node.apps[0].resources_changed()
    await turns()
    again = events(await client.get(node[worker], last.id))
    missed = [await next_of(again), await next_of(again)]
    assert {each.said for each in missed} == {f"notifications/{kind}/list_changed" for kind in ("prompts", "resources")}
    assert [each.id for each in missed] == [last.id[:-1] + "2", last.id[:-1] + "3"]
    assert (await next_of(again)).message is None  # from here on it can be resumed, too
    node.apps[0].tools_changed()
    heard = await next_of(again)
    assert (heard.said, heard.id) == ("notifications/tools/list_changed", last.id[:-1] + "4")


async def test_who_resumes_takes_over_from_who_still_seems_to_read():
    node = Workers(2)
    client, reading = await opened(node)
    last = await next_of(reading)
    again = events(await client.get(node[1], last.id))
    await turns()
    with pytest.raises(StopAsyncIteration):
        await next_of(reading)
    assert (await next_of(again)).message is None
    node.apps[0].tools_changed()
    assert (await next_of(again)).said == "notifications/tools/list_changed"
    await turns()
    assert len(node[0]._annex.streams._standalone) == 0
    assert node[0].listening == 0


async def test_it_is_dropped_some_time_after_its_reader_has_gone():
    node = Workers(1)
    node[0]._annex.streams._room = Room(65536, 15.0, linger=0.01)
    client = await Client.open(node[0])
    stream = await client.get(node[0])
    assert node[0].listening == 1
    await stream.chunks.aclose()
    assert node[0].listening == 1
    await until(lambda: node[0].listening == 0)
    assert node[0]._annex.streams._standalone == {}
    assert node.events.table._claims == {}


async def test_one_that_lingers_is_not_written_here_any_more_once_it_is_resumed_elsewhere():
    node = Workers(2)
    client = await Client.open(node[0])
    stream = await client.get(node[0])
    first = await next_of(events(stream))
    await stream.chunks.aclose()
    assert node[0].listening == 1
    again = events(await client.get(node[1], last=first.id))
    await turns()
    assert node[0].listening == 0
    assert (await next_of(again)).message is None
    node.apps[0].tools_changed()
    assert (await next_of(again)).said == "notifications/tools/list_changed"


async def test_one_that_lingers_ends_with_its_session_and_leaves_nothing():
    node = Workers(2)
    client = await Client.open(node[0])
    stream = await client.get(node[0])
    await next_of(events(stream))
    await stream.chunks.aclose()
    assert node[0].listening == 1
    await client.delete(node[1])
    await turns()
    node.apps[0].tools_changed()
    await turns()
    assert node[0].listening == 0
    assert not node.events.table.recent()
    assert node.events.table._claims == {}


async def test_it_ends_with_its_session():
    node = Workers(2)
    client, reading = await opened(node)
    await next_of(reading)
    await client.delete(node[1])
    await turns()
    with pytest.raises(StopAsyncIteration):
        await next_of(reading)
    assert node[0].listening == 0


async def test_a_session_whose_stream_is_read_is_in_use():
    node = Workers(1, keep_alive=0.01)
    client = await Client.open(node[0])
    stream = await client.get(node[0])
    await anext(stream.chunks)
    for _ in range(3):
        node.clock.at += 1000
        await anext(stream.chunks)
        node[0]._annex.sessions.flush()
    assert (await client.post(node[0], "ping")).status == 200


async def test_in_a_drain_it_says_when_to_come_back_and_another_worker_takes_it_on():
    node = Workers(2)
    client = await Client.open(node[0])
    stream = await client.get(node[0])
    first = await next_of(events(stream))
    node[0].drain()
    await turns()
    (bye,) = await all_of(stream)
    assert (bye.retry, bye.message) == ("1000", None)
    again = events(await client.get(node[1], first.id))
    assert (await next_of(again)).message is None


async def test_a_hundred_of_them_end_in_a_drain():
    node = Workers(1)
    streams = []
    for _ in range(100):
        client = await Client.open(node[0])
        streams.append(await client.get(node[0]))
    node[0].drain()
    await turns()
    for stream in streams:
        assert (await all_of(stream))[-1].retry == "1000"
    assert node[0].listening == 0


async def test_whoever_may_have_missed_signals_claims_its_place_again():
    node = Workers(2)
    client, reading = await opened(node)
    await next_of(reading)
    node.events.table._claims.clear()
    node.buses[0].miss()
    await turns()
    assert (await client.get(node[1])).status == 409
    node.apps[1].tools_changed()
    said = {(await next_of(reading)).said for _ in LISTS}  # what may have been missed is told anew
    assert said == {f"notifications/{kind}/list_changed" for kind in LISTS}
