"""The streams of a session: their events have ids and are kept, so that a client that lost one can have the rest.

An event's id names its stream and its place in it. What a reader gets here and what it gets elsewhere after a loss are
the same events in the same order. It does not know how requests are performed.
"""

import asyncio
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from erlmcp.http import COMMENT
from erlmcp.jsonrpc import INTERNAL_ERROR, RpcError, encode_error, encode_notification, event
from erlmcp.mcp.changes import Change
from erlmcp.mcp.legacy.events import Event, EventStore, Stream
from erlmcp.mcp.stream import HARD_LIMIT, EventStream

__all__ = [
    "RETRY",
    "CallStream",
    "Follower",
    "Home",
    "SessionStream",
    "Standalone",
    "event_id",
    "framed",
    "read_event_id",
]

RETRY: Final = 1000
"""Milliseconds after which a client whose stream ended should come back (2025-11-25, Transports, `retry`)."""

PROMPT: Final = 1.0
"""Seconds after which an answer that is not there becomes a stream: from then on its client can come back for it."""

MAX_KEPT: Final = 1 << 20
"""Bytes of a message that is kept. A larger one reaches who reads while it is sent."""

NAME_BYTES: Final = 9  # random: unique in its session, and in practice anywhere
CALL, STANDALONE = "c", "s"  # what the name of a stream begins with

_ID: Final = re.compile(rb"([cs][A-Za-z0-9_-]{12})\.([0-9]{1,15})")


def event_id(name: str, number: int) -> bytes:
    return b"%b.%d" % (name.encode(), number)


def read_event_id(raw: bytes) -> tuple[str, int] | None:
    """The name of the stream and the number of the event; None for what is no id of ours."""
    read = _ID.fullmatch(raw)
    return (read[1].decode(), int(read[2])) if read is not None else None


def framed(name: str, number: int, message: bytes) -> bytes:
    """A message as an event with its id."""
    return b"id: %b\n%b" % (event_id(name, number), event(message))


def priming(name: str, number: int) -> bytes:
    """An event that says nothing, from which on a client can resume (2025-11-25, Transports, Sending Messages)."""
    return b"id: %b\nretry: %d\ndata: \n\n" % (event_id(name, number), RETRY)


class Numbered(EventStream):
    """A reader's end of a stream whose events have ids."""

    __slots__ = ("_released", "name", "number")

    def __init__(self, limit: int, keep_alive: float, name: str, number: int = 0) -> None:
        super().__init__(limit, keep_alive)
        self.name = name
        self.number = number
        """Of the newest event."""
        self._released = False

    @property
    def being_read(self) -> bool:
        """Whether somebody reads it here, or is about to."""
        return not self._abandoned and not self._ended and not self._released

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self._ended

    def let_go(self) -> None:
        """Let the reader go when it has what is queued. It comes back for the rest."""
        if self.being_read:
            self._released = True
            self._awake()

    def cut(self) -> None:
        """Its client reads it elsewhere: what is queued is sent there."""
        self.abandon()
        self._awake()

    def farewell(self) -> None:
        """As `let_go`, and say when to come back."""
        if self.being_read:
            self._queue(b"retry: %d\n\n" % RETRY)
            self.let_go()

    async def __anext__(self) -> bytes:
        if self._released and not self._events:
            self.abandon()
            raise StopAsyncIteration
        chunk = await super().__anext__()
        if self._released and chunk is COMMENT:
            self.abandon()
            raise StopAsyncIteration
        return chunk

    def _awake(self) -> None:
        wake = self._wake
        if wake is not None and not wake.done():
            wake.set_result(None)


class Home(msgspec.Struct, frozen=True):
    """What the streams that one worker writes have in common."""

    store: EventStore
    writer: str
    """The worker's address."""
    buffer: int
    keep_alive: float


class SessionStream(Numbered):
    """A stream that is written here: each event is kept, and queued while somebody reads."""

    __slots__ = ("_primes", "_request", "_session", "_store", "_writer")

    def __init__(self, home: Home, session: str, request: bytes, *, primes: bool, name: str = "") -> None:
        super().__init__(home.buffer, home.keep_alive, name)
        self._store, self._writer, self._session, self._request = home.store, home.writer, session, request
        self._primes = primes

    @property
    def session(self) -> str:
        return self._session

    @property
    def stream(self) -> Stream:
        return Stream(self._session, self.name)

    def emit(self, method: str, params: bytes) -> Awaitable[None] | None:
        if self._ended or self._size >= HARD_LIMIT * self._limit:
            return None
        self.send(encode_notification(method, params))
        return None if self._abandoned or self._size < self._limit else self._room()

    def send(self, message: bytes) -> None:
        """One more event."""
        self._put(message)

    def commit(self) -> None:
        self._open()

    def abandon(self) -> None:
        """The reader is gone; the stream goes on."""
        if not self._abandoned:
            self._abandoned = True
            self._events.clear()
            self._size = 0
            self._release()

    def _open(self) -> None:
        if self.name:
            return
        self.name = new_name(CALL)
        self._store.begin(self.stream, self._writer, self._request)
        if self._primes and not self._abandoned:
            self._queue(priming(self.name, 0))

    def _put(self, message: bytes, *, last: bool = False) -> None:
        self._open()
        self.number += 1
        kept = message if len(message) <= MAX_KEPT else self._too_large(last=last)
        if kept:
            self._store.append(self.stream, Event(self.number, kept, last))
        if not self._abandoned:
            self._queue(framed(self.name, self.number, message))

    def _too_large(self, *, last: bool) -> bytes:
        """What stands for a message that is not kept: nothing, but for an answer."""
        fault = f"Internal error: the answer has more than {MAX_KEPT} bytes, too large to be kept for who comes back"
        return encode_error(self._request or None, RpcError(INTERNAL_ERROR, fault)) if last else b""


