"""The periodic work of the line."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from erlmcp.store import Busy, DiskFull
from erlmcp.tcps import CreateWorkOrder, Duties, SignalType
from tests.tcps.plant import running

CREATE = CreateWorkOrder(SignalType.INTERNAL, "a thing")


class Watched:
    """A database that says how often it was asked, and fails the first time if told to."""

    def __init__(self, database, fault=None):
        self.database, self.fault, self.begun = database, fault, asyncio.Queue()

    @asynccontextmanager
    async def transaction(self):
        fault, self.fault = self.fault, None
        async with self.database.transaction() as tx:
            if fault is not None:
                self.begun.put_nowait("failed")
                raise fault
            yield tx
        self.begun.put_nowait("done")

    async def one(self, *args, **params):
        return await self.database.one(*args, **params)

    async def all(self, *args, **params):
        return await self.database.all(*args, **params)

    async def next(self):
        async with asyncio.timeout(5):
            return await self.begun.get()


async def test_keys_are_forgotten_once_their_time_is_up(plant):
    old = await plant.ask(CREATE, "k")
    plant.clock.turn(hours=24)
    watched = Watched(plant.database)
    async with running(Duties(watched, plant.coordinator, plant.options, interval=0.01, now=plant.clock).run):
        assert [await watched.next() for _ in range(2)] == ["done", "done"]
    assert await plant.database.one("answer_of_key", actor="local", tool="work_order_create", key="k") is None
    assert (await plant.ask(CREATE, "k")).receipt_seq > old.receipt_seq


@pytest.mark.parametrize("fault", [Busy("busy"), DiskFull("full")])
async def test_a_store_without_room_is_tried_again_the_next_time(plant, fault, caplog):
    watched = Watched(plant.database, fault)
    async with running(Duties(watched, plant.coordinator, plant.options, interval=0.01, now=plant.clock).run):
        assert [await watched.next() for _ in range(2)] == ["failed", "done"]
    assert "duties: keys are kept longer" in caplog.text


async def test_a_failing_store_crashes_the_child(plant):
    watched = Watched(plant.database, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        async with running(Duties(watched, plant.coordinator, plant.options, now=plant.clock).run) as task:
            await asyncio.wait_for(task, 5)
