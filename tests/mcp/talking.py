"""A conversation over lines for a test: what the client says, and a way back that remembers."""

import asyncio
import json
from typing import Any

from erlmcp import App
from erlmcp.mcp import Conversation, Options
from tests.mcp.posts import META, message, sample

WITHIN = 5.0  # seconds; bounds a wait
TURNS = 20  # of the loop, after which whatever needs no clock has happened


class Pipe:
    """A way that remembers what was written, and wakes who waits for it. `held`: nobody reads."""

    def __init__(self, held: bool = False):
        self.written: list[Any] = []
        self.full = self.overfull = held
        self._news = asyncio.Event()
        self._rooms: list[asyncio.Future[None]] = []

    def write(self, line: bytes) -> None:
        assert b"\n" not in line
        self.written.append(json.loads(line))
        self._news.set()

    def room(self) -> asyncio.Future[None]:
        self._rooms.append(asyncio.get_running_loop().create_future())
        return self._rooms[-1]

    def read(self) -> None:
        """The client reads again."""
        self.full = self.overfull = False
        for room in self._rooms:
            room.done() or room.set_result(None)

    async def until(self, count: int) -> list[Any]:
        """The first so many messages."""
        async with asyncio.timeout(WITHIN):
            while len(self.written) < count:
                self._news.clear()
                await self._news.wait()
        return self.written[:count]


def talk(app: App | None = None, pipe: Pipe | None = None, **options: Any) -> tuple[Conversation, Pipe]:
    app, pipe, chosen = app or sample(), pipe or Pipe(), Options(**options)
    app.bind(chosen)
    return Conversation(app, chosen, pipe), pipe


def modern(method: str, params: dict[str, Any] | None = None, number: Any = 1, **meta: Any) -> bytes:
    return message(method, (params or {}) | {"_meta": META | meta}, number)


def call(tool: str, number: Any = 1, meta: dict[str, Any] | None = None, /, **arguments: Any) -> bytes:
    return modern("tools/call", {"name": tool, "arguments": arguments}, number, **(meta or {}))


def initialize(version: str = "2025-11-25", number: Any = 0) -> bytes:
    who = {"name": "tester", "version": "1"}
    return message("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": who}, number)


def cancelled(number: Any) -> bytes:
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number, "reason": "bored"}}
    return json.dumps(note).encode()


def opened(conversation: Conversation, capabilities: dict[str, Any] | None = None) -> None:
    """The handshake of a client of 2025-11-25 that can so much."""
    params = {"protocolVersion": "2025-11-25", "capabilities": capabilities or {}}
    conversation.hear(message("initialize", params | {"clientInfo": {"name": "tester", "version": "1"}}, 0))
    conversation.hear(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')


async def turns() -> None:
    """Let happen what needs no clock."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
