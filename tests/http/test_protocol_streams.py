"""Streams on one connection on a fake transport: chunks, back-pressure, who goes away. No socket, no waiting."""

from collections.abc import AsyncIterator

import pytest

from erlmcp.http import Handler, Request, Stream
from tests.http.fakes import CLOSE, DATE, Served, counting, eventually, get, settle

pytestmark = pytest.mark.both_loops


def streaming(pulled: list[int], most: int = 3) -> Handler:
    async def handler(_request: Request) -> Stream:
        return Stream(counting(pulled, most))

    return handler


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKS = b"9\r\ndata: 0\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"


async def test_a_stream_is_sent_in_chunks_and_the_connection_goes_on() -> None:
    served = Served(streaming([]))
    served.feed(get() + get())
    await settle()
    await eventually(lambda: len(served.exchanges) == 2)
    assert served.transport.written() == (STREAM_HEAD + b"Transfer-Encoding: chunked\r\n" + DATE + b"\r\n" + CHUNKS) * 2
    assert [exchange.bytes_sent for exchange in served.exchanges] == [len(served.transport.written()) // 2] * 2


async def test_a_stream_to_http_1_0_ends_with_the_connection() -> None:
    served = Served(streaming([]))
    served.feed(get(b"Connection: keep-alive\r\n", version=b"HTTP/1.0"))
    await eventually(lambda: served.exchanges)
    assert served.transport.written() == STREAM_HEAD + DATE + CLOSE + b"\r\ndata: 0\n\ndata: 2\n\n"
    assert served.transport.log == ["write_eof"]


async def test_a_stream_in_answer_to_head_is_not_pulled() -> None:
    pulled: list[int] = []
    served = Served(streaming(pulled))
    served.feed(get(method=b"HEAD") + get(method=b"HEAD"))
    await eventually(lambda: len(served.exchanges) == 2)
    assert served.transport.written() == (STREAM_HEAD + DATE + b"\r\n") * 2
    assert pulled == []


def pause_after_each_write(served: Served) -> None:
    write = served.transport.write

    def paused(data: bytes) -> None:
        write(data)
        served.protocol.pause_writing()

    served.transport.write = paused  # type: ignore[method-assign,assignment]


async def test_a_stream_is_pulled_only_while_the_peer_keeps_up() -> None:
    pulled: list[int] = []
    served = Served(streaming(pulled))
    pause_after_each_write(served)
    served.feed(get())
    for expected in ([], [0], [0, 1, 2], [0, 1, 2, -1]):
        await settle()
        assert pulled == expected
        served.protocol.resume_writing()
    assert served.transport.written().endswith(CHUNKS)


async def test_when_the_peer_goes_away_the_stream_is_closed() -> None:
    pulled: list[int] = []
    served = Served(streaming(pulled))
    pause_after_each_write(served)
    served.feed(get())
    await settle()
    served.protocol.resume_writing()
    await eventually(lambda: pulled == [0])
    served.protocol.connection_lost(None)
    await eventually(lambda: pulled == [0, -1])
    assert [exchange.status for exchange in served.exchanges] == [499]


async def test_a_stream_that_fails_is_cut_without_its_last_chunk(caplog: pytest.LogCaptureFixture) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"a"
        raise RuntimeError("secret")

    async def handler(_request: Request) -> Stream:
        return Stream(failing())

    served = Served(handler)
    served.feed(get())
    await eventually(lambda: served.exchanges)
    assert served.transport.written().endswith(b"\r\n\r\n1\r\na\r\n")
    assert served.transport.log == ["write_eof"]
    assert len(caplog.records) == 1
    assert served.exchanges[0].status == 500
