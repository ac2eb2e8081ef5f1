"""The log: records go into bounded rings and one writer thread writes them; who logs never waits for a disk or a pipe.

picologging's own handlers deadlock with more than one thread, and a Python-level `emit` runs under its C++ lock; the
pattern that holds is an `emit` that is a C builtin and does no I/O (reference: ops.md §3.2). From Python 3.13 on, where
picologging has no wheel, the standard library's loggers serve the same ring; they are bridged into it everywhere.
When a ring is full its oldest line goes and is counted. It does not know who logs what.
"""

import functools
import itertools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol, cast

from erlmcp._speedups import access_lines
from erlmcp.http import Exchange
from erlmcp.telemetry.flood import Flood
from erlmcp.telemetry.lines import AccessEntry, Entry, human, human_access, json_bound, json_line
from erlmcp.telemetry.options import LogOptions
from erlmcp.telemetry.sink import Sink

__all__ = ["Log", "Logger", "setup"]

RECORDS_MOST = 8192  # records that wait for the writer
ACCESS_MOST = 65536  # access lines that wait: half a second of the fastest worker, 20 MiB
BATCH = 256  # access lines formatted between two writes: the loop waits for the interpreter's lock no longer than that
PAUSE = 0.1  # seconds a line may lie in its ring
BUSY_PAUSE = 0.01  # under load: what waits stays in the processor's cache, 1 µs less a request (./scripts/bench peers)
QUIET_ROUTES = frozenset({"/health", "/livez", "/readyz", "/startupz", "/metrics"})
FAILED = 400  # a probe that failed is shown at every level
PICOLOGGING: Any = import_module("picologging") if find_spec("picologging") else None
STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Logger(Protocol):
    """What `Log.logger` gives: the common part of picologging's and the standard library's loggers."""

    def debug(self, msg: str, *args: object) -> None: ...
    def info(self, msg: str, *args: object) -> None: ...
    def warning(self, msg: str, *args: object) -> None: ...
    def error(self, msg: str, *args: object) -> None: ...
    def exception(self, msg: str, *args: object) -> None: ...


class Ring:
    """A bounded queue from many threads to one reader: when it is full the oldest item goes, and is counted.

    `put` and `count` are C builtins, so that picologging may call them under its lock; each item takes a call of both.
    """

    def __init__(self, most: int) -> None:
        self._items: deque[Any] = deque(maxlen=most)
        self._counter = itertools.count()
        self._looks = 0
        self._taken = 0
        self._lost = 0
        self.put: Callable[[Any], None] = self._items.append
        # The item that it is called with is next()'s default, and never used.
        self.count: Callable[[Any], object] = functools.partial(next, self._counter)

    def take(self, most: int) -> list[Any]:
        """Up to so many of the oldest items."""
        number = min(most, len(self._items))
        self._taken += number  # before they leave: then `lost` never counts too many
        return [self._items.popleft() for _ in range(number)]

    def lost(self) -> int:
        """How many items were pushed out before they were taken."""
        offered = next(self._counter) - self._looks  # looking counts, too
        self._looks += 1
        self._lost = max(self._lost, offered - self._taken - len(self._items))
        return self._lost


class Bridge(logging.Handler):
    """The standard library's way into the ring. Formats at once: the arguments may change before the writer comes."""

    def __init__(self, ring: Ring, hurry: Callable[[], None]) -> None:
        super().__init__()
        self._ring = ring
        self._hurry = hurry

    def emit(self, record: logging.LogRecord) -> None:
        message = _message(record)
        extras = {key: value for key, value in vars(record).items() if key not in STANDARD_ATTRIBUTES}
        exc_info = record.exc_info if record.exc_info and record.exc_info[0] is not None else None
        entry = Entry(record.created, record.levelname.lower(), record.name, message, str(record.msg), extras, exc_info)
        self._ring.put(entry)
        self._ring.count(entry)
        if record.levelno >= logging.ERROR:
            self._hurry()  # the rest may wait for the writer's next round


