"""A supervisor with real tasks, on both loops. What the plan decides is tested there; here: that it happens."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from erlmcp.otp import (
    AutoShutdown,
    ChildError,
    ChildSpec,
    Event,
    GaveUp,
    Ignore,
    Restart,
    Shutdown,
    StartFailed,
    Strategy,
    Supervisor,
)
from tests.otp.company import Company, running, stopped

pytestmark = pytest.mark.both_loops

ONE, ALL, REST = Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE


@pytest.fixture
def company():
    return Company()


def tree(company: Company, ids: str, strategy: Strategy = ONE, intensity: int = 3, **more) -> Supervisor:
    children = [company.child(child_id) for child_id in ids.split()]
    return Supervisor(strategy, intensity, 60.0, children, on_event=company.watch, **more)


def nothing() -> None:
    """Nobody waits for this supervisor to be ready."""


# Start and stop


async def test_children_start_in_order_and_stop_in_reverse(company):
    async with running(tree(company, "a b c")):
        await company.tells("+a", "+b", "+c")
    assert company.story == ["-c", "-b", "-a"]


async def test_the_next_child_starts_when_the_one_before_said_ready(company):
    gate = asyncio.Event()

    async def slow(ready: Callable[[], None]) -> None:
        company.tell("slow")
        await gate.wait()
        ready()
        await asyncio.get_running_loop().create_future()

    supervisor = Supervisor(ONE, 1, 5.0, [ChildSpec("slow", slow), company.child("b")])
    up = asyncio.Event()
    task = asyncio.create_task(supervisor.run(up.set))
    await company.tells("slow")
    assert not up.is_set()
    gate.set()
    await company.tells("+b")
    async with asyncio.timeout(5):
        await up.wait()
    task.cancel()
    await stopped(task)


async def test_each_child_has_gone_before_the_next_one_is_asked_to_stop(company):
    gate = asyncio.Event()

    async def drains(ready: Callable[[], None]) -> None:
        ready()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            company.tell("draining")
            await gate.wait()
            company.tell("drained")

    supervisor = Supervisor(REST, 1, 5.0, [company.child("database"), ChildSpec("door", drains, shutdown=None)])
    async with running(supervisor) as task:
        task.cancel()
        await company.tells("+database", "draining")
        gate.set()
    assert company.story == ["drained", "-database"]


async def test_a_child_that_fails_at_boot_takes_the_started_ones_down_and_is_named(company, caplog):
    company.fails["b"] = [OSError("address in use")]
    with pytest.raises(StartFailed, match="root/b failed to start: it crashed: OSError: address in use") as failed:
        await tree(company, "a b c").run(nothing)
    assert isinstance(failed.value.__cause__, OSError)
    assert company.story == ["+a", "-a"]


async def test_a_child_that_returns_before_it_is_ready_has_failed_to_start():
    async def returns(ready: Callable[[], None]) -> None:
        """Forgot to say ready."""

    with pytest.raises(StartFailed, match="root/a failed to start: it returned before it was ready"):
        await Supervisor(ONE, 1, 5.0, [ChildSpec("a", returns)]).run(nothing)


async def test_a_child_that_is_not_ready_in_time_has_failed_to_start():
    async def hangs(ready: Callable[[], None]) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StartFailed, match=r"root/a failed to start: it was not ready within 0.01 s"):
        await Supervisor(ONE, 1, 5.0, [ChildSpec("a", hangs, start_timeout=0.01)]).run(nothing)


async def test_a_child_with_nothing_to_run_is_left_out(company):
    company.fails["a"] = [Ignore("no certificate configured")]
    async with running(tree(company, "a b")):
        await company.tells("+b")


async def test_ignore_after_ready_is_a_crash(company):
    async with running(tree(company, "a")):
        company.end("a", Ignore("too late"))
        await company.tells("+a", "~a", "+a")
    assert Event("root", "a", "exited", "crashed", 1) in company.events


async def test_a_child_that_is_ready_has_met_its_start_timeout_for_good(company):
    async def hangs(ready: Callable[[], None]) -> None:
        await asyncio.get_running_loop().create_future()

    supervisor = Supervisor(ONE, 1, 5.0, [company.child("a", start_timeout=0.01)])
    async with running(supervisor):
        with pytest.raises(StartFailed, match=r"not ready within 0.05 s"):
            await supervisor.start_child(ChildSpec("late", hangs, start_timeout=0.05))
        assert supervisor.plan.child("a").starts == 1


async def test_a_child_that_says_ready_while_it_stops_is_not_believed(company):
    async def confused(ready: Callable[[], None]) -> None:
        company.tell("starts")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ready()

    supervisor = Supervisor(ONE, 1, 5.0, [ChildSpec("a", confused)], on_event=company.watch)
    task = asyncio.create_task(supervisor.run(nothing))
    await company.tells("starts")
    task.cancel()
    await stopped(task)
    assert [event.what for event in company.events] == ["starting", "closing", "exited"]


async def test_a_supervisor_runs_once_at_a_time_and_again_later(company):
    supervisor = tree(company, "a")
    async with running(supervisor):
        with pytest.raises(RuntimeError, match="supervisor root is running already"):
            await supervisor.run(nothing)
    company.story.clear()
    async with running(supervisor):
        await company.tells("+a")


async def test_a_faulty_tree_is_refused_when_it_is_written(company):
    with pytest.raises(ValueError, match="two children are called 'a'"):
        Supervisor(ONE, 1, 5.0, [company.child("a"), company.child("a")])


# Restarts


@pytest.mark.parametrize(
    ("strategy", "story"),
    [
        (ONE, ["~b", "+b"]),
        (ALL, ["~b", "-c", "-a", "+a", "+b", "+c"]),
        (REST, ["~b", "-c", "+b", "+c"]),
    ],
)
async def test_a_crash_restarts_whom_the_strategy_says(company, strategy, story):
    async with running(tree(company, "a b c", strategy)):
        await company.tells("+a", "+b", "+c")
        company.crash("b")
        await company.tells(*story)


async def test_a_transient_child_that_returns_or_shuts_down_on_purpose_stays_down(company):
    children = [company.child("a", Restart.TRANSIENT), company.child("b", Restart.TRANSIENT)]
    async with running(Supervisor(ONE, 0, 5.0, children, on_event=company.watch)) as task:
        company.end("a")
        company.end("b", Shutdown("work is done"))
        await company.until(lambda: sum(event.what == "exited" for event in company.events) == 2)
        assert [event.reason for event in company.events if event.what == "exited"] == ["normal", "shutdown"]
        assert not task.done()
    assert company.story == ["+a", "+b", "~a", "~b"]


async def test_too_many_restarts_give_up_stop_the_others_and_name_the_culprit(company):
    supervisor = tree(company, "a b", intensity=1)
    async with running(supervisor) as task:
        company.crash("a")
        await company.tells("+a", "+b", "~a", "+a")
        company.crash("a", "again")
        with pytest.raises(GaveUp, match=r"root gave up after more than 1 restart in 60 s: a: it crashed: .*again"):
            await task
        assert company.story == ["~a", "-b"]


async def test_a_failed_restart_is_tried_again_without_a_pause(company):
    async with running(tree(company, "a")):
        company.fails["a"] = [OSError("still busy"), OSError("still busy")]
        company.crash("a")
        await company.tells("+a", "~a", "+a")


async def test_an_intensity_of_nought_allows_no_restart(company):
    async with running(tree(company, "a", intensity=0)) as task:
        company.crash("a")
        with pytest.raises(GaveUp):
            await task


# What a child may raise


async def test_a_child_that_cancels_itself_has_ended_abnormally(company):
    async with running(Supervisor(ONE, 1, 5.0, [company.child("a", Restart.TRANSIENT)], on_event=company.watch)):
        company.end("a", asyncio.CancelledError())
        await company.tells("+a", "~a", "+a")
    assert company.events[2] == Event("root", "a", "exited", "cancelled", 1)


async def test_a_child_that_calls_exit_crashes_alone_and_the_loop_goes_on(company, caplog):
    async with running(tree(company, "a")):
        company.end("a", SystemExit(3))
        await company.tells("+a", "~a", "+a")
    assert "the child called sys.exit(3)" in caplog.text


async def test_an_exception_group_is_a_crash_like_any_other(company):
    async with running(tree(company, "a")):
        company.end("a", BaseExceptionGroup("several", [ValueError("one"), asyncio.CancelledError()]))
        await company.tells("+a", "~a", "+a")


async def test_a_crash_is_logged_once_with_its_traceback_however_deep_the_tree(company, caplog):
    inner = tree(company, "a", intensity=0, name="inner")
    outer = Supervisor(ONE, 1, 5.0, [inner.child()])
    async with running(outer):
        company.crash("a", "very deep")
        await company.tells("+a", "~a", "+a")
    with_traceback = [record for record in caplog.records if record.exc_info]
    assert [record.getMessage() for record in with_traceback] == ["inner/a crashed: RuntimeError: very deep"]


async def test_a_start_failure_is_logged_once_with_its_traceback_however_deep_the_tree(company, caplog):
    company.fails["a"] = [OSError("address in use")]
    outer = Supervisor(ONE, 1, 5.0, [tree(company, "a", name="inner").child()])
    with pytest.raises(StartFailed, match=r"root/inner failed to start: .*inner/a failed to start: .*address in use"):
        await outer.run(nothing)
    assert sum(record.exc_info is not None for record in caplog.records) == 1


async def test_a_clean_stop_logs_nothing_above_debug(company, caplog):
    async with running(tree(company, "a b")):
        pass
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


# Trees


async def test_a_nested_supervisor_is_ready_when_its_children_are(company):
    inner = tree(company, "b c", name="inner")
    async with running(Supervisor(REST, 1, 5.0, [company.child("a"), inner.child(), company.child("d")])):
        await company.tells("+a", "+b", "+c", "+d")
    assert company.story == ["-d", "-c", "-b", "-a"]


async def test_a_supervisor_that_gives_up_is_restarted_by_the_one_above(company):
    inner = tree(company, "b c", intensity=0, name="inner")
    outer = Supervisor(ONE, 1, 5.0, [company.child("a"), inner.child()])
    async with running(outer) as task:
        await company.tells("+a", "+b", "+c")
        company.crash("b")
        await company.tells("~b", "-c", "+b", "+c")
        company.crash("c")
        with pytest.raises(GaveUp, match=r"root gave up .* inner: it ended on purpose: inner gave up"):
            await task
        assert company.story == ["~c", "-b", "-a"]


async def test_a_transient_supervisor_that_gives_up_stays_down(company):
    inner = tree(company, "b", intensity=0, name="inner")
    outer = Supervisor(ONE, 1, 5.0, [inner.child(Restart.TRANSIENT)], on_event=company.watch)
    async with running(outer) as task:
        company.crash("b")
        await company.until(lambda: Event("root", "inner", "exited", "shutdown", 1) in company.events)
        assert not task.done()
    assert company.story == ["+b", "~b"]


async def test_dynamic_children_are_not_created_again_when_their_supervisor_restarts(company):  # tree
    inner = tree(company, "b", intensity=0, name="inner")
    async with running(Supervisor(ONE, 1, 5.0, [inner.child()])):
        await inner.start_child(company.child("dynamic"))
        await company.tells("+b", "+dynamic")
        company.crash("b")
        await company.tells("~b", "-dynamic", "+b")
        assert [child.spec.id for child in inner.plan.children] == ["b"]


async def test_when_a_significant_child_ends_its_supervisor_returns(company):
    children = [company.child("a"), company.child("stdio", Restart.TRANSIENT, significant=True)]
    supervisor = Supervisor(ONE, 1, 5.0, children, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    async with running(supervisor) as task:
        company.end("stdio")
        async with asyncio.timeout(5):
            await task
    assert company.story == ["+a", "+stdio", "~stdio", "-a"]


async def test_children_that_start_together_do_not_wait_for_each_other(company):
    gate = asyncio.Event()

    async def slow(ready: Callable[[], None]) -> None:
        await gate.wait()
        ready()
        await asyncio.get_running_loop().create_future()

    supervisor = Supervisor(ONE, 1, 5.0, [ChildSpec("slow", slow), company.child("b")], together=True)
    task = asyncio.create_task(supervisor.run(nothing))
    await company.tells("+b")
    task.cancel()
    await stopped(task)


# Commands


async def test_a_child_is_started_terminated_started_again_and_deleted_by_command(company):
    supervisor = tree(company, "a")
    async with running(supervisor):
        await supervisor.start_child(company.child("b"))
        await supervisor.terminate_child("b")
        await supervisor.restart_child("b")
        with pytest.raises(ChildError, match="child 'b': running"):
            supervisor.delete_child("b")
        await supervisor.terminate_child("b")
        supervisor.delete_child("b")
        with pytest.raises(ChildError, match="child 'b': not found"):
            await supervisor.terminate_child("b")
        await company.tells("+a", "+b", "-b", "+b", "-b")


async def test_a_child_that_fails_to_start_by_command_is_reported_to_the_caller_and_forgotten(company):
    company.fails["b"] = [OSError("no")]
    supervisor = tree(company, "a", intensity=0)
    async with running(supervisor) as task:
        with pytest.raises(StartFailed, match="root/b failed to start: it crashed: OSError: no") as failed:
            await supervisor.start_child(company.child("b"))
        assert isinstance(failed.value.__cause__, OSError)
        assert [child.spec.id for child in supervisor.plan.children] == ["a"]
        assert not task.done()


async def test_a_child_that_has_nothing_to_run_by_command_is_no_failure(company):
    company.fails["b"] = [Ignore("off")]
    supervisor = tree(company, "a")
    async with running(supervisor):
        await supervisor.start_child(company.child("b"))
        assert [child.spec.id for child in supervisor.plan.children] == ["a", "b"]


async def test_a_child_that_starts_and_ends_at_once_was_started(company):
    async def brief(ready: Callable[[], None]) -> None:
        ready()

    supervisor = tree(company, "a")
    async with running(supervisor):
        await supervisor.start_child(ChildSpec("brief", brief, Restart.TEMPORARY))


async def test_who_waits_for_a_start_hears_when_the_supervisor_stops_first(company):
    async def hangs(ready: Callable[[], None]) -> None:
        company.tell("hangs")
        await asyncio.get_running_loop().create_future()

    supervisor = tree(company, "a", REST)
    async with running(supervisor) as task:
        first = asyncio.create_task(supervisor.start_child(ChildSpec("b", hangs)))
        await company.tells("+a", "hangs")
        second = asyncio.create_task(supervisor.start_child(company.child("c")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(StartFailed, match="root/c was stopped before it started"):
            await second
        with pytest.raises(StartFailed, match="root/b failed to start: it was cancelled"):
            await first


async def test_nothing_is_kept_of_a_temporary_child_that_is_gone(company):  # do_not_save_child_specs_for_temporary
    supervisor = tree(company, "a")
    async with running(supervisor):
        await supervisor.start_child(company.child("t", Restart.TEMPORARY))
        assert supervisor.spec("t").restart is Restart.TEMPORARY
        await supervisor.terminate_child("t")
        with pytest.raises(KeyError):
            supervisor.spec("t")


async def test_a_supervisor_that_does_not_run_starts_nobody(company):
    with pytest.raises(ChildError, match="supervisor not running"):
        await tree(company, "a").start_child(company.child("b"))


# Observers


async def test_the_observer_sees_every_step_of_a_child(company):
    async with running(tree(company, "a", intensity=1)):
        company.crash("a")
        await company.tells("+a", "~a", "+a")
    assert company.events == [
        Event("root", "a", "starting", "", 1),
        Event("root", "a", "ready", "", 1),
        Event("root", "a", "exited", "crashed", 1),
        Event("root", "a", "starting", "", 2),
        Event("root", "a", "ready", "", 2),
        Event("root", "", "closing", "shutdown", 0),
        Event("root", "a", "exited", "cancelled", 2),
    ]


async def test_an_observer_that_fails_is_logged_and_disturbs_nobody(company, caplog):
    def broken(event: Event) -> None:
        raise LookupError("no such metric")

    async with running(Supervisor(ONE, 1, 5.0, [company.child("a")], on_event=broken)):
        await company.tells("+a")
    assert "root: the observer of events failed at Event(" in caplog.text
