"""The face of the store: `Database` and `Transaction`, for every body (SQLite here; PostgreSQL is to be another).

A statement is called by its name in the loaded `Queries`; its `:name` parameters are keyword arguments. Without `into`
a row is a tuple of its columns. `into=SomeStruct` makes each row one (columns by name; see `rows.py`); `into=int`,
`str`, `bytes` or any other type converts the one column there is.

It has never heard of what the rows mean.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar, overload

from msgspec import Struct

__all__ = ["Database", "Read", "Reads", "Row", "Transaction", "Value"]

T = TypeVar("T")
Value = str | int | float | bytes | None
Row = tuple[Any, ...]


class Read(Struct, frozen=True):
    """One read of a `snapshot`."""

    query: str
    params: Mapping[str, Value] = {}
    into: type[Any] | None = None


class Reads(Protocol):
    """What can be asked, inside a transaction and outside of one."""

    @overload
    async def one(self, query: str, /, *, into: None = None, **params: Value) -> Row | None: ...
    @overload
    async def one(self, query: str, /, *, into: type[T], **params: Value) -> T | None: ...
    async def one(self, query: str, /, *, into: type[Any] | None = None, **params: Value) -> Any:
        """The one row, or None. More than one row is a QueryError."""

    @overload
    async def all(self, query: str, /, *, into: None = None, **params: Value) -> list[Row]: ...
    @overload
    async def all(self, query: str, /, *, into: type[T], **params: Value) -> list[T]: ...
    async def all(self, query: str, /, *, into: type[Any] | None = None, **params: Value) -> list[Any]:
        """All rows. Bound them in the query: they are held in memory."""


class Transaction(Reads, Protocol):
    """An exclusive write transaction: what it reads, nobody else changes until it ends."""

    async def run(self, query: str, /, **params: Value) -> int:
        """Run a statement that changes rows; how many it changed. (With RETURNING: `one` or `all`.)

        Raises Constraint: the statement was undone, the transaction goes on.
        """

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """Undo what the block changed if it raises; the transaction goes on. They nest, and end in their own order."""


class Database(Reads, Protocol):
    """A store of rows."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin, and commit at the end of the block: durable when the block is left. Roll back if it raises.

        Transactions come one after the other, in the order they were asked for. Raises Busy, DiskFull, StoreDown (then
        the outcome of the commit is unknown), Corrupt.
        """

    async def snapshot(self, *reads: Read) -> list[list[Any]]:
        """The rows of several reads, all of one moment."""
