"""Clients that listen to a real node: open streams of notifications, many in one loop."""

import asyncio
import json
from typing import Any

from tests.mcp.posts import META, MODERN
from tests.node.nodes import WITHIN

APP = """
import os
from erlmcp import App

app = App("teller", version="1")

@app.tool(inline=True)
def change() -> int:
    app.tools_changed()
    return os.getpid()

@app.tool(inline=True)
def update(uri: str) -> int:
    app.resource_updated(uri)
    return os.getpid()

@app.resource("note://{name}", inline=True)
def note(name: str) -> str:
    return name
"""

TOOLS = "notifications/tools/list_changed"
UPDATED = "notifications/resources/updated"


class Listening:
    """One open stream, on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._events: list[dict[str, Any]] = []
        self.whole = False
        """Whether the body has ended as a body ends, and not in the middle."""
        self.retry = False
        """Whether its client was told when to come back."""

    @classmethod
    async def open(cls, port: int, notifications: dict[str, Any], number: Any = 1) -> "Listening":
        """A stream whose acknowledgement was read."""
        params = {"_meta": META, "notifications": notifications}
        message = {"jsonrpc": "2.0", "id": number, "method": "subscriptions/listen", "params": params}
        headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "subscriptions/listen"}
        stream, _ = await cls._ask(port, "POST", headers, json.dumps(message))
        acknowledged = await stream.next()
        assert acknowledged is not None
        assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
        return stream

    @classmethod
    async def of_session(cls, port: int) -> "Listening":
        """The GET stream of a session of its own, of 2025-11-25."""
        client = {"name": "listener", "version": "1"}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        greeting, head = await cls._ask(port, "POST", {}, json.dumps(message))
        await greeting.close()
        session = next(line[16:] for line in head.split("\r\n") if line.lower().startswith("mcp-session-id: "))
        headers = {"MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": session}
        stream, _ = await cls._ask(port, "GET", headers, "")
        return stream

    @classmethod
    async def _ask(cls, port: int, method: str, headers: dict[str, str], body: str) -> tuple["Listening", str]:
        head = [f"{method} /mcp HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        head += ["Content-Type: application/json", "Accept: application/json, text/event-stream"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write("\r\n".join([*head, "", body]).encode())
        stream = cls(reader, writer)
        told = (await stream._within(reader.readuntil(b"\r\n\r\n"))).decode()
        assert " 200 " in told, told
        return stream, told

    async def next(self) -> dict[str, Any] | None:
        """The next message; None at the end of the stream."""
        while not self._events:
            try:
                size = int((await self._within(self._reader.readuntil(b"\r\n"))).strip(), 16)
                chunk = await self._within(self._reader.readexactly(size + 2))
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            if not size:
                self.whole = True
                return None
            lines = chunk.split(b"\n")
            self.retry = self.retry or any(line.startswith(b"retry:") for line in lines)
            self._events += [json.loads(line[5:]) for line in lines if line.startswith(b"data:") and line[5:].strip()]
        return self._events.pop(0)

    async def rest(self) -> list[dict[str, Any]]:
        """What comes until the end; then it leaves, as clients do."""
        messages = []
        while (message := await self.next()) is not None:
            messages.append(message)
        await self.close()
        return messages

    async def close(self) -> None:
        """Leave."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return

    async def _within(self, reading: Any) -> bytes:
        async with asyncio.timeout(WITHIN):
            result: bytes = await reading
            return result


async def call(port: int, tool: str, **arguments: Any) -> int:
    """The pid that a tool of `APP` answers with; the call has a connection of its own."""
    from tests.node import nodes  # noqa: PLC0415 - the name is taken here

    result: int = await asyncio.to_thread(nodes.call, port, tool, **arguments)
    return result
