"""HTTP as a client that trusts no connection: each request has one of its own, and one that is cut is sent again.

A worker that is killed takes what it had in hand along; no server can help that, and the protocol leaves the retry to
the client. It is counted apart from failures. It knows JSON-RPC messages and no method.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 20.0  # seconds for one message, and for all tries of one request
PAUSE = 0.02  # seconds before a request is sent again

Message = dict[str, Any]


class Failed(Exception):
    """Something that the protocol allows to succeed did not."""


@dataclass
class Tally:
    """What the clients saw."""

    requests: int = 0
    cut: int = 0  # connections that broke under a request or a stream, and were taken up again
    journeys: Counter[str] = field(default_factory=Counter)
    wandered: Counter[str] = field(default_factory=Counter)  # of these: they came by more than one process
    notes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


@dataclass
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    messages: list[Message]

    @property
    def last(self) -> Message:
        """The reply; what came before it are notifications."""
        if not self.messages:
            raise Failed(f"an answer without a message, status {self.status}")
        return self.messages[-1]


class Events:
    """The messages of one open answer, as they come."""

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> None:
        self._reader, self.status, self.headers = reader, status, headers
        self.last_id = ""  # of the event that was read last, where events have one
        self._waiting: list[tuple[str, Message | None]] = []
        self._plain = "text/event-stream" not in headers.get("content-type", "")

    async def next(self) -> Message | None:
        """The next message; None at the end. ConnectionError when it is cut off, TimeoutError when none comes."""
        while True:
            while self._waiting:
                id_, message = self._waiting.pop(0)
                self.last_id = id_ or self.last_id
                if message is not None:
                    return message
            async with asyncio.timeout(PATIENCE):
                chunk = await self._chunk()
            if not chunk:
                return None
            self._waiting += self._messages(chunk)

    async def _chunk(self) -> bytes:
        try:
            if "content-length" in self.headers:
                size, self.headers = int(self.headers["content-length"]), {**self.headers, "content-length": "0"}
                return await self._reader.readexactly(size)
            size = int((await self._reader.readuntil(b"\r\n")).strip(), 16)
            return (await self._reader.readexactly(size + 2))[:-2]
        except asyncio.IncompleteReadError as cut:
            raise ConnectionResetError("the answer was cut off") from cut

    def _messages(self, chunk: bytes) -> list[tuple[str, Message | None]]:
        """Each with the id of its event; an event may have an id and no message."""
        if self._plain:
            return [("", json.loads(chunk))]
        messages: list[tuple[str, Message | None]] = []
        for event in chunk.split(b"\n\n"):
            fields = dict(line.split(b":", 1) for line in event.split(b"\n") if b":" in line[1:])
            data = fields.get(b"data", b"").strip()
            messages.append((fields.get(b"id", b"").strip().decode(), json.loads(data) if data else None))
        return messages


class Fresh:
    """Sends requests to a port of this machine, each on a connection of its own."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._port, self.tally = port, tally

    @asynccontextmanager
    async def open(self, method: str, headers: Mapping[str, str], body: bytes = b"") -> AsyncIterator[Events]:
        """One try: an answer that is being read. ConnectionError when the connection is cut."""
        self.tally.requests += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            lines = [
                f"{method} /mcp HTTP/1.1",
                "Host: localhost",
                *(f"{name}: {value}" for name, value in headers.items()),
            ]
            writer.write(
                "\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close", "", ""]).encode() + body
            )
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
            status, *fields = head.decode().rstrip().split("\r\n")
            named = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
            yield Events(reader, int(status.split()[1]), named)
        except asyncio.IncompleteReadError as cut:
            raise ConnectionResetError("the answer was cut off") from cut
        finally:
            writer.close()

    async def ask(self, method: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """The whole answer, however often it takes. Failed when nobody answers in time."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                async with self.open(method, headers, body) as events:
                    messages = []
                    while (message := await events.next()) is not None:
                        messages.append(message)
                    return Answer(events.status, events.headers, messages)
            except ConnectionRefusedError:
                raise Failed("a connection was refused") from None
            except TimeoutError:
                raise Failed(f"no answer within {PATIENCE:g} s: {body[:200]!r}") from None
            except ConnectionError:
                self.tally.cut += 1
                if time.monotonic() > until:
                    raise Failed(f"cut again and again for {PATIENCE:g} s: {body[:200]!r}") from None
                await asyncio.sleep(PAUSE)
