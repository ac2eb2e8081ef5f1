"""Numbered migrations: `0001_name.sql`, `0002_…`, each applied once, in order, as one transaction, and never edited.

Each component of the program (tcps, access, …) numbers its own files from 1. One table, `schema_migration`, remembers
what was applied, with the SHA-256 of the text. A component that this process does not serve is left alone.

In the text `{serial}` stands for the engine's growing integer key. Tables are STRICT: a migration that makes another
kind is refused and undone.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from erlmcp.store.errors import Edited, Newer, QueryError, StoreError, explain
from erlmcp.store.queries import Queries

__all__ = [
    "TABLE",
    "Migration",
    "Migrations",
    "Schema",
    "Standing",
    "apply",
    "pending",
    "refuse_what_does_not_fit",
    "standings",
]

_FILE = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_DIALECT = {"{serial}": "INTEGER PRIMARY KEY AUTOINCREMENT"}
TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    component TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    PRIMARY KEY (component, number)
) STRICT
"""


class Migration(Struct, frozen=True):
    """One file. `checksum`: SHA-256 of its text, in hexadecimal, with line ends as \\n."""

    number: int
    name: str
    script: str
    checksum: str


class Migrations(Struct, frozen=True):
    """The files of one component, numbered 1, 2, 3, …"""

    component: str
    steps: tuple[Migration, ...]

    @classmethod
    def load(cls, component: str, directory: Path | Traversable) -> "Migrations":
        """Read a directory. Raises QueryError on a name that is none, and on a gap or a double in the numbers."""
        files = sorted((file for file in directory.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
        steps = tuple(_read(file) for file in files)
        for expected, step in enumerate(steps, 1):
            if step.number != expected:
                raise QueryError(
                    f"migrations of {component}: {step.number:04}_{step.name} where {expected:04} should be"
                )
        return cls(component, steps)


class Schema(Struct, frozen=True):
    """What a program asks of its store: the tables of its components, and the statements on them."""

    migrations: tuple[Migrations, ...] = ()
    queries: Queries = Queries()

    def __or__(self, other: "Schema") -> "Schema":
        """Both schemas. A component, or the name of a statement, that is in both is a QueryError."""
        components = {each.component for each in self.migrations}
        if double := [each.component for each in other.migrations if each.component in components]:
            raise QueryError(f"the migrations of {double[0]} are there already")
        return Schema(self.migrations + other.migrations, self.queries | other.queries)


class Standing(Struct, frozen=True):
    """Where one migration stands. `newer`: applied by a newer release. `applied_at`: RFC 3339, "" where pending."""

    component: str
    number: int
    name: str
    state: Literal["applied", "pending", "edited", "newer"]
    applied_at: str = ""


class _Applied(Struct, frozen=True):
    component: str
    number: int
    name: str
    checksum: str
    applied_at: str


def standings(connection: sqlite3.Connection, migrations: Sequence[Migrations]) -> list[Standing]:
    """Every migration of these components, applied or not, in order."""
    applied = _applied(connection)
    result = []
    for component in migrations:
        there = {row.number: row for row in applied if row.component == component.component}
        result += [_standing(component.component, step, there.pop(step.number, None)) for step in component.steps]
        result += [Standing(r.component, r.number, r.name, "newer", r.applied_at) for r in there.values()]
    return result


def pending(migrations: Sequence[Migrations]) -> list[Standing]:
    """The standings where nothing was applied yet."""
    return [_standing(component.component, step, None) for component in migrations for step in component.steps]


def refuse_what_does_not_fit(path: Path, found: Sequence[Standing]) -> None:
    """Raise Newer or Edited for the first migration that this program did not make."""
    for standing in found:
        name = f"{standing.component} {standing.number:04}_{standing.name}"
        if standing.state == "newer":
            raise Newer(
                f"{path} was migrated by a newer release ({name}): run that release, or restore an older backup"
            )
        if standing.state == "edited":
            raise Edited(f"{path}: migration {name} was edited after it was applied: bring back the text it had")


def apply(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migrations], applied_at: str
) -> list[Standing]:
    """Apply what is pending; what was applied. Each in a transaction of its own. Raises Newer, Edited, StoreError."""
    found = standings(connection, migrations)
    refuse_what_does_not_fit(path, found)
    steps = {(component.component, step.number): step for component in migrations for step in component.steps}
    missing = [standing for standing in found if standing.state == "pending"]
    for standing in missing:
        _apply(connection, path, standing.component, steps[standing.component, standing.number], applied_at)
    return [Standing(s.component, s.number, s.name, "applied", applied_at) for s in missing]


def _apply(connection: sqlite3.Connection, path: Path, component: str, step: Migration, applied_at: str) -> None:
    where = f"{path}: migration {component} {step.number:04}_{step.name}"
    # A table is rebuilt by dropping it, which must not touch the rows that refer to it; within a transaction the
    # switch does nothing. https://www.sqlite.org/lang_altertable.html#otheralter
    _run(connection, path, "PRAGMA foreign_keys=OFF")
    try:
        _run(connection, path, "BEGIN IMMEDIATE")
        for statement in _statements(step.script, where):
            _run(connection, where, statement)
            if not connection.in_transaction:
                raise QueryError(f"{where}: a migration is one transaction and ends none: {statement[:60]!r}")
        _check(connection, where)
        row = (component, step.number, step.name, step.checksum, applied_at)
        connection.execute("INSERT INTO schema_migration VALUES (?, ?, ?, ?, ?)", row)
        _run(connection, where, "COMMIT")
    except StoreError:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        _run(connection, path, "PRAGMA foreign_keys=ON")


def _check(connection: sqlite3.Connection, where: str) -> None:
    if broken := connection.execute("PRAGMA foreign_key_check").fetchone():
        raise QueryError(f"{where}: row {broken[1]} of {broken[0]} would refer to nothing in {broken[2]}")
    tables = connection.execute("PRAGMA main.table_list").fetchall()
    if loose := [row[1] for row in tables if row[2] == "table" and not row[5] and not row[1].startswith("sqlite_")]:
        raise QueryError(f"{where}: table {', '.join(loose)} is not STRICT")


def _run(connection: sqlite3.Connection, where: Path | str, sql: str) -> None:
    try:
        connection.execute(sql)
    except sqlite3.Error as error:
        raise explain(error, str(where)) from error


def _statements(script: str, where: str) -> Iterator[str]:
    """One by one: `executescript` would commit first."""
    for token, text in _DIALECT.items():
        script = script.replace(token, text)
    pending = ""
    for piece in re.split(r"(?<=;)", script):
        pending += piece
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""
    if re.sub(r"--[^\n]*|/\*.*?\*/", "", pending, flags=re.DOTALL).strip():
        raise QueryError(f"{where}: the last statement has no ;")


def _standing(component: str, step: Migration, row: _Applied | None) -> Standing:
    if row is None:
        return Standing(component, step.number, step.name, "pending")
    state: Literal["applied", "edited"] = "applied" if row.checksum == step.checksum else "edited"
    return Standing(component, step.number, step.name, state, row.applied_at)


def _applied(connection: sqlite3.Connection) -> list[_Applied]:
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migration'").fetchone():
        return []
    rows = connection.execute(
        "SELECT component, number, name, checksum, applied_at FROM schema_migration ORDER BY component, number"
    )
    return [_Applied(*row) for row in rows]


def _read(file: Path | Traversable) -> Migration:
    match = _FILE.fullmatch(file.name)
    if match is None:
        raise QueryError(f"{file.name} is no name for a migration: NNNN_what_it_does.sql")
    script = file.read_text(encoding="utf-8").replace("\r\n", "\n")
    return Migration(int(match["number"]), match["name"], script, sha256(script.encode()).hexdigest())
