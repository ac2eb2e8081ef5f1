"""The events of one request on their way to one reader: a bounded queue between a sink and an HTTP body.

It carries encoded messages and does not know what they say.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Self

from erlmcp.http import COMMENT
from erlmcp.jsonrpc import encode_notification, event

__all__ = ["NO_SINK", "EventStream", "NoSink"]

_log: Final = logging.getLogger("erlmcp.mcp")

HARD_LIMIT: Final = 4
"""How many times the buffer may grow by senders that do not wait, before what they send is dropped."""


class NoSink:
    """For a request that asked for no notifications: nothing leaves."""

    __slots__ = ()

    def emit(self, method: str, params: bytes) -> Awaitable[None] | None:  # noqa: ARG002 - the sink's signature
        _log.debug("dropped %s: the request did not ask for it", method)
        return None

    def room(self) -> Awaitable[None] | None:
        """There is nobody to wait for."""
        return None


NO_SINK: Final = NoSink()


class EventStream:
    """A sink for its sender, an asynchronous iterator of chunks for its reader. All of it on one loop's thread.

    A sender that waits is held while `limit` bytes are queued; what comes beyond four times `limit` is dropped. A
    reader that goes away (`aclose`, or a cancelled `anext`) is told to `on_abandon`, once.
    """

    __slots__ = (
        "_abandoned",
        "_ended",
        "_events",
        "_limit",
        "_senders",
        "_size",
        "_wake",
        "keep_alive",
        "on_abandon",
        "on_event",
    )

    def __init__(self, limit: int, keep_alive: float) -> None:
        self._limit = limit
        self.keep_alive = keep_alive
        self._events: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._abandoned = False
        self._senders: list[asyncio.Future[None]] = []
        self._wake: asyncio.Future[None] | None = None
        self.on_event: Callable[[], object] | None = None
        """Called when an event is queued and nobody reads yet."""
        self.on_abandon: Callable[[], object] | None = None

    # The sender's end

    def emit(self, method: str, params: bytes) -> Awaitable[None] | None:
        if self._ended or self._abandoned:
            return None
        if self._size >= HARD_LIMIT * self._limit:
            _log.debug("dropped %s: the reader is behind and the sender does not wait", method)
            return None
        self.send(encode_notification(method, params))
        return None if self._size < self._limit else self._room()

    def room(self) -> Awaitable[None] | None:
        """See `sink.Sink`."""
        return self._room() if self._size >= self._limit and not (self._ended or self._abandoned) else None

    def send(self, message: bytes) -> None:
        """One message, whatever is queued."""
        self._queue(event(message))

    def finish(self) -> None:
        """Nothing follows."""
        self._ended = True
        if self._wake is not None:
            _resolve(self._wake)

    def end(self, message: bytes) -> None:
        """The final message; nothing follows it. It is never dropped."""
        if not self._ended:
            self._queue(event(message))
            self._ended = True

    def attach(self, work: asyncio.Future[bytes]) -> None:
        """The work whose answer will end the stream. It is cancelled when the reader goes away."""
        self.on_abandon = work.cancel

    @property
    def patience(self) -> float:
        """Seconds until an answer that is not there becomes a stream, whatever has been sent."""
        return self.keep_alive

    def commit(self) -> None:
        """From here on the answer is a stream."""

    @property
    def empty(self) -> bool:
        return not self._events

    def drain(self) -> bytes:
        """Everything queued, as one chunk; senders go on."""
        chunk = self._events[0] if len(self._events) == 1 else b"".join(self._events)
        self._events.clear()
        self._size = 0
        self._release()
        return chunk

    def _queue(self, chunk: bytes) -> None:
        self._events.append(chunk)
        self._size += len(chunk)
        if self._wake is not None:
            _resolve(self._wake)
        elif self.on_event is not None:
            self.on_event()

    def _room(self) -> asyncio.Future[None]:
        """One future for each sender: a cancelled sender must not take the others along."""
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._senders.append(room)
        return room

    def _release(self) -> None:
        senders, self._senders = self._senders, []
        for room in senders:
            _resolve(room)

    # The reader's end

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._events and not self._ended and not self._abandoned:
            await self._event_or_silence()
        if self._events:
            return self.drain()
        if self._ended or self._abandoned:
            raise StopAsyncIteration
        return COMMENT

    async def aclose(self) -> None:
        """The reader reads no more."""
        self.abandon()

    def abandon(self) -> None:
        """As `aclose`, which needs no waiting."""
        if self._abandoned or (self._ended and not self._events):
            return
        self._abandoned = True
        self._events.clear()
        self._release()
        if self.on_abandon is not None:
            self.on_abandon()

    async def _event_or_silence(self) -> None:
        loop = asyncio.get_running_loop()
        self._wake = wake = loop.create_future()
        timer = loop.call_later(self.keep_alive, _resolve, wake)
        try:
            await wake
        except asyncio.CancelledError:
            await self.aclose()
            raise
        finally:
            timer.cancel()
            self._wake = None


def _resolve(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
