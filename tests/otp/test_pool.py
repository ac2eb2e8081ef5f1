"""A pool of temporary children: OTP's simple_one_for_one."""

import asyncio
from collections.abc import Callable

import pytest

from erlmcp.otp import ChildError, Overloaded, Pool, Strategy, Supervisor
from tests.otp.company import Company, running, stopped

pytestmark = pytest.mark.both_loops


@pytest.fixture
def company():
    return Company()


async def test_a_child_runs_until_it_ends_and_is_then_forgotten(company):  # simple_one_for_one
    pool = Pool(10)
    async with running(pool):
        pool.start("a", company.run_as("a"))
        await company.tells("+a")
        assert len(pool) == 1
        company.end("a")
        await company.tells("~a")
        await company.until(lambda: len(pool) == 0)


async def test_a_crash_is_logged_once_and_touches_nobody_else(company, caplog):  # simple_one_for_one_escalation
    pool = Pool(10)
    async with running(pool):
        for child_id in "abc":
            pool.start(child_id, company.run_as(child_id))
        await company.tells("+a", "+b", "+c")
        company.crash("b")
        await company.tells("~b")
    assert sorted(company.story) == ["-a", "-c"]
    assert [record.getMessage() for record in caplog.records] == ["pool/b crashed: RuntimeError: boom"]


async def test_a_pool_takes_as_many_children_as_its_limit_and_refuses_the_next(company):
    pool = Pool(2)
    async with running(pool):
        pool.start("a", company.run_as("a"))
        pool.start("b", company.run_as("b"))
        with pytest.raises(Overloaded, match=r"pool pool is full \(2\): try again later"):
            pool.start("c", company.run_as("c"))
        await pool.stop("a")
        pool.start("c", company.run_as("c"))
        assert len(pool) == 2


async def test_a_pool_has_room_for_one_at_least():
    with pytest.raises(ValueError, match="the limit must be 1 or more, not 0"):
        Pool(0)
    assert Pool(1).limit == 1


async def test_an_id_is_taken_while_its_child_lives(company):  # child_adm_simple: already_started
    pool = Pool(10)
    async with running(pool):
        pool.start("a", company.run_as("a"))
        with pytest.raises(ChildError, match="child 'a': already started"):
            pool.start("a", company.run_as("a"))
        await pool.stop("a")
        pool.start("a", company.run_as("a"))


async def test_to_stop_a_stranger_is_refused():  # child_adm_simple: not_found
    pool = Pool(10)
    async with running(pool):
        with pytest.raises(ChildError, match="child 'x': not found"):
            await pool.stop("x")


async def test_a_pool_that_does_not_run_takes_nobody(company):
    pool = Pool(10)
    with pytest.raises(ChildError, match="supervisor not running"):
        pool.start("a", company.run_as("a"))
    async with running(pool):
        with pytest.raises(RuntimeError, match="pool pool is running already"):
            await pool.run(lambda: None)


async def test_all_children_are_asked_to_stop_before_the_first_has_gone(company):  # simple_one_for_one_shutdown
    gate = asyncio.Event()

    async def drains(ready: Callable[[], None]) -> None:
        ready()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            company.tell("asked")
            await gate.wait()

    pool = Pool(10, shutdown=None)
    async with running(pool) as task:
        for n in range(5):
            pool.start(f"c{n}", drains)
        await asyncio.sleep(0)
        task.cancel()
        await company.tells(*["asked"] * 5)
        with pytest.raises(ChildError, match="supervisor not running"):
            pool.start("late", drains)
        gate.set()


async def test_a_second_cancellation_kills_the_children(company):
    async def drains(ready: Callable[[], None]) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            company.tell("asked")
            await asyncio.get_running_loop().create_future()

    pool = Pool(10, shutdown=None)
    async with running(pool) as task:
        pool.start("a", drains)
        await asyncio.sleep(0)
        task.cancel()
        await company.tells("asked")
        task.cancel()
        await stopped(task)
        assert len(pool) == 0


async def test_a_stubborn_child_does_not_hang_its_pool(company, caplog):  # child_unlink
    async def mule(ready: Callable[[], None]) -> None:
        for _ in range(9):
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                continue

    pool = Pool(10, shutdown=0.01)
    async with asyncio.timeout(5):
        task = asyncio.create_task(pool.run(lambda: None))
        await asyncio.sleep(0)
        pool.start("mule", mule)
        await asyncio.sleep(0)
        task.cancel()
        await stopped(task)
    assert "pool/mule ignores that it was killed: abandoned" in caplog.text
    (left,) = [task for task in asyncio.all_tasks() if task.get_name() == "pool/mule"]
    while not left.done():
        left.cancel()
        await asyncio.sleep(0)


async def test_a_pool_is_a_child_and_stops_before_what_stands_left_of_it(company):
    pool = Pool(10, name="visitors")
    async with running(Supervisor(Strategy.REST_FOR_ONE, 1, 5.0, [company.child("house"), pool.child()])):
        pool.start("guest", company.run_as("guest"))
        await company.tells("+house", "+guest")
    assert company.story == ["-guest", "-house"]
