"""Write transactions: all or nothing, one after the other, and what a failure or a cancellation leaves behind."""

# ruff: noqa: PT012 - the block of a transaction is several lines

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import Struct

from erlmcp.store import Busy, Constraint, DiskFull, Options, QueryError, SqliteOwner, StoreDown
from tests.store.shelf import QUICK, SCHEMA, put, rigged, things, until

pytestmark = pytest.mark.both_loops


class Thing(Struct, frozen=True):
    name: str
    amount: int


class Oops(Exception):
    pass


class Gate:
    """Holds the thread that is about to run a statement."""

    def __init__(self, statement: str) -> None:
        self.statement = statement
        self.armed = False
        self.reached = threading.Event()
        self.pass_on = threading.Event()

    def __call__(self, sql: str) -> None:
        if self.armed and sql == self.statement:
            self.armed = False
            self.reached.set()
            assert self.pass_on.wait(5)


def shelf(path: Path, **options: object) -> SqliteOwner:
    return SqliteOwner(path, SCHEMA, Options(durable=False, **options))  # type: ignore[arg-type]


async def test_a_transaction_commits_when_its_block_ends(path: Path):
    async with shelf(path) as db:
        async with db.transaction() as tx:
            assert await tx.one("put", name="nail", amount=3, into=int) == 1
            assert await tx.run("set", name="nail", amount=4) == 1
        assert await things(db) == {"nail": 4}


async def test_a_committed_transaction_is_there_after_a_restart(path: Path):
    async with shelf(path) as db:
        await put(db, "nail", 3)
    async with shelf(path) as db:
        assert await things(db) == {"nail": 3}


async def test_a_block_that_raises_leaves_nothing(path: Path):
    async with shelf(path) as db:
        with pytest.raises(Oops):
            async with db.transaction() as tx:
                await tx.one("put", name="nail", amount=3)
                raise Oops
        assert await things(db) == {}
        await put(db, "nail")


async def test_what_a_transaction_changes_is_seen_by_itself_and_by_nobody_else(path: Path):
    async with shelf(path) as db, db.transaction() as tx:
        await tx.one("put", name="nail", amount=3)
        assert await tx.all("everything", into=Thing) == [Thing("nail", 3)]
        assert await db.all("everything") == []


async def test_a_row_that_is_not_there_is_none(path: Path):
    async with shelf(path) as db, db.transaction() as tx:
        assert await tx.one("amount", name="nail") is None
        assert await tx.run("drop", name="nail") == 0


async def test_two_rows_where_one_was_asked_for_are_an_error(path: Path):
    async with shelf(path) as db:
        await put(db, "nail")
        await put(db, "screw")
        with pytest.raises(QueryError, match="query everything: 2 rows where one was asked for"):
            await db.one("everything")


async def test_a_savepoint_undoes_its_own_block_only(path: Path):
    async with shelf(path) as db:
        async with db.transaction() as tx:
            async with tx.savepoint():
                await tx.one("put", name="kept", amount=1)
            with pytest.raises(Oops):
                async with tx.savepoint():
                    await tx.one("put", name="undone", amount=1)
                    raise Oops
            await tx.one("put", name="after", amount=1)
        assert await things(db) == {"kept": 1, "after": 1}


async def test_savepoints_nest(path: Path):
    async with shelf(path) as db:
        async with db.transaction() as tx:
            with pytest.raises(Oops):
                async with tx.savepoint():
                    async with tx.savepoint():
                        await tx.one("put", name="inner", amount=1)
                    await tx.one("put", name="outer", amount=1)
                    raise Oops
            async with tx.savepoint():
                with pytest.raises(Oops):
                    async with tx.savepoint():
                        await tx.one("put", name="again", amount=1)
                        raise Oops
                await tx.one("put", name="outer", amount=2)
        assert await things(db) == {"outer": 2}


async def test_a_constraint_undoes_its_statement_and_the_transaction_goes_on(path: Path):
    async with shelf(path) as db:
        async with db.transaction() as tx:
            await tx.one("put", name="nail", amount=1)
            with pytest.raises(Constraint, match="query take: CHECK constraint failed") as caught:
                await tx.one("take", name="nail", amount=2)
            assert caught.value.kind == "check"
            with pytest.raises(Constraint) as again:
                await tx.one("put", name="nail", amount=1)
            assert again.value.kind == "unique"
        assert await things(db) == {"nail": 1}


