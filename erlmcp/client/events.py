"""Server-sent events as a reader sees them (WHATWG HTML, 9.2.5 and 9.2.6): chunks in, events out. Pure and bounded."""

import re
from typing import Final

import msgspec

from erlmcp.client.errors import Garbled

__all__ = ["Event", "EventReader"]

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"
MAX_RETRY: Final = 60_000
"""Milliseconds: a server may ask for patience, not for ever."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. `data` without its last line feed; empty for one that only sets an id."""

    data: bytes
    name: bytes = b"message"


class EventReader:
    """`last_id` and `retry` (seconds, None until the server says one) are what a reconnection needs."""

    def __init__(self, limit: int) -> None:
        """`limit`: bytes of one event, its comments and unknown fields included."""
        self.last_id = b""
        self.retry: float | None = None
        self._limit = limit
        self._pieces: list[bytes] = []  # of a line whose end is not there
        self._size = 0  # bytes of the event so far
        self._after_cr = False
        self._first = True
        self._forget()

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that end in this chunk. Raises Garbled for one above the limit."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        events: list[Event] = []
        start = 0
        for end in _LINE_END.finditer(chunk):
            self._take(chunk[start : end.start()])
            start = end.end()
            line = b"".join(self._pieces)
            self._pieces.clear()
            self._size += 1
            self._line(line, events)
        if chunk.endswith(b"\r"):
            self._after_cr = True
        self._take(chunk[start:])
        return events

    def _take(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise Garbled(f"the server sends an event of more than {self._limit} bytes")
        if piece:
            self._pieces.append(piece)

    def _line(self, line: bytes, events: list[Event]) -> None:
        if self._first:
            line = line.removeprefix(_BOM)
            self._first = False
        if not line:
            self._dispatch(events)
            return
        if line.startswith(b":"):
            self._size -= len(line) + 1  # any number of keep-alives may come between two events
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value
        elif name == b"id" and b"\0" not in value:
            self._id = value
        elif name == b"retry" and value.isdigit():
            self.retry = min(int(value[:9]), MAX_RETRY) / 1000

    def _dispatch(self, events: list[Event]) -> None:
        self.last_id = self._id
        if self._data:
            events.append(Event(b"\n".join(self._data), self._name or b"message"))
        self._forget()

    def _forget(self) -> None:
        """The fields of an event; the id stays for those that follow."""
        self._id = self.last_id
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0
