"""What the tests of the HTTP engine share: a transport that writes down, a client in bytes, a listener."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from erlmcp.http import Exchange, Handler, Listener, Options, Request, Response, Route, Router, Stream
from erlmcp.http.protocol import Protocol
from erlmcp.http.shared import Shared

PATIENCE = 5.0
DATE = b"Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
CLOSE = b"Connection: close\r\n"
TIMES = Options(head_timeout=10, body_timeout=30, body_timeout_cap=60, keep_alive=75, write_timeout=20)


class FakeTransport(asyncio.Transport):
    """Takes everything at once, or holds it when told to."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 53122)})
        self.writes: list[bytes] = []
        self.log: list[str] = []
        self.reading = True
        self.closing = False
        self.backlog = 0
        self.high = 0

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.writes.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or 0

    def get_write_buffer_size(self) -> int:
        return self.backlog

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.log.append("write_eof")

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True
        self.log.append("close")

    def abort(self) -> None:
        self.closing = True
        self.log.append("abort")

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def written(self) -> bytes:
        return b"".join(self.writes)


class Served:
    """A protocol on a fake transport."""

    def __init__(self, handler: Handler, options: Options = Options()) -> None:  # noqa: B008
        self.exchanges: list[Exchange] = []
        methods = (b"GET", b"POST")
        self.shared = Shared(Router([Route(b"/", handler, methods, name="root")]), options, self.exchanges.append)
        self.shared.date = DATE
        self.transport = FakeTransport()
        self.protocol = Protocol(self.shared, asyncio.get_running_loop())
        self.protocol.connection_made(self.transport)

    def feed(self, data: bytes) -> bytes:
        """What is written because of these bytes."""
        before = len(self.transport.writes)
        self.protocol.data_received(data)
        return b"".join(self.transport.writes[before:])


def get(fields: bytes = b"", method: bytes = b"GET", version: bytes = b"HTTP/1.1", path: bytes = b"/") -> bytes:
    return b"%s %s %s\r\nHost: localhost\r\n%s\r\n" % (method, path, version, fields)


def post(body: bytes, fields: bytes = b"") -> bytes:
    return get(fields + b"Content-Length: %d\r\n" % len(body), b"POST") + body


def answer(
    body: bytes = b"hi", status: bytes = b"200 OK", ending: bytes = b"", content_type: bytes = b"text/plain"
) -> bytes:
    """The response that `say` gives."""
    kind = b"Content-Type: %s\r\n" % content_type if body else b""
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n%s%s\r\n%s" % (status, kind, len(body), DATE, ending, body)


def say(body: bytes = b"hi") -> Handler:
    response = Response(200, body, b"text/plain")
    return lambda _request: response


def echo(request: Request) -> Response:
    return Response(200, request.body, b"text/plain")


class Client:
    """One connection, spoken in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), PATIENCE)

    async def response(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """The next response: status, fields, body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        lines = head.split(b"\r\n")[:-2]
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
        status = int(lines[0].split()[1])
        body = b""
        if fields.get(b"transfer-encoding") == b"chunked":
            while chunk := await self.chunk():
                body += chunk
        elif status >= 200:
            body = await asyncio.wait_for(self.reader.readexactly(int(fields.get(b"content-length", b"0"))), PATIENCE)
        return status, fields, body

    async def chunk(self) -> bytes:
        size = int(await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE), 16)
        return (await asyncio.wait_for(self.reader.readexactly(size + 2), PATIENCE))[:-2]

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE)

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Running:
    """A listener on a free port."""

    def __init__(self, listener: Listener, port: int, exchanges: list[Exchange]) -> None:
        self.listener, self.port, self.exchanges = listener, port, exchanges
        self.task: asyncio.Task[None]
        self._clients: list[Client] = []

    async def client(self, **how: Any) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, **how))
        self._clients.append(client)
        return client

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(self.task, PATIENCE)

    async def close(self) -> None:
        for client in self._clients:
            await client.close()
        await self.stop()


@asynccontextmanager
async def running(handler: Handler, options: Options = Options(), **route: Any) -> AsyncIterator[Running]:  # noqa: B008
    """A listener that serves `handler` at `/` for GET and POST."""
    exchanges: list[Exchange] = []
    router = Router([Route(b"/", handler, (b"GET", b"POST"), name="root", **route)])
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        listener = Listener(sock, router, options, exchanges.append)
        server = Running(listener, sock.getsockname()[1], exchanges)
        ready = asyncio.Event()
        server.task = asyncio.create_task(listener.run(ready.set))
        await asyncio.wait_for(ready.wait(), PATIENCE)
        try:
            yield server
        finally:
            await server.close()


async def eventually(true: Callable[[], object]) -> None:
    """Wait until this holds."""

    async def poll() -> None:
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), PATIENCE)


async def soon(awaitable: Awaitable[Any]) -> Any:
    """The result, within patience."""
    return await asyncio.wait_for(asyncio.ensure_future(awaitable), PATIENCE)


class Later:
    """A handler whose answers are given by the test."""

    def __init__(self) -> None:
        self.futures: list[asyncio.Future[Response | Stream]] = []

    def __call__(self, _request: Request) -> asyncio.Future[Response | Stream]:
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def counting(pulled: list[int], most: int = 3) -> AsyncIterator[bytes]:
    try:
        for number in range(most):
            pulled.append(number)
            yield b"" if number == 1 else b"data: %d\n\n" % number
    finally:
        pulled.append(-1)
