"""A reader of a SQLite file that another process owns: it sees what is committed, at once, and cannot write."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from erlmcp.store.database import Transaction
from erlmcp.store.errors import ReadOnly
from erlmcp.store.life import SqliteStore
from erlmcp.store.migrations import Schema
from erlmcp.store.options import Options
from erlmcp.store.readers import Readers

__all__ = ["SqliteReader"]


class SqliteReader(SqliteStore):
    """A `Database` without transactions. It opens only after its owner has: Missing and Behind mean to try again."""

    def __init__(self, path: Path, schema: Schema, options: Options | None = None) -> None:
        super().__init__(path, schema, options or Options())

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Always raises ReadOnly."""
        raise ReadOnly(f"{self.path} is open for reading only: send the command to the owner")

    async def _live(self, ready: Callable[[], None]) -> None:
        readers = Readers(self.path, self._schema, self._options)
        await readers.open()
        try:
            self._readers = readers
            ready()
            await asyncio.get_running_loop().create_future()
        finally:
            self._readers = None
            await readers.close()