class CallStream(SessionStream):
    """The stream of one request. Its reader may go and come back; who cancels it says so."""

    __slots__ = ("_silent", "_work")

    def __init__(self, home: Home, session: str, request: bytes, *, primes: bool) -> None:
        super().__init__(home, session, request, primes=primes)
        self._silent = False
        self._work: asyncio.Future[bytes] | None = None

    @property
    def request(self) -> bytes:
        """The raw id of the request."""
        return self._request

    @property
    def patience(self) -> float:
        return min(self.keep_alive, PROMPT) if self._primes else self.keep_alive

    def attach(self, work: asyncio.Future[bytes]) -> None:
        self._work = work

    def cancel(self) -> None:
        """Stop the work, and answer nothing (utilities/cancellation)."""
        if self._ended or self._silent:
            return
        self._silent = True
        commit = self.on_event
        if commit is not None:
            commit()
        if self._work is not None:
            self._work.cancel()

    def end(self, message: bytes) -> None:
        if self._ended:
            return
        if self._silent:
            self.finish()
        elif self._abandoned and not self.name:
            self._ended = True  # its reader left before it knew of a stream
        else:
            self._put(message, last=True)
            self._ended = True

    def finish(self) -> None:
        if not self._ended and self.name:
            self._store.append(self.stream, Event(self.number + 1, b"", last=True))
        super().finish()

    def close_early(self) -> None:
        """End the connection, not the call: its client comes back for the rest (2025-11-25, polling). A client that has
        no event's id to come back with keeps its connection."""
        if self._primes:
            self._open()
        if self.name:
            self.let_go()


class Standalone(SessionStream):
    """The stream of a session that answers no request. `on_read`: its reader is there; `on_leave`: it is gone."""

    __slots__ = ("on_leave", "on_read")

    def __init__(self, home: Home, session: str, name: str) -> None:
        super().__init__(home, session, b"", primes=False, name=name)
        self.on_read: Callable[[], object] | None = None
        self.on_leave: Callable[[Standalone], object] | None = None

    def hear(self, change: Change) -> None:
        """A `changes.Listener`: its client is told."""
        self.emit(change.method, change.params)

    def end(self, message: bytes = b"") -> None:  # noqa: ARG002 - there is no last message
        """The process leaves: its client comes again, to another one."""
        self.farewell()

    def open(self, number: int, events: tuple[Event, ...], *, primes: bool) -> None:
        """Begin after event `number`; `events` are those up to it that the reader does not have."""
        self.number = number
        self._store.begin(self.stream, self._writer, b"")
        for each in events:
            self._queue(framed(self.name, each.number, each.message))
        if primes:
            self._queue(priming(self.name, number))

    async def __anext__(self) -> bytes:
        chunk = await super().__anext__()
        if self.on_read is not None:
            self.on_read()
        return chunk

    def finish(self) -> None:
        super().finish()
        self._leave()

    def abandon(self) -> None:
        super().abandon()
        self._leave()

    def _leave(self) -> None:
        left, self.on_leave = self.on_leave, None
        if left is not None:
            left(self)


class Follower(Numbered):
    """A reader's end of a stream that is written elsewhere, or was."""

    __slots__ = ("_early", "on_leave", "stream")

    def __init__(self, stream: Stream, after: int, limit: int, keep_alive: float) -> None:
        super().__init__(limit, keep_alive, stream.name, after)
        self.stream = stream
        self._early: list[Event] | None = []
        self.on_leave: Callable[[Follower], object] | None = None

    def start(self, events: tuple[Event, ...], *, ended: bool) -> None:
        """What it has had, before what came in the meantime. `ended`: nothing follows."""
        early, self._early = self._early or [], None
        for each in (*events, *early):
            self._take(each)
        if ended and not self._ended:
            self.finish()

    def take(self, event: Event) -> None:
        """One more event; one that was there already is not repeated. A reader that is far behind comes again."""
        if self._early is not None:
            self._early.append(event)
            return
        self._take(event)
        if self._size > HARD_LIMIT * self._limit:
            self.let_go()

    def finish(self) -> None:
        super().finish()
        self._leave()

    def abandon(self) -> None:
        super().abandon()
        self._leave()

    def _take(self, event: Event) -> None:
        if event.number > self.number and self.being_read:
            self.number = event.number
            if event.message:
                self._queue(framed(self.name, event.number, event.message))
            if event.last:
                self.finish()

    def _leave(self) -> None:
        left, self.on_leave = self.on_leave, None
        if left is not None:
            left(self)


def new_name(kind: str) -> str:
    return kind + urlsafe_b64encode(os.urandom(NAME_BYTES)).decode()
