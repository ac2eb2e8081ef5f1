"""One connection on a fake transport: order, writes, back-pressure, deadlines, crashes. No socket, no waiting."""

import asyncio
import logging
from time import monotonic
from typing import Any

import pytest

from erlmcp.http import Exchange, Handler, Options, Request, Response, Stream
from erlmcp.http.connection import CONTINUE, LARGE, STEPS
from tests.http.fakes import CLOSE, DATE, TIMES, Later, Served, answer, counting, echo, get, post, say, settle

pytestmark = pytest.mark.both_loops


async def test_a_response_is_written_in_the_same_read() -> None:
    assert Served(say()).feed(get()) == answer()


@pytest.mark.parametrize(
    "data",
    [
        get(),
        post(b"x" * 100_000),
        post(b"x") + get(),
        get() + b"\r\n",
        b"\r\n" + get(),
        get(version=b"HTTP/1.0"),
        get(b"Connection: close\r\n"),
        get(b"Transfer-Encoding: chunked\r\n", b"POST") + b"1\r\nx\r\n0\r\n\r\n",
        get(b"Expect: 100-continue\r\nContent-Length: 1\r\n", b"POST"),
        get(b"Content-Length: 2\r\n", b"POST") + b"x",
        get(b"Content-Length: 5000000\r\n", b"POST"),
        get(method=b"PUT"),
        get(b"Origin: http://localhost\r\n"),
        b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
        b"bad\r\n\r\n",
        b"GET / HT",
    ],
    ids=lambda data: repr(data[:60]),
)
async def test_a_kept_connection_answers_like_a_new_one(data: bytes) -> None:
    new, kept = Served(echo), Served(echo)
    kept.feed(get())
    kept.transport.writes.clear()
    assert kept.feed(data) == new.feed(data)
    assert kept.transport.log == new.transport.log
    assert [told.status for told in kept.exchanges[1:]] == [told.status for told in new.exchanges]
    assert kept.feed(b"x" + get()) == new.feed(b"x" + get())


@pytest.mark.parametrize("data", [get(), get(method=b"HEAD"), get(b"Connection: keep-alive\r\n", version=b"HTTP/1.0")])
@pytest.mark.parametrize(
    "response",
    [
        Response(200, b"hi", b"text/plain", ((b"X", b"a"),)),
        Response(200),
        Response(200, b"x" * LARGE),
        Response(200, b"x" * (LARGE - 1)),
        Response(200, b"hi", close=True),
        Response(200, b"hi", headers=((b"X", b"a\r\nb"),)),
        Response(204, b"hi"),
        Response(404, b"no"),
        {"a": 1},
        RuntimeError("secret"),
    ],
    ids=lambda response: repr(response)[:60],
)
async def test_a_kept_connection_gives_any_answer_as_a_new_one(response: Any, data: bytes) -> None:
    def handler(_request: Request) -> Any:
        if isinstance(response, Exception):
            raise response
        return response

    new, kept = Served(handler), Served(say())
    kept.feed(get())
    kept.transport.writes.clear()
    kept.shared.router = new.shared.router
    assert kept.feed(data) == new.feed(data) != b""
    assert kept.transport.log == new.transport.log
    one, other = kept.exchanges[-1], new.exchanges[-1]
    assert (one.request, one.route, one.status, one.bytes_sent) == (
        other.request,
        other.route,
        other.status,
        other.bytes_sent,
    )


async def test_pipelined_requests_are_answered_in_order_and_in_one_write() -> None:
    served = Served(echo)
    served.feed(post(b"a") + post(b"b") + get() + post(b"c"))
    assert served.transport.writes == [answer(b"a") + answer(b"b") + answer(b"") + answer(b"c")]


async def test_a_turn_ends_after_so_many_requests_and_the_next_one_follows() -> None:
    served = Served(say(), Options(pipeline=3))
    served.feed(get() * 7)
    assert served.transport.writes == [answer() * 3]
    served.feed(get())
    await settle()
    assert served.transport.writes == [answer() * 3, answer() * 3, answer() * 2]


async def test_a_turn_ends_when_it_has_produced_enough() -> None:
    body = b"x" * 1024
    served = Served(say(body), Options(write_ahead=2048))
    served.feed(get() * 3)
    assert served.transport.writes == [answer(body) * 2]
    await settle()
    assert served.transport.written() == answer(body) * 3


async def test_large_bodies_leave_uncopied_and_small_ones_in_one_piece() -> None:
    large, small = b"x" * 100_000, b"x" * 1000
    bodies = iter([small, small, large, small])
    served = Served(lambda _request: Response(200, next(bodies), b"text/plain"), Options(write_ahead=2**20))
    served.feed(get() * 4)
    head = answer(large)[: -len(large)]
    assert served.transport.writes == [answer(small) * 2 + head, large, answer(small)]
    assert served.transport.writes[1] is large


