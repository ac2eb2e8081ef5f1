"""A hub and its links: what happens when one of them is away, leaves, breaks off, misbehaves or does not read."""

import asyncio
import errno
import stat
from pathlib import Path

import pytest

from erlmcp.otp import Declined, Down, Hub, Link, Overloaded, RemoteOptions, TooLarge
from erlmcp.otp.remote import SLACK
from erlmcp.otp.remote_wire import (
    PROTOCOL,
    Call,
    Refusal,
    Reply,
    Welcome,
)
from tests.otp.company import until
from tests.otp.hubs import FakeHub, Gate, run
from tests.otp.tills import Raw, alive, echo

pytestmark = pytest.mark.both_loops


def mode(path: Path) -> int | None:
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


def write(path: Path, text: str) -> None:
    path.write_text(text)


def read(path: Path) -> str:
    return path.read_text()


# The socket


async def test_the_socket_is_for_its_owner_alone_and_gone_afterwards(path: Path):
    async with alive(Hub(path, {})):
        assert mode(path) == 0o600
    assert mode(path) is None


async def test_a_socket_that_a_killed_hub_left_behind_is_replaced(path: Path):
    FakeHub(path).close()
    assert mode(path) is not None
    async with alive(Hub(path, {"echo": echo}), link := Link(path)):
        assert await link.call("echo", b"hello") == b"hello"


async def test_a_hub_does_not_take_the_socket_of_a_living_one(path: Path):
    async with alive(Hub(path, {"echo": echo}), link := Link(path)):
        with pytest.raises(OSError, match="Address already in use") as refused:
            await Hub(path, {}).run(lambda: None)
        assert refused.value.errno == errno.EADDRINUSE
        assert await link.call("echo", b"still there") == b"still there"


async def test_a_hub_does_not_remove_what_is_no_socket(path: Path):
    write(path, "precious")
    with pytest.raises(OSError, match="Address already in use"):
        await Hub(path, {}).run(lambda: None)
    assert read(path) == "precious"


async def test_a_path_longer_than_a_socket_address_will_do(tmp_path: Path):
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    async with alive(Hub(deep / "hub.sock", {"echo": echo}), link := Link(deep / "hub.sock")):
        assert await link.call("echo", b"deep") == b"deep"


async def test_hub_and_link_run_once(path: Path):
    async with alive(hub := Hub(path, {}), link := Link(path)):
        with pytest.raises(RuntimeError, match="hub hub is running already"):
            await hub.run(lambda: None)
        with pytest.raises(RuntimeError, match="link link is running already"):
            await link.run(lambda: None)


# Calls while the hub is away


async def test_a_link_is_ready_without_a_hub_and_says_why_it_is_not_connected(path: Path):
    async with alive(link := Link(path)):
        assert not link.connected
        assert link.reason == f"no hub answers at {path}: No such file or directory"


async def test_a_call_made_while_the_hub_is_away_waits_for_it(path: Path):
    async with alive(link := Link(path)):
        call = asyncio.create_task(link.call("echo", b"patience"))
        await asyncio.sleep(0)
        async with alive(Hub(path, {"echo": echo})):
            assert await call == b"patience"
            assert link.connected
            assert link.reason == ""


async def test_a_call_waits_no_longer_than_its_deadline_and_says_what_it_waited_for(path: Path):
    async with alive(link := Link(path)):
        with pytest.raises(TimeoutError, match=r"actor echo did not answer within 0\.02 s \(no hub answers at"):
            await link.call("echo", b"", 0.02)
        assert not link.calls


async def test_a_link_that_does_not_run_refuses_at_once(path: Path):
    link = Link(path)
    with pytest.raises(Down, match="actor echo is out of reach: link link is not running"):
        await link.call("echo", b"")


async def test_casts_and_messages_are_not_kept_for_later(path: Path):
    async with alive(link := Link(path)):
        for send in (link.cast, link.publish):
            with pytest.raises(Down, match="is out of reach: no hub answers"):
                send("name", b"")


async def test_a_link_finds_the_next_hub_and_its_callers_notice_nothing(path: Path):
    async with alive(link := Link(path)):
        for _ in range(3):
            async with alive(Hub(path, {"echo": echo})):
                assert await link.call("echo", b"hello") == b"hello"


# Connections that break


async def test_a_call_under_way_when_the_connection_breaks_has_an_unknown_outcome_and_is_not_sent_again(path: Path):
    gate = Gate()
    async with alive(Hub(path, {"gate": gate, "echo": echo}), link := Link(path)):
        call = asyncio.create_task(link.call("gate", b"once"))
        await until(lambda: gate.asked == [b"once"])
        next(iter(link.connections)).abort()
        with pytest.raises(Down, match="actor gate did not answer before its connection broke: the outcome is unknown"):
            await call
        assert await link.call("echo", b"again") == b"again"
        assert gate.asked == [b"once"]
        await until(lambda: gate.left == 1)


