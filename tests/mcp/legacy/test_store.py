"""The table of living sessions: what ends them, and that there is room for the next one."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from erlmcp.mcp.legacy.store import LIVELY, MAX_WATCHED, SessionsFull, SessionTable, State, StateChange, changed

NOW, IDLE = 1000.0, 100.0


def table(limit=3):
    return SessionTable(limit, IDLE)


def test_a_session_ends_when_it_was_idle_for_so_long_and_not_before():
    sessions = table()
    sessions.add("a", NOW)
    assert sessions.find("a", NOW + IDLE - 0.1) == State()
    assert sessions.find("a", NOW + 2 * IDLE - 0.2) == State()  # it was used in between
    assert sessions.find("a", NOW + 3 * IDLE - 0.2) is None


def test_the_longest_unused_session_makes_room():
    sessions = table(2)
    sessions.add("a", NOW)
    sessions.add("b", NOW)
    sessions.touch(["a"], NOW + 1)
    assert sessions.add("c", NOW + LIVELY) == ["b"]
    assert sessions.find("a", NOW + LIVELY) == State()


def test_no_session_that_was_just_used_makes_room():
    sessions = table(1)
    sessions.add("a", NOW)
    with pytest.raises(SessionsFull, match="1 sessions are in use") as full:
        sessions.add("b", NOW + LIVELY - 1)
    assert full.value.retry_after == 1
    assert sessions.add("b", NOW + LIVELY) == ["a"]


def test_idle_sessions_end_a_few_at_a_time():
    sessions = table(1000)
    for number in range(100):
        sessions.add(str(number), NOW)
    assert sessions.sweep(NOW + IDLE - 0.1, 10) == []
    assert len(sessions.sweep(NOW + IDLE, 10)) == 10
    assert len(sessions) == 90
    sessions.add("new", NOW + IDLE)
    assert len(sessions) < 90  # a new one removes more than itself


def test_that_a_session_was_used_is_written_down_now_and_then_only():
    sessions = table()
    sessions.add("a", NOW)
    assert sessions.touch(["a", "unknown"], NOW + IDLE / 4) == []
    assert sessions.touch(["a"], NOW + IDLE / 4 + 1) == ["a"]
    assert sessions.touch(["a"], NOW + IDLE / 4 + 2) == []


def test_changes_add_up():
    state = changed(State(), StateChange(level="info"))
    state = changed(state, StateChange(watch="a"))
    state = changed(state, StateChange(watch="a"))
    state = changed(state, StateChange(watch="b"))
    assert changed(state, StateChange(unwatch="a")) == State("info", ("b",))


def test_a_session_watches_so_many_resources_and_no_more():
    state = State(watched=tuple(str(each) for each in range(MAX_WATCHED - 1)))
    state = changed(state, StateChange(watch="last"))
    assert changed(state, StateChange(watch="last")) == state
    with pytest.raises(SessionsFull, match=f"may watch {MAX_WATCHED} resources"):
        changed(state, StateChange(watch="one more"))


class Sessions(RuleBasedStateMachine):
    """Against a dict of when each was used."""

    keys = st.sampled_from("abcdef")

    def __init__(self):
        super().__init__()
        self.table, self.seen, self.now = SessionTable(4, IDLE), {}, NOW

    def living(self, key):
        return key in self.seen and self.now - self.seen[key] < IDLE

    @rule(seconds=st.floats(0, IDLE))
    def later(self, seconds):
        self.now += seconds

    @rule(key=keys)
    def add(self, key):
        self.table.end(key)
        self.seen.pop(key, None)
        try:
            gone = self.table.add(key, self.now)
        except SessionsFull:
            assert all(self.now - seen < LIVELY for seen in self.seen.values())
            return
        for each in gone:
            del self.seen[each]
        self.seen[key] = self.now

    @rule(key=keys)
    def find(self, key):
        found = self.table.find(key, self.now)
        assert (found is not None) == self.living(key)
        if found is not None:
            self.seen[key] = self.now

    @rule(key=keys)
    def end(self, key):
        assert self.table.end(key) == (key in self.seen)
        self.seen.pop(key, None)

    @rule(limit=st.integers(1, 3))
    def sweep(self, limit):
        for key in self.table.sweep(self.now, limit):
            assert not self.living(key)
            del self.seen[key]

    @invariant()
    def bounded(self):
        assert len(self.table) == len(self.seen) <= 4


TestSessions = Sessions.TestCase