async def test_awaited_answers_come_in_order_and_what_follows_them_waits() -> None:
    later = Later()
    served = Served(later)
    assert served.feed(get() + get()) == b""
    assert len(later.futures) == 1
    later.futures[0].set_result(Response(200, b"1", b"text/plain"))
    await settle()
    assert served.transport.writes == [answer(b"1")]
    later.futures[1].set_result(Response(200, b"2", b"text/plain"))
    await settle()
    assert served.transport.writes == [answer(b"1"), answer(b"2")]


async def test_a_coroutine_becomes_a_task() -> None:
    async def handler(_request: Request) -> Response:
        return Response(200, b"hi", b"text/plain")

    served = Served(handler)
    served.feed(get())
    await settle()
    assert served.transport.writes == [answer()]


async def test_answers_before_an_awaited_one_do_not_wait_for_it() -> None:
    later = Later()
    served = Served(
        lambda request: later(request) if request.method == b"POST" else Response(200, b"hi", b"text/plain")
    )
    assert served.feed(get() + post(b"x") + get()) == answer()
    later.futures[0].set_result(Response(204))
    await settle()
    assert served.transport.writes[1:] == [b"HTTP/1.1 204 No Content\r\n" + DATE + b"\r\n" + answer()]


async def test_reading_pauses_while_too_much_waits_behind_an_answer_and_resumes() -> None:
    later = Later()
    served = Served(later, Options(read_ahead=1024))
    served.feed(get())
    served.feed(b"x" * 1024)
    assert served.transport.reading
    served.feed(b"x")
    assert not served.transport.reading
    later.futures[0].set_result(Response(204))
    await settle()
    assert served.transport.reading


CHUNKED = get(b"Transfer-Encoding: chunked\r\n", b"POST")
BYTE = b"1\r\nx\r\n"


async def test_a_body_in_very_many_chunks_is_read_in_several_turns() -> None:
    served = Served(echo, Options(read_ahead=1024))
    served.feed(CHUNKED + BYTE * (2 * STEPS))
    served.feed(BYTE * STEPS + b"0\r\n\r\n" + get())
    assert (served.transport.writes, served.transport.reading) == ([], False)
    await settle()
    assert served.transport.written() == answer(b"x" * (3 * STEPS)) + answer(b"")
    assert served.transport.reading


async def test_turns_do_not_extend_the_deadline_of_a_body() -> None:
    served = Served(say(), TIMES)
    now = monotonic()
    served.feed(CHUNKED)
    for _ in range(3):
        served.feed(BYTE * (STEPS + 1))
    served.protocol.sweep(now + 30.5)
    assert served.transport.written().startswith(b"HTTP/1.1 408 ")
    await settle()
    assert served.transport.log == ["write_eof"]


async def test_nothing_is_served_while_the_peer_does_not_read() -> None:
    served = Served(say())
    served.protocol.pause_writing()
    assert served.feed(get()) == b""
    served.protocol.resume_writing()
    await settle()
    assert served.transport.writes == [answer()]


async def test_the_transport_is_told_how_much_it_may_hold() -> None:
    assert Served(say(), Options(write_ahead=12345)).transport.high == 12345


# ── the end of a connection ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "data",
    [get(b"Connection: close\r\n"), get(version=b"HTTP/1.0"), get() + get(b"Connection: close\r\n") + get()],
    ids=repr,
)
async def test_the_last_answer_says_so_and_our_side_ends(data: bytes) -> None:
    served = Served(say())
    assert served.feed(data).endswith(answer(ending=CLOSE))
    assert served.transport.log == ["write_eof"]
    assert served.feed(get()) == b""


async def test_a_handler_may_close() -> None:
    served = Served(lambda _request: Response(200, b"hi", b"text/plain", close=True))
    assert served.feed(get() + get()) == answer(ending=CLOSE)


async def test_after_the_last_answer_the_peer_is_read_until_it_ends() -> None:
    served = Served(say())
    served.feed(b"bad\r\n\r\n")
    served.feed(b"x" * 100_000)
    assert served.transport.log == ["write_eof"]
    assert served.protocol.eof_received() is False


async def test_what_comes_on_a_kept_connection_after_its_last_answer_is_dropped() -> None:
    served = Served(say())
    served.feed(get())
    served.protocol.sweep(monotonic() + Options().keep_alive + 1)
    assert served.transport.log == ["write_eof"]
    served.feed(get())
    assert served.transport.writes == [answer()]


async def test_a_peer_that_does_not_end_is_dropped_after_a_while() -> None:
    served = Served(say(), Options(linger=5))
    served.feed(b"bad\r\n\r\n")
    now = monotonic()
    served.protocol.sweep(now + 4)
    assert served.transport.log == ["write_eof"]
    served.protocol.sweep(now + 6)
    assert served.transport.log == ["write_eof", "abort"]


async def test_a_peer_that_goes_on_sending_is_dropped_in_the_end() -> None:
    served = Served(say(), Options(linger=0.001))
    served.feed(b"bad\r\n\r\n")
    now = monotonic()
    await asyncio.sleep(0.01)
    served.feed(b"x")
    served.protocol.sweep(now + 0.0075)
    assert served.transport.log == ["write_eof", "abort"]


