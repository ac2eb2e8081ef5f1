"""What it costs to tell 1, 100 and 1,000 open streams of one change: from the author's signal until the bytes of every
stream are there for its connection. The bar is 10 µs a stream."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop

from erlmcp import App
from erlmcp.http import Stream
from erlmcp.mcp import Endpoint, Options

MODERN = "2026-07-28"
HEADERS = {
    b"content-type": b"application/json",
    b"accept": b"application/json, text/event-stream",
    b"mcp-protocol-version": MODERN.encode(),
    b"mcp-method": b"subscriptions/listen",
}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Audience:
    """An endpoint with so many open streams; readers take what is there, as connections do."""

    def __init__(self, size: int) -> None:
        self.app = App("bench", version="1")

        @self.app.tool(inline=True)
        def tool() -> None:
            """Be there."""

        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._endpoint = Endpoint(self.app, Options())
        self.streams = [self._runner.run(self._open(number)) for number in range(size)]

    async def _open(self, number: int) -> Stream:
        params = {"_meta": META, "notifications": {"toolsListChanged": True}}
        message = {"jsonrpc": "2.0", "id": number, "method": "subscriptions/listen", "params": params}
        answer = self._endpoint.answer(json.dumps(message).encode(), HEADERS)
        assert isinstance(answer, asyncio.Future)
        stream = await answer
        assert isinstance(stream, Stream)
        await anext(stream.chunks)
        return stream

    def tell(self) -> int:
        """One change to all; the bytes that came of it."""
        return self._runner.run(self._tell())

    async def _tell(self) -> int:
        reading = [asyncio.ensure_future(anext(stream.chunks)) for stream in self.streams]
        await asyncio.sleep(0)
        self.app.tools_changed()
        return sum(map(len, await asyncio.gather(*reading)))

    def signal(self) -> None:
        """The same without readers: each stream keeps it, or the one that waits already."""
        self._runner.run(self._signal())

    async def _signal(self) -> None:
        self.app.tools_changed()
        await asyncio.sleep(0)

    def close(self) -> None:
        """Leave."""
        self._runner.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        for stream in self.streams:
            await stream.chunks.aclose()  # type: ignore[attr-defined]


@pytest.fixture(params=[0, 1, 100, 1000])
def audience(request: Any) -> Iterator[Audience]:
    made = Audience(request.param)
    yield made
    made.close()


def test_one_change_to_all_who_listen(benchmark: Any, audience: Audience) -> None:
    benchmark.group = "fan-out: one change, heard and taken"
    size = benchmark(audience.tell)
    assert size >= 100 * len(audience.streams)


def test_one_change_into_the_queues(benchmark: Any, audience: Audience) -> None:
    benchmark.group = "fan-out: one change, queued"
    benchmark(audience.signal)