async def test_a_call_that_was_never_written_goes_to_the_next_connection(path: Path):
    async with alive(Hub(path, {"echo": echo}), link := Link(path)):
        next(iter(link.connections)).abort()
        assert link.connected  # it has not heard yet
        assert await link.call("echo", b"first") == b"first"


async def test_a_stopped_link_tells_those_who_wait(path: Path):
    gate = Gate()
    async with alive(Hub(path, {"gate": gate})):
        async with run(Link(path).child()):
            pass
        link = Link(path)
        async with run(link.child()) as task:
            call = asyncio.create_task(link.call("gate", b""))
            await until(lambda: len(gate.asked) == 1)
            task.cancel()
            with pytest.raises(Down, match="actor gate did not answer before its link was stopped"):
                await call
        await until(lambda: gate.left == 1)


# A hub that leaves


async def test_a_leaving_hub_answers_what_it_has_and_the_next_takes_what_comes_later(path: Path):
    gate = Gate()
    async with alive(link := Link(path)):
        async with run(Hub(path, {"gate": gate}).child()) as hub:
            early = asyncio.create_task(link.call("gate", b"early"))
            await until(lambda: gate.asked == [b"early"])
            hub.cancel()
            await until(lambda: not link.connected)
            late = asyncio.create_task(link.call("gate", b"late"))
            gate.open.set()
            assert await early == b"early"
        assert not late.done()
        async with alive(Hub(path, {"gate": gate})):
            assert await late == b"late"
    assert gate.asked == [b"early", b"late"]


async def test_a_call_that_meets_a_hub_on_its_way_out_is_taken_by_the_next(path: Path):
    gate = Gate()
    async with alive(link := Link(path)):
        async with run(Hub(path, {"gate": gate, "echo": echo}).child()) as hub:
            early = asyncio.create_task(link.call("gate", b"early"))
            await until(lambda: gate.asked == [b"early"])
            hub.cancel()
            await asyncio.sleep(0)  # it has said goodbye; the link has not heard it
            assert link.connected
            crossing = asyncio.create_task(link.call("echo", b"crossing"))
            await until(lambda: not link.connected)
            gate.open.set()
            assert await early == b"early"
        assert not crossing.done()
        async with alive(Hub(path, {"echo": echo})):
            assert await crossing == b"crossing"


async def test_a_leaving_hub_waits_no_longer_than_its_drain(path: Path):
    gate = Gate()
    options = RemoteOptions(drain=0.01)
    async with alive(link := Link(path)), run(Hub(path, {"gate": gate}, options=options).child()) as hub:
        call = asyncio.create_task(link.call("gate", b""))
        await until(lambda: len(gate.asked) == 1)
        hub.cancel()
        with pytest.raises(Down, match="the outcome is unknown"):
            await call


def test_the_shutdown_of_a_hub_is_longer_than_its_drain(path: Path):
    assert Hub(path, {}, options=RemoteOptions(drain=2.0)).child().shutdown == 3.0


# Answers


async def test_a_service_may_decline_with_a_payload(path: Path):
    async def no(payload: bytes, _seconds: float) -> bytes:
        raise Declined(payload + b"!")

    async with alive(Hub(path, {"no": no}), link := Link(path)):
        with pytest.raises(Declined) as declined:
            await link.call("no", b"why")
        assert declined.value.payload == b"why!"


async def test_a_service_that_fails_is_logged_once_and_its_caller_is_not_told_how(
    path: Path, caplog: pytest.LogCaptureFixture
):
    async def broken(_payload: bytes, _seconds: float) -> bytes:
        raise KeyError("secret")

    async with alive(Hub(path, {"broken": broken}), link := Link(path)):
        with pytest.raises(Down, match="actor broken failed while it answered: the log of its process says how"):
            await link.call("broken", b"")
        link.cast("broken", b"")
        with pytest.raises(Down, match="is not served here"):
            await link.call("nobody", b"")
        await until(lambda: len(caplog.records) == 2)
    assert [(r.getMessage(), "KeyError: 'secret'" in (r.exc_text or "")) for r in caplog.records] == [
        ("service broken failed", True)
    ] * 2


async def test_a_service_is_told_how_long_its_caller_waits(path: Path):
    waits: list[float] = []

    async def patience(payload: bytes, seconds: float) -> bytes:
        waits.append(seconds)
        return payload

    async with alive(Hub(path, {"patience": patience}), link := Link(path)):
        await link.call("patience", b"", 4.0)
    assert 3.0 < waits[0] <= 4.0


async def test_a_service_whose_caller_has_stopped_waiting_is_cancelled(path: Path):
    gate = Gate()
    async with alive(Hub(path, {"gate": gate})):
        raw = await Raw.at(path)
        await raw.hello()
        await raw.say(Call(1, "gate", 1, b""))  # a millisecond; this link does not say Drop
        await until(lambda: gate.left == 1)
        raw.close()


