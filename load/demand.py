"""Clients that keep the line busy beyond its slots, and never give a command up before they know its outcome.

Each client sends one command after the other as MCP `tools/call` (2026-07-28), every one with an idempotency key, and
repeats it with the same key as long as the connection breaks or the answer is that the line is away. What came of each
goes into the `Ledger`. The key also stands in a field of the command that its receipt shows, so that a command carried
out twice is seen whatever the server believes of its keys. It decides nothing about right or wrong: `load.audit` does.
"""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from load.floor import REFUSALS, Floor

PAUSE = 0.05  # seconds before a command is sent again
ANSWER_WITHIN = 20.0  # seconds that one answer may take before the connection counts as dead
WORDS = ("work_order", "kanban", "sku", "andon", "root_cause")  # the first of these in an answer is compared
AWAY = {"unavailable", "timeout", "overloaded"}  # answers that ask for a repetition


@dataclass(frozen=True)
class Outcome:
    """What a client was told in the end. `receipt_seq` 0: refused with `code`; `answer`: the order or the bucket."""

    key: str
    tool: str
    arguments: dict[str, Any]
    receipt_seq: int = 0
    answer: dict[str, Any] = field(default_factory=dict)
    code: str = ""


@dataclass
class Ledger:
    """Everything that clients were told, and what they went through for it."""

    outcomes: list[Outcome] = field(default_factory=list)
    retries: Counter[str] = field(default_factory=Counter)  # why a command was sent again
    failures: list[str] = field(default_factory=list)  # what a client that retries should never see
    seconds: list[float] = field(default_factory=list)  # from a command's first sending to its outcome


class Wire:
    """A connection to the server: kept, or a new one for each request."""

    def __init__(self, port: int, *, fresh: bool) -> None:
        self._port, self._fresh = port, fresh
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, request: bytes) -> tuple[int, bytes]:
        """Status and body. OSError and TimeoutError: nobody knows what became of it."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                if self._pair is None:
                    self._pair = await asyncio.open_connection("127.0.0.1", self._port)
                answer = await self._exchange(*self._pair, request)
        except asyncio.IncompleteReadError as cut:
            self.close()
            raise ConnectionResetError("the connection broke") from cut
        except (OSError, TimeoutError):
            self.close()
            raise
        if self._fresh:
            self.close()
        return answer

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> tuple[int, bytes]:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), body

    def close(self) -> None:
        """Let go of the connection, if there is one."""
        if self._pair is not None:
            self._pair[1].close()
            self._pair = None


@dataclass
class Demand:
    """`clients` that together bring `commands` to their outcome; `patience`: seconds that a client retries at most."""

    port: int
    clients: int
    commands: int
    seed: int = 1
    patience: float = 60.0

    def __post_init__(self) -> None:
        self.ledger = Ledger()
        self.floor = Floor(random.Random(self.seed))
        self._begun = 0

    async def run(self) -> None:
        """Until all commands have their outcome."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.clients):
                group.create_task(self._client(Wire(self.port, fresh=bool(number % 2))))

    async def _client(self, wire: Wire) -> None:
        while self._begun < self.commands:
            self._begun += 1
            key = f"command-{self._begun}"
            tool, arguments = self.floor.next(key)
            started = time.monotonic()
            outcome = await self._outcome(wire, key, tool, arguments)
            self.ledger.seconds.append(time.monotonic() - started)
            if outcome is not None:
                self.ledger.outcomes.append(outcome)
        wire.close()

    async def _outcome(self, wire: Wire, key: str, tool: str, arguments: dict[str, Any]) -> Outcome | None:
        request = call(tool, {**arguments, "idempotency_key": key})
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            try:
                status, body = await wire.post(request)
            except (OSError, TimeoutError) as lost:
                self._lost(lost)
            else:
                read = _read(status, body)
                if isinstance(read, dict):
                    return self._judged(key, tool, arguments, read)
                if read not in AWAY:
                    self.ledger.failures.append(f"{tool} {key}: {read}")
                    return None
                self.ledger.retries[read] += 1
            await asyncio.sleep(PAUSE)
        self.ledger.failures.append(f"{tool} {key}: no outcome within {self.patience:g} s")
        return None

    def _lost(self, lost: OSError | TimeoutError) -> None:
        if isinstance(lost, ConnectionRefusedError):
            self.ledger.failures.append("a connection was refused")
        self.ledger.retries["no answer in time" if isinstance(lost, TimeoutError) else "connection lost"] += 1

    def _judged(self, key: str, tool: str, arguments: dict[str, Any], content: dict[str, Any]) -> Outcome:
        code = str(content.get("code", ""))
        if code and code not in REFUSALS[tool]:
            self.ledger.failures.append(f"{tool} {key} was refused: {content}")
        self.floor.learn(tool, arguments, code, content)
        shown = {name: value for name, value in arguments.items() if name != "evidence"}  # a receipt has its figures
        if code:
            return Outcome(key, tool, shown, code=code)
        answer = next(content[word] for word in WORDS if word in content)
        return Outcome(key, tool, shown, content["receipt_seq"], answer)


def call(tool: str, arguments: dict[str, Any]) -> bytes:
    """The whole request of one call."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    head = (
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
        f"Mcp-Method: tools/call\r\nMcp-Name: {tool}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _read(status: int, body: bytes) -> dict[str, Any] | str:
    """What was answered: objects and `receipt_seq`, or a refusal; one of AWAY; or in words what nobody should see."""
    if status == 503:
        return "overloaded"
    try:
        result = msgspec.json.decode(body)["result"]
        content: dict[str, Any] = result["structuredContent"]
        known = "code" in content if result.get("isError") else "receipt_seq" in content
    except (msgspec.DecodeError, KeyError, TypeError):
        known = False
    if not known:
        return f"status {status}: {body[:300]!r}"
    return str(content["code"]) if content.get("code") in AWAY else content
