"""One connection of the full stack without its socket: what a worker puts together, with a transport that keeps bytes.

The connection's protocol comes from behind the door of `erlmcp.http` on purpose: the door shows only listeners.
"""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp

from bench.app import app
from erlmcp import __version__
from erlmcp._speedups import BACKEND
from erlmcp.http import Exchange
from erlmcp.http.protocol import Protocol
from erlmcp.http.shared import Shared
from erlmcp.mcp import METHODS, Endpoint
from erlmcp.mcp import Options as McpOptions
from erlmcp.node.doors import http_router
from erlmcp.node.sections import HttpOptions
from erlmcp.telemetry import About, Health, Labels, LogOptions, Metrics, NodeFacts, Slab, WorkerFacts, setup, shapes

__all__ = ["Line"]


class Wire(asyncio.Transport):
    """A peer that takes everything at once."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 40000)})
        self.sent = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent = bytes(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.sent = b"".join(list_of_data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return

    def close(self) -> None:
        raise AssertionError("the server closed the connection")

    abort = close


class Line:
    """Bytes in, bytes out: guards, metrics and the JSON access log are on. Needs a running loop."""

    def __init__(self) -> None:
        slab = Slab.private(1, shapes())
        tools = tuple(tool.key for tool in app.tools)
        metrics = Metrics(slab, 0, Labels(("/mcp", "/health"), tuple(method.name for method in METHODS), tools))
        self._log = setup(LogOptions(format="json", file=str(Path(mkdtemp(prefix="erlmcp-bench-")) / "log")))
        app.bind(McpOptions())
        endpoint = Endpoint(app, McpOptions(), on_call=metrics.call)
        health = Health(self._facts, [], About(__version__, BACKEND))
        health.ready()
        options = HttpOptions()
        router = http_router(endpoint, health, options, 8080)
        count, write = metrics.exchange, self._log.access

        def observe(exchange: Exchange) -> None:
            count(exchange)
            write(exchange)

        shared = Shared(router, options, observe)
        shared.date = b"Date: Tue, 24 Nov 2026 12:00:00 GMT\r\n"
        self._wire = Wire()
        self._protocol = Protocol(shared, asyncio.get_running_loop())
        self._protocol.connection_made(self._wire)

    def answer(self, data: bytes) -> bytes:
        """What the peer reads after it sent these requests."""
        self._protocol.data_received(data)
        return self._wire.sent

    def close(self) -> None:
        """Stop the log."""
        self._log.close()

    @staticmethod
    def _facts() -> NodeFacts:
        return NodeFacts(0, 1, (WorkerFacts(0, os.getpid()),))
