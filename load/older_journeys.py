"""What one client of 2025-11-25 does with a session: it may go on at any worker, and lives as long as the node.

As `journeys`, for the era that has sessions, requests of the server, a stream beside the calls, and resumption. A call
that a killed worker had in hand is lost with it, wherever its client waits for the rest; then it is called again.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from load.fresh import PAUSE, Answer, Events, Failed, Message
from load.journeys import LOST, Client

VERSION = "2025-11-25"

OlderJourney = Callable[["Session"], Awaitable[Iterable[int]]]


class Lost(Exception):
    """A call went away with the worker that was killed; call it again."""


class Session:
    """One session of a client."""

    def __init__(self, client: Client, id_: str) -> None:
        self.client, self.fresh, self.id = client, client.fresh, id_

    @classmethod
    async def begin(cls, client: Client) -> "Session":
        """The handshake."""
        session = cls(client, "")
        can = {"elicitation": {}}
        who = {"name": client.name, "version": "1"}
        params = {"protocolVersion": VERSION, "capabilities": can, "clientInfo": who}
        answer = await session.post("initialize", params)
        session.id = answer.headers.get("mcp-session-id", "")
        if not session.id:
            raise Failed(f"initialize gives a session, not so: {answer.status} {answer.last}")
        await session.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return session

    def headers(self, **more: str) -> dict[str, str]:
        """Of a request of this session."""
        session = {"Mcp-Session-Id": self.id, "MCP-Protocol-Version": VERSION} if self.id else {}
        named = {name.replace("_", "-"): value for name, value in more.items()}
        accept = "application/json, text/event-stream"
        return {"Content-Type": "application/json", "Accept": accept} | session | named

    def request(self, method: str, params: Mapping[str, Any]) -> Message:
        """A request with an id of its own."""
        return {"jsonrpc": "2.0", "id": self.client.fresh_name, "method": method, "params": params}

    async def post(self, method: str, params: Mapping[str, Any]) -> Answer:
        """The answer to a request that needs no more than that. Failed when it is an error."""
        body = json.dumps(self.request(method, params)).encode()
        answer = await self.fresh.ask("POST", self.headers(), body)
        if "result" not in answer.last:
            raise Failed(f"{method} {params}: {answer.status} {answer.last}")
        return answer

    async def send(self, message: Message) -> None:
        """A notification or a reply, which is accepted."""
        answer = await self.fresh.ask("POST", self.headers(), json.dumps(message).encode())
        if answer.status != 202:
            raise Failed(f"{message} is accepted, not so: {answer.status} {answer.messages}")

    async def update(self, name: str) -> int:
        """Have a note change; the process that said so."""
        answer = await self.post("tools/call", {"name": "update", "arguments": {"name": name}})
        pid: int = answer.last["result"]["structuredContent"]["result"]
        return pid

    @asynccontextmanager
    async def get(self, last_event: str = "") -> AsyncIterator[Events]:
        """A stream of the session: its own, or the rest of another one."""
        resumed = {"Last_Event_ID": last_event} if last_event else {}
        async with self.fresh.open("GET", self.headers(**resumed)) as events:
            yield events

    async def end(self) -> None:
        """Leave, and see that nobody knows the session any more."""
        answer = await self.fresh.ask("DELETE", self.headers())
        if answer.status not in {200, 202, 204, 404}:  # 404: the first try was cut after it was done
            raise Failed(f"DELETE ends a session, not so: {answer.status}")
        body, until = json.dumps(self.request("ping", {})).encode(), time.monotonic() + LOST
        while (answer := await self.fresh.ask("POST", self.headers(), body)).status != 404:
            if time.monotonic() > until:
                raise Failed(f"a session that was ended is not found, not so: {answer.status} {answer.messages}")
            self.fresh.tally.notes["requests to a session that its worker did not know to have ended"] += 1
            await asyncio.sleep(PAUSE)


class Call:
    """A call whose messages are read wherever they come."""

    def __init__(self, session: Session, tool: str, arguments: Mapping[str, Any]) -> None:
        self._session = session
        params = {"name": tool, "arguments": arguments, "_meta": {"progressToken": session.client.fresh_name}}
        self.request = session.request("tools/call", params)
        self._killed = len(session.client.killed)
        self._last_event = ""
        self.messages: list[Message] = []

    @property
    def _over(self) -> bool:
        return bool(self.messages) and "method" not in self.messages[-1]

    async def begin(self, until: int) -> None:
        """Read the first so many messages; then the connection is given up."""
        body = json.dumps(self.request).encode()
        async with self._session.fresh.open("POST", self._session.headers(), body) as events:
            await self._read(events, until)

    async def go_on(self) -> None:
        """Read what comes after that, at whichever worker, up to the reply. Lost when a killed worker had the call."""
        while not self._over:
            try:
                async with self._session.get(self._last_event) as events:
                    if events.status != 200:
                        raise self._lost(f"the stream is taken up again, not so: {events.status}")
                    await self._read(events, 1000)
            except ConnectionRefusedError:
                raise Failed("a connection was refused") from None
            except ConnectionError:
                self._session.fresh.tally.cut += 1
            await asyncio.sleep(PAUSE)
        if "error" in self.messages[-1]:
            raise self._lost(f"it is answered, not so: {self.messages[-1]}")

    async def _read(self, events: Events, until: int) -> None:
        while len(self.messages) < until and not self._over:
            try:
                async with asyncio.timeout(LOST):
                    message = await events.next()
            except TimeoutError:
                raise self._lost(f"nothing came for {LOST:g} s after {self.messages}") from None
            if message is None:
                break
            self.messages.append(message)
            self._last_event = events.last_id
        self._last_event = events.last_id or self._last_event

    def _lost(self, what: str) -> Exception:
        if len(self._session.client.killed) > self._killed:
            return Lost(what)
        return Failed(f"{self.request['params']['name']}: {what}")


async def answers(session: Session) -> Iterable[int]:
    """A call asks over its stream, and the answers go to whichever worker."""
    name, words = session.client.fresh_name, iter(("fiat", "lux"))
    params = {"name": "rounds", "arguments": {"name": name}}
    body = json.dumps(session.request("tools/call", params)).encode()
    async with session.fresh.open("POST", session.headers(), body) as events:
        while (message := await events.next()) is not None:
            if message.get("method") == "elicitation/create":
                said = {"action": "accept", "content": {"word": next(words)}}
                await session.send({"jsonrpc": "2.0", "id": message["id"], "result": said})
                await session.post("ping", {})
            elif "result" in message:
                text: str = message["result"]["content"][0]["text"]
                if not text.startswith(f"{name} fiat lux "):
                    raise Failed(f"rounds ends with {name} fiat lux, not so: {message}")
                return [*map(int, text.rpartition(" ")[2].split(",")), await session.update(name)]
            elif "error" in message:
                raise Failed(f"rounds: {message}")
    raise Failed("the stream of a call ended before its reply")


async def resumption(session: Session) -> Iterable[int]:
    """A call whose connection breaks goes on; its client takes up the rest at whichever worker."""
    call = Call(session, "steps", {"count": 6})
    await call.begin(1)
    await call.go_on()
    *steps, reply = call.messages
    told = [message["params"]["progress"] for message in steps]
    if told != [1, 2, 3, 4, 5, 6]:
        raise Failed(f"six steps are told in order and once, not so: {told}")
    return [reply["result"]["structuredContent"]["result"], await session.update(session.client.fresh_name)]


async def beside(session: Session) -> Iterable[int]:
    """The session's own stream hears of a resource that it subscribed to, whoever tells."""
    name = session.client.fresh_name
    await session.post("resources/subscribe", {"uri": f"note://{name}"})
    tellers: set[int] = set()
    while len(tellers) < 2:
        async with session.get() as events:
            if events.status == 409:  # the worker that has the other end has not noticed yet that we left
                await asyncio.sleep(PAUSE)
                continue
            if events.status != 200:
                raise Failed(f"a session has a stream of its own, not so: {events.status}")
            while len(tellers) < 2:
                teller = await session.update(name)
                if not await _heard(session, events, name, teller):
                    break
                tellers.add(teller)
    return tellers


