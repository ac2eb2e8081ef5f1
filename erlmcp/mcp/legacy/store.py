"""Which sessions live, and what may change of each: its log level and the resources it watches.

`SessionTable` decides, and knows no clock, no process and no database. `MemorySessions` is the store of a process that
is alone; the one of a node is a table of the same kind in its line process (`erlmcp.backplane`).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from erlmcp.mcp.backplane import Bus
from erlmcp.mcp.options import Options
from erlmcp.mcp.threads import Overloaded

__all__ = [
    "LIVELY",
    "MAX_WATCHED",
    "TOLD",
    "MemorySessions",
    "SessionStore",
    "SessionTable",
    "SessionsFull",
    "State",
    "StateChange",
    "StoreAway",
    "Told",
    "decode_told",
    "encode_told",
]

TOLD: Final = "mcp.sessions"
"""The topic of every change: a `Told`."""

LIVELY: Final = 60.0
"""Seconds. A session that was used since is not dropped to make room for a new one."""

MAX_WATCHED: Final = 128
"""Resources that one session may subscribe to."""

SWEEP: Final = 16
"""Expired sessions that one new one removes: more than it adds, too few to be noticed."""


class State(msgspec.Struct, frozen=True, array_like=True):
    """What may change while a session lives."""

    level: str = ""
    """The least severe level of log messages that the client asked for; empty: it did not."""
    watched: tuple[str, ...] = ()
    """The URIs of the resources it subscribed to."""


class StateChange(msgspec.Struct, frozen=True, array_like=True):
    """One change of a state. What is None stays as it is."""

    level: str | None = None
    watch: str | None = None
    unwatch: str | None = None


class Told(msgspec.Struct, frozen=True, array_like=True):
    """A change, as every process hears of it."""

    key: str
    state: State | None
    """None: the session has ended."""


encode_told: Final = msgspec.msgpack.Encoder().encode
decode_told: Final = msgspec.msgpack.Decoder(Told).decode


class SessionsFull(Overloaded):
    """There are as many sessions as there may be and all of them are in use, or one of them watches as many resources
    as one may."""


class StoreAway(Overloaded):
    """The store does not answer now."""


class SessionStore(Protocol):
    """The sessions of a node. Whatever changes is told under `TOLD` before the change is answered.

    Each may raise `StoreAway`.
    """

    async def add(self, key: str) -> None:
        """A new session lives. Durable when this returns. Raises SessionsFull."""

    async def find(self, key: str) -> State | None:
        """Its state; None when it does not live (any more). Being looked for is being used."""

    async def change(self, key: str, change: StateChange) -> bool:
        """False when it does not live. Raises SessionsFull."""

    async def end(self, key: str) -> bool:
        """It lives no more, for any worker, also after a restart. False when it did not live."""

    def touch(self, keys: Sequence[str]) -> None:
        """They were used. Never waits, never raises."""


class Kept(msgspec.Struct, gc=False):
    """A living session in the table."""

    state: State
    seen: float
    stored: float


class SessionTable:
    """The living sessions, the least recently used first. Times are seconds since 1970, given by who asks."""

    def __init__(self, limit: int, idle: float) -> None:
        """`limit`: how many; `idle`: after how many seconds without use one ends."""
        self._limit, self._idle = limit, idle
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, key: str, now: float) -> list[str]:
        """The keys of those that ended to make room. Raises SessionsFull."""
        gone = self.sweep(now, SWEEP)
        if len(self._kept) >= self._limit:
            oldest, kept = next(iter(self._kept.items()))
            if now - kept.seen < LIVELY:
                raise SessionsFull(f"{self._limit} sessions are in use", retry_after=LIVELY - (now - kept.seen))
            del self._kept[oldest]
            gone.append(oldest)
        self._kept[key] = Kept(State(), now, now)
        return gone

    def load(self, key: str, state: State, seen: float) -> None:
        """One that lived before; in the order of `seen`."""
        self._kept[key] = Kept(state, seen, seen)

    def find(self, key: str, now: float) -> State | None:
        kept = self._living(key, now)
        if kept is None:
            return None
        self._use(key, kept, now)
        return kept.state

    def change(self, key: str, change: StateChange, now: float) -> State | None:
        """Its new state; None when it does not live. Raises SessionsFull."""
        kept = self._living(key, now)
        if kept is None:
            return None
        kept.state = changed(kept.state, change)
        self._use(key, kept, now)
        return kept.state

    def end(self, key: str) -> bool:
        return self._kept.pop(key, None) is not None

    def touch(self, keys: Sequence[str], now: float) -> list[str]:
        """The keys of which it is worth writing down that they were used: once in a quarter of the idle time."""
        worth = []
        for key in keys:
            kept = self._living(key, now)
            if kept is not None:
                self._use(key, kept, now)
                if now - kept.stored > self._idle / 4:
                    kept.stored = now
                    worth.append(key)
        return worth

    def sweep(self, now: float, limit: int) -> list[str]:
        """End what was idle for too long, at most `limit` of them; their keys."""
        gone: list[str] = []
        while len(gone) < limit and self._kept:
            key, kept = next(iter(self._kept.items()))
            if now - kept.seen < self._idle:
                break
            del self._kept[key]
            gone.append(key)
        return gone

    def _living(self, key: str, now: float) -> Kept | None:
        kept = self._kept.get(key)
        return kept if kept is not None and now - kept.seen < self._idle else None

    def _use(self, key: str, kept: Kept, now: float) -> None:
        kept.seen = now
        self._kept.move_to_end(key)


def changed(state: State, change: StateChange) -> State:
    """The state after a change. Raises SessionsFull for one resource too many."""
    watched = state.watched
    if change.watch is not None and change.watch not in watched:
        if len(watched) >= MAX_WATCHED:
            raise SessionsFull(f"a session may watch {MAX_WATCHED} resources")
        watched = (*watched, change.watch)
    if change.unwatch is not None:
        watched = tuple(uri for uri in watched if uri != change.unwatch)
    return State(state.level if change.level is None else change.level, watched)


class MemorySessions:
    """The store of a process that is alone. `now`: seconds since 1970."""

    def __init__(self, bus: Bus, options: Options, now: Callable[[], float] = time.time) -> None:
        self._bus, self._now = bus, now
        self.table: Final = SessionTable(options.max_sessions, options.session_idle)

    async def add(self, key: str) -> None:
        for gone in self.table.add(key, self._now()):
            self._tell(gone, None)

    async def find(self, key: str) -> State | None:
        return self.table.find(key, self._now())

    async def change(self, key: str, change: StateChange) -> bool:
        state = self.table.change(key, change, self._now())
        if state is not None:
            self._tell(key, state)
        return state is not None

    async def end(self, key: str) -> bool:
        lived = self.table.end(key)
        if lived:
            self._tell(key, None)
        return lived

    def touch(self, keys: Sequence[str]) -> None:
        self.table.touch(keys, self._now())

    def _tell(self, key: str, state: State | None) -> None:
        self._bus.publish(TOLD, encode_told(Told(key, state)))
