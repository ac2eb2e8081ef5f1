"""The coordinator: many commands share a commit, and nobody hears of anything before it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from erlmcp.otp import Down, Overloaded
from erlmcp.store import Busy, DiskFull, StoreDown
from erlmcp.tcps import (
    Ask,
    Bucket,
    Coordinator,
    CreateWorkOrder,
    Ok,
    Options,
    Pull,
    Refused,
    SetLimit,
    SignalType,
    StartWorkOrder,
)
from tests.tcps.plant import plant_at, running

CREATE = CreateWorkOrder(SignalType.INTERNAL, "a thing")


class Gate:
    """A database whose commits wait until they are let through, or fail."""

    def __init__(self, database):
        self.database = database
        self.open = asyncio.Event()
        self.open.set()
        self.begun = asyncio.Event()
        self.fault = None
        self.transactions = 0

    @asynccontextmanager
    async def transaction(self):
        self.transactions += 1
        async with self.database.transaction() as tx:
            yield tx
            self.begun.set()
            await self.open.wait()
            if self.fault is not None:
                raise self.fault


@asynccontextmanager
async def gated(path, **options):
    async with plant_at(path) as plant:
        gate = Gate(plant.database)
        plant.coordinator = Coordinator(gate, Options(**options), publish=plant.facts.extend, now=plant.clock)
        async with running(plant.coordinator.run) as task:
            plant.task = task
            gate.begun.clear()
            yield plant, gate


async def begin(gate, *calls):
    """Calls whose commit is held up."""
    gate.open.clear()
    tasks = [asyncio.ensure_future(call) for call in calls]
    async with asyncio.timeout(5):
        await gate.begun.wait()
    return tasks


async def outcomes(*tasks):
    async with asyncio.timeout(5):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_nobody_is_answered_and_nothing_is_told_before_the_commit(tmp_path):
    async with gated(tmp_path / "erlmcp.db") as (plant, gate):
        tasks = await begin(gate, plant.ask(CREATE), plant.ask(StartWorkOrder("WO-1")))
        await asyncio.sleep(0)
        assert ([task.done() for task in tasks], plant.facts) == ([False, False], [])
        assert await plant.receipts() == []
        gate.open.set()
        done, refused = await outcomes(*tasks)
        assert (done.receipt_seq, type(refused)) == (1, Refused)
        assert len(plant.facts) == 1


async def test_what_waits_shares_one_transaction(tmp_path):
    async with gated(tmp_path / "erlmcp.db") as (plant, gate):
        (first,) = await begin(gate, plant.ask(CREATE))
        rest = [asyncio.ensure_future(plant.ask(CREATE)) for _ in range(64)]
        await asyncio.sleep(0)
        before = gate.transactions
        gate.open.set()
        answers = await outcomes(first, *rest)
        assert gate.transactions == before + 1
        assert [done.receipt_seq for done in answers] == list(range(1, 66))


async def test_a_batch_is_bounded(tmp_path):
    async with gated(tmp_path / "erlmcp.db", batch=10) as (plant, gate):
        (first,) = await begin(gate, plant.ask(CREATE))
        rest = [asyncio.ensure_future(plant.ask(CREATE)) for _ in range(25)]
        await asyncio.sleep(0)
        before = gate.transactions
        gate.open.set()
        await outcomes(first, *rest)
        assert gate.transactions == before + 3


async def test_a_refusal_in_a_batch_undoes_its_own_command_alone(tmp_path):
    async with gated(tmp_path / "erlmcp.db") as (plant, _):
        await plant.ask(SetLimit(Bucket.COST, 1))
        calls = [CreateWorkOrder(SignalType.INTERNAL, "x", bucket=Bucket.COST)] * 2
        calls += [Pull(Bucket.COST), Pull(Bucket.COST), StartWorkOrder("WO-1"), CREATE]
        answers = await outcomes(*map(plant.ask, calls))
        assert [type(answer).__name__ for answer in answers] == ["Done", "Done", "Done", "Refused", "Refused", "Done"]
        receipts = await plant.receipts()
        assert [receipt.type for receipt in receipts[3:]] == [
            "work_order_pull",
            "work_order_pull_refused",
            "work_order_create",
        ]
        assert isinstance(await plant.views.verify(), Ok)


async def test_a_full_mailbox_refuses_at_once(tmp_path):
    async with gated(tmp_path / "erlmcp.db", mailbox=3) as (plant, gate):
        tasks = await begin(gate, plant.ask(CREATE))
        tasks += [asyncio.ensure_future(plant.ask(CREATE)) for _ in range(4)]
        await asyncio.sleep(0)
        assert [task.done() for task in tasks] == [False, False, False, False, True]
        assert isinstance(tasks[-1].exception(), Overloaded)
        gate.open.set()
        assert [done.receipt_seq for done in await outcomes(*tasks[:-1])] == [1, 2, 3, 4]


async def test_a_caller_that_left_before_its_turn_leaves_nothing(tmp_path):
    async with gated(tmp_path / "erlmcp.db") as (plant, gate):
        tasks = await begin(gate, plant.ask(CREATE))
        tasks += [asyncio.ensure_future(plant.ask(CreateWorkOrder(SignalType.INTERNAL, name))) for name in "ab"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        gate.open.set()
        await outcomes(*tasks)
        titles = [order.title for order in (await plant.views.work_orders()).work_orders]
        assert titles == ["b", "a thing"]


async def test_a_caller_whose_time_is_up_hears_so_and_its_command_may_yet_count(tmp_path):
    async with gated(tmp_path / "erlmcp.db") as (plant, gate):
        gate.open.clear()
        with pytest.raises(TimeoutError):
            await plant.coordinator.execute(Ask("local", "t", CREATE, "k"), timeout=0.001)
        gate.open.set()
        again = await plant.ask(CREATE, "k", tool="t")
        assert again.receipt_seq == 1


@pytest.mark.parametrize("fault", [DiskFull("the disk is full"), Busy("another process holds it")])
async def test_a_commit_that_finds_no_room_is_told_and_the_line_goes_on(tmp_path, fault):
    async with gated(tmp_path / "erlmcp.db") as (plant, gate):
        gate.fault = fault
        answers = await outcomes(plant.ask(CREATE, "k"), plant.ask(StartWorkOrder("WO-1")))
        assert [type(answer) for answer in answers] == [Down, Down]
        assert str(fault) in str(answers[0])
        assert (plant.facts, await plant.receipts()) == ([], [])
        gate.fault = None
        assert (await plant.ask(CREATE, "k")).receipt_seq == 1


@pytest.mark.parametrize("fault", [StoreDown("the disk failed"), ZeroDivisionError("a bug")])
async def test_any_other_failure_crashes_the_actor_and_its_callers_hear_so(tmp_path, fault):
    async with gated(tmp_path / "erlmcp.db") as (plant, gate):
        gate.fault = fault
        (first,) = await begin(gate, plant.ask(CREATE))
        second = asyncio.ensure_future(plant.ask(CREATE))
        await asyncio.sleep(0)
        gate.open.set()
        answers = await outcomes(first, second)
        assert [type(answer) for answer in answers] == [Down, Down]
        assert (await outcomes(plant.task)) == [fault]
        with pytest.raises(Down, match="is not running"):
            await plant.ask(CREATE)


async def test_a_stopped_coordinator_tells_those_it_leaves(tmp_path):
    async with gated(tmp_path / "erlmcp.db") as (plant, gate):
        (first,) = await begin(gate, plant.ask(CREATE))
        plant.task.cancel()
        answers = await outcomes(first)
        assert [type(answer) for answer in answers] == [Down]
        assert await plant.receipts() == []


async def test_what_was_acknowledged_is_there_after_a_restart(tmp_path):
    async with plant_at(tmp_path / "erlmcp.db") as plant:
        made = [await plant.create(str(number)) for number in range(3)]
        before = await plant.views.board()
    async with plant_at(tmp_path / "erlmcp.db") as plant:
        assert await plant.views.board() == before
        assert [(await plant.views.work_order(order.id)).title for order in made] == ["0", "1", "2"]
        assert (await plant.ask(CREATE)).receipt_seq == 4


async def test_what_is_not_admitted_never_waits_in_line(tmp_path):
    async with gated(tmp_path / "erlmcp.db", mailbox=1) as (plant, gate):
        before = gate.transactions
        with pytest.raises(Refused, match="title is empty"):
            await plant.ask(CreateWorkOrder(SignalType.INTERNAL, ""))
        assert gate.transactions == before
