"""How often, and how many at a time, a caller may call one of an author's functions; what is over the limit is refused.

The counting belongs to `Limits`, which all processes of a node may share (docs/adr/0011); here is what a limit says,
the counting of a process that is alone, and the guard that stands before a function.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from erlmcp.mcp.context import Context
from erlmcp.mcp.threads import Overloaded

__all__ = ["Enter", "Limit", "Limits", "LocalLimits", "Rate", "RateLimited", "digest", "guarded", "rate_of"]

Release: TypeAlias = Callable[[], None]
Enter: TypeAlias = Callable[[Any, Context], bytes | Awaitable[bytes]]
"""The way into a feature: what was asked, and the context; gives members, or an awaitable of them."""

MAX_CONCURRENCY: Final = 1000
"""Calls of one function at a time that can be counted; more is no limit (`mcp.max_calls` is 1,000 per worker)."""

_RATE: Final = re.compile(r"(\d{1,6})/(s|min|h)")
_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0}


class Rate(msgspec.Struct, frozen=True):
    """`count` calls in `period` seconds: so many at once, after a pause, and evenly from then on."""

    count: int
    period: float

    @property
    def interval(self) -> float:
        """Seconds between calls of one who calls all the time."""
        return self.period / self.count

    def next(self, due: float, now: float) -> float:
        """From when the next call was due to when the one after it is; what is due later than this rate can have put
        off is forgotten, for the clock began anew (GCRA, ITU-T I.371)."""
        return (due if now < due <= now + self.period else now) + self.interval

    def wait(self, due: float, now: float) -> float:
        """Seconds until a call is admitted; 0 or less: now."""
        ahead = due - now
        return 0.0 if ahead > self.period else ahead - (self.period - self.interval)

    def __str__(self) -> str:
        return f"{self.count}/{next(unit for unit, seconds in _SECONDS.items() if seconds == self.period)}"


def rate_of(text: str) -> Rate | None:
    """`"10/s"`, `"100/min"`, `"1000/h"`; None for the empty text. Raises ValueError for another."""
    found = _RATE.fullmatch(text)
    if found and int(found[1]):
        return Rate(int(found[1]), _SECONDS[found[2]])
    if not text:
        return None
    raise ValueError(f"a rate is written like 10/s, 100/min or 1000/h, not {text!r}")


class RateLimited(Overloaded):
    """This caller calls too often."""


class Limits(Protocol):
    """Counts calls by key, for all who share it. Called on the loop's thread; takes microseconds, and never waits."""

    def wait(self, key: bytes, rate: Rate, now: float) -> float:
        """Count one call; 0.0 when it is admitted, else the seconds until it would be, and it is not counted."""

    def enter(self, key: bytes, size: int) -> Release | None:
        """Take one of `size` places; gives it back when the returned function is called. None when all are taken."""


def digest(*parts: str) -> bytes:
    """A key: 8 bytes that stand for all of `parts`."""
    return blake2b("\0".join(parts).encode(errors="surrogatepass"), digest_size=8).digest()


class LocalLimits:
    """The limits of one process."""

    CALLERS: Final = 16384
    """Callers remembered; one more, and those who may call again anyway are forgotten, else the oldest."""

    def __init__(self) -> None:
        self._due: dict[bytes, float] = {}
        self._taken: dict[bytes, int] = {}

    def wait(self, key: bytes, rate: Rate, now: float) -> float:
        due = self._due.pop(key, 0.0)
        wait = rate.wait(due, now)
        if len(self._due) >= self.CALLERS:
            self._forget(now)
        self._due[key] = rate.next(due, now) if wait <= 0 else due
        return max(0.0, wait)

    def enter(self, key: bytes, size: int) -> Release | None:
        taken = self._taken.get(key, 0)
        if taken >= size:
            return None
        self._taken[key] = taken + 1
        return lambda: self._leave(key)

    def _leave(self, key: bytes) -> None:
        left = self._taken[key] - 1
        if left:
            self._taken[key] = left
        else:
            del self._taken[key]

    def _forget(self, now: float) -> None:
        self._due = {key: due for key, due in self._due.items() if due > now}
        while len(self._due) >= self.CALLERS:
            self._due.pop(next(iter(self._due)))


class Limit(msgspec.Struct, frozen=True):
    """What one function may be asked to bear."""

    rate: Rate | None = None
    """Of each caller, over all workers of a node."""
    concurrency: int | None = None
    """Calls at a time, over all workers and callers of a node."""

    def otherwise(self, usual: "Limit") -> "Limit":
        """The usual one, where this says nothing."""
        if not usual:
            return self
        concurrency = usual.concurrency if self.concurrency is None else self.concurrency
        return Limit(self.rate or usual.rate, concurrency)

    def __bool__(self) -> bool:
        return self.rate is not None or self.concurrency is not None


def guarded(
    enter: Enter, name: str, limit: Limit, limits: Callable[[], Limits], clock: Callable[[], float] = time.monotonic
) -> Enter:
    """`enter` behind its limit. It raises RateLimited or Overloaded instead of calling what is over it."""
    everybody = digest(name)

    def enter_guarded(asked: Any, context: Context) -> bytes | Awaitable[bytes]:
        counting = limits()
        if limit.rate is not None:
            wait = counting.wait(digest(name, context.facts.principal), limit.rate, clock())
            if wait > 0:
                raise RateLimited(f"{name} may be called {limit.rate} by each caller", wait)
        if limit.concurrency is None:
            return enter(asked, context)
        release = counting.enter(everybody, limit.concurrency)
        if release is None:
            raise Overloaded(f"{name} is under way {limit.concurrency} times already")
        return _held(enter, asked, context, release)

    return enter_guarded


def _held(enter: Enter, asked: Any, context: Context, release: Release) -> bytes | Awaitable[bytes]:
    """Call, and give the place back when the answer is there."""
    made: bytes | Awaitable[bytes] = b""
    try:
        made = enter(asked, context)
    finally:
        if isinstance(made, bytes):
            release()
    if isinstance(made, bytes):
        return made
    future = asyncio.ensure_future(made)
    future.add_done_callback(lambda _: release())
    return future
