"""The bounded queue between a sender of notifications and the reader of a stream."""

import asyncio
import contextlib

import pytest

from erlmcp.http import COMMENT
from erlmcp.mcp.stream import HARD_LIMIT, NO_SINK, EventStream
from tests.mcp.posts import events

pytestmark = pytest.mark.both_loops

LONG = 60.0
ROOM = 100  # bytes; one event of `note` is a little more than half of it


def note(stream, text="x"):
    return stream.emit("notifications/message", b'{"data":"%b"}' % text.encode())


async def test_events_leave_in_order_and_together():
    stream = EventStream(10_000, LONG)
    note(stream, "a")
    note(stream, "b")
    stream.end(b'{"last":true}')
    assert [event.get("params", event) for event in events(await anext(stream))] == [
        {"data": "a"},
        {"data": "b"},
        {"last": True},
    ]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_sender_waits_while_the_reader_is_behind_and_goes_on_when_it_has_caught_up():
    stream = EventStream(ROOM, LONG)
    assert note(stream) is None
    behind = note(stream)
    assert behind is not None
    assert not behind.done()
    await anext(stream)
    await asyncio.wait_for(behind, 5)


async def test_a_cancelled_sender_takes_no_other_along():
    stream = EventStream(ROOM, LONG)
    note(stream)
    first, second = note(stream), note(stream)
    first.cancel()
    await anext(stream)
    await asyncio.wait_for(second, 5)


async def test_what_a_sender_that_does_not_wait_adds_beyond_the_hard_limit_is_dropped_but_never_the_answer():
    stream = EventStream(ROOM, LONG)
    for _ in range(1000):
        note(stream)
    stream.end(b'{"last":true}')
    chunk = await anext(stream)
    assert len(chunk) < (HARD_LIMIT + 2) * ROOM
    assert events(chunk)[-1] == {"last": True}


async def test_one_event_larger_than_the_buffer_passes():
    stream = EventStream(ROOM, LONG)
    note(stream, "y" * 10 * ROOM)
    assert events(await anext(stream))[0]["params"]["data"] == "y" * 10 * ROOM


async def test_silence_gives_a_comment():
    stream = EventStream(ROOM, 0.01)
    assert await asyncio.wait_for(anext(stream), 5) == COMMENT


async def test_a_waiting_reader_is_woken_by_an_event():
    stream = EventStream(ROOM, LONG)
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    note(stream)
    assert len(events(await asyncio.wait_for(reading, 5))) == 1


@pytest.mark.parametrize("how", ["closes", "is cancelled"])
async def test_a_reader_that_goes_away_is_told_once_and_frees_its_senders(how):
    stream, left = EventStream(1, LONG), []
    stream.on_abandon = lambda: left.append(True)
    behind = note(stream)
    if how == "closes":
        await stream.aclose()
    else:
        await anext(stream)
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
    await stream.aclose()
    await asyncio.wait_for(behind, 5)
    assert left == [True]
    assert note(stream) is None
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_reader_that_leaves_after_the_end_abandons_nothing():
    stream, left = EventStream(ROOM, LONG), []
    stream.on_abandon = lambda: left.append(True)
    stream.end(b"{}")
    await anext(stream)
    await stream.aclose()
    assert left == []


def test_a_request_that_asked_for_nothing_is_sent_nothing():
    assert NO_SINK.emit("notifications/progress", b"{}") is None
