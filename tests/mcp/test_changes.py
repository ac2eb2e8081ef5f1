"""Changes between listeners of one process, and from process to process over a bus; told, missed, and at the end."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.mcp import Backplane, LocalBus
from erlmcp.mcp.changes import PROMPTS, RESOURCES, SETTLED, TOOLS, UPDATED, Change, Changes, updated

pytestmark = pytest.mark.both_loops


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.heard: list[Change] = []
        self.ends = 0
        self.ended = asyncio.Event()

    def hear(self, change: Change) -> None:
        self.heard.append(change)

    def end(self) -> None:
        self.ends += 1
        self.ended.set()


class HeldBus(LocalBus):
    """A bus whose signals travel when the test says so; it can also say that some were missed."""

    address = "held"  # type: ignore[misc]

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes) -> None:
        self.sent.append((topic, payload))

    def subscribe(self, topic, deliver, resync=None) -> None:
        super().subscribe(topic, deliver)
        self.resync = resync

    def arrive(self) -> None:
        sent, self.sent = self.sent, []
        for topic, payload in sent:
            super().publish(topic, payload)


def joined(bus: LocalBus | None = None) -> Changes:
    return Backplane(bus=bus or LocalBus()).changes


async def turn() -> None:
    """What was told travels at the end of this turn of the loop."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_who_is_interested_hears_a_change_and_nobody_else():
    changes, one, other = joined(), Ear(), Ear()
    changes.attach(one, [(TOOLS, "")])
    changes.attach(other, [(PROMPTS, ""), (UPDATED, "a://b")])
    changes.tell(Change(TOOLS))
    await turn()
    assert (one.heard, other.heard) == ([Change(TOOLS)], [])


async def test_a_resource_is_told_by_its_uri():
    changes, ear = joined(), Ear()
    changes.attach(ear, [(UPDATED, "a://b"), (UPDATED, "a://c")])
    for uri in ("a://a", "a://c", 'a://"'):
        changes.tell(updated(uri))
    await turn()
    assert ear.heard == [Change(UPDATED, "a://c", b'"uri":"a://c"')]


async def test_changes_of_one_interest_in_one_turn_are_told_once_and_as_the_last_one_says():
    changes, ear = joined(), Ear()
    changes.attach(ear, [("notifications/tasks", "t"), (TOOLS, "")])
    changes.tell(Change("notifications/tasks", "t", b'"status":"working"'))
    for _ in range(100):
        changes.tell(Change(TOOLS))
    changes.tell(Change("notifications/tasks", "t", b'"status":"completed"'))
    await turn()
    assert ear.heard == [Change(TOOLS), Change("notifications/tasks", "t", b'"status":"completed"')]


async def test_processes_that_share_a_bus_hear_of_each_others_changes():
    bus = LocalBus()
    here, there, ear, far = joined(bus), joined(bus), Ear(), Ear()
    here.attach(ear, [(TOOLS, "")])
    there.attach(far, [(TOOLS, "")])
    here.tell(Change(TOOLS))
    await turn()
    assert ear.heard == far.heard == [Change(TOOLS)]


async def test_what_is_told_here_only_is_heard_at_once_in_this_process_and_in_no_other():
    bus = HeldBus()
    here, there, ear, other = joined(bus), joined(bus), Ear(), Ear()
    here.tell(updated("a://b", here=True))  # nobody has ever listened
    here.attach(ear, [(UPDATED, "a://b")])
    there.attach(other, [(UPDATED, "a://b")])
    here.tell(updated("a://b", here=True))
    assert [change.key for change in ear.heard] == ["a://b"]
    thread = threading.Thread(target=here.tell, args=[updated("a://b", here=True)])
    thread.start()
    thread.join()
    await turn()
    await turn()
    assert (len(ear.heard), other.heard, bus.sent) == (2, [], [])


async def test_a_listener_can_be_interested_in_more_later_and_in_less():
    changes, ear = joined(), Ear()
    changes.attach(ear)
    changes.attach(ear, [(UPDATED, "a"), (UPDATED, "b")])
    changes.attach(ear, [(UPDATED, "b")])
    changes.detach(ear, [(UPDATED, "a"), (UPDATED, "never")])
    assert (changes.listeners, changes.interests) == (1, 1)
    changes.tell(updated("a"))
    changes.tell(updated("b"))
    await turn()
    assert [change.key for change in ear.heard] == ["b"]


