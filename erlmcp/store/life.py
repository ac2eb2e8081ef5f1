"""What the owner and the reader of a file have in common: a life under a supervisor, and reads.

Both are children for a supervisor (`run(ready)`) and, for a script or a test, async context managers. The object stays
the reference over restarts; while it is down it says why.
"""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from msgspec import Struct

from erlmcp.store.database import Read, Row, Value
from erlmcp.store.errors import StoreDown, StoreError
from erlmcp.store.migrations import Schema
from erlmcp.store.options import Options
from erlmcp.store.readers import Readers

__all__ = ["SqliteStore", "State"]

T = TypeVar("T")


class State(Struct, frozen=True):
    """For `/health`. `reason`: why it is down, "" while up. Sizes in bytes; counts since it was opened."""

    up: bool
    reason: str
    path: str
    sqlite: str
    size: int = 0
    wal_size: int = 0
    free: int = 0
    commits: int = 0
    checkpoints: int = 0


class SqliteStore:
    """See `SqliteOwner` and `SqliteReader`."""

    def __init__(self, path: Path, schema: Schema, options: Options) -> None:
        self.path = path
        self._schema = schema
        self._options = options
        self._readers: Readers | None = None
        self._running = False
        self._reason = "it was not opened yet"
        self._life: asyncio.Task[None] | None = None

    async def run(self, ready: Callable[[], None]) -> None:
        """Open, say `ready()`, and stay until cancelled; then close. A child for a supervisor.

        Raises a StoreError when it cannot open, or when the disk has failed it since.
        """
        if self._running:
            raise RuntimeError(f"{self.path} is open already")
        self._running, self._reason = True, "it is being opened"
        try:
            await self._live(ready)
        except StoreError as error:
            self._reason = str(error)
            raise
        except asyncio.CancelledError:
            self._reason = "it was closed"
            raise
        finally:
            self._running = False

    async def _live(self, ready: Callable[[], None]) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        opened = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self.run(lambda: opened.set_result(None)))
        try:
            await asyncio.wait((self._life, opened), return_when=asyncio.FIRST_COMPLETED)
            if self._life.done():
                self._life.result()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if failure := await self._end():
            raise failure

    async def _end(self) -> BaseException | None:
        life, self._life = self._life, None
        if life is None:
            return None
        life.cancel()
        await asyncio.wait((life,))
        return None if life.cancelled() else life.exception()

    @property
    def state(self) -> State:
        """How it is now."""
        return State(
            up=self._readers is not None,
            reason="" if self._readers is not None else self._reason,
            path=str(self.path),
            sqlite=sqlite3.sqlite_version,
            size=_size(self.path),
            wal_size=_size(f"{self.path}-wal"),
            free=shutil.disk_usage(self.path.parent).free if self.path.parent.is_dir() else 0,
        )

    @overload
    async def one(self, query: str, /, *, into: None = None, **params: Value) -> Row | None: ...
    @overload
    async def one(self, query: str, /, *, into: type[T], **params: Value) -> T | None: ...
    async def one(self, query: str, /, *, into: type[Any] | None = None, **params: Value) -> Any:
        """See `database.Reads`. Also raises TooSlow, Busy, StoreDown."""
        return await self._reading().one(query, into, params)

    @overload
    async def all(self, query: str, /, *, into: None = None, **params: Value) -> list[Row]: ...
    @overload
    async def all(self, query: str, /, *, into: type[T], **params: Value) -> list[T]: ...
    async def all(self, query: str, /, *, into: type[Any] | None = None, **params: Value) -> list[Any]:
        """See `database.Reads`. Also raises TooSlow, Busy, StoreDown."""
        return await self._reading().all(query, into, params)

    async def snapshot(self, *reads: Read) -> list[list[Any]]:
        """See `database.Database`. Also raises TooSlow, Busy, StoreDown."""
        return await self._reading().snapshot(reads)

    def _reading(self) -> Readers:
        if self._readers is None:
            raise StoreDown(f"{self.path} is down: {self._reason}")
        return self._readers


def _size(path: Path | str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
