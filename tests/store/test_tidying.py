"""Free pages go back to the disk bit by bit, and the planner's knowledge is kept up, while transactions go on."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from erlmcp.store import SqliteOwner, StoreDown
from tests.store.shelf import QUICK, SCHEMA, put

PAGES = 50


async def filled_and_emptied(db: SqliteOwner) -> None:
    async with db.transaction() as tx:
        await tx.run("fill", rows=4_000, bytes=200)
    names = [name for name, _ in await db.all("everything")]
    async with db.transaction() as tx:
        for name in names:
            await tx.run("drop", name=name)


async def test_free_pages_go_back_to_the_disk_in_bits(path: Path):
    sizes: list[int] = []
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await filled_and_emptied(db)
        left = [await db.give_back(PAGES) for _ in range(3)]
        assert left[0] - left[1] == left[1] - left[2] == PAGES
        while left[-1]:
            left.append(await db.give_back(PAGES))
        assert await db.give_back(PAGES) == 0
        assert await db.one("count", into=int) == 0
        sizes.append(db.state.size + db.state.wal_size)
    assert db.state.size < 100_000 < sizes[0]


async def test_transactions_come_between_the_bits(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await filled_and_emptied(db)
        order: list[str] = []

        async def give_back() -> None:
            while await db.give_back(PAGES):
                order.append("bit")

        async def write() -> None:
            for number in range(5):
                await put(db, f"thing {number}")
                order.append("put")

        await asyncio.gather(give_back(), write())
        assert await db.one("count", into=int) == 5
    assert "put" in order[: order.index("bit") + 3]


async def test_a_file_that_keeps_its_pages_says_so(path: Path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as old:
        old.executescript(f"PRAGMA application_id={0x65726C6D}; CREATE TABLE older (id); DROP TABLE older; VACUUM")
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await put(db, "thing")
        assert await db.give_back(PAGES) == -1


async def test_the_planner_is_told_of_the_tables(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await filled_and_emptied(db)
        await put(db, "thing")
        await db.optimize()
        assert await db.one("amount", into=int, name="thing") is not None


async def test_a_store_that_is_down_is_not_tidied(path: Path):
    db = SqliteOwner(path, SCHEMA, QUICK)
    for tidy in (db.give_back(PAGES), db.optimize()):
        with pytest.raises(StoreDown):
            await tidy
