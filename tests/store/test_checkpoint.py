"""The WAL: copied when it has grown, emptied when it is quiet, never without a bound."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.store import DiskFull, Options, SqliteOwner
from erlmcp.store.checkpoint import Step, plan
from tests.store.shelf import SCHEMA, put, rigged, until

KIB = 1024
TARGET, LIMIT = 64 * KIB, 512 * KIB
TRANSACTION = 128 * KIB  # more than `fill` of 5 writes


def shelf(path: Path, log: list[str] | None = None, idle: float = 3600) -> SqliteOwner:
    options = Options(durable=False, checkpoint=TARGET, wal_limit=LIMIT, idle=idle)
    return SqliteOwner(path, SCHEMA, options, connect=rigged([].append if log is None else log.append))


async def fill(db: SqliteOwner, kib: int) -> None:
    async with db.transaction() as tx:
        await tx.run("fill", rows=kib, bytes=200)


def test_a_wal_up_to_the_target_is_left_alone():
    assert plan(TARGET, 0, TARGET, LIMIT) == (Step.NOTHING, 0)


def test_a_wal_beyond_the_target_is_copied():
    assert plan(TARGET + 1, 0, TARGET, LIMIT) == (Step.PASSIVE, TARGET + 1)


def test_a_wal_that_a_reader_holds_up_is_tried_again_when_it_has_grown_by_a_quarter_of_the_target():
    assert plan(TARGET * 5 // 4, TARGET, TARGET, LIMIT) == (Step.NOTHING, TARGET)
    assert plan(TARGET * 5 // 4 + 1, TARGET, TARGET, LIMIT) == (Step.PASSIVE, TARGET * 5 // 4 + 1)


def test_a_wal_that_became_smaller_is_measured_against_the_target_again():
    assert plan(TARGET + 1, TARGET + 2, TARGET, LIMIT) == (Step.PASSIVE, TARGET + 1)
    assert plan(TARGET, TARGET + 1, TARGET, LIMIT) == (Step.NOTHING, 0)


def test_from_half_the_limit_on_readers_are_waited_for():
    assert plan(LIMIT // 2, 0, TARGET, LIMIT)[0] is Step.PASSIVE
    assert plan(LIMIT // 2 + 1, 0, TARGET, LIMIT)[0] is Step.TRUNCATE


@given(st.lists(st.integers(0, 2 * LIMIT), max_size=50))
def test_no_growth_of_more_than_a_quarter_beyond_the_last_attempt_goes_by_without_another(sizes: list[int]):
    attempted = last = 0
    for size in sizes:
        step, attempted = plan(size, attempted, TARGET, LIMIT)
        last = size if step is not Step.NOTHING else (last if size >= last else 0)
        assert attempted == last
        assert step is not Step.NOTHING or size <= max(TARGET, last + TARGET // 4)


async def test_the_wal_stays_near_its_target_however_much_is_written(path: Path):
    async with shelf(path) as db:
        for _ in range(300):
            await fill(db, 5)
            assert db.state.wal_size < TARGET + 2 * TRANSACTION
        assert db.state.checkpoints > 3
        assert db.state.size > 2 * LIMIT


async def test_below_the_target_nothing_is_copied(path: Path):
    async with shelf(path) as db:
        await put(db, "nail")
        await put(db, "screw")
        assert db.state.checkpoints == 0


async def test_nobody_but_the_owner_checkpoints_and_nothing_does_by_itself(path: Path):
    log: list[str] = []
    async with shelf(path, log) as db:
        assert "PRAGMA wal_autocheckpoint=0" in log
        async with db.transaction() as tx:
            await tx.run("fill", rows=2000, bytes=2000)  # far beyond SQLite's own 1,000 pages
        assert db.state.checkpoints == 0


async def test_a_quiet_wal_is_emptied(path: Path):
    async with shelf(path, idle=0.01) as db:
        await put(db, "nail")
        await until(lambda: db.state.wal_size == 0)
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT name FROM thing").fetchall() == [("nail",)]


async def test_a_closed_store_is_one_whole_file(path: Path):
    async with shelf(path) as db:
        await put(db, "nail")
    assert sorted(file.name for file in path.parent.iterdir()) == ["erlmcp.db", "erlmcp.db.owner"]


async def test_a_reader_that_stays_costs_writes_at_the_limit_and_not_the_disk(path: Path):
    async with shelf(path) as db:
        await put(db, "nail")
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN")
            holder.execute("SELECT * FROM thing").fetchall()
            with pytest.raises(DiskFull, match="its limit, and a reader holds it up: end the process"):
                await asyncio.gather(*(fill(db, 20) for _ in range(60)))
            assert LIMIT <= db.state.wal_size < LIMIT + TRANSACTION
            assert db.state.up
            with pytest.raises(DiskFull):
                await put(db, "screw")
        await put(db, "screw")
        assert db.state.wal_size < LIMIT // 2


async def test_a_full_disk_at_a_checkpoint_is_no_failure_of_the_disk(path: Path):
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode, full.sqlite_errorname = 13, "SQLITE_FULL"

    def before(sql: str) -> None:
        if sql.startswith("PRAGMA wal_checkpoint(PASSIVE"):
            raise full

    options = Options(durable=False, checkpoint=TARGET, wal_limit=LIMIT)
    async with SqliteOwner(path, SCHEMA, options, connect=rigged(before)) as db:
        for _ in range(20):
            await fill(db, 5)
        assert await db.one("count", into=int) == 100
        assert db.state.up
