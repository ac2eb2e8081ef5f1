"""What was sent on the streams of sessions lately, so that a client that lost one can have the rest of it elsewhere.

`EventTable` keeps it, bounded by stream, session, node and age, and tells readers on other workers what comes later.
It keeps streams by session: nobody can ask for another session's (GHSA-84j6-jc92-77jm was that). It knows no clock, no
process and not what events say. `MemoryEvents` is the store of a process that is alone.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from erlmcp.mcp.backplane import Bus

__all__ = [
    "PROBES",
    "Alive",
    "Event",
    "EventLimits",
    "EventStore",
    "EventTable",
    "Later",
    "MemoryEvents",
    "Probe",
    "Replay",
    "Stream",
    "Superseded",
    "decode_signal",
    "encode_signal",
    "topic_of",
]


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event of a stream."""

    number: int
    """Its place in the stream, from 1; 0 is the beginning, which says nothing."""
    message: bytes
    """A JSON-RPC message; empty for the beginning, and for an end that says nothing."""
    last: bool = False


class Stream(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Which stream: a name is unique in its session."""

    session: str
    name: str


class Replay(msgspec.Struct, frozen=True, array_like=True):
    """What a stream has had so far."""

    events: tuple[Event, ...]
    """Those after the one asked for that are still there."""
    number: int
    """Of the newest event ever."""
    writer: str
    """The address of who writes it."""
    request: bytes
    """The raw id of the request that it answers; empty for a stream that answers none."""
    ended: bool = False
    """Whether the newest event is the last."""


class Later(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Told to a reader elsewhere: one more event."""

    stream: Stream
    event: Event


class Superseded(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Told to who reads or writes a stream: its client reads it elsewhere now."""

    stream: Stream


class Probe(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Told to all, by a reader: does anybody write this stream?"""

    stream: Stream
    reader: str


class Alive(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Told to who asked, by the writer. `read`: whether its client reads the stream there."""

    stream: Stream
    read: bool


encode_signal: Final = msgspec.msgpack.Encoder().encode
decode_signal: Final = msgspec.msgpack.Decoder(Later | Superseded | Probe | Alive).decode

PROBES: Final = "mcp.streams"
"""Where a `Probe` is told."""


def topic_of(address: str) -> str:
    """Where a process hears of its streams."""
    return f"mcp.streams.{address}"


class EventStore(Protocol):
    """The events of a node. Signals: what is kept here may be lost with the process that keeps it."""

    def begin(self, stream: Stream, writer: str, request: bytes) -> None:
        """A stream of the writer at this address begins. Never waits, never raises, like `append`."""

    def append(self, stream: Stream, event: Event) -> None:
        """One more event. Numbers rise."""

    async def follow(self, stream: Stream, after: int, reader: str) -> Replay | None:
        """What it has had after this number, and from now on tell `reader` what follows; one reader at a time. None
        when nothing is known of it. Raises StoreAway, like the following."""

    def leave(self, stream: Stream, reader: str) -> None:
        """The reader reads no more. Never waits, never raises."""

    async def claim(self, stream: Stream, writer: str, instead: str) -> Replay | None:
        """Have the one stream of a session that answers no request; who had it before is told `Superseded`.

        `instead`: the name of the stream that may be replaced, empty for none. None when it was claimed; else what has
        it: only `writer` and `request` (its name, there) say something.
        """

    def release(self, stream: Stream) -> None:
        """Claim it no more. Never waits, never raises."""

    def forget(self, session: str) -> None:
        """The session has ended. Never waits, never raises."""


class EventLimits(msgspec.Struct, frozen=True):
    """How much is kept, and how long after the last event of a stream. Bytes and seconds."""

    stream: int = 1 << 20
    session: int = 4 << 20
    node: int = 64 << 20
    age: float = 300.0
    claims: int = 100_000
    """Sessions whose place is remembered as taken: those of a worker that died are released by nobody."""


OVERHEAD: Final = 200
"""Bytes that an event counts beside its message, so that many small ones are bounded, too."""


class Recent(msgspec.Struct, eq=False):
    """A stream in the table."""

    stream: Stream
    writer: str
    request: bytes
    touched: float
    events: deque[Event] = msgspec.field(default_factory=deque)
    size: int = OVERHEAD
    number: int = 0
    ended: bool = False
    reader: str = ""


class Siblings(msgspec.Struct, eq=False):
    """The streams of one session, the least recently written first."""

    streams: OrderedDict[str, Recent] = msgspec.field(default_factory=OrderedDict)
    size: int = 0


class EventTable:
    """Recent streams, the least recently written first. Times are monotonic seconds, given by who asks."""

    def __init__(self, publish: Callable[[str, bytes], None], limits: EventLimits) -> None:
        self._publish, self._limits = publish, limits
        self._streams: OrderedDict[Stream, Recent] = OrderedDict()
        self._of_session: dict[str, Siblings] = {}
        self._claims: dict[str, tuple[str, str]] = {}  # session -> name and writer of its standalone stream
        self.size = 0

    def recent(self) -> list[Recent]:
        """All streams, the least recently written first."""
        return list(self._streams.values())

    def begin(self, stream: Stream, writer: str, request: bytes, now: float) -> None:
        recent = self._streams.get(stream)
        if recent is None:
            self._add(stream, writer, request, now)
        else:
            recent.writer, recent.request = writer, request

    def append(self, stream: Stream, event: Event, now: float) -> None:
        recent = self._streams.get(stream)
        if recent is None:  # what was there is lost, or too old
            recent = self._add(stream, "", b"", now)
        if event.number <= recent.number:
            return
        recent.events.append(event)
        recent.number, recent.touched, recent.ended = event.number, now, event.last
        self._grow(recent, len(event.message) + OVERHEAD)
        self._streams.move_to_end(stream)
        self._of_session[stream.session].streams.move_to_end(stream.name)
        if recent.reader:
            self._publish(topic_of(recent.reader), encode_signal(Later(stream, event)))
        self._bound(recent, now)

    def follow(self, stream: Stream, after: int, reader: str, now: float) -> Replay | None:
        self._expire(now)
        recent = self._streams.get(stream)
        if recent is None:
            return None
        for other in {recent.reader, recent.writer} - {"", reader}:
            self._publish(topic_of(other), encode_signal(Superseded(stream)))
        recent.reader = reader
        events = tuple(event for event in recent.events if event.number > after)
        return Replay(events, recent.number, recent.writer, recent.request, recent.ended)

    def leave(self, stream: Stream, reader: str) -> None:
        recent = self._streams.get(stream)
        if recent is not None and recent.reader == reader:
            recent.reader = ""

    def claim(self, stream: Stream, writer: str, instead: str) -> Replay | None:
        claimed = self._claims.get(stream.session)
        if claimed is not None:
            name, holder = claimed
            if name != instead:
                return Replay((), 0, holder, name.encode())
            if holder != writer:
                self._publish(topic_of(holder), encode_signal(Superseded(Stream(stream.session, name))))
        self._claims.pop(stream.session, None)
        self._claims[stream.session] = (stream.name, writer)
        if len(self._claims) > self._limits.claims:
            del self._claims[next(iter(self._claims))]
        return None

    def release(self, stream: Stream) -> None:
        claimed = self._claims.get(stream.session)
        if claimed is not None and claimed[0] == stream.name:
            del self._claims[stream.session]

    def forget(self, session: str) -> None:
        self._claims.pop(session, None)
        siblings = self._of_session.get(session)
        for recent in list(siblings.streams.values()) if siblings is not None else ():
            self._drop(recent)

    def _add(self, stream: Stream, writer: str, request: bytes, now: float) -> Recent:
        recent = Recent(stream, writer, request, now)
        self._streams[stream] = recent
        siblings = self._of_session.get(stream.session)
        if siblings is None:
            siblings = self._of_session[stream.session] = Siblings()
        siblings.streams[stream.name] = recent
        siblings.size += recent.size
        self.size += recent.size
        self._bound(recent, now)
        return recent

    def _grow(self, recent: Recent, size: int) -> None:
        recent.size += size
        self._of_session[recent.stream.session].size += size
        self.size += size

    def _bound(self, recent: Recent, now: float) -> None:
        """Drop the oldest until every bound holds; of the stream just written, its newest event stays."""
        while recent.size > self._limits.stream and len(recent.events) > 1:
            self._grow(recent, -(len(recent.events.popleft().message) + OVERHEAD))
        siblings = self._of_session[recent.stream.session]
        while siblings.size > self._limits.session and len(siblings.streams) > 1:
            self._drop(next(iter(siblings.streams.values())))
        self._expire(now)
        while self.size > self._limits.node and len(self._streams) > 1:
            self._drop(next(iter(self._streams.values())))

    def _expire(self, now: float) -> None:
        while self._streams:
            oldest = next(iter(self._streams.values()))
            if now - oldest.touched < self._limits.age:
                break
            self._drop(oldest)

    def _drop(self, recent: Recent) -> None:
        del self._streams[recent.stream]
        siblings = self._of_session[recent.stream.session]
        del siblings.streams[recent.stream.name]
        siblings.size -= recent.size
        if not siblings.streams:
            del self._of_session[recent.stream.session]
        self.size -= recent.size


class MemoryEvents:
    """The store of a process that is alone. `now`: monotonic seconds."""

    def __init__(self, bus: Bus, limits: EventLimits, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.table: Final = EventTable(bus.publish, limits)

    def begin(self, stream: Stream, writer: str, request: bytes) -> None:
        self.table.begin(stream, writer, request, self._now())

    def append(self, stream: Stream, event: Event) -> None:
        self.table.append(stream, event, self._now())

    async def follow(self, stream: Stream, after: int, reader: str) -> Replay | None:
        return self.table.follow(stream, after, reader, self._now())

    def leave(self, stream: Stream, reader: str) -> None:
        self.table.leave(stream, reader)

    async def claim(self, stream: Stream, writer: str, instead: str) -> Replay | None:
        return self.table.claim(stream, writer, instead)

    def release(self, stream: Stream) -> None:
        self.table.release(stream)

    def forget(self, session: str) -> None:
        self.table.forget(session)
