"""A database that goes and comes: the keeper stays, and whoever needs the database waits and begins anew."""

import asyncio
from collections.abc import Callable

import pytest

from erlmcp.node import keeping
from erlmcp.node.keeping import Keeper
from erlmcp.otp import ChildSpec, Strategy, Supervisor
from erlmcp.store import Busy, Corrupt, DiskFull, QueryError, State, StoreDown
from tests.otp.company import running, until

pytestmark = pytest.mark.both_loops


class Disk:
    """A store that opens unless `fault` says why not, and ends with what `end` is given."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.attempts = 0
        self._end: asyncio.Future[None] | None = None

    @property
    def state(self) -> State:
        return State(self._end is not None, str(self.fault or ""), "erlmcp.db", "3")

    async def run(self, ready: Callable[[], None]) -> None:
        self.attempts += 1
        if self.fault is not None:
            raise self.fault
        self._end = asyncio.get_running_loop().create_future()
        ready()
        try:
            await self._end
        finally:
            self._end = None

    def end(self, fault: Exception) -> None:
        assert self._end is not None
        self.fault = fault
        self._end.set_exception(fault)


class Clerk:
    """Works with the store until `fail`."""

    def __init__(self) -> None:
        self.lives = 0
        self.works = False
        self._end: asyncio.Future[None] | None = None

    async def run(self, ready: Callable[[], None]) -> None:
        self._end = asyncio.get_running_loop().create_future()
        self.lives, self.works = self.lives + 1, True
        ready()
        try:
            await self._end
        finally:
            self.works = False

    def fail(self, fault: Exception) -> None:
        assert self._end is not None
        self._end.set_exception(fault)

    def leave(self) -> None:
        assert self._end is not None
        self._end.set_result(None)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "FIRST_RETRY", 0.001)


def house(keeper: Keeper, clerk: Clerk) -> Supervisor:
    spec = keeper.dependent(ChildSpec("clerk", clerk.run))
    return Supervisor(Strategy.REST_FOR_ONE, 0, 60.0, [keeper.child("database"), spec])


async def test_a_store_that_can_not_be_opened_keeps_nobody_from_starting_and_is_tried_again():
    disk, clerk = Disk(Corrupt("ruined")), Clerk()
    async with running(house(Keeper(disk), clerk)):
        await until(lambda: disk.attempts > 2)
        assert clerk.lives == 0
        disk.fault = None
        await until(lambda: clerk.works)


async def test_a_store_that_fails_later_is_opened_again_and_whoever_needs_it_begins_anew_without_a_restart_of_anybody():
    disk, clerk, told = Disk(), Clerk(), []
    keeper = Keeper(disk, lambda: told.append(disk.state.up))
    async with running(house(keeper, clerk)):  # its supervisor allows no restart at all
        await until(lambda: clerk.works)
        disk.end(StoreDown("the disk"))
        clerk.fail(StoreDown("the disk"))
        await until(lambda: disk.attempts > 2)
        assert not clerk.works
        disk.fault = None
        await until(lambda: clerk.works)
        assert clerk.lives == 2
        assert told[:2] == [True, False]
        assert told[-1] is True


async def test_whoever_hears_of_it_before_the_keeper_waits_for_the_next_opening():
    disk, clerk = Disk(), Clerk()
    async with running(house(Keeper(disk), clerk)):
        await until(lambda: clerk.works)
        clerk.fail(Corrupt("ruined"))
        await until(lambda: not clerk.works)
        disk.end(Corrupt("ruined"))
        disk.fault = None
        await until(lambda: clerk.works)
        assert (disk.attempts, clerk.lives) == (2, 2)


@pytest.mark.parametrize("fault", [DiskFull("no room"), Busy("somebody else has the lock")])
async def test_a_dependent_that_finds_the_store_full_or_taken_tries_again(fault: Exception):
    disk, clerk = Disk(), Clerk()
    async with running(house(Keeper(disk, pause=0.001), clerk)):
        await until(lambda: clerk.works)
        clerk.fail(fault)
        await until(lambda: clerk.lives == 2)
        assert disk.attempts == 1


async def test_another_fault_of_a_dependent_is_its_own_crash():
    disk, clerk = Disk(), Clerk()
    keeper = Keeper(disk)
    life = asyncio.create_task(keeper.run(lambda: None))
    work = asyncio.create_task(keeper.dependent(ChildSpec("clerk", clerk.run)).run(lambda: None))
    await until(lambda: clerk.works)
    clerk.fail(QueryError("no such query"))
    with pytest.raises(QueryError):
        await work
    life.cancel()
    with pytest.raises(asyncio.CancelledError):
        await life


async def test_a_dependent_that_has_done_its_work_is_done():
    disk, clerk = Disk(), Clerk()
    keeper = Keeper(disk)
    life = asyncio.create_task(keeper.run(lambda: None))
    work = asyncio.create_task(keeper.dependent(ChildSpec("clerk", clerk.run)).run(lambda: None))
    await until(lambda: clerk.works)
    clerk.leave()
    await work
    life.cancel()
    with pytest.raises(asyncio.CancelledError):
        await life
