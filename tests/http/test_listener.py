"""A listener on a real socket: accepting, limits, disconnects, back-pressure, drain. On both loops."""

import asyncio
import errno
import resource
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from erlmcp.http import RESERVED, Listener, Options, Request, Response, Router, Stream
from tests.http.fakes import Client, eventually, get, post, running, say, soon

pytestmark = pytest.mark.both_loops


class Slow:
    """A handler that waits until the test lets it go on; it notes cancellation."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0
        self.go = asyncio.Event()

    async def __call__(self, _request: Request) -> Response:
        self.started += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Response(200, b"hi", b"text/plain")


async def test_requests_are_answered_on_a_kept_connection() -> None:
    async with running(say()) as server:
        client = await server.client()
        for _ in range(3):
            await client.send(get())
            status, fields, body = await client.response()
            assert (status, body) == (200, b"hi")
            assert fields[b"date"].endswith(b" GMT")
        assert server.listener.connections == 1
        assert [exchange.status for exchange in server.exchanges] == [200, 200, 200]


async def test_a_megabyte_goes_there_and_back() -> None:
    body = bytes(range(256)) * 4096
    async with running(lambda request: Response(200, request.body)) as server:
        client = await server.client(limit=2**22)
        await client.send(post(body))
        assert (await client.response())[2] == body


async def test_a_peer_that_closes_cancels_what_it_waited_for() -> None:
    slow = Slow()
    async with running(slow) as server:
        client = await server.client()
        await client.send(get())
        await eventually(lambda: slow.started)
        await client.close()
        await eventually(lambda: slow.cancelled)
        await eventually(lambda: server.listener.connections == 0)
        assert [exchange.status for exchange in server.exchanges] == [499]


async def test_a_peer_that_resets_cancels_what_it_waited_for() -> None:
    slow = Slow()
    async with running(slow) as server:
        client = await server.client()
        await client.send(get())
        await eventually(lambda: slow.started)
        sock = client.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()
        await eventually(lambda: slow.cancelled)


async def test_a_peer_that_only_ended_its_side_gets_its_answer() -> None:
    slow = Slow()
    async with running(slow) as server:
        client = await server.client()
        await client.send(get())
        await eventually(lambda: slow.started)
        client.writer.write_eof()
        assert (await client.response())[0] == 100  # what tells a peer that still reads from one that has gone
        slow.go.set()
        status, _, body = await client.response()
        while status == 100:
            status, _, body = await client.response()
        assert (status, body) == (200, b"hi")
        assert await client.rest() == b""


async def test_a_reader_of_events_that_closes_ends_the_stream() -> None:
    ended = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        try:
            yield b"data: 1\n\n"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def handler(_request: Request) -> Stream:
        return Stream(events())

    async with running(handler) as server:
        client = await server.client()
        await client.send(get())
        await soon(client.reader.readuntil(b"data: 1\n\n"))
        await client.close()
        await soon(ended.wait())


async def test_a_stream_waits_for_a_reader_that_lags() -> None:
    produced = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal produced
        for _ in range(400):
            produced += 1
            yield b"x" * 65536

    async def handler(_request: Request) -> Stream:
        return Stream(flood(), content_type=b"application/octet-stream")

    async with running(handler) as server:
        client = await server.client(limit=65536)
        await client.send(get())
        await client.reader.readuntil(b"\r\n\r\n")
        before = -1
        while before != produced:  # the buffers of both kernels fill, then production stops
            before = produced
            await asyncio.sleep(0.1)
        assert produced < 400
        size = 0
        while chunk := await client.chunk():
            size += len(chunk)
        assert size == 400 * 65536


async def test_a_reader_that_stands_still_is_dropped() -> None:
    slow = Response(200, b"x" * 2**25)
    async with running(lambda _request: slow, Options(write_timeout=0.2)) as server:
        client = await server.client(limit=1024)
        await client.send(get())
        await eventually(lambda: server.listener.connections == 1)
        await eventually(lambda: server.listener.connections == 0)


async def test_when_slow_readers_hold_too_much_the_slowest_is_dropped_and_the_others_are_served() -> None:
    body = b"x" * 2**25
    async with running(say(body), Options(max_unsent=2**25)) as server:
        slow = [await server.client(limit=1024) for _ in range(3)]
        for client in slow:
            await client.send(get())
        await eventually(lambda: server.listener.connections == 1)
        assert (await slow[-1].response())[2] == body


async def test_the_answer_to_a_refused_upload_can_be_read() -> None:
    async with running(say(), Options(max_body=10)) as server:
        client = await server.client()
        await client.send(get(b"Content-Length: 33554432\r\n", b"POST"))
        for _ in range(64):
            await client.send(b"x" * 2**19)
        status, fields, _ = await client.response()
        assert (status, fields[b"connection"]) == (413, b"close")
        assert await client.rest() == b""


# ── limits of the listener ──────────────────────────────────────────────────────────────────────────────────────────


async def test_connections_above_the_limit_are_told_so_and_those_below_are_served() -> None:
    async with running(say(), Options(max_connections=2)) as server:
        first, second = await server.client(), await server.client()
        for client in (first, second):
            await client.send(get())
            assert (await client.response())[0] == 200
        third = await server.client()
        status, fields, _ = await third.response()
        assert (status, fields[b"retry-after"], fields[b"connection"]) == (503, b"1", b"close")
        assert await third.rest() == b""
        await third.close()
        await first.close()
        await eventually(lambda: server.listener.connections == 1)
        fourth = await server.client()
        await fourth.send(get())
        assert (await fourth.response())[0] == 200


async def test_far_above_the_limit_connections_wait_in_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("erlmcp.http.listener.SPARE", 0)
    async with running(say(), Options(max_connections=1)) as server:
        first = await server.client()
        await first.send(get())
        await first.response()
        second = await server.client()
        await second.send(get())
        await asyncio.sleep(0.05)
        assert server.listener.connections == 1
        await first.close()
        assert (await second.response())[0] == 200


class Exhausted(socket.socket):
    """A listening socket for which the process has no file descriptor left, for a while."""

    failures = 3
    calls = 0

    def accept(self) -> tuple[socket.socket, Any]:
        type(self).calls += 1
        if type(self).failures:
            type(self).failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_without_file_descriptors_accepting_pauses_and_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erlmcp.http.listener.BREATH", 0.01)
    monkeypatch.setattr(Exhausted, "failures", 3)
    monkeypatch.setattr(Exhausted, "calls", 0)
    monkeypatch.setattr(socket, "socket", Exhausted)
    async with running(say()) as server:
        client = await server.client()
        await client.send(get())
        assert (await client.response())[0] == 200
        assert [record.getMessage() for record in caplog.records] == [
            "accepting no connection until there is room again: Too many open files"
        ]
        assert Exhausted.calls == 5  # three in vain, one connection, and no other waiting: no busy loop


@pytest.mark.parametrize(
    ("soft", "most"), [(RESERVED + 2, 2), (RESERVED + 100, 3), (10, 1), (resource.RLIM_INFINITY, 3)]
)
async def test_connections_leave_some_file_descriptors_for_everything_else(
    soft: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, resource.RLIM_INFINITY))
    async with running(say(), Options(max_connections=3)) as server:
        clients = [await server.client() for _ in range(most)]
        for client in clients:
            await client.send(get())
            assert (await client.response())[0] == 200
        assert (await (await server.client()).response())[0] == 503


async def test_a_listener_whose_socket_is_broken_ends_with_the_error() -> None:
    class Broken(socket.socket):
        def accept(self) -> Any:
            raise OSError(errno.EBADF, "Bad file descriptor")

    with Broken() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        task = asyncio.create_task(Listener(sock, Router([]), Options()).run(lambda: None))
        _, writer = await asyncio.open_connection(*sock.getsockname())
        with pytest.raises(OSError, match="Bad file descriptor"):
            await soon(task)
        writer.close()


async def test_it_serves_a_socket_that_others_share_and_leaves_it_open() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(7)
        for _ in range(2):
            listener = Listener(sock.dup(), Router([]), Options())
            ready = asyncio.Event()
            task = asyncio.create_task(listener.run(ready.set))
            await soon(ready.wait())
            client = Client(*await asyncio.open_connection(*sock.getsockname()))
            await client.send(get())
            assert (await client.response())[0] == 404
            await client.close()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await soon(task)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
            listener._sock.close()


# ── drain ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_drain_finishes_what_is_in_flight_and_says_that_it_closes() -> None:
    slow = Slow()
    async with running(slow) as server:
        client = await server.client()
        await client.send(get())
        await eventually(lambda: slow.started)
        server.task.cancel()
        await eventually(lambda: server.listener.draining)
        assert not server.task.done()
        slow.go.set()
        status, fields, _ = await client.response()
        assert (status, fields[b"connection"]) == (200, b"close")
        assert await client.rest() == b""
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await soon(server.task)
        assert server.listener.connections == 0


async def test_a_drain_closes_unused_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("erlmcp.http.protocol.QUIET", 0.05)
    async with running(say()) as server:
        unused, used = await server.client(), await server.client()
        await used.send(get())
        await used.response()
        await eventually(lambda: server.listener.connections == 2)
        server.task.cancel()
        for client in (unused, used):
            assert await client.rest() == b""
            await client.close()
        with pytest.raises(asyncio.CancelledError):
            await soon(server.task)


async def test_a_request_that_crosses_the_drain_is_still_answered() -> None:
    async with running(say()) as server:
        client = await server.client()
        await client.send(get())
        await client.response()
        server.task.cancel()
        await eventually(lambda: server.listener.draining)
        await client.send(get())
        status, fields, _ = await client.response()
        assert (status, fields[b"connection"]) == (200, b"close")


async def test_what_outlasts_the_drain_is_cancelled() -> None:
    slow = Slow()
    async with running(slow, Options(drain=0.05)) as server:
        client = await server.client()
        await client.send(get())
        await eventually(lambda: slow.started)
        server.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await soon(server.task)
        await eventually(lambda: slow.cancelled)
        assert server.listener.connections == 0


async def test_a_second_cancel_ends_the_drain() -> None:
    slow = Slow()
    async with running(slow) as server:
        client = await server.client()
        await client.send(get())
        await eventually(lambda: slow.started)
        server.task.cancel()
        await eventually(lambda: server.listener.draining)
        server.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await soon(server.task)
        await eventually(lambda: slow.cancelled)


async def test_a_drained_listener_can_run_again() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        listener = Listener(sock, Router([]), Options())
        for _ in range(2):
            ready = asyncio.Event()
            task = asyncio.create_task(listener.run(ready.set))
            await soon(ready.wait())
            assert not listener.draining
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await soon(task)