async def test_a_constraint_that_waits_for_the_commit_refuses_it_whole(path: Path):
    async with shelf(path) as db:
        with pytest.raises(Constraint) as caught:
            async with db.transaction() as tx:
                await tx.run("put_inside", name="nail", inside=99)
        assert caught.value.kind.startswith("foreignkey") or "FOREIGN KEY" in str(caught.value)
        assert await things(db) == {}
        await put(db, "nail")


@pytest.mark.parametrize(
    ("query", "params", "line"),
    [
        ("nothing", {}, "there is no query 'nothing'"),
        ("amount", {}, "query amount: You did not supply a value for binding parameter :name"),
        ("amount", {"name": "x", "size": 1}, r"query amount \(shelf.sql:1\) has no parameter size"),
    ],
)
async def test_a_call_that_does_not_fit_its_query_says_so(path: Path, query: str, params: dict[str, str], line: str):
    async with shelf(path) as db, db.transaction() as tx:
        with pytest.raises(QueryError, match=line):
            await tx.one(query, **params)


async def test_a_transaction_that_has_ended_runs_nothing(path: Path):
    async with shelf(path) as db:
        async with db.transaction() as tx:
            pass
        for late in (tx.run("drop", name="x"), tx.one("count"), tx.all("everything"), tx.savepoint().__aenter__()):
            with pytest.raises(QueryError, match="this transaction has ended"):
                await late


async def test_a_block_is_entered_once(path: Path):
    async with shelf(path) as db:
        turn = db.transaction()
        async with turn:
            pass
        with pytest.raises(RuntimeError, match="entered once"):
            await turn.__aexit__(None, None, None)


async def test_savepoints_of_two_tasks_mixed_up_end_the_transaction(path: Path):
    async with shelf(path) as db:
        with pytest.raises(QueryError, match="out of order"):
            async with db.transaction() as tx:
                first, second = tx.savepoint(), tx.savepoint()
                await first.__aenter__()
                await second.__aenter__()
                await tx.one("put", name="nail", amount=1)
                await first.__aexit__(None, None, None)
        assert await things(db) == {}
        await put(db, "nail")


async def test_transactions_come_one_after_the_other_in_the_order_they_were_asked_for(path: Path):
    async with shelf(path) as db:
        order: list[int] = []

        async def one(number: int) -> None:
            async with db.transaction() as tx:
                order.append(number)
                count = await tx.one("count", into=int)
                await asyncio.sleep(0)
                assert await tx.one("count", into=int) == count
                await tx.one("put", name=str(number), amount=number)

        await asyncio.gather(*(one(number) for number in range(20)))
        assert order == list(range(20))
        assert len(await things(db)) == 20


async def test_as_many_transactions_wait_as_may_and_the_next_is_refused(path: Path):
    async with shelf(path, write_queue=2) as db:
        async with db.transaction():
            waiting = [asyncio.create_task(put(db, name)) for name in ("a", "b")]
            await asyncio.sleep(0)
            with pytest.raises(Busy, match=r"2 transactions wait .* already: try again later"):
                await put(db, "c")
        await asyncio.gather(*waiting)
        await put(db, "c")
        assert await things(db) == {"a": 1, "b": 1, "c": 1}


async def test_a_cancelled_task_rolls_back_and_the_next_one_goes_on(path: Path):
    async with shelf(path) as db:
        inside = asyncio.Event()

        async def halfway() -> None:
            async with db.transaction() as tx, tx.savepoint():
                await tx.one("put", name="half", amount=1)
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(halfway())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await put(db, "whole")
        assert await things(db) == {"whole": 1}


async def test_a_task_cancelled_while_it_waits_its_turn_leaves_the_queue(path: Path):
    async with shelf(path) as db:
        async with db.transaction():
            waiting = asyncio.create_task(put(db, "never"))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await put(db, "next")
        assert await things(db) == {"next": 1}


@pytest.mark.parametrize("times", [1, 3])
async def test_a_task_cancelled_while_it_begins_leaves_the_connection_free(path: Path, times: int):
    gate = Gate("BEGIN IMMEDIATE")
    async with SqliteOwner(path, SCHEMA, QUICK, connect=rigged(gate)) as db:
        gate.armed = True
        task = asyncio.create_task(put(db, "never"))
        await until(gate.reached.is_set)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()  # the thread has the connection
        gate.pass_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await put(db, "next")
        assert await things(db) == {"next": 1}


