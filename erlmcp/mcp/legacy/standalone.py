"""The GET streams of this worker: the one of a session that answers no request, and those resumed after a loss.

A stream is read in one place: who opens it elsewhere takes it over, and a second standalone stream is refused while the
first one is being read. A resumed call may still run on another worker, have ended, or have died with its worker.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from erlmcp.jsonrpc import INTERNAL_ERROR, RpcError, encode_error
from erlmcp.mcp.asides import Asides
from erlmcp.mcp.backplane import Backplane
from erlmcp.mcp.changes import PROMPTS, RESOURCES, TOOLS, UPDATED, Interest
from erlmcp.mcp.legacy.calls import Calls
from erlmcp.mcp.legacy.events import (
    PROBES,
    Alive,
    Event,
    EventStore,
    Later,
    Probe,
    Replay,
    Stream,
    Superseded,
    decode_signal,
    encode_signal,
    topic_of,
)
from erlmcp.mcp.legacy.sessions import Session, Sessions
from erlmcp.mcp.legacy.store import StoreAway
from erlmcp.mcp.legacy.stream import STANDALONE, Follower, Home, Numbered, Standalone, new_name, read_event_id

__all__ = ["Conflict", "Gone", "Streams", "interests_of"]

PROBE: Final = 1.0
"""Seconds within which the writer of a stream says that it is there."""

WATCH: Final = 2.0
"""Seconds between two looks whether the writer of a stream that is followed is still there."""

MISSES: Final = 2
"""Looks without an answer after which it is taken for dead: one may be lost with the process that carries signals."""

LINGER: Final = 60.0
"""Seconds that a standalone stream without a reader is still written, for a client that comes back."""


class Conflict(Exception):
    """The session's standalone stream is being read elsewhere."""


class Gone(Exception):
    """Nothing is known of the stream to resume."""


class Room(msgspec.Struct, frozen=True):
    """How much may wait for a reader, and how long a silence may be."""

    buffer: int
    keep_alive: float
    probe: float = PROBE
    watch: float = WATCH
    linger: float = LINGER


def interests_of(session: Session) -> list[Interest]:
    """What its standalone stream tells of."""
    return [(TOOLS, ""), (PROMPTS, ""), (RESOURCES, ""), *((UPDATED, uri) for uri in session.state.watched)]


