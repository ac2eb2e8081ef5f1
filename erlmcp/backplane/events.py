"""The recent events of a node's sessions: a table in the memory of the line process.

They are signals: never on disk. A line process that died or was replaced has forgotten them; so each worker keeps its
own of the last minute, and tells them again to the next one.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from erlmcp.backplane.again import call_again
from erlmcp.backplane.ground import Ground, Part
from erlmcp.mcp.legacy import Event, EventLimits, EventTable, Replay, StoreAway, Stream
from erlmcp.otp import Down, Link, Overloaded, TooLarge

__all__ = ["LineEvents", "part"]

SERVICE: Final = "mcp.events"
RESENT: Final = "mcp.events.again"  # a topic on which nothing is told: its resync says that the table is another one

AT_HOME: Final = EventLimits(session=2 << 20, node=16 << 20, age=60.0)
"""What a worker keeps of its own."""

GATHER: Final = 1.0
"""Seconds in which a stream becomes known that is not: its client may come to another worker before its own one's word
has come here, and after a line process has died all of them look for the next one each `RemoteOptions.retry`."""

LOOK: Final = 0.02  # seconds between two looks for a stream that somebody has yet to tell of

UNSENT: Final = 1024  # that wait for a line process which is away; they are at home as well
UNSENT_BYTES: Final = 16 << 20


class Begin(msgspec.Struct, frozen=True, array_like=True, tag=True):
    stream: Stream
    writer: str
    request: bytes


class Append(msgspec.Struct, frozen=True, array_like=True, tag=True):
    stream: Stream
    event: Event


class Follow(msgspec.Struct, frozen=True, array_like=True, tag=True):
    stream: Stream
    after: int
    reader: str


class Leave(msgspec.Struct, frozen=True, array_like=True, tag=True):
    stream: Stream
    reader: str


class Claim(msgspec.Struct, frozen=True, array_like=True, tag=True):
    stream: Stream
    writer: str
    instead: str


class Release(msgspec.Struct, frozen=True, array_like=True, tag=True):
    stream: Stream


class Forget(msgspec.Struct, frozen=True, array_like=True, tag=True):
    session: str


Told = Begin | Append | Leave | Release | Forget
_encode: Final = msgspec.msgpack.Encoder().encode
_ask: Final = msgspec.msgpack.Decoder(Begin | Append | Follow | Leave | Claim | Release | Forget).decode
_replay: Final[Callable[[bytes], Replay | None]] = msgspec.msgpack.Decoder(Replay | None).decode


def part(ground: Ground, now: Callable[[], float] = time.monotonic) -> Part:
    """What the line process runs of it. `now`: monotonic seconds."""
    table = EventTable(ground.publish, EventLimits())

    async def follow(stream: Stream, after: int, reader: str) -> Replay | None:
        reply, until = table.follow(stream, after, reader, now()), now() + GATHER
        while reply is None and now() < until:
            await asyncio.sleep(LOOK)
            reply = table.follow(stream, after, reader, now())
        return reply

    async def answer(payload: bytes, _seconds: float) -> bytes:
        reply: Replay | None = None
        match _ask(payload):
            case Append(stream, event):
                table.append(stream, event, now())
            case Begin(stream, writer, request):
                table.begin(stream, writer, request, now())
            case Follow(stream, after, reader):
                reply = await follow(stream, after, reader)
            case Leave(stream, reader):
                table.leave(stream, reader)
            case Claim(stream, writer, instead):
                reply = table.claim(stream, writer, instead)
            case Release(stream):
                table.release(stream)
            case Forget(session):
                table.forget(session)
        return _encode(reply)

    return Part({SERVICE: answer})


class LineEvents:
    """A worker's side: an `EventStore`. `now`: monotonic seconds. All of it on the loop's thread."""

    def __init__(self, link: Link, now: Callable[[], float] = time.monotonic) -> None:
        self._link, self._now = link, now
        self._at_home = EventTable(lambda _topic, _payload: None, AT_HOME)
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        link.subscribe(RESENT, lambda _payload: None, self._tell_again)
        link.when_connected(self._tell_unsent)

    def begin(self, stream: Stream, writer: str, request: bytes) -> None:
        self._at_home.begin(stream, writer, request, self._now())
        self._tell(Begin(stream, writer, request))

    def append(self, stream: Stream, event: Event) -> None:
        self._at_home.append(stream, event, self._now())
        self._tell(Append(stream, event))

    async def follow(self, stream: Stream, after: int, reader: str) -> Replay | None:
        return await self._call(Follow(stream, after, reader))

    def leave(self, stream: Stream, reader: str) -> None:
        self._tell(Leave(stream, reader))

    async def claim(self, stream: Stream, writer: str, instead: str) -> Replay | None:
        return await self._call(Claim(stream, writer, instead))

    def release(self, stream: Stream) -> None:
        self._tell(Release(stream))

    def forget(self, session: str) -> None:
        self._at_home.forget(session)
        self._tell(Forget(session))

    async def _call(self, ask: Follow | Claim) -> Replay | None:
        try:
            return _replay(await call_again(self._link, SERVICE, _encode(ask)))
        except (Down, Overloaded, TimeoutError, TooLarge) as fault:
            raise StoreAway(f"the streams are out of reach: {fault}") from None

    def _tell(self, told: Told) -> None:
        self._send(_encode(told))

    def _send(self, payload: bytes) -> None:
        try:
            self._link.cast(SERVICE, payload)
        except (Down, Overloaded):
            self._hold(payload)
        except TooLarge:
            return  # no event of that size is kept

    def _hold(self, payload: bytes) -> None:
        self._unsent.append(payload)
        self._unsent_bytes += len(payload)
        while len(self._unsent) > UNSENT or self._unsent_bytes > UNSENT_BYTES:
            self._unsent_bytes -= len(self._unsent.popleft())

    def _tell_unsent(self) -> None:
        unsent, self._unsent, self._unsent_bytes = self._unsent, deque(), 0
        for payload in unsent:
            self._send(payload)

    def _tell_again(self) -> None:
        """Another table: all that is here, before what waits."""
        for recent in self._at_home.recent():
            self._tell(Begin(recent.stream, recent.writer, recent.request))
            for event in recent.events:
                self._tell(Append(recent.stream, event))
