"""Several workers of one node in one loop, and a client of the older era that talks to any of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from erlmcp import App, Context
from erlmcp.http import COMMENT, Request, Response, Stream
from erlmcp.mcp import Backplane, Elicit, Endpoint, Options, Roots, Sealer
from erlmcp.mcp.legacy import EventLimits
from erlmcp.mcp.legacy.events import MemoryEvents
from erlmcp.mcp.legacy.store import MemorySessions
from tests.mcp.posts import BOTH, message, post

ALL = {"sampling": {}, "elicitation": {}, "roots": {}}


KEPT = EventLimits()


class Exchange:
    """The bus between processes: what is published is delivered in order, in a later turn of the loop."""

    def __init__(self) -> None:
        self.members: list[Member] = []

    def publish(self, topic: str, payload: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._deliver, topic, payload)

    def _deliver(self, topic: str, payload: bytes) -> None:
        for member in self.members:
            for deliver, _ in () if member.dead else tuple(member.listening.get(topic, ())):
                deliver(payload)


class Member:
    """The bus as one process has it."""

    def __init__(self, exchange: Exchange, address: str) -> None:
        self.address, self.dead = address, False
        self.listening: dict[str, list[tuple[Callable[[bytes], None], Callable[[], None] | None]]] = {}
        self._exchange = exchange
        exchange.members.append(self)

    def publish(self, topic: str, payload: bytes) -> None:
        if not self.dead:
            self._exchange.publish(topic, payload)

    def subscribe(self, topic: str, deliver: Callable[[bytes], None], resync: Callable[[], None] | None = None) -> None:
        self.listening.setdefault(topic, []).append((deliver, resync))

    def miss(self) -> None:
        """Signals may have been missed."""
        for subscriptions in self.listening.values():
            for _, resync in subscriptions:
                if resync is not None:
                    resync()


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


class Workers:
    """`workers[0]` and so on are endpoints; `app` makes the app of each."""

    def __init__(
        self, count: int = 2, app: Callable[[], App] | None = None, limits: EventLimits = KEPT, **options: Any
    ) -> None:
        self.clock, self.exchange, self.options = Clock(), Exchange(), Options(**options)
        self.sealer = Sealer()
        self.sessions = MemorySessions(self.exchange, self.options, self.clock)  # type: ignore[arg-type]
        self.events = MemoryEvents(self.exchange, limits, self.clock)  # type: ignore[arg-type]
        self.buses: list[Member] = []
        self.apps: list[App] = []
        self.endpoints = [self.start(app or talkative) for _ in range(count)]

    def start(self, app: Callable[[], App]) -> Endpoint:
        """One more process."""
        bus = Member(self.exchange, f"mcp.at.{len(self.buses)}")
        self.buses.append(bus)
        made = app()
        made.bind(self.options)
        self.apps.append(made)
        backplane = Backplane(bus=bus, sealer=self.sealer, sessions=self.sessions, events=self.events)
        endpoint = Endpoint(made, self.options, None, backplane)
        endpoint._annex.sessions._now = self.clock
        return endpoint

    def __getitem__(self, number: int) -> Endpoint:
        return self.endpoints[number]

    def kill(self, number: int) -> None:
        """It hears and says nothing any more."""
        self.buses[number].dead = True


class Client:
    """A client of the older era. Each method names the worker that it happens to reach."""

    def __init__(self, session: bytes = b"", version: str = "2025-11-25") -> None:
        self.session, self.version, self._last = session, version, 0

    @classmethod
    async def open(
        cls, worker: Endpoint, capabilities: dict[str, Any] = ALL, version: str = "2025-11-25", **more: Any
    ) -> "Client":
        client = cls(version=version)
        params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "c", "version": "1"}}
        answer = await client.post(worker, "initialize", params | more)
        assert answer.status == 200, answer.body
        client.session = dict(answer.headers)[b"mcp-session-id"]
        assert (await client.notify(worker, "notifications/initialized")).status == 202
        return client

    @property
    def headers(self) -> dict[bytes, bytes]:
        session = {b"mcp-session-id": self.session} if self.session else {}
        return {b"mcp-protocol-version": self.version.encode()} | session

    def send(self, worker: Endpoint, body: bytes, **headers: bytes) -> Any:
        """What the worker makes of a body: a response, or a future of a response or a stream."""
        named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        return worker(post(body, self.headers | named))

    async def post(self, worker: Endpoint, method: str, params: Any = None, **headers: bytes) -> Any:
        self._last += 1
        return await settled(self.send(worker, message(method, params, self._last), **headers))

    async def call(self, worker: Endpoint, name: str, **arguments: Any) -> Any:
        return await self.post(worker, "tools/call", {"name": name, "arguments": arguments})

    async def result(self, worker: Endpoint, method: str, params: Any = None) -> Any:
        answer = await self.post(worker, method, params)
        return json.loads(answer.body)["result"]

    async def notify(self, worker: Endpoint, method: str, params: Any = None) -> Any:
        body = {"jsonrpc": "2.0", "method": method} | ({} if params is None else {"params": params})
        return await settled(self.send(worker, json.dumps(body).encode()))

    async def reply(self, worker: Endpoint, request: Any, result: Any = None, error: Any = None) -> Any:
        answer = {"error": error} if error is not None else {"result": result}
        return await settled(self.send(worker, json.dumps({"jsonrpc": "2.0", "id": request} | answer).encode()))

    async def get(self, worker: Endpoint, last: str = "", method: bytes = b"GET", **headers: bytes) -> Any:
        named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        resumed = {b"last-event-id": last.encode()} if last else {}
        given = {b"accept": b"text/event-stream"} | self.headers | resumed | named
        return await settled(worker.other(Request(method, b"/mcp", b"", b"localhost", given)))

    async def delete(self, worker: Endpoint) -> Any:
        return await self.get(worker, method=b"DELETE")


async def settled(answer: Any) -> Any:
    if isinstance(answer, Response):
        return answer
    async with asyncio.timeout(10):
        return await answer


class Heard:
    """An event as a client reads it."""

    def __init__(self, text: str) -> None:
        fields = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith(":"))
        self.id, self.retry = fields.get("id", ""), fields.get("retry", "")
        self.message = json.loads(fields["data"]) if fields.get("data", "").strip() else None

    @property
    def said(self) -> Any:
        """What it says, in short: a method, or the text of a result."""
        message = self.message
        if message is None:
            return None
        if "method" in message:
            return message["method"]
        return message["result"]["content"][0]["text"] if "result" in message else message["error"]["message"]


async def events(stream: Stream) -> AsyncIterator[Heard]:
    """The events of a stream until it ends; comments are skipped."""
    async for chunk in stream.chunks:
        if chunk != COMMENT:
            for text in chunk.decode().split("\n\n"):
                if text:
                    yield Heard(text)


async def all_of(stream: Stream) -> list[Heard]:
    async with asyncio.timeout(10):
        return [each async for each in events(stream)]


async def next_of(reading: AsyncIterator[Heard]) -> Heard:
    async with asyncio.timeout(10):
        return await anext(reading)


async def turns(count: int = 20) -> None:
    """What needs no clock happens."""
    for _ in range(count):
        await asyncio.sleep(0)


def talkative() -> App:
    """An app whose tools say a lot, wait, ask, and can be let go on."""
    app = App("talkative")
    gates: dict[str, asyncio.Event] = {}

    def gate(name: str) -> asyncio.Event:
        return gates.setdefault(name, asyncio.Event())

    app.gate = gate  # type: ignore[attr-defined]

    @app.tool(inline=True)
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    @app.tool
    async def count(to: int, context: Context) -> str:
        """Count aloud, one number each time that the gate opens."""
        for number in range(to):
            await context.info(number)
            await gate(str(number)).wait()
        return f"counted to {to}"

    @app.tool
    async def wait(context: Context) -> str:
        """Until the gate opens."""
        try:
            await gate("wait").wait()
        except asyncio.CancelledError:
            gate("cancelled").set()
            raise
        return "waited"

    @app.tool
    async def large(size: int, context: Context) -> str:
        """Answer with a lot, when the gate opens."""
        context.close_stream()
        await gate("large").wait()
        return "x" * size

    @app.tool
    async def leave(context: Context) -> str:
        """Close the connection, then wait."""
        context.close_stream()
        await gate("wait").wait()
        return "came back"

    add_questions(app)

    @app.resource("test://watched", inline=True)
    def watched() -> str:
        """Something to watch."""
        return "now"

    return app


def add_questions(app: App) -> None:
    """Tools that ask their client, or tell who it is."""

    @app.tool
    async def name(context: Context) -> str:
        """Ask for a name."""
        schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        answer = await context.elicit("Who?", schema)
        return f"{answer.action} {answer.content}"

    @app.tool
    async def both(context: Context) -> str:
        """Ask for two things at once."""
        schema = {"type": "object", "properties": {"name": {"type": "string"}}}
        told = await context.ask({"who": Elicit("Who?", schema), "where": Roots()})
        return f"{told['who'].content['name']} {told['where'][0].uri}"

    @app.tool
    def client(context: Context) -> str:
        """Who asks."""
        return json.dumps([context.client, context.protocol_version, context.facts.session != ""])


__all__ = ["ALL", "BOTH", "Client", "Clock", "Heard", "Workers", "all_of", "events", "next_of", "settled", "turns"]