async def test_one_that_has_gone_hears_nothing_and_leaves_nothing_behind():
    changes, ear = joined(), Ear()
    changes.attach(ear, [(TOOLS, ""), (UPDATED, "a")])
    changes.detach(ear)
    changes.detach(ear)
    changes.tell(Change(TOOLS))
    await turn()
    assert (ear.heard, ear.ends, changes.listeners, changes.interests, changes._interested) == ([], 0, 0, 0, {})


async def test_one_that_leaves_while_others_hear_is_no_trouble():
    changes, ear = joined(), Ear()

    class Leaver(Ear):
        def hear(self, change: Change) -> None:
            changes.detach(ear)

    changes.attach(Leaver(), [(TOOLS, "")])
    changes.attach(ear, [(TOOLS, "")])
    changes.tell(Change(TOOLS))
    await turn()
    assert changes.listeners == 1


async def test_threads_tell_as_well():
    changes, ear = joined(), Ear()
    changes.attach(ear, [(UPDATED, str(n)) for n in range(50)])
    threads = [threading.Thread(target=changes.tell, args=(updated(str(n)),)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    await turn()
    assert sorted(int(change.key) for change in ear.heard) == list(range(50))


async def test_what_was_told_before_anything_ran_is_told_when_it_does():
    changes, ear = joined(), Ear()
    thread = threading.Thread(target=changes.tell, args=(Change(TOOLS),))
    thread.start()
    thread.join(5)
    changes.attach(ear, [(TOOLS, "")])
    changes.open()
    assert ear.heard == [Change(TOOLS)]


async def test_when_changes_may_have_been_missed_all_that_somebody_listens_for_is_told_anew():
    bus = HeldBus()
    changes, ear = joined(bus), Ear()
    changes.when_missed("notifications/tasks", lambda key: Change("notifications/tasks", key, b'"status":"x"'))
    changes.when_missed("notifications/quiet", lambda key: None)
    interests = [
        (TOOLS, ""),
        (RESOURCES, ""),
        (UPDATED, "a"),
        ("notifications/tasks", "t"),
        ("notifications/quiet", ""),
    ]
    changes.attach(ear, interests)
    bus.resync()
    assert ear.heard == [
        Change(TOOLS),
        Change(RESOURCES),
        updated("a"),
        Change("notifications/tasks", "t", b'"status":"x"'),
    ]


async def test_at_the_end_every_listener_is_ended_once_and_hears_nothing_more():
    changes, ear = joined(), Ear()
    changes.attach(ear, [(TOOLS, "")])
    changes.end()
    changes.end()
    changes.tell(Change(TOOLS))
    await turn()
    assert (ear.ends, ear.heard, changes.listeners) == (1, [], 0)


async def test_a_listener_that_comes_after_the_end_is_ended_at_once():
    changes, ear = joined(), Ear()
    changes.end()
    changes.attach(ear, [(TOOLS, "")])
    assert (ear.ends, changes.listeners) == (1, 0)


async def test_what_was_told_before_the_end_is_heard_before_it():
    bus = HeldBus()
    changes, ear = joined(bus), Ear()
    changes.attach(ear, [(TOOLS, ""), (UPDATED, "a")])
    changes.tell(Change(TOOLS))
    await turn()
    changes.tell(updated("a"))
    changes.end()
    assert (ear.heard, ear.ends) == ([], 0)
    bus.arrive()
    assert (ear.heard, ear.ends) == ([Change(TOOLS), updated("a")], 1)


async def test_another_process_that_leaves_ends_nobody_here():
    bus = LocalBus()
    here, ear = joined(bus), Ear()
    here.attach(ear, [(TOOLS, "")])

    class Elsewhere(LocalBus):
        address = "elsewhere"  # type: ignore[misc]
        publish = bus.publish  # type: ignore[assignment]

    joined(Elsewhere()).end()
    assert ear.ends == 0


async def test_a_bus_that_is_silent_holds_up_the_end_for_a_moment_only():
    changes, ear = joined(HeldBus()), Ear()
    changes.attach(ear, [(TOOLS, "")])
    changes.end()
    async with asyncio.timeout(SETTLED + 5):
        await ear.ended.wait()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_the_count_of_interests_is_that_of_the_tables(steps: list[tuple[bool, int, int]]):
    async def scenario() -> None:
        changes, ears = joined(), [Ear() for _ in range(4)]
        for add, who, what in steps:
            if add:
                changes.attach(ears[who], [(UPDATED, str(n)) for n in range(what)])
            else:
                changes.detach(ears[who], [(UPDATED, str(what))] if what else None)
        assert changes.interests == sum(map(len, changes._listeners.values()))
        assert changes.interests == sum(map(len, changes._interested.values()))

    asyncio.run(scenario())