class Log:
    """The rings and their writer. Made by `setup`.

    `bound` are fields of every line (`worker=0`). Lines go to `options.file`, or to the descriptor `fd`.
    """

    def __init__(self, options: LogOptions, fd: int, bound: Mapping[str, Any]) -> None:
        self._sink = Sink(options.file, fd)
        self._formats = _formats(options, self._sink.fd, bound)
        self._records = Ring(RECORDS_MOST)
        self._requests = Ring(ACCESS_MOST)
        self._flood = Flood()
        self._pause = PAUSE
        self._wake = threading.Event()
        self._closing = False
        self._restore = _attach(options.level, self._records, self._wake.set)
        #: `on_exchange` of an HTTP listener: a tuple into the ring, 0.3 µs (bench/test_telemetry.py)
        self.access: Callable[[Exchange], None] = _access_observer(options, self._requests)
        self._writer = self._start()

    def logger(self, name: str) -> Logger:
        """A logger of this name: picologging's where there is one."""
        return cast(Logger, (PICOLOGGING or logging).getLogger(name))

    @property
    def dropped(self) -> int:
        """Lines lost so far: their ring was full, or the write failed."""
        return self._records.lost() + self._requests.lost() + self._sink.lost

    def reopen(self) -> None:
        """Open the file again, before the next line (after logrotate; a renamed file is noticed by itself, too)."""
        self._sink.stale = True
        self._wake.set()

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits, at most `timeout` seconds long, and give the loggers back."""
        self._restore()
        self._closing = True
        self._wake.set()
        self._writer.join(timeout)
        if not self._writer.is_alive():
            self._sink.close()

    def _start(self) -> threading.Thread:
        # daemon: a writer that hangs on a stalled pipe must not hold the exit
        writer = threading.Thread(target=self._run, name="erlmcp-log", daemon=True)
        writer.start()
        return writer

    def _run(self) -> None:
        try:
            while not self._closing:
                self._wake.wait(self._pause)
                self._wake.clear()
                self._sink.follow()
                self._write_waiting()
            self._write_waiting()
        finally:
            if not self._closing:
                self._writer = self._start()  # a record that can not be printed took the writer down: go on without it

    def _write_waiting(self) -> None:
        line, rows, bound, access_bound = self._formats
        more = True  # also without records: the flood of the last second may have a summary
        while more:
            records = self._records.take(BATCH)
            passing = self._flood.thin(map(_entry, records), time.time())
            self._sink.write([line(entry, bound) for entry in passing])
            more = bool(records)
        wall, written = time.time() - time.monotonic(), 0
        while entries := self._requests.take(BATCH):
            written += len(entries)
            self._sink.write_rows(rows(entries, wall, access_bound), len(entries))
        self._pause = BUSY_PAUSE if written >= BATCH else PAUSE


class _Formats(NamedTuple):
    """How this log writes a record, and an access line, and the fields that every line has."""

    line: Callable[[Entry, Mapping[str, Any]], str]
    access_lines: Callable[[Iterable[AccessEntry], float, bytes], bytes]
    bound: Mapping[str, Any]
    access_bound: bytes


def setup(options: LogOptions, fd: int = 2, **bound: Any) -> Log:
    """Start the log of this process and attach it to the root loggers; `Log.close` gives them back.

    Lines go to `options.file`, else to the descriptor `fd`; `bound` are fields of every line (`worker=0`). Raises
    OSError when the file can not be opened.
    """
    return Log(options, fd, bound)


def _formats(options: LogOptions, fd: int, bound: Mapping[str, Any]) -> _Formats:
    if options.format == "json" or (options.format == "auto" and not os.isatty(fd)):
        return _Formats(json_line, access_lines, bound, json_bound(bound))
    return _Formats(human, human_access, bound, b"")


def _entry(record: Any) -> Entry:
    """What the ring holds as an Entry: the bridge made one already, picologging's records are read here."""
    if isinstance(record, Entry):
        return record
    level, message = record.levelname.lower(), _message(record)
    return Entry(record.created, level, record.name, message, str(record.msg), {}, record.exc_info)


def _message(record: Any) -> str:
    try:
        return str(record.getMessage())
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} (its arguments do not fit: {record.args!r})"


def _access_observer(options: LogOptions, ring: Ring) -> Callable[[Exchange], None]:
    put, count = ring.put, ring.count
    quiet = frozenset[str]() if options.level == "debug" else QUIET_ROUTES

    def observe(exchange: Exchange) -> None:
        entry: tuple[float, float, bytes, bytes, int, int, str, bytes | None]
        request, status = exchange.request, exchange.status
        if status < FAILED and exchange.route in quiet:
            return
        ended = exchange.started + exchange.elapsed
        if request is None:
            entry = (ended, exchange.elapsed, b"-", b"-", status, exchange.bytes_sent, "-", None)
        else:
            sent, name = exchange.bytes_sent, request.headers.get(b"x-request-id")
            entry = (ended, exchange.elapsed, request.method, request.path, status, sent, request.peer, name)
        put(entry)
        count(entry)

    def silent(_exchange: Exchange) -> None:
        return

    return observe if options.access and options.level in {"debug", "info"} else silent


def _attach(level: str, ring: Ring, hurry: Callable[[], None]) -> Callable[[], None]:
    """Hang the ring on the root loggers; the function returned undoes it."""
    undo = [_attach_to(logging.getLogger(), [Bridge(ring, hurry)], level)]
    if PICOLOGGING is not None:
        # C builtins as `emit`: no bytecode runs and nothing is written under picologging's lock. The ring comes first:
        # an item is counted after it is in.
        emits = (ring.put, ring.count)
        handlers = [type("RingHandler", (PICOLOGGING.Handler,), {"emit": staticmethod(emit)})() for emit in emits]
        undo.append(_attach_to(PICOLOGGING.getLogger(), handlers, level))

    def restore() -> None:
        for step in undo:
            step()

    return restore


def _attach_to(root: Any, handlers: Sequence[Any], level: str) -> Callable[[], None]:
    before = root.level
    root.setLevel(level.upper())
    for handler in handlers:
        root.addHandler(handler)

    def undo() -> None:
        for handler in handlers:
            root.removeHandler(handler)
        root.setLevel(before)

    return undo
