"""Backups: of one moment, beside a running node; and their restore, which never leaves half a file."""

# ruff: noqa: ASYNC240 - a test has its files to itself

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from erlmcp.store import (
    Corrupt,
    Foreign,
    Locked,
    Missing,
    Newer,
    ReadOnly,
    Schema,
    SqliteOwner,
    StoreError,
    backup,
    restore,
)
from tests.store.shelf import QUICK, SCHEMA, THINGS, damage, migrations, put, things


async def made(path: Path, **amounts: int) -> Path:
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        for name, amount in amounts.items():
            await put(db, name, amount)
    return path


async def kept(path: Path) -> dict[str, int]:
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        return await things(db)


async def test_a_backup_taken_beside_a_running_node_holds_what_was_committed(path: Path, tmp_path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await put(db, "nail", 3)
        async with db.transaction() as tx:
            await tx.one("put", name="open", amount=1)
            made_ = backup(path, tmp_path / "copy.db")
        await put(db, "later")
    assert made_.size == (tmp_path / "copy.db").stat().st_size > 0
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy.db", "data"]
    restore(tmp_path / "copy.db", path, SCHEMA)
    assert await kept(path) == {"nail": 3}


async def test_a_backup_is_of_one_moment_while_others_write(path: Path, tmp_path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        async with db.transaction() as tx:
            await tx.run("fill", rows=3000, bytes=500)
        copying = asyncio.create_task(asyncio.to_thread(backup, path, tmp_path / "copy.db"))
        number = 0
        while not copying.done():
            await put(db, f"during {number}")
            number += 1
        await copying
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        names = [name for (name,) in copy.execute("SELECT name FROM thing WHERE name LIKE 'during%' ORDER BY id")]
    assert names == [f"during {i}" for i in range(len(names))]


async def test_a_backup_that_is_there_is_not_overwritten(path: Path, tmp_path: Path):
    await made(path, nail=1)
    backup(path, tmp_path / "copy.db")
    with pytest.raises(StoreError, match=r"copy.db is there already: name a new file"):
        backup(path, tmp_path / "copy.db")


def test_a_backup_of_nothing_says_so(path: Path, tmp_path: Path):
    with pytest.raises(Missing, match="there is nothing to back up"):
        backup(path, tmp_path / "copy.db")


async def test_a_backup_into_a_directory_that_is_not_there_says_so(path: Path, tmp_path: Path):
    await made(path)
    with pytest.raises(Missing, match="No such file or directory"):
        backup(path, tmp_path / "nowhere" / "copy.db")


async def test_a_damaged_database_is_not_backed_up_and_leaves_no_file(path: Path, tmp_path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as db, db.transaction() as tx:
        await tx.run("fill", rows=500, bytes=100)
    damage(path, 4096 * 8, b"\xff" * 4096)
    with pytest.raises(Corrupt):
        backup(path, tmp_path / "copy.db")
    assert [file.name for file in tmp_path.iterdir()] == ["data"]


async def test_a_restore_keeps_the_file_that_was_there_beside_the_new_one(path: Path, tmp_path: Path):
    await made(path, nail=1)
    backup(path, tmp_path / "copy.db")
    await made(path, screw=2)
    done = restore(tmp_path / "copy.db", path, SCHEMA)
    assert done.path == path
    assert await kept(path) == {"nail": 1}
    assert done.previous is not None
    restore(done.previous, path, SCHEMA)
    assert await kept(path) == {"nail": 1, "screw": 2}


async def test_a_restore_makes_the_data_directory_of_a_new_machine(path: Path, tmp_path: Path):
    await made(path, nail=1)
    backup(path, tmp_path / "copy.db")
    elsewhere = tmp_path / "elsewhere" / "erlmcp.db"
    assert restore(tmp_path / "copy.db", elsewhere, SCHEMA).previous is None
    assert await kept(elsewhere) == {"nail": 1}


async def test_a_restore_is_refused_while_the_node_runs(path: Path, tmp_path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await put(db, "nail")
        backup(path, tmp_path / "copy.db")
        with pytest.raises(Locked, match="owns it"):
            restore(tmp_path / "copy.db", path, SCHEMA)
        await put(db, "screw")


async def test_a_restore_replaces_a_damaged_database_and_its_wal(path: Path, tmp_path: Path):
    await made(path, nail=1)
    backup(path, tmp_path / "copy.db")
    damage(path, 0, b"garbage" * 1000)
    Path(f"{path}-wal").write_bytes(b"whatever")
    done = restore(tmp_path / "copy.db", path, SCHEMA)
    assert await kept(path) == {"nail": 1}
    assert done.previous is not None
    assert done.previous.read_bytes().startswith(b"garbage")


async def test_what_cannot_be_restored_leaves_the_database_as_it_is(path: Path, tmp_path: Path):
    await made(path, nail=1)
    newer = Schema((migrations(THINGS, "CREATE TABLE more (x INTEGER) STRICT;"),))
    async with SqliteOwner(tmp_path / "newer.db", newer, QUICK):
        pass
    (tmp_path / "garbage.db").write_bytes(b"garbage" * 1000)
    (tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as foreign:
        foreign.execute("CREATE TABLE theirs (x)")
    copy = tmp_path / "damaged.db"
    await made(tmp_path / "big" / "erlmcp.db", **{f"thing {number}": number for number in range(300)})
    backup(tmp_path / "big" / "erlmcp.db", copy)
    damage(copy, 4096 * 4, b"\xff" * 4096)
    before = path.read_bytes()
    for name, error in {
        "newer": Newer,
        "garbage": Corrupt,
        "empty": Foreign,
        "foreign": Foreign,
        "damaged": Corrupt,
        "nothing": Missing,
    }.items():
        with pytest.raises(error):
            restore(tmp_path / f"{name}.db", path, SCHEMA)
        assert path.read_bytes() == before
        assert sorted(file.name for file in path.parent.iterdir()) == ["erlmcp.db", "erlmcp.db.owner"]


async def test_an_older_backup_is_migrated_at_the_next_start(path: Path, tmp_path: Path):
    await made(path, nail=1)
    backup(path, tmp_path / "copy.db")
    newer = Schema((migrations(THINGS, "CREATE TABLE more (x INTEGER) STRICT;"),), SCHEMA.queries)
    restore(tmp_path / "copy.db", path, newer)
    async with SqliteOwner(path, newer, QUICK) as db:
        assert await things(db) == {"nail": 1}


async def test_another_programs_file_is_not_replaced(path: Path, tmp_path: Path):
    await made(tmp_path / "mine" / "erlmcp.db", nail=1)
    backup(tmp_path / "mine" / "erlmcp.db", tmp_path / "copy.db")
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(Foreign):
        restore(tmp_path / "copy.db", path, SCHEMA)
    assert path.read_bytes() == before


def test_a_backup_where_nothing_may_be_written_is_refused(path: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises((ReadOnly, Missing)):
        restore(tmp_path / "file", tmp_path / "file" / "erlmcp.db", SCHEMA)
