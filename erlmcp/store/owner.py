"""The owner of a SQLite file: in one process of the node, the only writing connection and the only checkpointer.

Why one: every SQLite from 3.7.0 to 3.51.2 can corrupt the database when one connection checkpoints while another one
commits (the WAL-reset race, fixed in 3.51.3), and distributions ship such versions. Here one connection does both.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from erlmcp.store.errors import StoreDown
from erlmcp.store.life import SqliteStore, State
from erlmcp.store.migrations import Schema
from erlmcp.store.opening import Connect, Opened, open_owner
from erlmcp.store.options import Options
from erlmcp.store.readers import Readers
from erlmcp.store.waiting import finish
from erlmcp.store.writer import Turn, Writer

__all__ = ["SqliteOwner"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteOwner(SqliteStore):
    """A `Database` that writes. `clock`: for the times noted at migrations. `create`: make a file that is not there."""

    def __init__(
        self,
        path: Path,
        schema: Schema,
        options: Options | None = None,
        *,
        clock: Callable[[], datetime] = _utc_now,
        connect: Connect | None = None,
        create: bool = True,
    ) -> None:
        super().__init__(path, schema, options or Options())
        self._clock = clock
        self._connect = connect
        self._create = create
        self._writer: Writer | None = None

    def transaction(self) -> Turn:
        """See `database.Database`. Raises StoreDown."""
        return self._writing_now().transaction()

    async def give_back(self, pages: int) -> int:
        """Cut at most so many free pages off the file, in a transaction of its own; how many are free still.

        -1: this file was made by a release before 0.6 and keeps them for reuse. Raises as `transaction` does.
        """
        return await self._writing_now().give_back(pages)

    async def optimize(self) -> None:
        """Have SQLite look at what its planner knows of the tables (PRAGMA optimize). Raises as `transaction` does."""
        await self._writing_now().optimize()

    def _writing_now(self) -> Writer:
        if self._writer is None:
            raise StoreDown(f"{self.path} is down: {self._reason}")
        return self._writer

    @property
    def state(self) -> State:
        """How it is now."""
        writer = self._writer
        if writer is None:
            return super().state
        down = str(writer.down) if writer.down else ""
        return msgspec.structs.replace(
            super().state, up=not down, reason=down, commits=writer.commits, checkpoints=writer.checkpoints
        )

    async def _live(self, ready: Callable[[], None]) -> None:
        async with self._writing() as writer:
            readers = Readers(self.path, self._schema, self._options)
            await readers.open()
            try:
                self._writer, self._readers = writer, readers
                ready()
                await self._keep(writer)
            finally:
                self._writer, self._readers = None, None
                await readers.close()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Writer]:
        thread = ThreadPoolExecutor(1, "store-writer")
        try:
            opened = await self._open(thread)
            writer = Writer(self.path, opened.connection, thread, self._schema.queries, self._options)
            try:
                yield writer
            finally:
                # If this is cancelled, a thread still has the connection; then the lock stays with this process, and no
                # second owner opens beside it.
                clean = await writer.close()
                opened.ownership.leave(clean=clean)
        finally:
            thread.shutdown(wait=False)

    async def _open(self, thread: ThreadPoolExecutor) -> Opened:
        applied_at = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        done, cancelled = await finish(
            thread,
            lambda: open_owner(self.path, self._schema, self._options, applied_at, self._connect, create=self._create),
        )
        if cancelled is not None:
            if done.exception() is None:
                done.result().connection.close()
                done.result().ownership.leave(clean=True)
            raise cancelled
        return done.result()

    async def _keep(self, writer: Writer) -> None:
        """Empty the WAL whenever nothing was committed for a while; end when the connection has failed."""
        seen = -1
        while not writer.failed.is_set():
            try:
                async with asyncio.timeout(self._options.idle):
                    await writer.failed.wait()
            except TimeoutError:
                if seen == writer.commits:
                    await writer.empty_wal()
                seen = writer.commits
        writer.check_up()
