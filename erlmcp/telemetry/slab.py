"""Rows of numbers in shared memory, one slot per worker: written by one process, read by all of them.

A slot is a sequence of tables, one per metric. A row of a table carries its own label values in front of its numbers,
so a slot explains itself: a worker that replaces a killed one goes on with the same rows, also when it serves another
version of the app. The memory comes from the node (`Slab`) or is private (`Slab.private`, for a worker run by hand).

It does not know what the numbers mean, what a label is called or who reads them.
"""

import mmap
import zlib
from collections.abc import Iterator, Sequence

from msgspec import Struct

__all__ = ["KEY_BYTES", "SLOT_BYTES", "Shape", "Slab", "Slot", "Table"]

SLOT_BYTES = 128 * 1024  # the metrics of telemetry.catalogue take 90 KiB; pages that nobody touches cost nothing
KEY_BYTES = 88  # a tool's name (at most 64 characters, tests/telemetry/test_slab.py) and an outcome
CELL = 8
SEPARATOR = "\x00"
HEADER_CELLS = 8
STAMP = 0  # header cell: which layout the slot was written in


class Shape(Struct, frozen=True):
    """How one table lies in a slot: at most `rows` rows of `width` cells of 8 bytes."""

    name: str
    rows: int
    width: int

    @property
    def stride(self) -> int:
        """Bytes from row to row: length of the key, the key, the cells."""
        return CELL + KEY_BYTES + self.width * CELL


class Table:
    """One metric's rows in one slot. Rows are taken in order and never given back."""

    def __init__(self, memory: memoryview, offset: int, shape: Shape) -> None:
        self._memory = memory
        self._offset = offset
        self._shape = shape
        self._known = dict(self._keys())

    def row(self, labels: Sequence[str]) -> int | None:
        """Index of the first cell of these labels' row, made if need be; None when there is no room for it."""
        key = SEPARATOR.join(labels).encode()
        if key not in self._known:
            if len(key) > KEY_BYTES or len(self._known) == self._shape.rows:
                return None
            self._known[key] = self._write(key, len(self._known))
        return self._known[key]

    def read(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """(label values, index of the first cell) of every row there is by now."""
        for key, cell in self._keys():
            yield tuple(key.decode().split(SEPARATOR)), cell

    def _write(self, key: bytes, number: int) -> int:
        start = self._offset + number * self._shape.stride
        self._memory[start + CELL : start + CELL + len(key)] = key
        self._memory[start : start + CELL] = (len(key) + 1).to_bytes(CELL, "little")  # last: now readers see the row
        return (start + CELL + KEY_BYTES) // CELL

    def _keys(self) -> Iterator[tuple[bytes, int]]:
        for number in range(self._shape.rows):
            start = self._offset + number * self._shape.stride
            length = int.from_bytes(self._memory[start : start + CELL], "little")
            if not length:
                return
            key = bytes(self._memory[start + CELL : start + CELL + length - 1])
            yield key, (start + CELL + KEY_BYTES) // CELL


class Slot:
    """One worker's tables. `cells` and `floats` are the same memory, seen as integers and as floating point."""

    def __init__(self, memory: memoryview, shapes: Sequence[Shape]) -> None:
        self._memory = memory
        self._shapes = tuple(shapes)
        self._stamp = zlib.crc32(repr((KEY_BYTES, self._shapes)).encode())
        self.cells = memory.cast("q")
        self.floats = memory.cast("d")

    @property
    def readable(self) -> bool:
        """Whether this slot was ever claimed in our layout."""
        return self.cells[STAMP] == self._stamp

    def claim(self) -> None:
        """Become the slot's writer. What a former worker counted stays, if it was laid out like ours."""
        if not self.readable:
            self._memory[:] = bytes(len(self._memory))
            self.cells[STAMP] = self._stamp

    def tables(self) -> dict[str, Table]:
        """A view of every table, by the metric's name."""
        found, offset = {}, HEADER_CELLS * CELL
        for shape in self._shapes:
            found[shape.name] = Table(self._memory, offset, shape)
            offset += shape.rows * shape.stride
        return found


class Slab:
    """The slots of one node over one piece of memory.

    `memory` is a writable buffer of at least `slots * stride` bytes, shared by all workers. Raises ValueError when it
    is smaller, or when the shapes do not fit into `stride` bytes.
    """

    def __init__(self, memory: memoryview, slots: int, shapes: Sequence[Shape], *, stride: int = SLOT_BYTES) -> None:
        needed = HEADER_CELLS * CELL + sum(shape.rows * shape.stride for shape in shapes)
        if needed > stride:
            raise ValueError(f"the metrics need {needed} bytes per worker and a slot has {stride}")
        if memory.nbytes < slots * stride:
            raise ValueError(f"{slots} slots of {stride} bytes do not fit into {memory.nbytes} bytes of shared memory")
        memory = memory.cast("B")
        starts = range(0, slots * stride, stride)
        self.slots = tuple(Slot(memory[start : start + stride], shapes) for start in starts)

    @classmethod
    def private(cls, slots: int, shapes: Sequence[Shape]) -> "Slab":
        """Memory of this process alone."""
        return cls(memoryview(mmap.mmap(-1, slots * SLOT_BYTES)), slots, shapes)
