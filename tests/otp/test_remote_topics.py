"""Topics of a hub: order, gaps, newcomers, and readers who do not read."""

import asyncio
import logging
from pathlib import Path

import pytest

from erlmcp.otp import Hub, Link, RemoteOptions
from erlmcp.otp.remote_wire import (
    PROTOCOL,
    Call,
    Message,
    Publish,
    Reply,
    Subscribe,
    Subscribed,
    Welcome,
)
from tests.otp.company import until
from tests.otp.hubs import Journal
from tests.otp.tills import Raw, alive, echo

pytestmark = pytest.mark.both_loops


async def test_what_is_published_is_delivered_in_order_to_those_who_subscribe(path: Path):
    news, other = Journal(), Journal()
    link = Link(path)
    link.subscribe("news", news.deliver, news.resync)
    link.subscribe("other", other.deliver)
    async with alive(hub := Hub(path, {}), link):
        await news.hears(b"*")
        for n in range(100):
            hub.publish("news", b"%d" % n)
        hub.publish("nobody's", b"")
        await news.hears(*(b"%d" % n for n in range(100)))
        assert other.heard == []


async def test_a_link_publishes_to_all_that_subscribe_itself_too(path: Path):
    one, two = Journal(), Journal()
    async with alive(Hub(path, {}), first := Link(path), second := Link(path, name="second")):
        first.subscribe("news", one.deliver, one.resync)
        second.subscribe("news", two.deliver, two.resync)
        await one.hears(b"*")
        await two.hears(b"*")
        second.publish("news", b"x")
        await one.hears(b"x")
        await two.hears(b"x")


async def test_two_may_subscribe_to_one_topic_of_a_link(path: Path):
    one, two = Journal(), Journal()
    async with alive(hub := Hub(path, {}), link := Link(path)):
        link.subscribe("news", one.deliver, one.resync)
        await one.hears(b"*")
        link.subscribe("news", two.deliver, two.resync)
        await two.hears(b"*")
        hub.publish("news", b"x")
        await one.hears(b"x")
        await two.hears(b"x")


async def test_a_short_break_is_made_up_for_without_a_gap(path: Path):
    news = Journal()
    link = Link(path)
    link.subscribe("news", news.deliver, news.resync)
    async with alive(hub := Hub(path, {}), link):
        hub.publish("news", b"a")
        await until(lambda: link.connected)
        hub.publish("news", b"b")
        await until(lambda: news.heard[-1:] == [b"b"])
        news.heard.clear()
        next(iter(link.connections)).abort()
        hub.publish("news", b"c")
        hub.publish("other", b"not for us")
        await until(lambda: news.heard[-1:] == [b"c"])
        hub.publish("news", b"d")
        await news.hears(b"c", b"d")


async def test_a_break_longer_than_the_memory_of_the_hub_is_a_resync(path: Path):
    news = Journal()
    link = Link(path)
    link.subscribe("news", news.deliver, news.resync)
    async with alive(hub := Hub(path, {}, options=RemoteOptions(ring=2)), link):
        await news.hears(b"*")
        next(iter(link.connections)).abort()
        for payload in (b"a", b"b", b"c"):
            hub.publish("news", payload)
        await news.hears(b"*")
        hub.publish("news", b"d")
        await news.hears(b"d")


async def test_a_new_hub_is_a_resync_whatever_its_numbers(path: Path):
    news = Journal()
    link = Link(path)
    link.subscribe("news", news.deliver, news.resync)
    async with alive(link):
        for _ in range(2):
            async with alive(hub := Hub(path, {})):
                await news.hears(b"*")
                hub.publish("news", b"1")
                await news.hears(b"1")


async def test_who_comes_late_gets_the_message_that_was_to_be_kept(path: Path):
    state, later = Journal(), Journal()
    link = Link(path)
    link.subscribe("state", state.deliver, state.resync)
    async with alive(hub := Hub(path, {})):
        hub.publish("state", b"old", keep=True)
        hub.publish("state", b"good", keep=True)
        hub.publish("later", b"kept", keep=True)
        async with alive(link):
            await state.hears(b"*", b"good")
            link.subscribe("later", later.deliver, later.resync)
            await later.hears(b"*", b"kept")


async def test_messages_go_before_the_answer_of_the_call_that_made_them(path: Path):
    async def act(payload: bytes, _seconds: float) -> bytes:
        hub.publish("facts", payload)
        return b"done"

    facts = Journal()
    link = Link(path)
    link.subscribe("facts", facts.deliver)
    async with alive(hub := Hub(path, {"act": act}), link):
        await link.call("act", b"it happened")
        assert facts.heard == [b"it happened"]


async def test_a_link_that_does_not_read_is_dropped_and_the_others_are_served(
    path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING, "erlmcp.otp")
    news = Journal()
    options = RemoteOptions(unsent=1_000_000)
    link = Link(path, options=options)
    link.subscribe("news", news.deliver, news.resync)
    async with alive(hub := Hub(path, {"echo": echo}, options=options), link):
        await news.hears(b"*")
        raw = await Raw.at(path)
        assert await raw.hello("news") == Welcome(PROTOCOL, hub.incarnation, 0, False)
        published = 0
        while hub.peers == 2 and published < 1000:
            hub.publish("news", b"x" * 10_000)
            published += 1
            await asyncio.sleep(0)
            await link.call("echo", b"")
        assert hub.peers == 1
        await news.hears(*[b"x" * 10_000] * published)
        raw.close()
    assert "hub hub drops raw: it does not read" in caplog.text


async def test_a_stranger_may_subscribe_and_publish_in_the_frames_of_the_protocol(path: Path):
    async with alive(hub := Hub(path, {"echo": echo}, incarnation=7)):
        raw = await Raw.at(path)
        assert await raw.hello() == Welcome(PROTOCOL, 7, 0, False)
        await raw.say(Subscribe("news"), Publish("news", b"x"), Call(5, "echo", 1000, b"y"))
        assert [await raw.frame() for _ in range(3)] == [Subscribed("news"), Message(1, "news", b"x"), Reply(5, b"y")]
        raw.close()
        await until(lambda: hub.peers == 0)
