"""A reader of a SQLite file that another process owns: it sees what is committed, at once, and cannot write."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from erlmcp.store.database import Transaction
from erlmcp.store.errors import ReadOnly, StoreDown
from erlmcp.store.life import SqliteStore
from erlmcp.store.migrations import Schema
from erlmcp.store.options import Options
from erlmcp.store.place import identities
from erlmcp.store.readers import Readers

__all__ = ["SqliteReader"]

_LOOK = 1.0  # seconds between looks whether the file is still the one that is open


class SqliteReader(SqliteStore):
    """A `Database` without transactions. It opens only after its owner has: Missing and Behind mean to try again.

    `run` ends with StoreDown when the file or its WAL was deleted or replaced, so that it is opened anew.
    """

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
            database, wal = identities(self.path)
            while True:
                await asyncio.sleep(_LOOK)
                found = identities(self.path)
                if found[0] != database or (wal is not None and found[1] != wal):
                    raise StoreDown(f"{self.path} was deleted or replaced: what is read of it is the past")
        finally:
            self._readers = None
            await readers.close()
