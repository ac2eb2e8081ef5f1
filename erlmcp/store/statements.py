"""Named statements run on one SQLite connection, in the calling thread: the only place where SQL meets values."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from erlmcp.store.database import Row, Value
from erlmcp.store.errors import QueryError, explain
from erlmcp.store.queries import Queries
from erlmcp.store.rows import builder

__all__ = ["Params", "Statements", "verify"]

Params = Mapping[str, Value]


class Statements:
    """The queries of a set, callable on a connection; how their rows become values is worked out once."""

    def __init__(self, connection: sqlite3.Connection, queries: Queries) -> None:
        self.connection = connection
        self._queries = queries
        self._builders: dict[tuple[str, Any], Callable[[Row], Any]] = {}

    def one(self, name: str, into: type[Any] | None, params: Params) -> Any:
        rows = self.all(name, into, params)
        if len(rows) > 1:
            raise QueryError(f"query {name}: {len(rows)} rows where one was asked for")
        return rows[0] if rows else None

    def all(self, name: str, into: type[Any] | None, params: Params) -> list[Any]:
        try:
            cursor = self._execute(name, params)
            rows = cursor.fetchall()  # to the end, so that no statement stays open across a COMMIT
        except sqlite3.Error as error:
            raise explain(error, f"query {name}") from error
        if into is None or not rows:
            return rows
        build = self._builders.get((name, into)) or self._prepare(name, into, cursor)
        try:
            return list(map(build, rows))
        except msgspec.MsgspecError as error:
            raise QueryError(f"query {name}: a row does not fit {into.__name__}: {error}") from error

    def run(self, name: str, params: Params) -> int:
        try:
            return self._execute(name, params).rowcount
        except sqlite3.Error as error:
            raise explain(error, f"query {name}") from error

    def _execute(self, name: str, params: Params) -> sqlite3.Cursor:
        query = self._queries[name]
        if len(params) > len(query.parameters):  # a missing one is named by sqlite3 itself
            surplus = ", ".join(sorted(params.keys() - set(query.parameters)))
            raise QueryError(f"query {name} ({query.origin}) has no parameter {surplus}")
        return self.connection.execute(query.sql, params)

    def _prepare(self, name: str, into: type[Any], cursor: sqlite3.Cursor) -> Callable[[Row], Any]:
        columns = [column[0] for column in cursor.description]
        try:
            build = builder(columns, into)
        except QueryError as error:
            raise QueryError(f"query {name}: {error}") from None
        self._builders[name, into] = build
        return build


def verify(connection: sqlite3.Connection, queries: Queries) -> None:
    """Have SQLite compile every query against the schema. Raises QueryError naming the first that does not fit."""
    for query in queries:
        try:
            connection.execute(f"EXPLAIN {query.sql}", dict.fromkeys(query.parameters)).close()
        except sqlite3.Error as error:
            raise QueryError(f"query {query.name} ({query.origin}): {error}") from error
