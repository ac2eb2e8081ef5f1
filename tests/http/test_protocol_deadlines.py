"""The deadlines of one connection on a fake transport: head, body, silence, a reader that stalls. No socket."""

from time import monotonic

import pytest

from erlmcp.http import Response
from tests.http.fakes import TIMES, Later, Served, answer, get, say, settle

pytestmark = pytest.mark.both_loops


def dropped_after(served: Served, seconds: float) -> None:
    """It is dropped when it has been silent for so long, and not before."""
    now = monotonic()
    served.protocol.sweep(now + seconds - 0.5)
    assert served.transport.log == []
    served.protocol.sweep(now + seconds + 0.01)
    assert served.transport.log == ["write_eof"]


@pytest.mark.parametrize(
    ("data", "seconds", "status"),
    [
        (b"", 10, b""),
        (b"GET /", 10, b"HTTP/1.1 408 "),
        (get(), 75, answer()),
        (get() + b"GET", 10, answer() + b"HTTP/1.1 408 "),
        (get(b"Content-Length: 655360\r\n", b"POST"), 40, b"HTTP/1.1 408 "),
        (get(b"Content-Length: 4000000\r\n", b"POST"), 60, b"HTTP/1.1 408 "),
        (get(b"Transfer-Encoding: chunked\r\n", b"POST"), 30, b"HTTP/1.1 408 "),
    ],
    ids=repr,
)
async def test_a_silent_peer_is_dropped_at_its_deadline_and_not_before(
    data: bytes, seconds: float, status: bytes
) -> None:
    served = Served(say(), TIMES)
    served.feed(data) if data else None
    dropped_after(served, seconds)
    assert served.transport.written().startswith(status)


async def test_a_head_that_drips_has_one_deadline_for_all_its_bytes() -> None:
    served = Served(say(), TIMES)
    now = monotonic()
    for byte in b"GET / HT":
        served.feed(bytes([byte]))
    served.protocol.sweep(now + 10.5)
    assert served.transport.log == ["write_eof"]


async def test_an_awaited_answer_has_no_deadline_here() -> None:
    served = Served(Later(), TIMES)
    served.feed(get())
    served.protocol.sweep(monotonic() + 1e6)
    assert served.transport.log == []


async def test_a_kept_connection_is_dropped_when_silent_after_an_awaited_answer_too() -> None:
    later = Later()
    served = Served(later, TIMES)
    for turn in range(3):
        served.feed(get())
        later.futures[turn].set_result(Response(204))
        await settle()
    dropped_after(served, 75)


async def test_a_kept_connection_has_its_whole_silence_after_a_stall() -> None:
    served = Served(say(), TIMES)
    served.feed(get())
    served.protocol.pause_writing()
    served.protocol.resume_writing()
    await settle()
    dropped_after(served, 75)


async def test_a_peer_that_takes_nothing_is_dropped_and_one_that_takes_little_is_not() -> None:
    served = Served(say(), TIMES)
    served.transport.backlog = 1000
    served.protocol.pause_writing()
    now = monotonic()
    for turn in range(1, 5):
        served.transport.backlog -= 1
        served.protocol.sweep(now + 19 * turn)
    assert served.transport.log == []
    served.protocol.sweep(now + 19 * 4 + 21)
    assert served.transport.log == ["abort"]


async def test_a_peer_that_was_given_more_while_it_stalled_is_judged_by_what_it_takes_since() -> None:
    served = Served(say(), TIMES)
    served.transport.backlog = 1000
    served.protocol.pause_writing()
    now = monotonic()
    served.transport.backlog = 5000
    served.protocol.sweep(now + 10)
    served.transport.backlog = 4000
    served.protocol.sweep(now + 11)
    served.protocol.sweep(now + 30)
    assert served.transport.log == []
    served.protocol.sweep(now + 32)
    assert served.transport.log == ["abort"]


async def test_what_a_peer_has_not_taken_is_counted_until_it_has_or_is_gone() -> None:
    served = Served(say(), TIMES)
    unsent = served.shared.unsent
    served.transport.backlog = 1000
    served.protocol.pause_writing()
    assert unsent.total == 1000
    served.transport.backlog = 400
    served.protocol.sweep(monotonic())
    assert unsent.total == 400
    served.protocol.resume_writing()
    assert unsent.total == 0
    served.protocol.pause_writing()
    served.protocol.connection_lost(None)
    assert unsent.total == 0
