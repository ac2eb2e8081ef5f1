"""A disk that fails: the connection is dead, says so and takes nothing more; the next one starts from what is there."""

# ruff: noqa: PT012 - the block of a transaction is several lines

import asyncio
from pathlib import Path

import pytest

from erlmcp.store import Options, SqliteOwner, StoreDown
from tests.store.shelf import SCHEMA, disk_error, put, rigged, started, things


class Disk:
    """Fails once before each statement named."""

    def __init__(self) -> None:
        self.fails: set[str] = set()
        self.log: list[str] = []

    def __call__(self, sql: str) -> None:
        self.log.append(sql)
        for start in list(self.fails):
            if sql.startswith(start):
                self.fails.remove(start)
                raise disk_error("SQLITE_IOERR_FSYNC", 1034)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def shelf(path: Path, disk: Disk, idle: float = 3600) -> SqliteOwner:
    return SqliteOwner(path, SCHEMA, Options(durable=False, idle=idle), connect=rigged(disk))


async def test_a_commit_whose_fsync_fails_takes_the_store_down_and_is_never_tried_again(path: Path, disk: Disk):
    db = shelf(path, disk)
    child = await started(db)
    await put(db, "before")
    disk.fails.add("COMMIT")
    commits = disk.log.count("COMMIT")
    with pytest.raises(StoreDown, match=r"SQLITE_IOERR_FSYNC.*the outcome of a commit under way is unknown"):
        await put(db, "unknown")
    assert disk.log.count("COMMIT") == commits + 1
    assert not db.state.up
    assert "SQLITE_IOERR_FSYNC" in db.state.reason
    with pytest.raises(StoreDown):
        await put(db, "refused")
    with pytest.raises(StoreDown):
        await asyncio.wait_for(child, 5)
    assert "SQLITE_IOERR_FSYNC" in db.state.reason
    assert disk.log.count("COMMIT") == commits + 1


async def test_who_waits_behind_a_failed_commit_is_told_the_store_is_down(path: Path, disk: Disk):
    db = shelf(path, disk)
    child = await started(db)
    disk.fails.add("COMMIT")
    outcomes = await asyncio.gather(*(put(db, str(number)) for number in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreDown] * 5
    await asyncio.wait((child,))
    assert isinstance(child.exception(), StoreDown)


async def test_the_same_object_starts_again_with_what_was_committed(path: Path, disk: Disk):
    db = shelf(path, disk)
    child = await started(db)
    await put(db, "before")
    disk.fails.add("COMMIT")
    with pytest.raises(StoreDown):
        await put(db, "unknown")
    await asyncio.wait((child,))
    disk.log.clear()
    child = await started(db)
    assert "PRAGMA quick_check(1)" in disk.log  # it did not leave cleanly
    assert await things(db) == {"before": 1}
    await put(db, "after")
    child.cancel()
    await asyncio.wait((child,))
    assert child.cancelled()


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "INSERT INTO thing", "SAVEPOINT"])
async def test_a_disk_that_fails_earlier_takes_the_store_down_too(path: Path, disk: Disk, statement: str):
    db = shelf(path, disk)
    child = await started(db)
    disk.fails.add(statement)
    with pytest.raises(StoreDown):
        async with db.transaction() as tx, tx.savepoint():
            await tx.one("put", name="nail", amount=1)
    with pytest.raises(StoreDown):
        await asyncio.wait_for(child, 5)


async def test_a_disk_error_that_is_swallowed_commits_nothing(path: Path, disk: Disk):
    db = shelf(path, disk)
    child = await started(db)
    disk.fails.add("INSERT INTO thing")
    with pytest.raises(StoreDown):
        async with db.transaction() as tx:
            with pytest.raises(StoreDown):
                await tx.one("put", name="nail", amount=1)
            with pytest.raises(StoreDown):
                await tx.one("put", name="nail", amount=1)
    assert disk.log[-1] == "ROLLBACK"
    with pytest.raises(StoreDown):
        await asyncio.wait_for(child, 5)


async def test_a_checkpoint_that_fails_takes_the_store_down(path: Path, disk: Disk):
    db = shelf(path, disk, idle=0.01)
    child = await started(db)
    disk.fails.add("PRAGMA wal_checkpoint(TRUNCATE)")
    await put(db, "nail")
    with pytest.raises(StoreDown):
        await asyncio.wait_for(child, 5)
    child = await started(db)
    assert await things(db) == {"nail": 1}
    child.cancel()
    await asyncio.wait((child,))


async def test_a_last_checkpoint_that_fails_leaves_the_mark_of_an_unclean_exit(path: Path, disk: Disk):
    db = shelf(path, disk)
    child = await started(db)
    await put(db, "nail")
    disk.fails.add("PRAGMA wal_checkpoint(TRUNCATE)")
    child.cancel()
    await asyncio.wait((child,))
    disk.log.clear()
    child = await started(db)
    assert "PRAGMA quick_check(1)" in disk.log
    assert await things(db) == {"nail": 1}
    child.cancel()
    await asyncio.wait((child,))