async def test_a_last_answer_that_the_peer_reads_slowly_is_not_cut() -> None:
    served = Served(say(), Options(linger=1, write_timeout=10))
    served.transport.backlog = 100
    served.feed(get(b"Connection: close\r\n"))
    now = monotonic()
    for second in range(5, 50, 5):
        served.transport.backlog -= 10
        served.protocol.sweep(now + second)
    assert served.transport.log == ["write_eof"]
    served.protocol.sweep(now + 45 + 11)
    assert served.transport.log == ["write_eof", "abort"]


async def test_a_peer_that_ends_when_it_owes_nothing_is_closed() -> None:
    served = Served(say())
    served.feed(get())
    assert served.protocol.eof_received() is False
    assert served.transport.written() == answer()


@pytest.mark.parametrize(
    "data", [b"GET", post(b"hello")[:-1], get(b"Transfer-Encoding: chunked\r\n") + b"1\r\na\r\n"], ids=repr
)
async def test_a_request_that_ends_in_the_middle_is_refused_and_not_served(data: bytes) -> None:
    served = Served(say())
    served.feed(data)
    served.protocol.eof_received()
    assert served.transport.written().startswith(b"HTTP/1.1 400 ")
    assert served.transport.closing


async def test_a_peer_that_ended_its_side_still_gets_its_answer() -> None:
    later = Later()
    served = Served(later)
    served.feed(get() + get())
    assert served.protocol.eof_received() is True
    for index in range(2):
        later.futures[index].set_result(Response(200, b"hi", b"text/plain"))
        await settle()
    assert served.transport.written().replace(CONTINUE, b"") == answer() * 2
    assert served.transport.closing


async def test_when_the_peer_goes_away_the_answer_is_cancelled() -> None:
    later = Later()
    served = Served(later)
    served.feed(get() + get())
    served.protocol.connection_lost(None)
    await settle()
    assert [future.cancelled() for future in later.futures] == [True]
    assert [exchange.status for exchange in served.exchanges] == [499]
    assert served.shared.open == set()


async def test_an_answer_that_fails_after_the_peer_has_gone_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    later = Later()
    served = Served(later)
    served.feed(get())
    later.futures[0].set_exception(RuntimeError)
    served.protocol.connection_lost(None)
    await settle()
    assert caplog.records == []


# ── crashes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def crash(_request: Request) -> Response:
    raise RuntimeError("secret")


async def crash_later(_request: Request) -> Response:
    await asyncio.sleep(0)
    raise RuntimeError("secret")


def wrong(_request: Request) -> Any:
    return {"a": 1}


async def wrong_later(_request: Request) -> Any:
    return {"a": 1}


def split(_request: Request) -> Response:
    return Response(200, b"", headers=((b"X", b"a\r\nb"),))


def split_stream(_request: Request) -> Any:
    async def stream() -> Stream:
        return Stream(counting([]), headers=((b"X", b"a\r\nb"),))

    return stream()


async def cancelled(_request: Request) -> Response:
    raise asyncio.CancelledError


@pytest.mark.parametrize("handler", [crash, crash_later, wrong, wrong_later, split, split_stream, cancelled])
async def test_a_crash_is_answered_without_details_and_logged_once_with_its_traceback(
    handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    served = Served(handler)
    served.feed(get())
    await settle()
    assert served.transport.written().startswith(
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/problem+json"
    )
    assert b"secret" not in served.transport.written()
    assert [(record.name, record.levelno, record.exc_info is not None) for record in caplog.records] == [
        ("erlmcp.http", logging.ERROR, True)
    ]
    assert [exchange.status for exchange in served.exchanges] == [500]
    assert served.transport.log == []  # the connection goes on


# ── what is told ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_exchange_is_told_once() -> None:
    served = Served(say())
    served.feed(get() + get(path=b"/none") + b"bad\r\n\r\n")
    assert [(e.request and e.request.path, e.route, e.status) for e in served.exchanges] == [
        (b"/", "root", 200),
        (b"/none", "", 404),
        (None, "", 400),
    ]
    assert sum(exchange.bytes_sent for exchange in served.exchanges) == len(served.transport.written())
    assert all(isinstance(e, Exchange) and e.elapsed >= 0 and e.started <= monotonic() for e in served.exchanges)


async def test_a_request_knows_its_peer() -> None:
    served = Served(lambda request: Response(200, request.peer.encode(), b"text/plain"))
    assert served.feed(get()) == answer(b"127.0.0.1:53122")


async def test_100_continue_is_written_while_the_body_is_missing() -> None:
    served = Served(echo)
    assert served.feed(get(b"Content-Length: 2\r\nExpect: 100-continue\r\n", b"POST")) == CONTINUE
    assert served.feed(b"hi") == answer()


async def test_100_continue_comes_after_the_answers_before_it() -> None:
    later = Later()
    served = Served(later)
    served.feed(get())
    served.feed(get(b"Content-Length: 2\r\nExpect: 100-continue\r\n", b"POST"))
    assert served.transport.written() == b""
    later.futures[0].set_result(Response(200, b"hi", b"text/plain"))
    await settle()
    assert served.transport.writes == [answer() + CONTINUE]
