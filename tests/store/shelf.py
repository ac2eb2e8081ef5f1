"""A small store for the tests: things on a shelf, and a connection that does something before a statement."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from erlmcp.store import Database, Migration, Migrations, Options, Queries, Query, Schema, SqliteOwner, SqliteReader
from erlmcp.store.queries import parameters

THINGS = """
CREATE TABLE thing (
    id {serial},
    name TEXT NOT NULL UNIQUE,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    inside INTEGER REFERENCES thing (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
"""

STATEMENTS = {
    "put": "INSERT INTO thing (name, amount) VALUES (:name, :amount) RETURNING id",
    "put_or_undo_all": "INSERT OR ROLLBACK INTO thing (name, amount) VALUES (:name, 1)",
    "put_inside": "INSERT INTO thing (name, amount, inside) VALUES (:name, 1, :inside)",
    "take": "UPDATE thing SET amount = amount - :amount WHERE name = :name RETURNING amount",
    "set": "UPDATE thing SET amount = :amount WHERE name = :name",
    "drop": "DELETE FROM thing WHERE name = :name",
    "amount": "SELECT amount FROM thing WHERE name = :name",
    "everything": "SELECT name, amount FROM thing ORDER BY name",
    "count": "SELECT count(*) FROM thing",
    "fill": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
    " INSERT INTO thing (name, amount) SELECT hex(randomblob(:bytes)), i FROM n",
    "for_ever": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "safety": "PRAGMA synchronous",
}


def queries(**statements: str) -> Queries:
    return Queries({name: Query(name, sql, parameters(sql), "shelf.sql:1") for name, sql in statements.items()})


def migrations(*scripts: str, component: str = "shelf") -> Migrations:
    steps = (
        Migration(number, f"step_{number}", script, sha256(script.encode()).hexdigest())
        for number, script in enumerate(scripts, 1)
    )
    return Migrations(component, tuple(steps))


SCHEMA = Schema((migrations(THINGS),), queries(**STATEMENTS))
QUICK = Options(durable=False)


def rigged(before: Callable[[str], None]) -> Callable[..., sqlite3.Connection]:
    """Like sqlite3.connect; each statement is told to `before` first, in the thread that runs it."""

    class Rigged(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            before(sql)
            return super().execute(sql, *rest)

    return partial(sqlite3.connect, factory=Rigged)


def disk_error(name: str, code: int) -> sqlite3.OperationalError:
    """What sqlite3 raises when the disk fails."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


async def put(db: Database, name: str, amount: int = 1) -> None:
    async with db.transaction() as tx:
        await tx.one("put", name=name, amount=amount)


async def things(db: Database) -> dict[str, int]:
    return dict(await db.all("everything"))


async def started(db: SqliteOwner | SqliteReader) -> asyncio.Task[None]:
    """The task of a store that is ready, as a child."""
    ready = asyncio.Event()
    child = asyncio.create_task(db.run(ready.set))
    await asyncio.wait_for(ready.wait(), 5)
    return child


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 - one turn of the loop at a time, and no clock
            await asyncio.sleep(0)


def damage(path: Path, offset: int, text: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(text)
