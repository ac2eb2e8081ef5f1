"""A bus, wherever its signals travel: each sentence holds for the one of a process that is alone and for a worker's."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erlmcp.mcp import Bus
from tests.backplane.town import open_bus
from tests.otp.company import until

pytestmark = [pytest.mark.both_loops, pytest.mark.parametrize("kind", ["local", "link"])]


async def heard_after(bus: Bus, heard: list[bytes], *payloads: bytes, topic: str = "topic") -> list[bytes]:
    """What was heard once everything that was published has arrived."""
    for payload in payloads:
        bus.publish(topic, payload)
    done: list[bytes] = []
    bus.subscribe("end", done.append)
    bus.publish("end", b"")
    await until(lambda: done == [b""])
    return heard


async def test_a_process_hears_what_it_publishes_itself_in_order(kind: str, tmp_path: Path):
    async with open_bus(kind, tmp_path) as bus:
        heard: list[bytes] = []
        bus.subscribe("topic", heard.append)
        assert await heard_after(bus, heard, b"1", b"2", b"3") == [b"1", b"2", b"3"]


async def test_every_subscriber_hears_a_signal_once(kind: str, tmp_path: Path):
    async with open_bus(kind, tmp_path) as bus:
        one: list[bytes] = []
        two: list[bytes] = []
        bus.subscribe("topic", one.append)
        bus.subscribe("topic", two.append)
        await heard_after(bus, one, b"1", b"2")
        assert one == two == [b"1", b"2"]


async def test_other_topics_are_not_heard(kind: str, tmp_path: Path):
    async with open_bus(kind, tmp_path) as bus:
        heard: list[bytes] = []
        bus.subscribe("topic", heard.append)
        bus.publish("other", b"not this")
        assert await heard_after(bus, heard, b"this") == [b"this"]


async def test_what_nobody_subscribes_to_is_published_all_the_same(kind: str, tmp_path: Path):
    async with open_bus(kind, tmp_path) as bus:
        bus.publish("nobody", b"1")


async def test_its_address_is_a_topic_of_its_own(kind: str, tmp_path: Path):
    async with open_bus(kind, tmp_path) as bus:
        heard: list[bytes] = []
        bus.subscribe(bus.address, heard.append)
        assert await heard_after(bus, heard, b"for you", topic=bus.address) == [b"for you"]


async def test_a_signal_may_be_published_while_one_is_heard(kind: str, tmp_path: Path):
    async with open_bus(kind, tmp_path) as bus:
        heard: list[bytes] = []
        bus.subscribe("question", lambda payload: bus.publish("answer", payload + b"!"))
        bus.subscribe("answer", heard.append)
        bus.publish("question", b"so")
        await until(lambda: heard == [b"so!"])


@settings(max_examples=20)
@given(payloads=st.lists(st.binary(max_size=40), max_size=5))
def test_any_bytes_arrive_as_they_were(kind: str, tmp_path_factory, payloads: list[bytes]):
    async def scenario() -> None:
        async with open_bus(kind, tmp_path_factory.mktemp("town")) as bus:
            heard: list[bytes] = []
            bus.subscribe("topic", heard.append)
            assert await heard_after(bus, heard, *payloads) == payloads

    asyncio.run(scenario())
