"""How much slow readers may keep in memory, and which of them is dropped: a model of sizes and times, no sockets."""

from hypothesis import given
from hypothesis import strategies as st

from erlmcp.http.unsent import HARD, PATIENCE, Unsent


class Slow:
    """A peer that notes that it was dropped."""

    def __init__(self) -> None:
        self.dropped = False

    def abort(self) -> None:
        self.dropped = True


def test_below_the_limit_nobody_is_dropped_however_long_it_stands_still() -> None:
    unsent, peers = Unsent(100), [Slow(), Slow()]
    for peer in peers:
        unsent.hold(peer, 50, 0.0)
    unsent.relieve(1e9)
    assert not any(peer.dropped for peer in peers)


def test_above_the_limit_those_that_stood_still_longest_are_dropped_until_there_is_room() -> None:
    unsent, peers = Unsent(100), [Slow(), Slow(), Slow()]
    for at, peer in enumerate(peers):
        unsent.hold(peer, 60, float(at))
    unsent.relieve(2.0 + PATIENCE)
    assert [peer.dropped for peer in peers] == [True, True, False]
    assert unsent.total == 60


def test_one_that_takes_some_goes_to_the_end_of_the_queue() -> None:
    unsent, lazy, busy = Unsent(100), Slow(), Slow()
    unsent.hold(busy, 60, 0.0)
    unsent.hold(lazy, 60, 0.1)
    unsent.hold(busy, 50, 5.0)
    unsent.relieve(5.0)
    assert (lazy.dropped, busy.dropped, unsent.total) == (True, False, 50)


def test_above_the_limit_those_that_move_are_spared() -> None:
    unsent, peers = Unsent(100), [Slow(), Slow()]
    for peer in peers:
        unsent.hold(peer, 60, 10.0)
    unsent.relieve(10.0 + PATIENCE / 2)
    assert not any(peer.dropped for peer in peers)


def test_far_above_the_limit_the_slowest_is_dropped_at_once() -> None:
    unsent, first, second = Unsent(100), Slow(), Slow()
    unsent.hold(first, HARD * 100, 0.0)
    assert not first.dropped
    unsent.hold(second, 1, 0.0)
    assert (first.dropped, second.dropped, unsent.total) == (True, False, 1)


def test_a_single_answer_may_be_larger_than_any_limit() -> None:
    unsent, alone = Unsent(100), Slow()
    unsent.hold(alone, 10**9, 0.0)
    unsent.relieve(1e9)
    assert not alone.dropped


def test_who_has_gone_holds_nothing() -> None:
    unsent, peer = Unsent(100), Slow()
    unsent.release(peer)
    unsent.hold(peer, 60, 0.0)
    unsent.release(peer)
    unsent.release(peer)
    assert unsent.total == 0


STEPS = st.lists(st.tuples(st.sampled_from(["hold", "release", "relieve"]), st.integers(0, 5), st.integers(0, 300)))


@given(STEPS)
def test_the_total_is_what_the_peers_hold_and_stays_below_the_hard_limit(steps: list[tuple[str, int, int]]) -> None:
    unsent, peers, held = Unsent(100), [Slow() for _ in range(6)], {}
    for now, (what, who, size) in enumerate(steps):
        peers[who].dropped = False
        if what == "hold":
            held[who] = size
            unsent.hold(peers[who], size, float(now))
        elif what == "release":
            held.pop(who, None)
            unsent.release(peers[who])
        else:
            unsent.relieve(float(now))
        held = {number: size for number, size in held.items() if not peers[number].dropped}
        assert unsent.total == sum(held.values())
        assert unsent.total <= HARD * 100 or len(held) == 1