async def test_a_task_cancelled_while_it_commits_leaves_after_the_commit(path: Path):
    gate = Gate("COMMIT")
    async with SqliteOwner(path, SCHEMA, QUICK, connect=rigged(gate)) as db:
        gate.armed = True
        task = asyncio.create_task(put(db, "committed"))
        await until(gate.reached.is_set)
        task.cancel()
        following = asyncio.create_task(put(db, "next"))
        await asyncio.sleep(0)
        gate.pass_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await following
        assert await things(db) == {"committed": 1, "next": 1}


async def test_a_timeout_around_a_transaction_is_a_timeout(path: Path):
    async with shelf(path) as db:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), db.transaction() as tx:
                await tx.one("put", name="late", amount=1)
                await asyncio.sleep(0)
        await put(db, "next")
        assert await things(db) == {"next": 1}


async def test_the_loop_goes_on_while_a_commit_waits_for_the_disk(path: Path):
    gate = Gate("COMMIT")
    async with SqliteOwner(path, SCHEMA, QUICK, connect=rigged(gate)) as db:
        gate.armed = True
        task = asyncio.create_task(put(db, "slow"))
        await until(gate.reached.is_set)
        assert await things(db) == {}  # readers are served, and not shown what is not committed
        gate.pass_on.set()
        await task
        assert await things(db) == {"slow": 1}


async def test_a_full_database_refuses_the_transaction_and_keeps_what_was_there(path: Path):
    async with shelf(path, max_size=256 * 1024) as db:
        await put(db, "before")
        with pytest.raises(DiskFull, match="free some space"):
            async with db.transaction() as tx:
                await tx.run("fill", rows=5000, bytes=100)
        assert await things(db) == {"before": 1}
        await put(db, "after")
        assert db.state.up


async def test_what_fits_below_the_limit_of_the_size_is_taken(path: Path):
    async with shelf(path, max_size=256 * 1024) as db:
        async with db.transaction() as tx:
            await tx.run("fill", rows=200, bytes=100)
        assert await db.one("count", into=int) == 200


async def test_where_sqlite_undoes_the_whole_transaction_no_later_statement_commits_by_itself(path: Path):
    async with shelf(path) as db:
        await put(db, "there")
        with pytest.raises(Constraint, match="query put_or_undo_all"):
            async with db.transaction() as tx:
                await tx.one("put", name="early", amount=1)
                with suppress(Constraint):
                    async with tx.savepoint():
                        await tx.run("put_or_undo_all", name="there")
                for stray in (tx.run("drop", name="there"), tx.savepoint().__aenter__()):
                    with pytest.raises(Constraint):
                        await stray
        assert await things(db) == {"there": 1}
        await put(db, "after")


async def test_a_command_that_finds_the_disk_full_is_undone_and_the_batch_may_go_on(path: Path):
    async with shelf(path, max_size=256 * 1024) as db:
        async with db.transaction() as tx:
            await tx.one("put", name="early", amount=1)
            with pytest.raises(DiskFull):
                async with tx.savepoint():
                    await tx.run("fill", rows=5000, bytes=100)
            await tx.one("put", name="small", amount=1)
        assert await things(db) == {"early": 1, "small": 1}


async def test_a_store_that_is_not_open_says_why(path: Path):
    db = shelf(path)
    assert db.state.reason == "it was not opened yet"
    with pytest.raises(StoreDown, match="is down: it was not opened yet"):
        db.transaction()
    async with db:
        assert (db.state.up, db.state.reason) == (True, "")
    with pytest.raises(StoreDown, match="is down: it was closed"):
        await db.all("everything")


async def test_closing_waits_for_the_transaction_under_way(path: Path):
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(db: SqliteOwner) -> None:
        async with db.transaction() as tx:
            inside.set()
            await go_on.wait()
            await tx.one("put", name="last", amount=1)

    async with shelf(path) as db:
        task = asyncio.create_task(slow(db))
        await inside.wait()
        asyncio.get_running_loop().call_soon(go_on.set)
    await task
    async with shelf(path) as db:
        assert await things(db) == {"last": 1}


async def test_what_was_asked_for_before_the_store_closes_is_served_and_what_comes_later_is_refused(path: Path):
    async with shelf(path) as db, db.transaction():
        waiting = asyncio.create_task(put(db, "in time"))
        await asyncio.sleep(0)
        late = db.transaction()
    await waiting
    with pytest.raises(StoreDown, match="was closed"):
        await late.__aenter__()
    async with shelf(path) as db:
        assert await things(db) == {"in time": 1}
