"""HTTP/1.1 over sockets: kept-alive connections to one address, framed by h11 (docs/adr/0013).

It does not follow redirects, use proxies or decode content codings; it knows nothing of MCP.
"""

import asyncio
import errno
import os
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from typing import Final

import h11

from erlmcp.client.address import Address
from erlmcp.client.errors import ConnectionFailed, Garbled, TimedOut
from erlmcp.client.fetch import Fields, HttpReply

__all__ = ["Network"]

MAX_HEAD: Final = 64 * 1024  # bytes of a response's head; h11's own default is 16 KiB, proxies add cookies and policies
MAX_IDLE: Final = 8  # connections kept when nobody uses them
KEEP: Final = 4.0  # seconds; servers close idle connections after 5 (uvicorn, Node), and a race would look like a crash
READ: Final = 64 * 1024
_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")


class Connection:
    """One socket and its framing; one exchange at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader: Final = reader
        self.writer: Final = writer
        self.framing: Final = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self.idle_since = 0.0

    @property
    def stale(self) -> bool:
        """Whether the server has, or may have, given it up."""
        return self.reader.at_eof() or time.monotonic() - self.idle_since > KEEP

    async def event(self, url: str, *, begun: bool) -> h11.Event | type[h11.PAUSED]:
        """The next event of the answer. Raises ConnectionFailed when it ends early, Garbled when it is not HTTP."""
        while True:
            try:
                event = self.framing.next_event()
                if event is not h11.NEED_DATA:
                    return event  # type: ignore[return-value]  # NEED_DATA was told from it
                self.framing.receive_data(await self.reader.read(READ))
            except h11.RemoteProtocolError as fault:
                if self.framing.their_state is h11.ERROR and self.reader.at_eof():
                    raise ConnectionFailed(f"the connection to {url} broke: {fault}", sent=True, begun=begun) from fault
                raise Garbled(f"{url} does not speak HTTP/1.1: {fault}") from fault
            except OSError as fault:
                raise ConnectionFailed(
                    f"the connection to {url} broke: {reason(fault)}", sent=True, begun=begun
                ) from fault

    def close(self) -> None:
        self.writer.close()


class Network:
    """Carries requests to one address. `connect_timeout`: seconds until a connection stands, TLS included."""

    def __init__(
        self, address: Address, *, context: ssl.SSLContext | None = None, connect_timeout: float = 10.0
    ) -> None:
        """`context`: for servers whose certificate the system does not know, or that ask for one."""
        self.url: Final = address.url
        self._address: Final = address
        self._context = context
        self._connect_timeout: Final = connect_timeout
        self._idle: list[Connection] = []
        self._used: set[Connection] = set()

    async def send(self, method: str, fields: Fields, body: bytes) -> HttpReply:
        """As `Fetch`. Cancelled, it closes its connection."""
        connection = self._kept() or await self._dial()
        self._used.add(connection)
        try:
            await self._write(connection, method, fields, body)
            head = await connection.event(self.url, begun=False)
            while isinstance(head, h11.InformationalResponse):
                head = await connection.event(self.url, begun=False)
            if not isinstance(head, h11.Response):
                raise ConnectionFailed(f"{self.url} closed the connection without an answer", sent=True)
        except BaseException:
            self.drop(connection)
            raise
        return _Reply(self, connection, head)

    async def aclose(self) -> None:
        for connection in [*self._idle, *self._used]:
            connection.close()
        self._idle.clear()
        self._used.clear()

    def give_back(self, connection: Connection) -> None:
        """An exchange is whole: keep its connection when both sides would."""
        self._used.discard(connection)
        framing = connection.framing
        if framing.our_state is h11.DONE and framing.their_state is h11.DONE and len(self._idle) < MAX_IDLE:
            framing.start_next_cycle()
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.close()

    def drop(self, connection: Connection) -> None:
        """An exchange that is not whole takes its connection with it."""
        self._used.discard(connection)
        connection.close()

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.stale:
                return connection
            connection.close()
        return None

    async def _dial(self) -> Connection:
        address = self._address
        if address.secure and self._context is None:
            self._context = ssl.create_default_context()
        try:
            async with asyncio.timeout(self._connect_timeout):
                streams = await asyncio.open_connection(
                    address.host, address.port, ssl=self._context if address.secure else None
                )
        except TimeoutError:
            raise TimedOut(f"{self.url} lets nobody connect within {self._connect_timeout:g} s") from None
        except (OSError, UnicodeError) as fault:  # UnicodeError: a name that is none
            raise ConnectionFailed(f"no server answers at {self.url}: {reason(fault)}", sent=False) from fault
        connection = Connection(*streams)
        peer = connection.writer.get_extra_info("socket")
        if peer is not None:  # a stream may be silent for hours; a peer that is gone must be noticed
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection

    async def _write(self, connection: Connection, method: str, fields: Fields, body: bytes) -> None:
        length = ((b"Content-Length", b"%d" % len(body)),) if body or method == "POST" else ()
        head = h11.Request(
            method=method,
            target=self._address.target,
            headers=[(b"Host", self._address.authority), (b"Accept-Encoding", b"identity"), *fields, *length],
        )
        framing, writer = connection.framing, connection.writer
        events = [head, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]
        try:
            writer.write(b"".join(framing.send(event) or b"" for event in events))
            await writer.drain()
        except OSError as fault:
            # It may have answered before it closed, a refusal most likely; then reading tells. Not so here.
            raise ConnectionFailed(f"the connection to {self.url} broke: {reason(fault)}", sent=True) from fault


class _Reply:
    """An answer whose body is still on its way."""

    def __init__(self, network: Network, connection: Connection, head: h11.Response) -> None:
        self.status: Final = head.status_code
        self.headers: Final = {bytes(name): bytes(value) for name, value in head.headers}
        self._network = network
        self._connection = connection
        self._whole = False

    async def chunks(self) -> AsyncIterator[bytes]:
        coding = self.headers.get(b"content-encoding", b"identity")
        if coding.lower() != b"identity":
            raise Garbled(f"{self._network.url} answers in {coding.decode('latin-1')}, which nobody asked for")
        while True:
            event = await self._connection.event(self._network.url, begun=True)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self._whole = True
                self._network.give_back(self._connection)
                return
            else:
                raise ConnectionFailed(f"the connection to {self._network.url} broke", sent=True, begun=True)

    async def aclose(self) -> None:
        if not self._whole:
            self._whole = True
            self._network.drop(self._connection)


def reason(fault: Exception) -> str:
    """What an error of the system says, without its number and without asyncio's additions."""
    text = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
    number = _NUMBER.search(str(text)) if "Connect call failed" in str(text) else None  # one address of several
    if "Connect call failed" in str(text):
        return os.strerror(int(number[1]) if number else getattr(fault, "errno", None) or errno.ECONNREFUSED)
    return str(text)
