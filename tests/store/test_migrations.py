"""Migrations: numbered, applied once and whole, never edited, and never by an older program."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from erlmcp.store import (
    Constraint,
    Edited,
    Foreign,
    Locked,
    Migrations,
    QueryError,
    Schema,
    SqliteOwner,
    Standing,
    StoreError,
    migrate,
    migration_status,
)
from tests.store.shelf import QUICK, SCHEMA, THINGS, migrations, put, things

AT = "2026-07-28T01:02:03.000Z"


def schema(*scripts: str, component: str = "shelf") -> Schema:
    return Schema((migrations(*scripts, component=component),))


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {name for (name,) in names if not name.startswith("sqlite_")}


def test_files_are_read_in_the_order_of_their_numbers(tmp_path: Path):
    (tmp_path / "0002_more.sql").write_text("SELECT 2;")
    (tmp_path / "0001_first.sql").write_text("SELECT 1;\r\n")
    (tmp_path / "README").write_text("")
    first, more = Migrations.load("shelf", tmp_path).steps
    assert (first.number, first.name, first.script) == (1, "first", "SELECT 1;\n")
    assert (more.number, more.name) == (2, "more")
    assert len(first.checksum) == 64


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (["0002_more.sql"], "migrations of shelf: 0002_more where 0001 should be"),
        (["0001_a.sql", "0001_b.sql"], "migrations of shelf: 0001_b where 0002 should be"),
        (["0001_a.sql", "0003_c.sql"], "migrations of shelf: 0003_c where 0002 should be"),
        (["1_a.sql"], "1_a.sql is no name for a migration: NNNN_what_it_does.sql"),
        (["0001-A.sql"], "0001-A.sql is no name for a migration: NNNN_what_it_does.sql"),
    ],
)
def test_a_gap_a_double_and_a_wrong_name_are_refused(tmp_path: Path, files: list[str], line: str):
    for name in files:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(QueryError) as caught:
        Migrations.load("shelf", tmp_path)
    assert str(caught.value) == line


def test_before_there_is_a_file_everything_is_pending(path: Path):
    assert migration_status(path, SCHEMA) == [Standing("shelf", 1, "step_1", "pending")]
    assert not path.exists()


def test_migrating_makes_the_file_and_says_what_it_applied(path: Path):
    assert migrate(path, SCHEMA, AT, QUICK) == [Standing("shelf", 1, "step_1", "applied", AT)]
    assert migration_status(path, SCHEMA) == [Standing("shelf", 1, "step_1", "applied", AT)]
    assert migrate(path, SCHEMA, AT, QUICK) == []
    assert tables(path) == {"schema_migration", "thing"}


def test_only_what_is_pending_is_applied(path: Path):
    migrate(path, schema(THINGS), AT, QUICK)
    both = schema(THINGS, "CREATE TABLE more (x INTEGER) STRICT;")
    assert [standing.state for standing in migration_status(path, both)] == ["applied", "pending"]
    later = "2026-07-29T00:00:00.000Z"
    assert migrate(path, both, later, QUICK) == [Standing("shelf", 2, "step_2", "applied", later)]


async def test_rows_outlive_a_migration(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await put(db, "nail", 3)
    rebuilt = """
    CREATE TABLE fresh (id {serial}, name TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL CHECK (amount >= 0),
                        inside INTEGER REFERENCES fresh (id) DEFERRABLE INITIALLY DEFERRED, colour TEXT) STRICT;
    INSERT INTO fresh SELECT id, name, amount, inside, NULL FROM thing;
    DROP TABLE thing;
    ALTER TABLE fresh RENAME TO thing;
    """
    newer = Schema((migrations(THINGS, rebuilt),), SCHEMA.queries)
    async with SqliteOwner(path, newer, QUICK) as db:
        assert await things(db) == {"nail": 3}


def test_a_migration_that_fails_leaves_nothing_of_itself_and_keeps_those_before(path: Path):
    wrong = "CREATE TABLE more (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1);"
    with pytest.raises(QueryError, match=r"erlmcp.db: migration shelf 0002_step_2: no such table: nowhere"):
        migrate(path, schema(THINGS, wrong), AT, QUICK)
    assert tables(path) == {"schema_migration", "thing"}
    assert [standing.state for standing in migration_status(path, schema(THINGS, wrong))] == ["applied", "pending"]
    assert migrate(path, schema(THINGS), AT, QUICK) == []


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("CREATE TABLE loose (x INTEGER);", "table loose is not STRICT"),
        ("CREATE TABLE more (x INTEGER) STRICT; COMMIT;", "a migration is one transaction and ends none: 'COMMIT;'"),
        ("CREATE TABLE more (x INTEGER) STRICT", "the last statement has no ;"),
        (
            "INSERT INTO thing (name, amount, inside) VALUES ('x', 1, 99);",
            "row 1 of thing would refer to nothing in thing",
        ),
    ],
)
def test_a_migration_that_may_not_be_is_undone_and_named(path: Path, script: str, line: str):
    with pytest.raises(StoreError) as caught:
        migrate(path, schema(THINGS, script), AT, QUICK)
    assert str(caught.value) == f"{path}: migration shelf 0002_step_2: {line}"
    assert migration_status(path, schema(THINGS, script))[1].state == "pending"


def test_a_migration_that_breaks_a_constraint_says_which(path: Path):
    script = "INSERT INTO thing (name, amount) VALUES ('x', -1);"
    with pytest.raises(Constraint, match=r"migration shelf 0002_step_2: CHECK constraint failed"):
        migrate(path, schema(THINGS, script), AT, QUICK)


def test_semicolons_in_text_comments_and_triggers_split_no_statement(path: Path):
    script = """
    -- one; two;
    INSERT INTO thing (name, amount) VALUES ('a;b', 1); /* c; d */
    CREATE TRIGGER never AFTER DELETE ON thing BEGIN
        SELECT RAISE(ABORT, 'no;'); SELECT 1;
    END;
    -- the end;
    """
    assert len(migrate(path, schema(THINGS, script), AT, QUICK)) == 2


def test_an_edited_migration_is_refused_and_named(path: Path):
    migrate(path, schema(THINGS), AT, QUICK)
    edited = schema(THINGS + "-- a word more\n")
    assert migration_status(path, edited) == [Standing("shelf", 1, "step_1", "edited", AT)]
    with pytest.raises(Edited) as caught:
        migrate(path, edited, AT, QUICK)
    line = f"{path}: migration shelf 0001_step_1 was edited after it was applied: bring back the text it had"
    assert str(caught.value) == line


def test_what_a_newer_release_applied_is_shown(path: Path):
    migrate(path, schema(THINGS, "CREATE TABLE more (x INTEGER) STRICT;"), AT, QUICK)
    assert migration_status(path, schema(THINGS))[1] == Standing("shelf", 2, "step_2", "newer", AT)


async def test_components_number_their_files_apart_and_one_that_is_not_served_is_left_alone(path: Path):
    both = Schema((migrations(THINGS), migrations("CREATE TABLE key (x TEXT) STRICT;", component="access")))
    migrate(path, both, AT, QUICK)
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await put(db, "nail")
    assert tables(path) == {"schema_migration", "thing", "key"}
    assert [standing.component for standing in migration_status(path, both)] == ["shelf", "access"]


async def test_migrations_are_looked_at_beside_a_running_node_and_applied_without_one(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK):
        assert migration_status(path, SCHEMA)[0].state == "applied"
        with pytest.raises(Locked):
            migrate(path, SCHEMA, AT, QUICK)


def test_the_status_of_another_programs_file_is_refused(path: Path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(Foreign):
        migration_status(path, SCHEMA)
