"""Files that are deleted or replaced under a running node: nothing more is acknowledged, and what was is not lost."""

# ruff: noqa: ASYNC240 - files of a few pages, on no one's loop but ours

import asyncio
import os
from pathlib import Path

import pytest

from erlmcp.store import Missing, SqliteOwner, SqliteReader, StoreDown
from tests.store.shelf import QUICK, SCHEMA, put, started, things


@pytest.mark.parametrize("name", ["erlmcp.db", "erlmcp.db-wal"])
async def test_nothing_is_acknowledged_once_a_file_was_deleted(path: Path, name: str):
    db = SqliteOwner(path, SCHEMA, QUICK)
    child = await started(db)
    await put(db, "before")
    path.with_name(name).unlink()
    with pytest.raises(StoreDown, match=f"{name} was deleted or replaced while it was open"):
        await put(db, "after")
    assert not db.state.up
    with pytest.raises(StoreDown):
        await asyncio.wait_for(child, 5)


async def test_nothing_is_acknowledged_that_was_committed_into_a_file_that_had_just_been_deleted(path: Path):
    db = SqliteOwner(path, SCHEMA, QUICK)
    child = await started(db)
    with pytest.raises(StoreDown, match="was deleted or replaced"):  # noqa: PT012 - a transaction
        async with db.transaction() as tx:
            await tx.one("put", name="nail", amount=1)
            path.unlink()
    await asyncio.wait((child,))
    assert isinstance(child.exception(), StoreDown)


async def test_a_replaced_file_is_not_taken_for_the_one_that_is_open(path: Path):
    db = SqliteOwner(path, SCHEMA, QUICK)
    child = await started(db)
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.replace(other, path)
    with pytest.raises(StoreDown, match="was deleted or replaced"):
        await put(db, "after")
    await asyncio.wait((child,))
    assert isinstance(child.exception(), StoreDown)


async def test_what_a_deleted_wal_held_is_saved_into_the_database(path: Path):
    db = SqliteOwner(path, SCHEMA, QUICK)
    child = await started(db)
    await put(db, "before")
    Path(f"{path}-wal").unlink()
    with pytest.raises(StoreDown):
        await put(db, "after")
    await asyncio.wait((child,))
    assert isinstance(child.exception(), StoreDown)
    async with SqliteOwner(path, SCHEMA, QUICK) as again:
        assert await things(again) == {"before": 1}


async def test_a_file_that_has_gone_is_not_begun_anew_where_it_has_to_be_there(path: Path):
    with pytest.raises(Missing, match=r"erlmcp\.db is gone: put it back, or stop the node"):
        async with SqliteOwner(path, SCHEMA, QUICK, create=False):
            pass
    assert not path.parent.exists()
    async with SqliteOwner(path, SCHEMA, QUICK):
        pass
    async with SqliteOwner(path, SCHEMA, QUICK, create=False) as db:
        assert await things(db) == {}


@pytest.mark.parametrize("name", ["erlmcp.db", "erlmcp.db-wal"])
async def test_a_reader_does_not_go_on_with_a_file_that_was_deleted(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("erlmcp.store.reader._LOOK", 0.01)
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await put(db, "nail")
        other = SqliteReader(path, SCHEMA, QUICK)
        child = await started(other)
        path.with_name(name).unlink()
        with pytest.raises(StoreDown, match="was deleted or replaced"):
            await asyncio.wait_for(child, 5)
        assert not other.state.up
