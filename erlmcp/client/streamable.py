"""Streamable HTTP: messages in POSTs, answers as JSON or events; before 2026-07-28 also sessions and resumption.

It knows how messages travel, not what they say: which request may be repeated, and who answers what the server asks,
is the session's affair.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from typing import Final

from erlmcp.client.answer import refuse, refused, text_of
from erlmcp.client.errors import ClientError, ConnectionFailed, Garbled, HttpError, SessionLost
from erlmcp.client.events import EventReader
from erlmcp.client.fetch import Fetch, Fields, HttpReply
from erlmcp.client.message import Ask, Failed, Incoming, Notice, Reply, Sendable, read
from erlmcp.client.transport import Receive

__all__ = ["Streamable"]

_log: Final = logging.getLogger("erlmcp.client")

MAX_MESSAGE: Final = 16 * 1024 * 1024  # bytes of an answer or an event; a page of tcps' largest receipts has 6 MiB
RETRY: Final = 1.0  # seconds until a stream is resumed, where the server does not say (the official SDKs' default)
MAX_RETRY: Final = 30.0
PATIENCE: Final = 5.0  # seconds for the server's own stream to stand; a proxy may hold back a head without a body
RESUMPTIONS: Final = 10  # in a row that brought nothing new
_JSON: Final = (b"Content-Type", b"application/json")
_ACCEPT: Final = (b"Accept", b"application/json, text/event-stream")
_EVENTS: Final = (b"Accept", b"text/event-stream")


class Streamable:
    """A transport over `fetch`. `headers`: sent with every request, like Authorization. `max_message`: bytes."""

    repeats: Final = True

    def __init__(self, fetch: Fetch, *, headers: Fields = (), max_message: int = MAX_MESSAGE) -> None:
        self.url: Final = fetch.url
        self.session = b""
        self._fetch: Final = fetch
        self._own: Final = headers
        self._max: Final = max_message
        self._version = b""
        self._modern = True
        self._receive: Receive = lambda _message: None
        self._listening: asyncio.Task[None] | None = None

    async def start(self, receive: Receive) -> None:
        self._receive = receive

    def settle(self, version: str, *, modern: bool) -> None:
        self._version = version.encode()
        self._modern = modern

    @property
    def closing_cancels(self) -> bool:
        return self._modern

    async def exchange(self, message: Sendable) -> AsyncGenerator[Incoming, None]:
        opening = message.method == "initialize"
        if opening:
            self.session = self._version = b""
        reply = await self._send("POST", (_JSON, _ACCEPT, *message.headers), message.body)
        try:
            if reply.status >= 300:
                yield await refused(reply, self.url, session=bool(self.session))
                return
            if opening:
                self.session = reply.headers.get(b"mcp-session-id", b"")
            if _is_stream(reply):
                async with contextlib.aclosing(self._until_answered(reply, message.raw_id)) as messages:
                    async for each in messages:
                        yield each
                return
            for each in read(await text_of(reply, self._max, self.url)):
                yield each
        finally:
            await reply.aclose()

    async def tell(self, body: bytes) -> None:
        reply = await self._send("POST", (_JSON, _ACCEPT), body)
        try:
            if reply.status >= 300:
                raise await refuse(reply, self.url, session=bool(self.session))
            await text_of(reply, self._max, self.url)  # to the end, so that the connection may be kept
        finally:
            await reply.aclose()

    async def listen(self) -> None:
        await self._stop_listening()
        stands = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(stands))
        self._listening.add_done_callback(lambda _done: stands.set())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await stands.wait()

    async def aclose(self) -> None:
        await self._stop_listening()
        if self.session:
            with contextlib.suppress(ClientError, TimeoutError):  # a server need not let its sessions be ended (405)
                async with asyncio.timeout(2.0):
                    await (await self._send("DELETE", ())).aclose()
        await self._fetch.aclose()

    async def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _send(self, method: str, fields: Fields, body: bytes = b"") -> HttpReply:
        if self._version:
            fields = (*fields, (b"MCP-Protocol-Version", self._version))
        if self.session:
            fields = (*fields, (b"Mcp-Session-Id", self.session))
        return await self._fetch.send(method, (*self._own, *fields), body)

    # Streams

    async def _until_answered(self, reply: HttpReply, raw_id: bytes) -> AsyncGenerator[Incoming, None]:
        """The messages of a stream, and of those that resume it, up to the answer."""
        reader = EventReader(self._max)
        idle = 0
        while True:
            told = False
            async with contextlib.aclosing(self._messages(reply, reader)) as messages:
                async for each in messages:
                    told = True
                    yield each
                    if isinstance(each, Reply | Failed) and each.id in {raw_id, b""}:
                        return
            idle = 0 if told else idle + 1
            if self._modern or not reader.last_id or idle > RESUMPTIONS:
                raise ConnectionFailed(f"the stream of {self.url} ended before the answer", sent=True, begun=True)
            reply = await self._resume(reader, idle)

    async def _messages(self, reply: HttpReply, reader: EventReader) -> AsyncGenerator[Incoming, None]:
        """What one stream carries until it ends or, where it may be resumed, breaks."""
        try:
            async with contextlib.aclosing(reply.chunks()) as chunks:  # type: ignore[type-var]  # a generator, all are
                async for chunk in chunks:
                    for event in reader.feed(chunk):
                        for each in read(event.data) if event.data and event.name == b"message" else ():
                            yield each
        except ConnectionFailed:
            if self._modern or not reader.last_id:
                raise
        finally:
            await reply.aclose()

    async def _resume(self, reader: EventReader, idle: int) -> HttpReply:
        """The rest of a stream (2025-11-25, Transports, Resumability), after the time that the server asked for."""
        wait = RETRY if reader.retry is None else reader.retry
        while True:
            await asyncio.sleep(min(wait * 2 ** max(idle - 1, 0), MAX_RETRY) if idle else wait)
            try:
                reply = await self._send("GET", (_EVENTS, (b"Last-Event-ID", reader.last_id)))
            except ConnectionFailed:
                idle += 1
                if idle > RESUMPTIONS:
                    raise
                continue
            if reply.status == 200 and _is_stream(reply):
                return reply
            raise await refuse(reply, self.url, session=bool(self.session))

    async def _listen(self, stands: asyncio.Event) -> None:
        """The stream that the server may use on its own (2025-11-25, Transports, Listening for Messages)."""
        reader = EventReader(self._max)
        wait = 0.0
        while True:
            await asyncio.sleep(wait)
            try:
                since = ((b"Last-Event-ID", reader.last_id),) if reader.last_id else ()
                reply = await self._send("GET", (_EVENTS, *since))
                if reply.status != 200 or not _is_stream(reply):
                    raise await refuse(reply, self.url, session=bool(self.session))
                stands.set()
                async with contextlib.aclosing(self._messages(reply, reader)) as messages:
                    async for each in messages:
                        if isinstance(each, Notice | Ask):
                            self._receive(each)
                wait = RETRY if reader.retry is None else reader.retry
            except SessionLost:
                return  # the next request finds out, and opens another
            except HttpError as error:
                if error.status != 405:  # what a server says that has no such stream
                    _log.warning("%s: no stream of its own messages: %s", self.url, error)
                return
            except (ConnectionFailed, TimeoutError):
                wait = min(max(wait, RETRY) * 2, MAX_RETRY)
            except Garbled as fault:
                _log.warning("%s: %s", self.url, fault)
                return


def _is_stream(reply: HttpReply) -> bool:
    kind = reply.headers.get(b"content-type", b"").partition(b";")[0]
    return kind.strip().lower() == b"text/event-stream"
