"""The one writing connection: whose turn it is, its thread, its commits and its checkpoints.

The connection is used by the loop's thread (statements) and by the writer's thread (BEGIN, COMMIT, checkpoints), never
by both at once: whoever uses it holds the turn, and gives it back only when the thread is done. A commit or checkpoint
that fails on the disk ends the connection for good: the kernel reports a failed fsync once and forgets the pages, so
trying again would report a success that is none.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from erlmcp.store import checkpoint
from erlmcp.store.checkpoint import Step
from erlmcp.store.errors import Busy, DiskFull, StoreDown, StoreError, explain, is_fatal
from erlmcp.store.options import Options
from erlmcp.store.place import identities
from erlmcp.store.queries import Queries
from erlmcp.store.statements import Statements
from erlmcp.store.transaction import SqliteTransaction
from erlmcp.store.waiting import finish

__all__ = ["Turn", "Writer"]

T = TypeVar("T")

#: How long a checkpoint that has to empty the WAL waits for readers; ours are done in a few milliseconds.
_PATIENCE_MS = 250


class Writer:
    """Transactions one after the other on a connection that `opening` made. Owned by one open `SqliteOwner`."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, thread: ThreadPoolExecutor, queries: Queries, options: Options
    ) -> None:
        self.path = path
        self.failed = asyncio.Event()
        self.down: StoreError | None = None
        self.commits = 0
        self.checkpoints = 0
        self._connection = connection
        self._thread = thread
        self._statements = Statements(connection, queries)
        self._options = options
        self._turn = asyncio.Lock()  # first come, first served
        self._waiting = 0
        self._attempted = 0
        self._files = identities(path)

    def transaction(self) -> "Turn":
        return Turn(self)

    @property
    def wal_size(self) -> int:
        """Bytes of the WAL file; 0 when there is none."""
        with suppress(FileNotFoundError):
            return os.stat(f"{self.path}-wal").st_size
        return 0

    async def empty_wal(self) -> None:
        """Copy the WAL into the database and empty it, if nobody is writing. Readers may prevent the latter."""
        if self._turn.locked() or not self.wal_size:
            return
        async with self._turn:
            self.check_up()
            await self._on_thread(self._truncate)

    async def give_back(self, pages: int) -> int:
        """See `SqliteOwner.give_back`."""
        return await self._in_turn(lambda: self._give_back(pages))

    async def optimize(self) -> None:
        """See `SqliteOwner.optimize`."""
        await self._in_turn(self._optimize)

    async def close(self) -> bool:
        """After the transaction under way: copy and empty the WAL unless the connection failed, and close.

        Whether all went well: the file is whole by itself.
        """
        async with self._turn:
            sound = self.down is None
            try:
                await self._on_thread(self._close_clean if sound else self._connection.close)
            except StoreError:
                sound = False
            self.down = self.down or StoreDown(f"{self.path} was closed")
        return sound

    def check_up(self) -> None:
        """Raise why the connection may not be used any more, if so."""
        if self.down is not None:
            raise self.down

    async def begin(self) -> SqliteTransaction:
        await self._take_turn()
        try:
            self.check_up()
            await self._on_thread(self._begin)
        except BaseException:
            self._roll_back()
            self._turn.release()
            raise
        return SqliteTransaction(self._statements)

    async def commit(self, transaction: SqliteTransaction) -> None:
        try:
            if lost := transaction.end():
                self._mind(lost)
                raise lost
            await self._on_thread(self._commit)
            self.commits += 1
        finally:
            self._roll_back()
            self._turn.release()

    def abandon(self, transaction: SqliteTransaction) -> None:
        if lost := transaction.end():
            self._mind(lost)
        self._roll_back()
        self._turn.release()

    async def _take_turn(self) -> None:
        if self._turn.locked() and self._waiting >= self._options.write_queue:
            raise Busy(f"{self._waiting} transactions wait for {self.path} already: try again later")
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1

    async def _in_turn(self, job: Callable[[], T]) -> T:
        await self._take_turn()
        try:
            self.check_up()
            return await self._on_thread(job)
        finally:
            self._turn.release()

    async def _on_thread(self, job: Callable[[], T]) -> T:
        done, cancelled = await finish(self._thread, job)
        error = done.exception()
        if isinstance(error, sqlite3.Error):
            error = explain(error, str(self.path))
            error.__cause__ = done.exception()
        if isinstance(error, StoreError):
            self._mind(error)
        if cancelled is not None:
            raise cancelled
        if error is not None:
            raise error
        return done.result()

    def _mind(self, error: StoreError) -> None:
        if is_fatal(error) and self.down is None:
            self.down = error
            self.failed.set()

    def _roll_back(self) -> None:
        """At once, in the loop's thread: nothing of it has reached the disk but spilled pages without a commit."""
        with suppress(sqlite3.Error):  # then the connection has failed or is closed, which is known already
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    # In the writer's thread:

    def _begin(self) -> None:
        self._check_files()
        self._checkpoint_if_due()
        self._connection.execute("BEGIN IMMEDIATE")

    def _commit(self) -> None:
        self._connection.execute("COMMIT")
        self._check_files()

    def _give_back(self, pages: int) -> int:
        self._check_files()
        self._checkpoint_if_due()
        # A page a step; `execute` takes the first step alone, as the statement has no columns.
        self._connection.executescript(f"PRAGMA incremental_vacuum({pages:d})")
        left: int = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
        return left if self._connection.execute("PRAGMA auto_vacuum").fetchone()[0] else -1

    def _optimize(self) -> None:
        self._check_files()
        self._connection.execute("PRAGMA analysis_limit=400")  # rows of an index: milliseconds, whatever its size
        self._connection.execute("PRAGMA optimize").fetchall()

    def _check_files(self) -> None:
        """Raise StoreDown if a file was deleted or replaced: SQLite would go on writing to one that nobody opens again.

        https://www.sqlite.org/howtocorrupt.html section 4.2. What a deleted WAL holds is saved while we still have it.
        """
        found = identities(self.path)
        if found == self._files:
            return
        if found[0] == self._files[0]:
            self._copy(Step.TRUNCATE)
            raise StoreDown(f"{self.path}-wal was deleted or replaced while it was open: it is made anew")
        raise StoreDown(f"{self.path} was deleted or replaced while it was open: put it back, or restore a backup")

    def _checkpoint_if_due(self) -> None:
        options = self._options
        size = self.wal_size
        step, self._attempted = checkpoint.plan(size, self._attempted, options.checkpoint, options.wal_limit)
        if step is Step.PASSIVE:
            self._copy(step)
        elif step is Step.TRUNCATE:
            self._truncate(_PATIENCE_MS)
        elif size >= options.wal_limit:
            self._truncate()  # whoever is refused is refused at once
        if (size := self.wal_size) >= options.wal_limit:
            raise DiskFull(
                f"{self.path}-wal has {size} bytes, its limit, and a reader holds it up: "
                f"end the process that has it open, or raise store.wal_limit"
            )

    def _copy(self, step: Step) -> None:
        try:
            self._connection.execute(f"PRAGMA wal_checkpoint({step.value})").fetchall()
            self.checkpoints += 1
        except sqlite3.OperationalError as error:
            if not isinstance(explain(error, ""), DiskFull):
                raise
            # The WAL stays as it is and is whole; a transaction that finds no room says so itself.

    def _truncate(self, patience: int = 0) -> None:
        self._connection.execute(f"PRAGMA busy_timeout={patience}")
        try:
            self._copy(Step.TRUNCATE)
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={round(self._options.busy_timeout * 1000)}")

    def _close_clean(self) -> None:
        try:
            self._truncate(_PATIENCE_MS)
        finally:
            self._connection.close()


class Turn:
    """`async with`: one transaction."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._transaction: SqliteTransaction | None = None

    async def __aenter__(self) -> SqliteTransaction:
        self._transaction = await self._writer.begin()
        return self._transaction

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is None:
            raise RuntimeError("a transaction is entered once")
        if kind is None:
            await self._writer.commit(transaction)
        else:
            self._writer.abandon(transaction)
