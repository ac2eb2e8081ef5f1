"""The table of recent events: bounded, by session, and whoever follows a stream misses none and sees none twice."""

import pytest

from erlmcp.mcp.legacy.events import (
    OVERHEAD,
    Event,
    EventLimits,
    EventTable,
    Later,
    Stream,
    Superseded,
    decode_signal,
    topic_of,
)

CALL = Stream("s", "c1")


class Told:
    """What was published."""

    def __init__(self):
        self.all = []

    def __call__(self, topic, payload):
        self.all.append((topic, decode_signal(payload)))


def table(**limits):
    told = Told()
    return EventTable(told, EventLimits(**limits)), told


def numbers(replay):
    return [each.number for each in replay.events]


def fill(events, stream, count, size=0, now=0.0):
    for number in range(1, count + 1):
        events.append(stream, Event(number, b"m" * size), now)


def test_what_came_after_an_event_is_replayed():
    events, _ = table()
    events.begin(CALL, "w", b"7", 0.0)
    fill(events, CALL, 5)
    replay = events.follow(CALL, 2, "r", 0.0)
    assert (numbers(replay), replay.number, replay.writer, replay.request) == ([3, 4, 5], 5, "w", b"7")


def test_a_follower_is_told_of_what_comes_next_until_it_leaves():
    events, told = table()
    events.begin(CALL, "w", b"", 0.0)
    events.follow(CALL, 0, "r", 0.0)
    told.all.clear()
    events.append(CALL, Event(1, b"one"), 0.0)
    events.leave(CALL, "somebody else")
    events.append(CALL, Event(2, b"two"), 0.0)
    events.leave(CALL, "r")
    events.append(CALL, Event(3, b"three"), 0.0)
    assert told.all == [(topic_of("r"), Later(CALL, Event(n, text))) for n, text in ((1, b"one"), (2, b"two"))]


def test_who_reads_a_stream_elsewhere_is_told_that_it_is_read_here_now():
    events, told = table()
    events.begin(CALL, "w", b"", 0.0)
    events.follow(CALL, 0, "r", 0.0)
    events.follow(CALL, 0, "q", 0.0)
    topics = [topic for topic, _ in told.all]
    assert topics[0] == topic_of("w")
    assert sorted(topics[1:]) == sorted([topic_of("w"), topic_of("r")])
    assert all(signal == Superseded(CALL) for _, signal in told.all)


def test_an_event_that_comes_twice_is_kept_once():
    events, told = table()
    fill(events, CALL, 2)
    events.follow(CALL, 0, "r", 0.0)
    events.append(CALL, Event(2, b"again"), 0.0)
    assert numbers(events.follow(CALL, 0, "r", 0.0)) == [1, 2]
    assert told.all == []


def test_a_stream_of_another_session_is_not_there():
    events, _ = table()
    fill(events, CALL, 1)
    assert events.follow(Stream("other", "c1"), 0, "r", 0.0) is None
    assert events.follow(Stream("s", "c2"), 0, "r", 0.0) is None


@pytest.mark.parametrize(("count", "kept"), [(3, [1, 2, 3]), (4, [2, 3, 4])])
def test_of_a_long_stream_the_newest_events_are_kept(count, kept):
    events, _ = table(stream=OVERHEAD + 3 * (OVERHEAD + 100))
    fill(events, CALL, count, size=100)
    assert numbers(events.follow(CALL, 0, "r", 0.0)) == kept


def test_the_newest_event_is_kept_however_large_it_is():
    events, _ = table(stream=1000)
    fill(events, CALL, 2, size=5000)
    assert numbers(events.follow(CALL, 0, "r", 0.0)) == [2]


@pytest.mark.parametrize(("streams", "first"), [(3, True), (4, False)])
def test_of_a_busy_session_the_streams_that_were_written_last_are_kept(streams, first):
    events, _ = table(session=3 * (2 * OVERHEAD + 100))
    fill(events, Stream("other", "c0"), 1, size=100)
    for number in range(streams):
        fill(events, Stream("s", f"c{number}"), 1, size=100)
    assert (events.follow(Stream("s", "c0"), 0, "r", 0.0) is not None) == first
    assert events.follow(Stream("s", f"c{streams - 1}"), 0, "r", 0.0) is not None
    assert events.follow(Stream("other", "c0"), 0, "r", 0.0) is not None


@pytest.mark.parametrize(("sessions", "first"), [(3, True), (4, False)])
def test_of_a_busy_node_the_streams_that_were_written_last_are_kept(sessions, first):
    events, _ = table(node=3 * (2 * OVERHEAD + 100))
    for number in range(sessions):
        fill(events, Stream(str(number), "c"), 1, size=100)
    assert (events.follow(Stream("0", "c"), 0, "r", 0.0) is not None) == first
    assert events.size <= 3 * (2 * OVERHEAD + 100)


@pytest.mark.parametrize(("age", "there"), [(299.0, True), (300.0, False)])
def test_events_are_kept_for_some_time_after_the_last(age, there):
    events, _ = table()
    fill(events, CALL, 1, now=50.0)
    assert (events.follow(CALL, 0, "r", 50.0 + age) is not None) == there


def test_beginnings_are_bounded_too():
    events, _ = table(session=10 * OVERHEAD)
    for number in range(100):
        events.begin(Stream("s", str(number)), "w", b"", 0.0)
    assert len(events.recent()) == 10


def test_an_ended_session_leaves_nothing():
    events, _ = table()
    fill(events, CALL, 3, size=10)
    events.claim(Stream("s", "s1"), "w", "")
    events.forget("s")
    assert events.size == 0
    assert events.recent() == []
    assert events.claim(Stream("s", "s2"), "w", "") is None


def test_one_stream_has_the_place_of_a_session():
    events, told = table()
    first, second = Stream("s", "s1"), Stream("s", "s2")
    assert events.claim(first, "w", "") is None
    held = events.claim(second, "v", "")
    assert (held.writer, held.request) == ("w", b"s1")
    assert events.claim(Stream("other", "s3"), "v", "") is None
    assert told.all == []
    assert events.claim(second, "v", "s1") is None
    assert told.all == [(topic_of("w"), Superseded(first))]
    events.release(first)  # it has the place no more
    assert events.claim(first, "w", "") is not None
    events.release(second)
    assert events.claim(first, "w", "") is None


@pytest.mark.parametrize(("sessions", "taken"), [(3, True), (4, False)])
def test_so_many_places_are_remembered_as_taken_and_no_more(sessions, taken):
    events, _ = table(claims=3)
    for number in range(sessions):
        assert events.claim(Stream(f"s{number}", "one"), "a", "") is None
    assert (events.claim(Stream("s0", "two"), "b", "") is not None) is taken
