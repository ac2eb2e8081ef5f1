"""How long a child may take to stop, and what becomes of one that does not, on both loops."""

import asyncio
from collections.abc import Callable

import pytest

from erlmcp.otp import ChildSpec, Event, Restart, Strategy, Supervisor, snapshot
from tests.otp.company import Company, running, stopped

pytestmark = pytest.mark.both_loops

ONE = Strategy.ONE_FOR_ONE


@pytest.fixture
def company():
    return Company()


async def stubborn(ready: Callable[[], None]) -> None:
    """Ignores the cancellations that a supervisor sends. A test must put it down."""
    ready()
    for _ in range(100):
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            continue


async def test_a_stubborn_child_is_killed_at_the_end_of_its_budget_then_abandoned_and_its_sibling_stops_cleanly(
    company, caplog
):
    children = [company.child("a"), ChildSpec("mule", stubborn, shutdown=0.01)]
    supervisor = Supervisor(ONE, 1, 5.0, children, on_event=company.watch)
    ready = asyncio.Event()
    task = asyncio.create_task(supervisor.run(ready.set))
    await ready.wait()
    task.cancel()
    await stopped(task)
    assert company.story == ["+a", "-a"]
    told = [(event.what, event.reason) for event in company.events if event.child == "mule"]
    assert told == [("starting", ""), ("ready", ""), ("exited", "killed"), ("abandoned", "")]
    assert "root/mule did not stop within 0.01 s" in caplog.text
    assert "root/mule ignores that it was killed: abandoned, its task still runs" in caplog.text
    await put_down(*mules())
    assert "Exception in callback" not in caplog.text


def mules() -> list[asyncio.Task[None]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "root/mule"]


async def put_down(mule: asyncio.Task[None]) -> None:
    while not mule.done():
        mule.cancel()
        await asyncio.sleep(0)


async def test_the_late_end_of_an_abandoned_task_does_not_touch_its_successor(company, caplog):
    supervisor = Supervisor(ONE, 1, 5.0, [ChildSpec("mule", stubborn, Restart.TRANSIENT, shutdown=0.01)])
    async with running(supervisor):
        (old,) = mules()
        await supervisor.terminate_child("mule")
        await supervisor.restart_child("mule")
        (new,) = [task for task in mules() if task is not old]
        await put_down(old)
        assert snapshot(supervisor).children[0].state == "running"
        await put_down(new)
        assert "Exception in callback" not in caplog.text


async def test_a_child_that_stops_within_its_budget_is_not_killed(company):
    async with running(Supervisor(ONE, 1, 5.0, [company.child("a", shutdown=5.0)], on_event=company.watch)):
        pass
    assert company.events[-1] == Event("root", "a", "exited", "cancelled", 1)


async def test_a_budget_of_nought_kills_at_once(company):
    async with running(Supervisor(ONE, 1, 5.0, [company.child("a", shutdown=0)], on_event=company.watch)):
        pass
    assert company.events[-1] == Event("root", "a", "exited", "killed", 1)
    assert company.story == ["+a", "-a"]


async def test_a_budget_without_limit_waits(company):
    gate = asyncio.Event()

    async def slow(ready: Callable[[], None]) -> None:
        ready()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            company.tell("asked")
            await gate.wait()

    async with running(Supervisor(ONE, 1, 5.0, [ChildSpec("slow", slow, shutdown=None)])) as task:
        task.cancel()
        await company.tells("asked")
        assert not task.done()
        gate.set()


async def test_a_second_cancellation_kills_what_still_runs_at_every_depth(company):
    async def slow(ready: Callable[[], None]) -> None:
        ready()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            company.tell("asked")
            await asyncio.get_running_loop().create_future()

    inner = Supervisor(ONE, 1, 5.0, [company.child("b"), ChildSpec("slow", slow, shutdown=None)], name="inner")
    async with running(Supervisor(ONE, 1, 5.0, [company.child("a"), inner.child()])) as task:
        task.cancel()
        await company.tells("+a", "+b", "asked")
        task.cancel()
        await stopped(task)
    assert sorted(company.story) == ["-a", "-b"]


async def test_to_kill_a_supervisor_kills_its_children_whatever_their_budgets(company):
    inner = Supervisor(ONE, 1, 5.0, [company.child("a", shutdown=None)], name="inner", on_event=company.watch)
    async with running(Supervisor(ONE, 1, 5.0, [ChildSpec("inner", inner.run, shutdown=0)])):
        pass
    assert company.events[-1] == Event("inner", "a", "exited", "killed", 1)
