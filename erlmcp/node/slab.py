"""Shared memory of one node: a board of who is alive, and room for each worker's metrics.

The arbiter makes it, keeps it over respawns and writes who lives in a slot; a worker writes its own load there, and
reads everybody's for `/health`. The metrics area is opaque here: `erlmcp.telemetry` lays it out, and a test holds the
two sizes together. Every field is one aligned 8-byte store, so a reader never sees half a number.
"""

import mmap
import os
from dataclasses import dataclass

__all__ = ["BOARD_ROW", "METRIC_BYTES", "Board", "Row", "Slab", "resident_bytes"]

BOARD_ROW = 128  # bytes; two cache lines, so that neighbours do not share one
METRIC_BYTES = 128 * 1024  # per slot: telemetry.SLOT_BYTES (tests/node/test_slab.py)
FIELDS = ("pid", "number", "restarts", "memory", "children", "connections", "in_flight", "listening", "serving")


@dataclass(frozen=True, slots=True)
class Row:
    """One living worker. `memory` is its resident set in bytes, `children` its supervised children; serving: 0 or 1."""

    pid: int
    number: int
    restarts: int
    memory: int
    children: int
    connections: int
    in_flight: int
    listening: int
    serving: int


class Board:
    """Rows of 8-byte integers, one row per slot. A row with pid 0 is free."""

    def __init__(self, memory: memoryview, slots: int) -> None:
        self._cells = memory[: slots * BOARD_ROW].cast("q")
        self._slots = slots

    def put(self, slot: int, **values: int) -> None:
        """Write some fields of a row."""
        start = slot * (BOARD_ROW // 8)
        for name, value in values.items():
            self._cells[start + FIELDS.index(name)] = value

    def clear(self, slot: int) -> None:
        """Free a row."""
        self.put(slot, **dict.fromkeys(FIELDS, 0))

    def rows(self) -> list[Row]:
        """Everybody who is alive, by number."""
        width = BOARD_ROW // 8
        starts = range(0, self._slots * width, width)
        found = [Row(*self._cells[start : start + len(FIELDS)]) for start in starts if self._cells[start]]
        return sorted(found, key=lambda row: row.number)

    def release(self) -> None:
        """Let go of the memory, so that its map can be closed."""
        self._cells.release()


class Slab:
    """The mapped memory: `board`, and `metrics` (METRIC_BYTES per slot) for telemetry."""

    def __init__(self, fd: int, slots: int) -> None:
        self.slots = slots
        self._map = mmap.mmap(fd, self.size(slots))
        self._view = memoryview(self._map)
        self.board = Board(self._view, slots)
        self.metrics = self._view[_board_bytes(slots) :]

    @staticmethod
    def size(slots: int) -> int:
        """Bytes of a slab of so many slots. Pages that nobody touches cost nothing."""
        return _board_bytes(slots) + slots * METRIC_BYTES

    def clear(self, slot: int) -> None:
        """Free the row of a worker that is gone; its counters stay, they belong to the node."""
        self.board.clear(slot)

    def close(self) -> None:
        """Unmap. Views that others still hold keep the memory alive until they go."""
        self.board.release()
        self.metrics.release()
        self._view.release()
        self._map.close()


def _board_bytes(slots: int) -> int:
    """Whole pages."""
    return -(-slots * BOARD_ROW // mmap.PAGESIZE) * mmap.PAGESIZE


def resident_bytes() -> int:
    """This process's resident set in bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0
