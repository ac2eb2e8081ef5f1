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

    @classmethod
    async def open(cls, port: int, notifications: dict[str, Any], number: Any = 1) -> "Listening":
        """A stream whose acknowledgement was read."""
        params = {"_meta": META, "notifications": notifications}
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "subscriptions/listen", "params": params})
        head = [
            "POST /mcp HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            "Accept: application/json, text/event-stream",
            f"MCP-Protocol-Version: {MODERN}",
            "Mcp-Method: subscriptions/listen",
            f"Content-Length: {len(body)}",
        ]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write("\r\n".join([*head, "", body]).encode())
        stream = cls(reader, writer)
        status, *_ = (await stream._within(reader.readuntil(b"\r\n\r\n"))).split(b"\r\n")
        assert b" 200 " in status, status
        acknowledged = await stream.next()
        assert acknowledged is not None
        assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
        return stream

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
            self._events += [json.loads(line[5:]) for line in chunk.split(b"\n") if line.startswith(b"data:")]
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