async def _heard(session: Session, events: Events, name: str, teller: int) -> bool:
    while True:
        try:
            async with asyncio.timeout(LOST):
                message = await events.next()
        except TimeoutError:
            if teller not in session.client.killed:
                raise Failed(f"process {teller} told of {name}, and nobody heard it within {LOST:g} s") from None
            session.fresh.tally.notes["changes lost with the process that told them"] += 1
            return False
        if message is None:
            session.fresh.tally.notes["GET streams that a leaving worker ended"] += 1
            return False
        if message.get("method") == "notifications/resources/updated":
            if message["params"]["uri"] != f"note://{name}":
                raise Failed(f"a session that listens for {name} heard {message}")
            return True


def at_home(journey: OlderJourney) -> Callable[[Client], Awaitable[Iterable[int]]]:
    """The journey in a session of its own, from the handshake to the farewell."""

    async def go(client: Client) -> Iterable[int]:
        session = await Session.begin(client)
        while True:
            try:
                came_by = await journey(session)
            except ConnectionRefusedError:
                raise Failed("a connection was refused") from None
            except Lost:
                client.fresh.tally.notes["calls lost with the process that had them"] += 1
            except ConnectionError:
                client.fresh.tally.cut += 1
                await asyncio.sleep(PAUSE)
            else:
                await session.end()
                return came_by

    return go


OLDER = {"answers": at_home(answers), "resumption": at_home(resumption), "beside": at_home(beside)}
