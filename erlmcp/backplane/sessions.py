"""The sessions of a node: a table in the memory of the line process, written through to its database.

What ends or changes is told to all workers at once, and answered when it is durable. That a session was used is written
down now and then only: after a crash it may live a quarter of the idle time longer.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from erlmcp.backplane.again import call_again
from erlmcp.backplane.ground import Ground, Part
from erlmcp.mcp.legacy import TOLD, SessionsFull, SessionTable, State, StateChange, StoreAway, Told, encode_told
from erlmcp.otp import ChildSpec, Declined, Down, Link, Overloaded
from erlmcp.store import Database, Value

__all__ = ["LineSessions", "SessionLedger", "part"]

SERVICE: Final = "mcp.sessions"

SWEEP: Final = 1.0
"""Seconds between looks for sessions that were idle for too long."""

AT_ONCE: Final = 256
"""Sessions that one look ends at most, and writes that one transaction holds: the loop goes on in between."""

LOADED: Final = 1000  # sessions that are taken from the database before the loop goes on in between


class Add(msgspec.Struct, frozen=True, array_like=True, tag=True):
    key: str


class Find(msgspec.Struct, frozen=True, array_like=True, tag=True):
    key: str


class Alter(msgspec.Struct, frozen=True, array_like=True, tag=True):
    key: str
    change: StateChange


class End(msgspec.Struct, frozen=True, array_like=True, tag=True):
    key: str


class Touch(msgspec.Struct, frozen=True, array_like=True, tag=True):
    keys: tuple[str, ...]


class Full(msgspec.Struct, frozen=True, array_like=True):
    """Why there is no room."""

    message: str
    retry_after: float


class Write(msgspec.Struct, eq=False):
    """A statement that is to be committed; `done`, where somebody waits for that."""

    query: str
    params: Mapping[str, Value]
    done: asyncio.Future[None] | None = None


class Row(msgspec.Struct):
    key: str
    seen: float
    level: str
    watched: str


_encode: Final = msgspec.msgpack.Encoder().encode
_ask: Final = msgspec.msgpack.Decoder(Add | Find | Alter | End | Touch).decode
_full: Final = msgspec.msgpack.Decoder(Full).decode
_state: Final[Callable[[bytes], State | None]] = msgspec.msgpack.Decoder(State | None).decode
_flag: Final = msgspec.msgpack.Decoder(bool).decode


class SessionLedger:
    """The line's side. `now`: seconds since 1970."""

    def __init__(self, ground: Ground, now: Callable[[], float] = time.time) -> None:
        options = ground.options
        self._database: Database = ground.database
        self._publish, self._now = ground.publish, now
        self._limit, self._idle = options.max_sessions, options.session_idle
        self.table: Final = SessionTable(options.max_sessions, options.session_idle)
        self._loaded = self._running = False
        self._writes: list[Write] = []
        self._wake: asyncio.Future[None] | None = None

    async def answer(self, payload: bytes, _seconds: float) -> bytes:
        """The service."""
        if not self._running:
            raise Down(SERVICE, "waits for its database")
        now = self._now()
        reply: State | bool | None = None
        match _ask(payload):
            case Find(key):
                reply = self.table.find(key, now)
            case Touch(keys):
                for key in self.table.touch(keys, now):
                    self._write("sessions_seen", key=key, seen=now)
            case Add(key):
                await self._add(key, now)
            case Alter(key, change):
                reply = await self._alter(key, change, now)
            case End(key):
                reply = await self._end(key)
        return _encode(reply)

    async def run(self, ready: Callable[[], None]) -> None:
        """Be the one who writes: a child that needs the database. Raises StoreError."""
        if not self._loaded:
            await self._load()
        self._running = True
        ready()
        try:
            while True:
                await self._pause()
                for key in self.table.sweep(self._now(), AT_ONCE):
                    self._gone(key)
                await self._commit()
        finally:
            self._running = False
            self._give_up()

    async def _add(self, key: str, now: float) -> None:
        try:
            gone = self.table.add(key, now)
        except SessionsFull as full:
            raise Declined(_encode(Full(full.message, full.retry_after))) from None
        for each in gone:
            self._gone(each)
        await self._written("sessions_add", key=key, seen=now)

    async def _alter(self, key: str, change: StateChange, now: float) -> bool:
        try:
            state = self.table.change(key, change, now)
        except SessionsFull as full:
            raise Declined(_encode(Full(full.message, full.retry_after))) from None
        if state is None:
            return False
        self._tell(key, state)
        watched = msgspec.json.encode(state.watched).decode()
        await self._written("sessions_change", key=key, level=state.level, watched=watched)
        return True

    async def _end(self, key: str) -> bool:
        if not self.table.end(key):
            return False
        self._tell(key, None)
        await self._written("sessions_end", key=key)
        return True

    def _gone(self, key: str) -> None:
        """It has ended by itself."""
        self._tell(key, None)
        self._write("sessions_end", key=key)

    def _tell(self, key: str, state: State | None) -> None:
        self._publish(TOLD, encode_told(Told(key, state)))

    def _write(self, query: str, **params: Value) -> Write:
        write = Write(query, params)
        self._writes.append(write)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        return write

    async def _written(self, query: str, **params: Value) -> None:
        write = self._write(query, **params)
        write.done = asyncio.get_running_loop().create_future()
        await write.done

    async def _pause(self) -> None:
        """Until there is something to write, or it is time to look for idle sessions."""
        if self._writes:
            return
        self._wake = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._wake], timeout=SWEEP)

    async def _commit(self) -> None:
        """Write the oldest. What fails leaves them where they are, for `run` to give up."""
        writes = self._writes[:AT_ONCE]
        if not writes:
            return
        async with self._database.transaction() as transaction:
            for write in writes:
                await transaction.run(write.query, **write.params)
        del self._writes[: len(writes)]
        for write in writes:
            if write.done is not None and not write.done.done():
                write.done.set_result(None)

    def _give_up(self) -> None:
        writes, self._writes = self._writes, []
        for write in writes:
            if write.done is not None and not write.done.done():
                write.done.set_exception(Down(SERVICE, "could not write it down"))

    async def _load(self) -> None:
        async with self._database.transaction() as transaction:
            await transaction.run("sessions_trim", limit=self._limit)
            rows = await transaction.all("sessions_all", into=Row, limit=self._limit)
        now = self._now()
        for number, row in enumerate(rows, 1):
            if number % LOADED == 0:
                await asyncio.sleep(0)
            watched = msgspec.json.decode(row.watched, type=tuple[str, ...])
            self.table.load(row.key, State(row.level, watched), min(now, row.seen + self._idle / 4))
        self._loaded = True


def part(ground: Ground) -> Part:
    """What the line process runs of it."""
    ledger = SessionLedger(ground)
    return Part({SERVICE: ledger.answer}, (ChildSpec("sessions", ledger.run, shutdown=2.0),))


class LineSessions:
    """A worker's side: a `SessionStore`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def add(self, key: str) -> None:
        await self._call(Add(key))

    async def find(self, key: str) -> State | None:
        return _state(await self._call(Find(key)))

    async def change(self, key: str, change: StateChange) -> bool:
        return _flag(await self._call(Alter(key, change)))

    async def end(self, key: str) -> bool:
        return _flag(await self._call(End(key)))

    def touch(self, keys: Sequence[str]) -> None:
        try:
            self._link.cast(SERVICE, _encode(Touch(tuple(keys))))
        except (Down, Overloaded):
            return  # they are told again with their next use

    async def _call(self, ask: Add | Find | Alter | End) -> bytes:
        try:
            return await call_again(self._link, SERVICE, _encode(ask))
        except Declined as no:
            full = _full(no.payload)
            raise SessionsFull(full.message, full.retry_after) from None
        except (Down, Overloaded, TimeoutError) as fault:
            raise StoreAway(f"the sessions are out of reach: {fault}") from None
