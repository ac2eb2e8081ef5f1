"""A hub and a link that meet other versions, and strangers who do not keep to the protocol."""

import asyncio
import logging
from pathlib import Path

import pytest

from erlmcp.otp import Down, Hub, Link
from erlmcp.otp.remote_wire import (
    LENGTH,
    PROTOCOL,
    Call,
    Cast,
    Fault,
    Goodbye,
    Hello,
    Kind,
    Refusal,
    Reply,
    Welcome,
)
from tests.otp.company import until
from tests.otp.hubs import FakeHub, Gate
from tests.otp.tills import Raw, alive, echo

pytestmark = pytest.mark.both_loops


async def test_a_hub_refuses_a_link_of_another_version_and_says_which(path: Path):
    async with alive(Hub(path, {}, name="line")):
        raw = await Raw.at(path)
        assert await raw.hello(protocol=PROTOCOL + 1) == Refusal(
            f"hub line speaks version {PROTOCOL}, raw speaks version {PROTOCOL + 1}"
        )
        assert await raw.frame() is None
        raw.close()


async def test_a_link_does_not_speak_with_a_hub_of_another_version(path: Path):
    async def answer() -> None:
        raw = Raw(await hub.accept())
        await raw.say(Welcome(PROTOCOL + 1, 1, 0, False))
        raw.close()

    hub = FakeHub(path)
    server = asyncio.create_task(answer())
    async with alive(link := Link(path)):
        assert not link.connected
        assert link.reason == f"the hub speaks version {PROTOCOL + 1}, we speak version {PROTOCOL}"
        await server
    hub.close()


async def test_a_link_tells_why_it_was_refused(path: Path):
    async def answer() -> None:
        raw = Raw(await hub.accept())
        await raw.say(Refusal("not you"))
        raw.close()

    hub = FakeHub(path)
    server = asyncio.create_task(answer())
    async with alive(link := Link(path)):
        assert link.reason == "not you"
        await server
    hub.close()


@pytest.mark.parametrize(
    ("bytes_", "why"),
    [
        (LENGTH.pack(2**31), "a frame of 2147483648 bytes"),
        (LENGTH.pack(1) + b"\xc1", "a frame that is none"),
    ],
)
async def test_a_hub_drops_who_does_not_keep_to_the_protocol(
    path: Path, caplog: pytest.LogCaptureFixture, bytes_: bytes, why: str
):
    caplog.set_level(logging.WARNING, "erlmcp.otp")
    async with alive(hub := Hub(path, {})):
        raw = await Raw.at(path)
        await raw.hello()
        await raw.write(bytes_)
        assert await raw.frame() is None
        raw.close()
        await until(lambda: hub.peers == 0)
    assert f"hub hub drops raw: {why}" in caplog.text


@pytest.mark.parametrize(
    "frames",
    [
        (Cast("echo", b""),),
        (Call(1, "echo", 1000, b""),),
        (Hello(PROTOCOL, "raw", 0, 0, ()), Hello(PROTOCOL, "raw", 0, 0, ())),
        (Hello(PROTOCOL, "raw", 0, 0, ()), Call(-1, "echo", 1000, b"")),
        (Hello(PROTOCOL, "raw", 0, 0, ()), Call(1, "gate", 1000, b""), Call(1, "gate", 1000, b"")),
    ],
)
async def test_a_hub_drops_who_speaks_out_of_turn(path: Path, frames: tuple[object, ...]):
    async with alive(hub := Hub(path, {"echo": echo, "gate": Gate()})):
        raw = await Raw.at(path)
        await raw.say(*frames)
        while await raw.frame() is not None:
            pass
        raw.close()
        assert hub.peers == 0


async def test_a_link_hangs_up_on_a_hub_that_breaks_the_wire_and_its_callers_hear_of_it(path: Path):
    async def answer() -> None:
        raw = Raw(await hub.accept())
        await raw.say(Welcome(PROTOCOL, 1, 0, False))
        await asyncio.get_running_loop().sock_recv(raw.sock, 65536)  # Hello
        await asyncio.get_running_loop().sock_recv(raw.sock, 65536)  # Call
        await raw.write(LENGTH.pack(2**31))
        await raw.frame()
        raw.close()

    hub = FakeHub(path)
    server = asyncio.create_task(answer())
    async with alive(link := Link(path)):
        await until(lambda: link.connected)
        with pytest.raises(Down, match="the outcome is unknown"):
            await link.call("echo", b"")
        await server
        hub.close()


async def test_answers_to_nobody_are_ignored(path: Path):
    async def answer() -> None:
        raw = Raw(await hub.accept())
        await raw.say(Welcome(PROTOCOL, 1, 0, False), Reply(7, b""), Fault(8, Kind.DOWN), Reply(1, b"mine"))
        await asyncio.get_running_loop().sock_recv(raw.sock, 65536)
        await until(lambda: link.calls)
        await raw.say(Reply(1, b"mine"), Reply(1, b"twice"), Goodbye())
        while await asyncio.get_running_loop().sock_recv(raw.sock, 65536):
            pass
        raw.close()

    hub = FakeHub(path)
    server = asyncio.create_task(answer())
    async with alive(link := Link(path)):
        await until(lambda: link.connected)
        assert await link.call("echo", b"") == b"mine"
        await server
        hub.close()
