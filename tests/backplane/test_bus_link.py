"""The bus between the processes of a node: who hears what, and what becomes of signals while the hub is away."""

import logging
from pathlib import Path

import msgspec
import pytest

from erlmcp.backplane import LinkBus, for_all
from erlmcp.backplane.bus import HELD, HELD_BYTES
from tests.backplane.town import Town, open_town
from tests.otp.company import until


class Process:
    """A worker: its bus, what it heard, and how often it was told that it may have missed something."""

    def __init__(self, bus: LinkBus) -> None:
        self.bus = bus
        self.heard: list[bytes] = []
        self.resyncs = 0
        bus.subscribe("topic", self.heard.append, self.resync)

    def resync(self) -> None:
        self.resyncs += 1

    async def hears(self, *payloads: bytes) -> None:
        await until(lambda: len(self.heard) >= len(payloads))
        assert tuple(self.heard) == payloads


async def pair(town: Town) -> tuple[Process, Process]:
    """Two processes that have settled."""
    one, two = Process(LinkBus(await town.join())), Process(LinkBus(await town.join()))
    await until(lambda: one.resyncs > 0 < two.resyncs)
    one.resyncs = two.resyncs = 0
    return one, two


async def test_all_processes_hear_a_signal(tmp_path: Path):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        one.bus.publish("topic", b"1")
        await one.hears(b"1")
        await two.hears(b"1")


async def test_a_signal_to_an_address_reaches_that_process_alone(tmp_path: Path):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        mine: list[bytes] = []
        others: list[bytes] = []
        one.bus.subscribe(one.bus.address, others.append)
        two.bus.subscribe(two.bus.address, mine.append)
        await until(lambda: {one.bus.address, two.bus.address} <= town.hub._topics.keys())
        one.bus.publish(two.bus.address, b"for two")
        one.bus.publish("topic", b"later")
        await two.hears(b"later")
        assert (mine, others) == ([b"for two"], [])


async def test_no_two_processes_share_an_address_not_even_over_restarts(tmp_path: Path):
    async with open_town(tmp_path) as town:
        link = await town.join()
        assert len({LinkBus(link).address for _ in range(100)}) == 100


async def test_what_the_line_process_publishes_is_heard_by_all(tmp_path: Path):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        town.hub.publish("topic", for_all(b"from the line"))
        await one.hears(b"from the line")
        await two.hears(b"from the line")


async def test_while_the_hub_is_away_a_signal_is_heard_at_home_at_once(tmp_path: Path):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        await town.shut()
        one.bus.publish("topic", b"1")
        assert (one.heard, two.heard) == ([b"1"], [])


async def test_when_the_hub_is_back_the_others_hear_it_and_home_does_not_again(tmp_path: Path):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        await town.shut()
        one.bus.publish("topic", b"away 1")
        one.bus.publish("topic", b"away 2")
        await town.open()
        await town.together()
        one.bus.publish("topic", b"back")
        await one.hears(b"away 1", b"away 2", b"back")
        await two.hears(b"away 1", b"away 2", b"back")
        assert (one.resyncs, two.resyncs) == (1, 1)


async def test_a_process_that_finds_the_hub_later_hears_what_was_held_as_well(tmp_path: Path):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        await town.shut()
        one.bus.publish("topic", b"away")
        await town.open()
        await until(lambda: town.links[0].connected or town.links[1].connected)
        one.bus.publish("topic", b"early")
        await two.hears(b"away", b"early")
        assert one.heard == [b"away", b"early"]


async def test_a_hub_that_leaves_again_before_all_are_back_loses_nothing(tmp_path: Path):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        await town.shut()
        one.bus.publish("topic", b"away")
        await town.open()
        await town.together()
        await town.shut()
        one.bus.publish("topic", b"away again")
        await town.open()
        await two.hears(b"away", b"away again")
        assert one.heard == [b"away", b"away again"]


async def test_what_waits_for_the_hub_is_bounded_and_the_oldest_goes_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        await town.shut()
        for number in range(HELD + 1):
            one.bus.publish("topic", b"%d" % number)
        with caplog.at_level(logging.WARNING, "erlmcp.backplane"):
            await town.open()
            await town.together()
            await two.hears(*(b"%d" % number for number in range(1, HELD + 1)))
        assert "1 signals were not told to the other processes" in caplog.text


async def test_as_many_as_may_wait_are_all_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        await town.shut()
        for number in range(HELD):
            one.bus.publish("topic", b"%d" % number)
        await town.open()
        await town.together()
        await two.hears(*(b"%d" % number for number in range(HELD)))
        assert caplog.text == ""


async def test_their_bytes_are_bounded_too(tmp_path: Path):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        await town.shut()
        half = bytes(HELD_BYTES // 2)
        one.bus.publish("topic", half)
        one.bus.publish("topic", half)
        one.bus.publish("topic", b"small")
        await town.open()
        await town.together()
        await two.hears(half, b"small")


async def test_a_hub_that_takes_nothing_more_keeps_signals_at_home_and_the_next_ones_go_out(tmp_path: Path, caplog):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        town.links[0].options = msgspec.structs.replace(town.links[0].options, unsent=0)
        one.bus.publish("topic", b"written")
        one.bus.publish("topic", b"kept")
        assert one.heard == [b"kept"]
        assert "stays in this process" in caplog.text
        await two.hears(b"written")
        one.bus.publish("topic", b"later")
        await two.hears(b"written", b"later")


async def test_a_signal_too_large_for_a_frame_stays_at_home_and_raises_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with open_town(tmp_path) as town:
        one, two = await pair(town)
        large = bytes(one.bus._link.options.frame)
        one.bus.publish("topic", large)
        one.bus.publish("topic", b"next")
        await one.hears(large, b"next")
        await two.hears(b"next")
        assert "stays in this process" in caplog.text
