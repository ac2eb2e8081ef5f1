"""The sessions that one worker has met: opened ids kept for a while, told by the bus of whatever changes.

A session that was opened here costs a look into a dict. One that was not, or whose news may have been missed, is asked
of the store first.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from erlmcp.mcp.backplane import Bus
from erlmcp.mcp.legacy.session import Agreement, new_agreement, seal, unseal
from erlmcp.mcp.legacy.store import TOLD, SessionStore, State, decode_told
from erlmcp.mcp.seal import Sealer
from erlmcp.mcp.versions import SUPPORTED

__all__ = ["KEPT", "Session", "Sessions"]

KEPT: Final = 4096
"""Opened ids of one generation; there are two. One costs about a kilobyte, and a microsecond to open again."""

FLUSH: Final = 15.0
"""Seconds for which a worker remembers which sessions were used before it tells the store; less where sessions end
after less than four times as many."""

CHUNK: Final = 1000  # keys told at once

PRIMING: Final = "2025-11-25"
"""The revision since which a stream may begin with an event that says nothing; older clients break on one."""

PRIMED: Final = frozenset(SUPPORTED[: SUPPORTED.index(PRIMING) + 1])


class Session(msgspec.Struct, eq=False, weakref=True):
    """An opened session as this worker sees it."""

    agreement: Agreement
    principal: str
    state: State = State()
    used: bool = False
    """Since the store was told last."""
    until: float = 0.0
    """Until when it lives, if it is not used; seconds since 1970. 0: ask the store."""
    ended: bool = False
    heard: int = 0
    """News of it that have come by the bus."""
    hooks: list[Callable[[], object]] | None = None

    def when_ended(self, hook: Callable[[], object]) -> None:
        """Call `hook` when the session ends: what it left running here."""
        if self.hooks is None:
            self.hooks = []
        self.hooks.append(hook)

    def forget(self, hook: Callable[[], object]) -> None:
        """What `when_ended` was told is over."""
        if self.hooks is not None and hook in self.hooks:
            self.hooks.remove(hook)

    @property
    def key(self) -> str:
        return self.agreement.key

    @property
    def version(self) -> str:
        return self.agreement.version

    @property
    def primes(self) -> bool:
        """Whether its streams may begin with an event that says nothing: by the version that it agreed on, not by the
        header of a request."""
        return self.agreement.version in PRIMED


class Sessions:
    """A worker's. `now`: seconds since 1970. All of it on the loop's thread."""

    def __init__(
        self, store: SessionStore, sealer: Sealer, bus: Bus, idle: float, now: Callable[[], float] = time.time
    ) -> None:
        self._store, self._sealer, self._idle, self._now = store, sealer, idle, now
        self._young: dict[bytes, Session] = {}
        self._old: dict[bytes, Session] = {}
        self._by_key: WeakValueDictionary[str, Session] = WeakValueDictionary()
        self._used: list[Session] = []
        self.on_change: Callable[[Session], object] = lambda _session: None
        """Called when the state of an open session has changed."""
        self._flush_timer: asyncio.TimerHandle | None = None
        bus.subscribe(TOLD, self._hear, self._resync)

    def known(self, session_id: bytes, principal: str) -> Session | None:
        """The session of this id, when nobody has to be asked. None says nothing: `find` does."""
        session = self._young.get(session_id)
        if session is None:
            session = self._old.pop(session_id, None)
            if session is None:
                return None
            self._keep(session_id, session)
        if session.used:
            return session if session.principal == principal else None
        if session.principal != principal or session.ended or self._now() >= session.until:
            return None
        self._use(session)
        return session

    def unseal(self, session_id: bytes, principal: str) -> Agreement | None:
        """What an id says; None for one that is none of ours, or somebody else's."""
        return unseal(self._sealer, session_id, principal)

    async def find(self, session_id: bytes, agreement: Agreement, principal: str) -> Session | None:
        """The session of this id, unsealed; None when it has ended. Raises StoreAway."""
        session = self._by_key.get(agreement.key)
        if session is None:  # already now, so that news which arrive with the answer find it
            session = self._by_key[agreement.key] = Session(agreement, principal)
        heard = session.heard
        state = await self._store.find(agreement.key)
        if state is None or session.ended:
            self._end(agreement.key)
            return None
        if session.heard == heard:
            self._set(session, state)
        self._keep(session_id, session)
        self._use(session)
        return session

    async def open(self, version: str, capabilities: bytes, client: bytes, principal: str) -> str:
        """The id of a new session. Raises SessionsFull, StoreAway."""
        agreement = new_agreement(version, capabilities, client)
        await self._store.add(agreement.key)
        return seal(self._sealer, agreement, principal)

    async def end(self, session: Session) -> None:
        """End it, everywhere. Raises StoreAway."""
        await self._store.end(session.key)
        self._end(session.key)

    def use(self, session: Session) -> None:
        """It is being used, by something else than a request."""
        if not session.used and not session.ended:
            self._use(session)

    def flush(self) -> None:
        """Tell the store which sessions were used."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        used, self._used = self._used, []
        until = self._now() + self._idle
        for session in used:
            session.used = False
            if session.until:
                session.until = until
        for start in range(0, len(used), CHUNK):
            self._store.touch([each.key for each in used[start : start + CHUNK] if not each.ended])

    def _use(self, session: Session) -> None:
        session.used = True
        session.until = self._now() + self._idle
        self._used.append(session)
        if self._flush_timer is None:
            self._flush_timer = asyncio.get_running_loop().call_later(min(FLUSH, self._idle / 4), self.flush)

    def _keep(self, session_id: bytes, session: Session) -> None:
        if len(self._young) >= KEPT:
            self._old, self._young = self._young, {}
        self._young[session_id] = session

    def _hear(self, payload: bytes) -> None:
        told = decode_told(payload)
        session = self._by_key.get(told.key)
        if session is None:
            return
        session.heard += 1
        if told.state is None:
            self._end(told.key)
        else:
            self._set(session, told.state)

    def _set(self, session: Session, state: State) -> None:
        if state != session.state:
            session.state = state
            self.on_change(session)

    def _resync(self) -> None:
        """News may have been missed: ask again before the next use."""
        for session in self._by_key.values():
            session.used, session.until = False, 0.0

    def _end(self, key: str) -> None:
        session = self._by_key.pop(key, None)
        if session is None or session.ended:
            return
        session.ended, session.used = True, False
        hooks, session.hooks = session.hooks, None
        for hook in hooks or ():
            hook()
