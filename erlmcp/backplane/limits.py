"""The limits of a node: counted in one small file of the data directory, by all its processes, without a process of its
own.

Places are byte ranges locked by the kernel, so that a worker that dies gives its own back. Rates are a table in shared
memory. It does not know what is counted.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from erlmcp.mcp import Rate

__all__ = ["NodeLimits"]

SLOTS: Final = 16384
"""Callers remembered, 16 bytes each: a key of 8, and when its next call is due."""

PROBES: Final = 16
"""Slots in which a key may stand. When all are others' the one that is due first is taken: its owner begins anew."""

TRIES: Final = 100
"""Times to ask for the table's lock, held for some microseconds: when a stopped process holds it, nobody waits."""

SLOT: Final = struct.Struct("=8sd")
PLACES: Final = 16
"""Bits of a lock's offset that number the places of one key; the other 46 are the key's."""


class NodeLimits:
    """`mcp.Limits` for the processes that open the same file. One per process: the kernel counts locks by process, and
    closing any descriptor of the file would drop them all."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened before something is counted: most apps count nothing."""
        self._path = path
        self._opened: tuple[int, mmap.mmap] | None = None
        self._held: set[int] = set()

    def wait(self, key: bytes, rate: Rate, now: float) -> float:
        """Raises OSError when the file cannot be made."""
        file, table = self._open()
        locked = any(_taken(file, 0) for _ in range(TRIES))
        try:
            place, due = _find(table, key, now)
            wait = rate.wait(due, now)
            if wait <= 0:
                SLOT.pack_into(table, place, key, rate.next(due, now))
            return max(0.0, wait)
        finally:
            if locked:
                fcntl.lockf(file, fcntl.LOCK_UN, 1, 0)

    def enter(self, key: bytes, size: int) -> Callable[[], None] | None:
        """Raises OSError when the file cannot be made."""
        file, _ = self._open()
        first = (int.from_bytes(key) >> 18 << PLACES) + 1
        for place in range(first, first + size):
            if place not in self._held and _taken(file, place):
                self._held.add(place)
                return lambda: self._leave(place)
        return None

    def close(self) -> None:
        """Give everything back."""
        if self._opened is not None:
            file, table = self._opened
            table.close()
            os.close(file)
            self._opened = None

    def _open(self) -> tuple[int, mmap.mmap]:
        if self._opened is None:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(file, SLOTS * SLOT.size)
            self._opened = file, mmap.mmap(file, SLOTS * SLOT.size)
        return self._opened

    def _leave(self, place: int) -> None:
        self._held.discard(place)
        if self._opened is not None:
            fcntl.lockf(self._opened[0], fcntl.LOCK_UN, 1, place)


def _find(table: mmap.mmap, key: bytes, now: float) -> tuple[int, float]:
    """Where the key stands, or may be written; and when its next call is due."""
    start = int.from_bytes(key[-4:])
    best, earliest = 0, float("inf")
    for step in range(PROBES):
        place = (start + step) % SLOTS * SLOT.size
        found, due = SLOT.unpack_from(table, place)
        if found == key:
            return place, due
        if due < earliest:
            best, earliest = place, due
    return best, now


def _taken(file: int, place: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except BlockingIOError:
        return False
    return True
