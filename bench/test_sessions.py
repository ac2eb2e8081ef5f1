"""Sessions of older clients: a call in one beside one without, an id opened anew, an event kept, a session's weight."""

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from erlmcp import App
from erlmcp.http import Request, Response
from erlmcp.mcp import Endpoint, LocalBus, Options, Sealer
from erlmcp.mcp.legacy import Event, EventLimits, Stream
from erlmcp.mcp.legacy.events import MemoryEvents
from erlmcp.mcp.legacy.session import new_agreement, seal, unseal

HEADERS = {
    b"content-type": b"application/json",
    b"accept": b"application/json, text/event-stream",
    b"mcp-protocol-version": b"2025-11-25",
}
CLIENT = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"sampling": {}, "elicitation": {}, "roots": {"listChanged": True}},
    "clientInfo": {"name": "a-client-of-usual-length", "version": "1.2.3"},
}


def post(method: str, params: Any, session: bytes = b"") -> Request:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    headers = HEADERS | ({b"mcp-session-id": session} if session else {})
    return Request(b"POST", b"/mcp", b"", b"localhost", headers, (), body)


class Server:
    """An endpoint on a loop of its own."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        app = App("bench")

        @app.tool(inline=True)
        def add(a: int, b: int) -> int:
            return a + b

        self.endpoint = Endpoint(app, Options())

    async def answer(self, request: Request) -> Response:
        given = self.endpoint(request)
        answer = given if isinstance(given, Response) else await given
        assert isinstance(answer, Response)
        return answer

    async def open(self) -> bytes:
        answer = await self.answer(post("initialize", CLIENT))
        return dict(answer.headers)[b"mcp-session-id"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with asyncio.Runner() as runner:

        async def make() -> Server:
            return Server(runner)

        yield runner.run(make())


@pytest.mark.parametrize("session", [False, True], ids=["without a session", "in a session"])
def test_a_call(benchmark: Any, server: Server, session: bool) -> None:
    benchmark.group = "sessions: tools/call, 2025-11-25"
    arguments = {"name": "add", "arguments": {"a": 1, "b": 2}}

    async def opened() -> Request:
        request = post("tools/call", arguments, await server.open() if session else b"")
        await server.answer(request)
        return request

    request = server.runner.run(opened())
    answer = benchmark(server.endpoint, request)
    assert answer.status == 200


def test_an_id_is_opened(benchmark: Any) -> None:
    benchmark.group = "sessions: ids"
    sealer = Sealer()
    agreed = new_agreement("2025-11-25", json.dumps(CLIENT["capabilities"]).encode(), b'{"name":"c","version":"1"}')
    session_id = seal(sealer, agreed, "local").encode()
    assert benchmark(unseal, sealer, session_id, "local") == agreed


def test_a_session_begins(benchmark: Any, server: Server) -> None:
    benchmark.group = "sessions: initialize, in memory"
    benchmark(lambda: server.runner.run(server.open()))


def test_an_event_is_kept(benchmark: Any) -> None:
    benchmark.group = "sessions: events"
    events, stream, message = MemoryEvents(LocalBus(), EventLimits()), Stream("s", "c"), b"m" * 200
    numbers = iter(range(1, 1 << 30))
    benchmark(lambda: events.append(stream, Event(next(numbers), message)))


def test_what_a_session_weighs(benchmark: Any, server: Server) -> None:
    """Bytes of one that is open at its worker and in the store of the same process."""
    benchmark.group = "sessions: weight"

    async def many(count: int) -> None:
        for _ in range(count):
            assert (await server.answer(post("ping", {}, await server.open()))).status == 200

    server.runner.run(many(100))
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    server.runner.run(many(1000))
    gc.collect()
    weight = (tracemalloc.get_traced_memory()[0] - before) / 1000
    tracemalloc.stop()
    benchmark.extra_info["bytes"] = weight
    benchmark.pedantic(lambda: None, rounds=1)
    assert weight <= 1536