# Bounds


async def test_a_call_may_fill_a_frame_and_no_more(path: Path):
    options = RemoteOptions(frame=1000)
    most = 1000 - SLACK - len("echo")
    async with alive(Hub(path, {"echo": echo}, options=options), link := Link(path, options=options)):
        assert await link.call("echo", b"x" * most) == b"x" * most
        with pytest.raises(TooLarge, match="a frame of 1001 bytes is larger than the 1000 that fit"):
            await link.call("echo", b"x" * (most + 1))
        assert link.connected
        assert not link.calls


async def test_an_answer_that_does_not_fit_is_refused_by_name(path: Path):
    async def flood(_payload: bytes, _seconds: float) -> bytes:
        return b"x" * 2000

    options = RemoteOptions(frame=1000)
    async with alive(Hub(path, {"flood": flood}, options=options), link := Link(path)):
        with pytest.raises(TooLarge, match="is larger than the 1000 that fit"):
            await link.call("flood", b"")
        assert link.connected


async def test_a_message_that_does_not_fit_is_refused(path: Path):
    hub = Hub(path, {}, options=RemoteOptions(frame=1000))
    hub.publish("topic", b"x" * (1000 - SLACK - len("topic")))
    with pytest.raises(TooLarge):
        hub.publish("topic", b"x" * (1001 - SLACK - len("topic")))
    assert hub.ring.sequence == 1


async def test_a_link_has_a_bound_on_calls_under_way(path: Path):
    async with alive(link := Link(path, options=RemoteOptions(calls=2))):
        waiting = [asyncio.create_task(link.call("echo", b"")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match=r"link link is full \(2\): try again later"):
            await link.call("echo", b"")
        async with alive(Hub(path, {"echo": echo})):
            assert await asyncio.gather(*waiting) == [b"", b""]


async def test_a_link_has_a_bound_on_bytes_under_way(path: Path):
    async with alive(link := Link(path, options=RemoteOptions(unsent=100))):
        waiting = asyncio.create_task(link.call("echo", b"x" * 100))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await link.call("echo", b"x")
        async with alive(Hub(path, {"echo": echo})):
            assert await waiting == b"x" * 100


async def test_a_hub_has_a_bound_on_calls_of_one_link(path: Path):
    gate = Gate()
    async with alive(Hub(path, {"gate": gate}, options=RemoteOptions(calls=2)), link := Link(path)):
        two = [asyncio.create_task(link.call("gate", b"")) for _ in range(2)]
        await until(lambda: len(gate.asked) == 2)
        with pytest.raises(Overloaded, match=r"hub hub is full \(2\)"):
            await link.call("gate", b"")
        gate.open.set()
        assert await asyncio.gather(*two) == [b"", b""]


async def test_a_hub_has_a_bound_on_links(path: Path):
    async with alive(hub := Hub(path, {"echo": echo}, options=RemoteOptions(peers=1)), link := Link(path)):
        await link.call("echo", b"")
        raw = await Raw.at(path)
        assert await raw.frame() == Refusal("hub hub takes no more links (1 are there)")
        assert await raw.frame() is None
        raw.close()
        assert hub.peers == 1


async def test_a_link_that_does_not_say_hello_is_dropped(path: Path):
    async with alive(hub := Hub(path, {}, options=RemoteOptions(hello=0.01))):
        raw = await Raw.at(path)
        assert await raw.frame() is None
        raw.close()
        assert hub.peers == 0


async def test_a_link_gives_up_on_a_hub_that_does_not_answer_hello(path: Path):
    silent = FakeHub(path)
    async with alive(link := Link(path, options=RemoteOptions(hello=0.01))):
        assert link.reason == "the hub has not answered within 0.01 s"
    silent.close()


async def test_all_frames_of_one_turn_leave_with_one_write(path: Path):
    sent: list[int] = []

    async def listen() -> None:
        sock = await hub.accept()
        raw = Raw(sock)
        await asyncio.get_running_loop().sock_recv(sock, 65536)  # Hello
        await raw.say(Welcome(PROTOCOL, 1, 0, False))
        chunk = await asyncio.get_running_loop().sock_recv(sock, 1 << 20)
        sent.append(len(chunk))
        await raw.say(*(Reply(n, b"ok") for n in range(1, 101)))
        await asyncio.get_running_loop().sock_recv(sock, 1)
        raw.close()

    hub = FakeHub(path)
    server = asyncio.create_task(listen())
    async with alive(link := Link(path)):
        await until(lambda: link.connected)
        assert await asyncio.gather(*(link.call("echo", b"x" * 10) for _ in range(100))) == [b"ok"] * 100
        assert sent[0] > 100 * 10
    await server
    hub.close()
