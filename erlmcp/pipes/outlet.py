"""Writes lines to a descriptor without ever holding the loop up: what the peer does not take yet waits here.

All lines of one turn of the loop leave with one write. Who writes must look at `full` and wait for `room`, or stop
reading: nothing is dropped here, and there is no bound but theirs.
"""

import asyncio
import os
import stat
import threading
from collections import deque
from collections.abc import Callable

__all__ = ["Outlet"]

HARD_LIMIT = 4  # times the limit


class Outlet:
    """Lines to `fd` for one writer. `limit`: bytes that may wait before it is full. `on_gone`: nobody reads any more.

    `pollable`: see `Claim.pollable`. The descriptor is not closed here.
    """

    def __init__(self, fd: int, limit: int, on_gone: Callable[[], object], *, pollable: bool) -> None:
        self._fd, self._limit, self._on_gone, self._pollable = fd, limit, on_gone, pollable
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque()
        self._unsent = 0
        self._rest = memoryview(b"")  # of what is being written
        self._busy = self._scheduled = self._gone = False
        self._rooms: list[asyncio.Future[None]] = []
        self._empty: asyncio.Future[None] | None = None
        self._work = threading.Semaphore(0)
        if pollable:
            os.set_blocking(fd, False)
            if stat.S_ISFIFO(os.fstat(fd).st_mode):  # a pipe whose other end was closed becomes "readable"
                self._loop.add_reader(fd, self._peer_left)
        else:
            threading.Thread(target=self._write_in_thread, name="erlmcp-stdout", daemon=True).start()

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken."""
        return self._unsent

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing more should be written for now."""
        return self._unsent >= self._limit

    @property
    def overfull(self) -> bool:
        """Whether so much waits that what may be dropped should be."""
        return self._unsent >= HARD_LIMIT * self._limit

    def write(self, line: bytes) -> None:
        """Have a line leave at the end of this turn; its end is put to it. Dropped when nobody reads any more."""
        if self._gone:
            return
        self._waiting.append(line)
        self._unsent += len(line) + 1
        if not self._scheduled and not self._busy:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def room(self) -> asyncio.Future[None]:
        """Done when it is not full any more, or when nobody reads. One future for each who waits."""
        room: asyncio.Future[None] = self._loop.create_future()
        self._rooms.append(room)
        if self._gone or not self.full:
            self._make_room()
        return room

    async def drained(self) -> None:
        """Return when everything has been taken, or nobody reads any more."""
        if self._unsent and not self._gone:
            self._empty = self._empty or self._loop.create_future()
            await asyncio.shield(self._empty)

    def stop(self) -> None:
        """Write nothing any more."""
        if not self._gone:
            self._give_up()

    def _flush(self) -> None:
        self._scheduled = False
        if self._busy or self._gone or not self._waiting:
            return
        self._waiting.append(b"")  # so that the last line has its end as well
        self._rest = memoryview(b"\n".join(self._waiting))
        self._waiting.clear()
        if self._pollable:
            self._push()
        else:
            self._busy = True
            self._work.release()

    def _push(self) -> None:
        try:
            sent = os.write(self._fd, self._rest)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._peer_left()
            return
        if self._sent(sent):
            if self._busy:
                self._busy = False
                self._loop.remove_writer(self._fd)
            self._flush()
        elif not self._busy:
            self._busy = True
            self._loop.add_writer(self._fd, self._push)

    def _write_in_thread(self) -> None:
        while True:
            self._work.acquire()
            rest, sent = self._rest, 0
            if self._gone:
                return
            try:
                while sent < len(rest):
                    sent += os.write(self._fd, rest[sent:])
                self._loop.call_soon_threadsafe(self._written)
            except OSError:
                self._tell_loop(self._peer_left)
                return
            except RuntimeError:  # the loop has ended
                return

    def _tell_loop(self, what: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            return

    def _written(self) -> None:
        self._busy = False
        if self._sent(len(self._rest)):
            self._flush()

    def _sent(self, count: int) -> bool:
        """Whether that was all of it."""
        self._rest = self._rest[count:]
        self._unsent -= count
        if not self.full:
            self._make_room()
        if not self._unsent and self._empty is not None:
            self._empty.set_result(None)
            self._empty = None
        return not self._rest

    def _make_room(self) -> None:
        rooms, self._rooms = self._rooms, []
        for room in rooms:
            if not room.done():
                room.set_result(None)

    def _peer_left(self) -> None:
        if not self._gone:
            self._give_up()
            self._on_gone()

    def _give_up(self) -> None:
        self._gone = True
        if self._pollable:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
        self._waiting.clear()
        self._rest = memoryview(b"")
        self._unsent = 0
        self._work.release()
        self._make_room()
        if self._empty is not None:
            self._empty.set_result(None)
            self._empty = None
