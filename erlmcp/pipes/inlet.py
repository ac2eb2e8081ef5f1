"""Reads lines from a descriptor, on the loop where that can wait for it, else in a thread, and hands them on.

It can be held: then no more is read than was, so that a peer who sends faster than it is served has to wait.
"""

import asyncio
import os
import threading
from collections import deque
from typing import Protocol

from erlmcp._speedups import FramingError
from erlmcp.pipes.cutter import Cutter

__all__ = ["Hearer", "Inlet", "Receiver"]

PIECE = 256 * 1024  # bytes read at once; a pipe on Linux holds 64 KiB, a socket some more


class Hearer(Protocol):
    """Who the lines are for. Called on the loop's thread."""

    def hear(self, line: bytes) -> None:
        """One line, without its end."""

    def too_long(self, reason: str) -> None:
        """In place of a line that is too long."""


class Receiver(Hearer, Protocol):
    """Who gets the lines."""

    def ended(self) -> None:
        """There will be no more. Said once."""


class Inlet:
    """Lines of `fd` for one receiver. `pollable`: see `Claim.pollable`. The descriptor is not closed here."""

    def __init__(self, fd: int, limit: int, receiver: Receiver, *, pollable: bool) -> None:
        self._fd, self._receiver, self._pollable = fd, receiver, pollable
        self._cutter = Cutter(limit)
        self._lines: deque[bytes | FramingError] = deque()
        self._loop = asyncio.get_running_loop()
        self._held = self._over = self._told = self._delivering = self._polling = self._asked = False
        self._wanted = threading.Semaphore(0)  # what the thread waits for before it reads on

    def start(self) -> None:
        """Begin to read."""
        if self._pollable:
            os.set_blocking(self._fd, False)
            self._poll()
        else:
            threading.Thread(target=self._read_in_thread, name="erlmcp-stdin", daemon=True).start()
            self._ask_for_more()

    def hold(self) -> None:
        """No more lines until `go_on`."""
        self._held = True
        if self._polling:
            self._polling = False
            self._loop.remove_reader(self._fd)

    def go_on(self) -> None:
        """Lines again: first those that were read already."""
        if not self._held:
            return
        self._held = False
        if not self._delivering:
            self._loop.call_soon(self._deliver)

    def stop(self) -> None:
        """Read and tell nothing any more."""
        self.hold()
        self._over = True
        self._lines.clear()

    def _poll(self) -> None:
        if not self._polling:
            self._polling = True
            self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        try:
            piece = os.read(self._fd, PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # the other end was reset
            piece = b""
        self._take(piece)

    def _read_in_thread(self) -> None:
        """A piece at a time, and the next one when that has been handed on."""
        piece = b"."
        while piece:
            self._wanted.acquire()
            try:
                piece = os.read(self._fd, PIECE)
            except OSError:  # a terminal that was hung up
                piece = b""
            try:
                self._loop.call_soon_threadsafe(self._take, piece)
            except RuntimeError:  # the loop has ended
                return

    def _take(self, piece: bytes) -> None:
        self._asked = False
        if self._over:
            return
        if piece:
            self._lines.extend(self._cutter.feed(piece))
        else:
            self._over = True
            self._lines.extend(self._cutter.end())
            if self._polling:
                self._polling = False
                self._loop.remove_reader(self._fd)
        self._deliver()

    def _deliver(self) -> None:
        self._delivering = True
        try:
            while self._lines and not self._held:
                line = self._lines.popleft()
                if isinstance(line, bytes):
                    self._receiver.hear(line)
                else:
                    self._receiver.too_long(line.reason)
        finally:
            self._delivering = False
            if self._lines and not self._held:  # a line was too much for its receiver: the next ones are not
                self._loop.call_soon(self._deliver)
            elif not self._held:
                self._ask_for_more()

    def _ask_for_more(self) -> None:
        if self._over:
            if not self._told:
                self._told = True
                self._receiver.ended()
        elif self._pollable:
            self._poll()
        elif not self._asked:
            self._asked = True
            self._wanted.release()
