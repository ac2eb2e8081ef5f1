"""Reads outside of transactions: a few read-only connections, each used by one thread at a time, and a bounded queue.

A read sees what was committed when it begins. One that takes too long, or whose caller has left, is interrupted from
within: SQLite asks `_Lane.late` every so many steps.
"""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from erlmcp.store.database import Read
from erlmcp.store.errors import Busy, StoreDown, TooSlow
from erlmcp.store.migrations import Schema
from erlmcp.store.opening import open_reader
from erlmcp.store.options import Options
from erlmcp.store.statements import Params, Statements
from erlmcp.store.waiting import finish

__all__ = ["Readers"]

T = TypeVar("T")

#: Steps of SQLite's machine between two looks at the clock: about a millisecond.
_STEPS = 50_000


class _Lane:
    """One connection. `deadline`: monotonic seconds; 0 ends what runs."""

    def __init__(self, connection: sqlite3.Connection, schema: Schema) -> None:
        self.connection = connection
        self.statements = Statements(connection, schema.queries)
        self.deadline = 0.0
        connection.set_progress_handler(self.late, _STEPS)

    def late(self) -> bool:
        return time.monotonic() > self.deadline


class Readers:
    """The reads of one open database."""

    def __init__(self, path: Path, schema: Schema, options: Options) -> None:
        self.path = path
        self._schema = schema
        self._options = options
        self._threads = ThreadPoolExecutor(options.readers, "store-reader")
        self._lanes: list[_Lane] = []
        self._free: deque[_Lane] = deque()
        self._waiting: deque[asyncio.Future[_Lane]] = deque()
        self._closed = False

    async def open(self) -> None:
        """Open the connections. Raises what `opening.open_reader` raises; then nothing is left open."""
        done, cancelled = await finish(self._threads, self._open_all)
        if cancelled is not None or done.exception() is not None:
            await self.close()
        if cancelled is not None:
            raise cancelled
        self._free.extend(done.result())

    async def close(self) -> None:
        """End what runs, refuse what waits, close the connections."""
        self._closed = True
        down = StoreDown(f"{self.path} was closed")
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(down)
        for lane in self._lanes:
            lane.deadline = 0.0
        await asyncio.get_running_loop().run_in_executor(None, self._close_all)

    async def one(self, query: str, into: type[Any] | None, params: Params) -> Any:
        return await self._read(lambda statements: statements.one(query, into, params))

    async def all(self, query: str, into: type[Any] | None, params: Params) -> list[Any]:
        return await self._read(lambda statements: statements.all(query, into, params))

    async def snapshot(self, reads: tuple[Read, ...]) -> list[list[Any]]:
        return await self._read(lambda statements: _of_one_moment(statements, reads))

    async def _read(self, work: Callable[[Statements], T]) -> T:
        lane = await self._lane()
        lane.deadline = time.monotonic() + self._options.read_timeout
        future = asyncio.get_running_loop().run_in_executor(self._threads, work, lane.statements)
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError:
            lane.deadline = 0.0
            future.add_done_callback(lambda done: self._left(lane, done))
            raise
        self._give_back(lane)
        try:
            return future.result()
        except TooSlow as error:
            if self._closed:
                raise StoreDown(f"{self.path} was closed") from None
            raise TooSlow(f"{error}: it took longer than {self._options.read_timeout:g} s") from None

    async def _lane(self) -> _Lane:
        if self._closed:
            raise StoreDown(f"{self.path} is not open")
        if self._free:
            return self._free.popleft()
        if len(self._waiting) >= self._options.read_queue:
            raise Busy(f"{len(self._waiting)} reads wait for {self.path} already: try again later")
        waiting: asyncio.Future[_Lane] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self._give_back(waiting.result())
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def _left(self, lane: _Lane, done: asyncio.Future[Any]) -> None:
        done.exception()  # whose caller has left; not to be reported as never retrieved
        self._give_back(lane)

    def _give_back(self, lane: _Lane) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(lane)
                return
        self._free.append(lane)

    # In a thread:

    def _open_all(self) -> list[_Lane]:
        for _ in range(self._options.readers):
            self._lanes.append(_Lane(open_reader(self.path, self._schema, self._options), self._schema))
        return self._lanes

    def _close_all(self) -> None:
        self._threads.shutdown(wait=True)
        for lane in self._lanes:
            lane.connection.close()


def _of_one_moment(statements: Statements, reads: tuple[Read, ...]) -> list[list[Any]]:
    statements.connection.execute("BEGIN")
    try:
        return [statements.all(read.query, read.into, read.params) for read in reads]
    finally:
        if statements.connection.in_transaction:
            statements.connection.execute("COMMIT")
