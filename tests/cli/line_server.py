"""Servers for the tests of `erlmcp tcps`: the real app on a real store, and one that answers whatever a test says.

Each runs on a loop of its own in a thread, so that the command line can be called in the test's process.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from erlmcp.http import Handler, Listener, Options, Request, Response, Route, Router
from tests.apps.plant import Plant, at_work, plant


class Server:
    """A running server: where it is, its line, and a way onto its loop."""

    def __init__(self, url: str, line: Plant | None, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self.line = line
        self._loop = loop

    def tamper(self, statement: str) -> None:
        assert self.line is not None
        asyncio.run_coroutine_threadsafe(self.line.tamper(statement), self._loop).result(5)


@contextmanager
def line_server(folder: Path) -> Iterator[Server]:
    """The TCPS app at a URL."""
    with _in_a_thread(lambda: plant(folder), lambda line: line.endpoint) as server:
        yield server


@contextmanager
def saying(handler: Callable[[Request], Any]) -> Iterator[Server]:
    """A server with this handler of POST /mcp."""
    with _in_a_thread(lambda: contextlib.nullcontext(None), lambda _: handler) as server:
        yield server


class Unreliable:
    """A server that reads a request, writes the next of its answers as it is, and hangs up."""

    def __init__(self, listening: socket.socket, answers: tuple[bytes, ...]) -> None:
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        self.bodies: list[Any] = []
        self._listening = listening
        self._answers = answers

    def serve(self) -> None:
        for answer in self._answers:
            connection, _ = self._listening.accept()
            with connection, connection.makefile("rb") as stream:
                lines = list(iter(stream.readline, b"\r\n"))
                (length,) = [line.split()[1] for line in lines if line.lower().startswith(b"content-length:")]
                self.bodies.append(json.loads(stream.read(int(length))))
                connection.sendall(answer)


@contextmanager
def unreliable(*answers: bytes) -> Iterator[Unreliable]:
    """A server that gives each of these answers to a connection of its own; "" breaks it without any."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        server = Unreliable(listening, answers)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
        thread.join(10)


@contextmanager
def _in_a_thread(opened: Callable[[], Any], handler: Callable[[Any], Handler]) -> Iterator[Server]:
    started: list[Server] = []
    up, over = threading.Event(), []

    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        with socket.create_server(("127.0.0.1", 0)) as sock:
            async with opened() as line:
                router = Router([Route(b"/mcp", handler(line), (b"POST",))])
                async with at_work(Listener(sock, router, Options(drain=1.0))):
                    url = f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
                    started.append(Server(url, line, loop))
                    over.append(lambda: loop.call_soon_threadsafe(stop.set))
                    up.set()
                    await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert up.wait(10)
    try:
        yield started[0]
    finally:
        over[0]()
        thread.join(10)
        assert not thread.is_alive()


def reply(members: str) -> Response:
    """A JSON-RPC response with these members."""
    return Response(200, b'{"jsonrpc":"2.0","id":1,%b}' % members.encode())
