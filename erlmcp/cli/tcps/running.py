"""Runs a command beside the caller: its output passes through as it comes, signals go on to it, its end is noted.

It knows nothing of gates. No pty: the command writes into pipes, as in any CI job.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO, Final

from msgspec import Struct

from erlmcp.node.exits import Exit, Refusal

__all__ = ["HEAD", "TAIL", "Ended", "Log", "ran"]

HEAD: Final = 64 * 1024  # bytes of the log's beginning that are kept, where the first fault is
TAIL: Final = 192 * 1024  # and of its end, where the summary is
LINGER: Final = 2.0  # seconds that a command which ended may leave its pipes open: something it started has them
FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(Struct, frozen=True):
    """How a command ended. `code`: negative for a signal; `interrupted`: a signal to us ended it."""

    command: str
    code: int
    duration_ms: int
    log: str
    interrupted: bool


class Log:
    """The beginning and the end of what is written, in bounded memory. Threads may add to it."""

    def __init__(self, head: int = HEAD, tail: int = TAIL) -> None:
        self._most, self._last = head, tail
        self._head, self._tail, self._left_out = bytearray(), bytearray(), 0
        self._lock = threading.Lock()

    def add(self, piece: bytes) -> None:
        with self._lock:
            room = self._most - len(self._head)
            self._head += piece[:room]
            self._tail += piece[room:]
            if (over := len(self._tail) - self._last) > 0:
                del self._tail[:over]
                self._left_out += over

    def text(self) -> str:
        with self._lock:
            gap = f"\n[{self._left_out} bytes are left out]\n".encode() if self._left_out else b""
            return bytes(self._head + gap + self._tail).decode(errors="replace")


def ran(command: Sequence[str], out: IO[bytes], err: IO[bytes]) -> Ended:
    """Run it to its end. Refusal(USAGE) where it cannot be started."""
    log, began = Log(), time.monotonic()
    signals: list[int] = []
    with _passing_on(signals.append) as started:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        except (OSError, ValueError) as fault:
            why = fault.strerror if isinstance(fault, OSError) else str(fault)
            raise Refusal(Exit.USAGE, f"{shlex.join(command)} cannot be run: {why}") from fault
        started(process)
        pumps = [
            threading.Thread(target=_pump, args=(source, sink, log), daemon=True)
            for source, sink in ((process.stdout, out), (process.stderr, err))
            if source is not None
        ]
        for pump in pumps:
            pump.start()
        code = process.wait()
        took = time.monotonic() - began
        for pump in pumps:
            pump.join(LINGER)
    return Ended(shlex.join(command), code, round(took * 1000), log.text(), bool(signals))


def _pump(source: IO[bytes], sink: IO[bytes], log: Log) -> None:
    """Whoever reads our output may have gone; the command is not to notice."""
    with source, contextlib.suppress(OSError, ValueError):
        while piece := os.read(source.fileno(), 65536):
            log.add(piece)
            with contextlib.suppress(OSError, ValueError):
                sink.write(piece)
                sink.flush()


@contextmanager
def _passing_on(heard: Callable[[int], object]) -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Signals that we get go to the command, which says when it has ended. On a terminal Ctrl-C reached it already."""
    processes: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        heard(number)
        for process in processes:
            if number != signal.SIGINT or not _in_front():
                process.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in FORWARDED}
    try:
        yield processes.append
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_front() -> bool:
    """Whether our process group, the command in it, has a terminal in front of it."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
