"""A write transaction on SQLite: statements run at once, in the loop's thread; its coroutines never suspend.

A statement that changes cached pages takes microseconds, less than a hop to a thread. Beginning and committing wait for
locks and for the disk; they are the writer's and happen on its thread.
"""

import sqlite3
from types import TracebackType
from typing import Any, TypeVar, overload

from erlmcp.store.database import Row, Value
from erlmcp.store.errors import QueryError, StoreError, explain, is_fatal
from erlmcp.store.statements import Statements

__all__ = ["SqliteTransaction"]

T = TypeVar("T")


class SqliteTransaction:
    """See `database.Transaction`."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._connection = statements.connection
        self._depth = 0
        self._ended: StoreError | None = None

    @overload
    async def one(self, query: str, /, *, into: None = None, **params: Value) -> Row | None: ...
    @overload
    async def one(self, query: str, /, *, into: type[T], **params: Value) -> T | None: ...
    async def one(self, query: str, /, *, into: type[Any] | None = None, **params: Value) -> Any:
        self.check()
        try:
            return self._statements.one(query, into, params)
        except StoreError as error:
            self._look_after(error)
            raise

    @overload
    async def all(self, query: str, /, *, into: None = None, **params: Value) -> list[Row]: ...
    @overload
    async def all(self, query: str, /, *, into: type[T], **params: Value) -> list[T]: ...
    async def all(self, query: str, /, *, into: type[Any] | None = None, **params: Value) -> list[Any]:
        self.check()
        try:
            return self._statements.all(query, into, params)
        except StoreError as error:
            self._look_after(error)
            raise

    async def run(self, query: str, /, **params: Value) -> int:
        self.check()
        try:
            return self._statements.run(query, params)
        except StoreError as error:
            self._look_after(error)
            raise

    def savepoint(self) -> "_Savepoint":
        return _Savepoint(self)

    def check(self) -> None:
        """Raise what ended it, if it has ended."""
        if self._ended is not None:
            raise self._ended

    def end(self) -> StoreError | None:
        """No statement of it may run from now on. Returns what had ended it before."""
        before = self._ended
        if before is None:
            self._ended = QueryError("this transaction has ended")
        return before

    def enter(self) -> int:
        self.check()
        self._depth += 1
        self._execute(f"SAVEPOINT s{self._depth}")
        return self._depth

    def leave(self, depth: int, undo: bool) -> None:
        if depth != self._depth and self._ended is None:
            self._ended = QueryError("savepoints ended out of order: a transaction belongs to one task")
        self._depth -= 1
        if undo and self._ended is not None:
            return  # all of it is undone or will be; what made the block raise is the news
        self.check()
        if undo:
            self._execute(f"ROLLBACK TO s{depth}")
        self._execute(f"RELEASE s{depth}")

    def _execute(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except sqlite3.Error as error:
            explained = explain(error, sql)
            self._look_after(explained)
            raise explained from error

    def _look_after(self, error: StoreError) -> None:
        """SQLite undoes the whole transaction on some errors (a full disk, say). Were the next statement run then, it
        would commit by itself; so there is no next one, even if the caller swallows this error."""
        if is_fatal(error) or not self._connection.in_transaction:
            self._ended = error


class _Savepoint:
    def __init__(self, transaction: SqliteTransaction) -> None:
        self._transaction = transaction
        self._depth = 0

    async def __aenter__(self) -> None:
        self._depth = self._transaction.enter()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transaction.leave(self._depth, undo=kind is not None)