class Streams:
    """A worker's. All of it on the loop's thread."""

    def __init__(self, backplane: Backplane, store: EventStore, calls: Calls, sessions: Sessions, room: Room) -> None:
        bus = backplane.bus
        self._store, self._bus, self._changes = store, bus, backplane.changes
        self._calls, self._sessions, self._room = calls, sessions, room
        self._home: Final = Home(store, bus.address, room.buffer, room.keep_alive)
        sessions.on_change = self._interests_changed
        self._standalone: dict[str, Standalone] = {}
        self._followers: dict[Stream, Follower] = {}
        self._probing: dict[Stream, asyncio.Future[bool]] = {}
        self._claiming = Asides()
        self._watches: dict[Follower, asyncio.Task[None]] = {}
        bus.subscribe(topic_of(bus.address), self._hear, self._resync)
        bus.subscribe(PROBES, self._hear)

    async def open(self, session: Session, last: bytes | None) -> Numbered:
        """The stream that a GET asks for; `last`: the id of the last event that its client has. Raises Conflict, Gone,
        StoreAway."""
        if last is None:
            return await self._stand(session, Stream(session.key, new_name(STANDALONE)), None)
        read = read_event_id(last)
        if read is None:
            raise Gone
        name, number = read
        stream = Stream(session.key, name)
        if name.startswith(STANDALONE):
            return await self._stand(session, stream, number)
        return await self._follow(stream, number)

    def drain(self) -> None:
        """Let who follows a call go, and say when to come back: to another worker. The others are told as listeners."""
        for follower in list(self._followers.values()):
            follower.farewell()

    # Standalone

    async def _stand(self, session: Session, stream: Stream, after: int | None) -> Standalone:
        resumed = after is not None
        await self._claim(stream, stream.name if resumed else "")
        replay = await self._store.follow(stream, after or 0, self._bus.address) if resumed else None
        standalone = Standalone(self._home, session.key, stream.name)
        before = self._standalone.get(session.key)
        self._standalone[session.key] = standalone
        if before is not None:
            before.cut()
        standalone.on_leave = partial(self._linger, session)
        standalone.on_read = partial(self._sessions.use, session)
        number = max(after or 0, replay.number if replay else 0)
        standalone.open(number, replay.events if replay else (), primes=session.primes)
        if resumed:
            self._store.leave(stream, self._bus.address)
        session.when_ended(standalone.finish)
        self._changes.attach(standalone, interests_of(session))
        return standalone

    async def _claim(self, stream: Stream, instead: str) -> None:
        """Raises Conflict while the stream that has the session's place is being read."""
        held = await self._store.claim(stream, self._bus.address, instead)
        if held is None:
            return
        holder = Stream(stream.session, held.request.decode())
        if await self._read_elsewhere(holder):
            raise Conflict
        if await self._store.claim(stream, self._bus.address, holder.name) is not None:
            raise Conflict

    def _linger(self, session: Session, standalone: Standalone) -> None:
        """Its reader is gone. It may come back soon, here or elsewhere, unless the session ends before."""
        session.forget(standalone.finish)
        if standalone.ended or self._standalone.get(session.key) is not standalone:
            self._drop(standalone)
            return
        drop = partial(self._drop, standalone)
        session.when_ended(drop)
        asyncio.get_running_loop().call_later(self._room.linger, self._lingered, session, drop)

    def _lingered(self, session: Session, drop: Callable[[], None]) -> None:
        session.forget(drop)
        drop()

    def _drop(self, standalone: Standalone) -> None:
        stream = standalone.stream
        self._changes.detach(standalone)
        if self._standalone.get(stream.session) is standalone:
            del self._standalone[stream.session]
            self._store.release(stream)

    def _interests_changed(self, session: Session) -> None:
        standalone = self._standalone.get(session.key)
        if standalone is not None:
            self._changes.detach(standalone)
            self._changes.attach(standalone, interests_of(session))

    # Resumed calls

    async def _follow(self, stream: Stream, after: int) -> Follower:
        follower = Follower(stream, after, self._room.buffer, self._room.keep_alive)
        before = self._followers.get(stream)
        if before is not None:
            before.cut()
        self._followers[stream] = follower
        follower.on_leave = self._unfollow
        local = self._calls.named(stream.session, stream.name)
        if local is not None:
            local.cut()
        try:
            replay = await self._store.follow(stream, after, self._bus.address)
        except BaseException:
            self._unfollow(follower)
            raise
        if replay is None and local is None:
            self._unfollow(follower)
            raise Gone
        follower.start(replay.events if replay else (), ended=replay is not None and replay.ended)
        if follower.being_read:
            self._watches[follower] = asyncio.get_running_loop().create_task(self._watch(follower, replay))
        return follower

    def _unfollow(self, follower: Follower) -> None:
        watch = self._watches.pop(follower, None)
        if watch is not None:
            watch.cancel()
        if self._followers.get(follower.stream) is follower:
            del self._followers[follower.stream]
            self._store.leave(follower.stream, self._bus.address)

    async def _watch(self, follower: Follower, replay: Replay | None) -> None:
        """End a stream whose writer is dead with an error, so that its client does not wait for ever."""
        missed = 0
        while missed < MISSES:
            missed = 0 if await self._written(follower.stream) else missed + 1
            await asyncio.sleep(self._room.watch)
        if not follower.being_read:
            return
        error = RpcError(INTERNAL_ERROR, "Internal error: the process that served this call has died")
        request = replay.request if replay is not None and replay.request else None
        event = Event(follower.number + 1, encode_error(request, error), last=True)
        self._store.append(follower.stream, event)
        follower.take(event)

    async def _written(self, stream: Stream) -> bool:
        return self._calls.named(stream.session, stream.name) is not None or await self._probe(stream) is not None

    async def _read_elsewhere(self, stream: Stream) -> bool:
        local = self._standalone.get(stream.session)
        if local is not None and local.name == stream.name:
            return local.being_read
        return await self._probe(stream) is True

    async def _probe(self, stream: Stream) -> bool | None:
        """Whether it is being read where it is written; None when nobody writes it."""
        answer = self._probing.get(stream)
        if answer is None:
            answer = self._probing[stream] = asyncio.get_running_loop().create_future()
            self._bus.publish(PROBES, encode_signal(Probe(stream, self._bus.address)))
        try:
            async with asyncio.timeout(self._room.probe):
                return await asyncio.shield(answer)
        except TimeoutError:
            return None
        finally:
            if self._probing.get(stream) is answer:
                del self._probing[stream]

    # What the others tell

    def _hear(self, payload: bytes) -> None:
        match decode_signal(payload):
            case Later(stream, event):
                follower = self._followers.get(stream)
                if follower is not None:
                    follower.take(event)
            case Superseded(stream):
                self._superseded(stream)
            case Probe(stream, reader):
                self._answer(stream, reader)
            case Alive(stream, read):
                answer = self._probing.get(stream)
                if answer is not None and not answer.done():
                    answer.set_result(read)

    def _superseded(self, stream: Stream) -> None:
        standalone = self._standalone.get(stream.session)
        if standalone is not None and standalone.name == stream.name:
            del self._standalone[stream.session]
            standalone.cut()
            self._drop(standalone)  # one that lingered, too: from now on it is written elsewhere
        follower = self._followers.get(stream)
        if follower is not None:
            follower.cut()
        call = self._calls.named(stream.session, stream.name)
        if call is not None:
            call.cut()

    def _answer(self, stream: Stream, reader: str) -> None:
        if reader == self._bus.address:
            return
        standalone = self._standalone.get(stream.session)
        if standalone is not None and standalone.name == stream.name:
            self._bus.publish(topic_of(reader), encode_signal(Alive(stream, standalone.being_read)))
        elif self._calls.named(stream.session, stream.name) is not None:
            self._bus.publish(topic_of(reader), encode_signal(Alive(stream, read=True)))

    def _resync(self) -> None:
        """What carries the signals may have forgotten who reads and writes what."""
        for standalone in list(self._standalone.values()):
            self._claiming.begin(self._claim_again(standalone))
        for follower in list(self._followers.values()):
            follower.let_go()

    async def _claim_again(self, standalone: Standalone) -> None:
        stream = standalone.stream
        try:
            held = await self._store.claim(stream, self._bus.address, stream.name)
        except StoreAway:
            return
        if held is not None:  # its client has opened another one in the meantime
            standalone.finish()
        else:
            self._store.begin(stream, self._bus.address, b"")
