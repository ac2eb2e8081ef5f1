"""The same `call` and `cast` over a local socket: what the two ends, `Hub` and `Link`, have in common.

A hub serves services (`await service(payload, seconds)`) and topics at a unix socket; a link calls them and subscribes.
Payloads are bytes: who owns a service types it. A typed reference is written once by its owner, and is the same object
for its caller wherever the actor is:

    class RemoteTill:
        def __init__(self, link: Link) -> None:
            self._link = link

        async def put(self, amount: int, timeout: float = 5.0) -> int:
            return decode(await self._link.call("till", encode(Put(amount)), timeout))

What a caller sees is what a caller of the actor sees: the answer, Declined, Overloaded, Down or TimeoutError. Down
after the call was sent means that its outcome is unknown; a call is never sent twice.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from msgspec import Struct

from erlmcp.otp.remote_wire import TooLarge, put

SLACK = 64  # bytes of a frame around a payload and a name

Service = Callable[[bytes, float], Coroutine[Any, Any, bytes]]


class Declined(Exception):
    """The answer is no. Raised by a service, it reaches the caller with its payload."""

    def __init__(self, payload: bytes = b"") -> None:
        super().__init__("declined")
        self.payload = payload


def refuse_large(name: str, payload: bytes, limit: int) -> None:
    """Raise TooLarge for what would not fit into a frame."""
    size = len(payload) + len(name.encode()) + SLACK
    if size > limit:
        raise TooLarge(size, limit)


class RemoteOptions(Struct, frozen=True):
    """Bounds of a hub and of a link. Times are in seconds.

    8 MiB frames: the largest MCP request is 4 MiB. 4096 messages: some seconds of facts at full speed, so that a link
    that reconnects within them need not read the journal.
    """

    frame: int = 8 * 1024 * 1024
    unsent: int = 32 * 1024 * 1024  # bytes that wait for a peer to read them: beyond, it is dropped (link: Overloaded)
    peers: int = 1024  # two rolls of node.workers' maximum, 256, at once
    calls: int = 4096  # of one link under way or waiting; beyond: Overloaded
    ring: int = 4096
    ring_bytes: int = 16 * 1024 * 1024
    hello: float = 5.0  # to say hello, and to answer it
    drain: float = 3.0  # a leaving hub finishes what it has
    retry: float = 0.25  # at most, between two attempts to connect
    backlog: int = 128


class Wire(asyncio.Protocol):
    """One end of a connection. All frames of one turn of the loop leave with one write."""

    def __init__(self, options: RemoteOptions) -> None:
        self.options = options
        self.transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._out = bytearray()
        self._flushing = False

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken yet."""
        return len(self._out) + (self.transport.get_write_buffer_size() if self.transport else 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one, and does not say so

    def send(self, frame: Any) -> None:
        """Write a frame at the end of this turn. Raises TooLarge."""
        put(frame, self._out, self.options.frame)
        self._flush_soon()

    def send_whole(self, framed: bytearray) -> None:
        """Write what is framed already."""
        self._out += framed
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        transport = self.transport
        if transport is None or not self._out:
            return
        data, self._out = self._out, bytearray()
        if not transport.is_closing():
            transport.write(data)

    def flush(self) -> None:
        """Write now."""
        self._flush()

    def abort(self) -> None:
        """Hang up at once."""
        if self.transport is not None:
            self.transport.abort()


__all__ = ["Declined", "RemoteOptions", "Service", "TooLarge", "Wire", "refuse_large"]
