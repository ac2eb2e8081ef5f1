"""Reads: what is committed, at once; never a write; ended when they take too long or when nobody waits for them."""

import asyncio
from pathlib import Path

import pytest

from erlmcp.store import (
    Busy,
    Missing,
    Options,
    QueryError,
    Read,
    ReadOnly,
    Schema,
    SqliteOwner,
    SqliteReader,
    StoreDown,
    TooSlow,
)
from tests.store.shelf import QUICK, SCHEMA, put, queries, things, until

pytestmark = pytest.mark.both_loops


def reader(path: Path, schema: Schema = SCHEMA, **options: object) -> SqliteReader:
    return SqliteReader(path, schema, Options(**options))  # type: ignore[arg-type]


async def test_a_reader_sees_what_is_committed_at_once(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as owner, reader(path) as other:
        for number in range(50):
            await put(owner, f"{number:02}", number)
            assert await other.one("amount", name=f"{number:02}", into=int) == number


async def test_a_reader_does_not_see_what_is_not_committed(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as owner, reader(path) as other:
        async with owner.transaction() as tx:
            await tx.one("put", name="nail", amount=1)
            assert await things(other) == {}
        assert await things(other) == {"nail": 1}


async def test_a_reader_goes_on_over_a_restart_of_the_owner(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as owner:
        await put(owner, "nail")
        other = reader(path)
        await other.__aenter__()
    assert await things(other) == {"nail": 1}
    async with SqliteOwner(path, SCHEMA, QUICK) as owner:
        await put(owner, "screw")
        assert await things(other) == {"nail": 1, "screw": 1}
    await other.__aexit__(None, None, None)


async def test_a_reader_cannot_write_by_any_query(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK), reader(path) as other:
        with pytest.raises(ReadOnly, match="query drop: attempt to write a readonly database"):
            await other.one("drop", name="x")
        with pytest.raises(ReadOnly, match="send the command to the owner"):
            other.transaction()


async def test_a_reader_never_copies_the_wal_not_even_when_it_is_the_last_to_close(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as owner:
        await put(owner, "nail")
        size = owner.state.wal_size
        assert size > 0
        for _ in range(3):
            async with reader(path) as other:
                await things(other)
        assert owner.state.wal_size == size


async def test_reads_of_a_snapshot_are_of_one_moment(path: Path):
    counts = queries(first="SELECT count(*) FROM thing", second="SELECT count(*) FROM thing")
    schema = Schema(SCHEMA.migrations, SCHEMA.queries | counts)
    async with SqliteOwner(path, schema, QUICK) as owner, reader(path, schema) as other:

        async def write() -> None:
            for number in range(100):
                await put(owner, str(number))

        writing = asyncio.create_task(write())
        seen = []
        while not writing.done():
            [first], [second] = await other.snapshot(Read("first", into=int), Read("second", into=int))
            assert first == second
            seen.append(first)
        await writing
        assert seen == sorted(seen)


async def test_a_snapshot_passes_parameters_and_fails_whole(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as owner:
        await put(owner, "nail", 7)
        assert await owner.snapshot(Read("amount", {"name": "nail"}), Read("everything")) == [[(7,)], [("nail", 7)]]
        with pytest.raises(QueryError, match="there is no query 'x'"):
            await owner.snapshot(Read("everything"), Read("x"))
        assert await things(owner) == {"nail": 7}


async def test_a_read_that_takes_too_long_is_ended_and_the_connection_serves_the_next(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK), reader(path, readers=1, read_timeout=0.05) as other:
        with pytest.raises(TooSlow, match=r"query for_ever: interrupted: it took longer than 0.05 s"):
            await other.one("for_ever")
        assert await things(other) == {}


async def test_a_read_whose_caller_leaves_is_ended(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK), reader(path, readers=1, read_timeout=3600) as other:
        task = asyncio.create_task(other.one("for_ever"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            assert await things(other) == {}


async def test_as_many_reads_wait_as_may_and_the_next_is_refused(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK), reader(path, readers=1, read_queue=2, read_timeout=3600) as other:
        slow = asyncio.create_task(other.one("for_ever"))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(things(other)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match=r"2 reads wait for .* already: try again later"):
            await things(other)
        slow.cancel()
        assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [{}, {}]


async def test_a_read_that_leaves_the_queue_makes_room(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK), reader(path, readers=1, read_queue=1, read_timeout=3600) as other:
        slow = asyncio.create_task(other.one("for_ever"))
        await asyncio.sleep(0)
        leaving = asyncio.create_task(things(other))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait((leaving,))
        staying = asyncio.create_task(things(other))
        await asyncio.sleep(0)
        slow.cancel()
        assert await asyncio.wait_for(staying, 5) == {}


async def test_a_read_cancelled_just_as_its_turn_comes_passes_the_turn_on(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK), reader(path, readers=1) as other:
        for _ in range(20):
            tasks = [asyncio.create_task(things(other)) for _ in range(5)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        assert await asyncio.wait_for(things(other), 5) == {}


async def test_closing_ends_the_read_under_way_and_refuses_what_waits(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK):
        other = reader(path, readers=1, read_timeout=3600)
        await other.__aenter__()
        slow, waiting = asyncio.create_task(other.one("for_ever")), asyncio.create_task(things(other))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await other.__aexit__(None, None, None)
            for task in (slow, waiting):
                with pytest.raises(StoreDown, match="was closed"):
                    await task
        with pytest.raises(StoreDown, match="is down: it was closed"):
            await things(other)


async def test_as_many_reads_run_at_once_as_there_are_readers(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK), reader(path, readers=2, read_timeout=3600) as other:
        slow = asyncio.create_task(other.one("for_ever"))
        await asyncio.sleep(0)
        assert await asyncio.wait_for(things(other), 5) == {}
        slow.cancel()


async def test_a_reader_of_a_file_that_is_not_there_says_so(path: Path):
    with pytest.raises(Missing, match="is not there: its node has not made it yet"):
        await reader(path).__aenter__()


async def test_a_reader_that_cannot_open_opens_later(path: Path):
    other = reader(path)
    with pytest.raises(Missing):
        await other.__aenter__()
    assert "not there" in other.state.reason
    async with SqliteOwner(path, SCHEMA, QUICK), other:
        assert other.state.up


async def test_a_reader_is_run_once_at_a_time(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK), reader(path) as other:
        with pytest.raises(RuntimeError, match="is open already"):
            await other.run(lambda: None)


async def test_a_reader_run_as_a_child_says_when_it_is_ready(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK):
        other, ready = reader(path), asyncio.Event()
        child = asyncio.create_task(other.run(ready.set))
        await until(ready.is_set)
        assert other.state.up
        child.cancel()
        await asyncio.wait((child,))
        assert child.cancelled()
        assert not other.state.up
