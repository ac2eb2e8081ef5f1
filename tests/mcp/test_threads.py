"""The pool of threads: what it runs, what it refuses, and what becomes of answers that nobody wants any more."""

import asyncio
import contextvars
import gc
import logging
import threading
import weakref
from collections.abc import Callable

import pytest

from erlmcp.mcp import Context, Overloaded
from erlmcp.mcp.threads import Pool
from tests.mcp.author import context, until

pytestmark = pytest.mark.both_loops


@pytest.fixture
def pool():
    pool = Pool(2, 1)
    yield pool
    pool.close()


class Gate:
    """Work that holds its thread until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def work(self) -> bytes:
        self.entered.release()
        assert self.open.wait(5)
        return b"through"

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.entered.acquire(timeout=5)


def late() -> bytes:
    return b"too late"


def submit(pool: Pool, work: Callable[[], bytes], ctx: Context | None = None, timeout: float = 5.0):
    return pool.submit(work, ctx or context(), timeout, late)


async def settled(future: "asyncio.Future[bytes]") -> bytes:
    return await asyncio.wait_for(future, 5)


async def test_work_runs_in_a_thread_and_its_value_comes_back(pool: Pool):
    assert (
        await settled(submit(pool, lambda: str(threading.get_ident()).encode())) != str(threading.get_ident()).encode()
    )


async def test_an_exception_comes_back_as_itself(pool: Pool):
    def fails() -> bytes:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await settled(submit(pool, fails))


async def test_a_stop_iteration_comes_back_as_something_a_future_can_carry(pool: Pool):
    with pytest.raises(RuntimeError, match="StopIteration"):
        await settled(submit(pool, lambda: next(iter(()))))


async def test_work_sees_the_contextvars_of_its_caller_and_keeps_its_own_to_itself(pool: Pool):
    variable: contextvars.ContextVar[bytes] = contextvars.ContextVar("variable")
    variable.set(b"caller's")

    def work() -> bytes:
        seen = variable.get()
        variable.set(b"thread's")
        return seen

    assert await settled(submit(pool, work)) == b"caller's"
    assert variable.get() == b"caller's"


async def test_the_queue_takes_what_it_may_and_refuses_one_more(pool: Pool):
    gate = Gate()
    taken = [submit(pool, gate.work) for _ in range(3)]  # two run, one waits
    with pytest.raises(Overloaded, match="all 2 threads are busy and 1 calls wait") as refused:
        submit(pool, gate.work)
    assert refused.value.retry_after > 0
    gate.open.set()
    assert [await settled(each) for each in taken] == [b"through"] * 3
    assert await settled(submit(pool, lambda: b"room again")) == b"room again"


async def test_no_more_threads_are_started_than_calls_need():
    pool = Pool(8, 8)
    for _ in range(20):
        await settled(submit(pool, lambda: b"quick"))
    assert len(pool._threads) <= 2
    pool.close()


async def test_a_cancelled_call_keeps_its_slot_until_its_function_returns(pool: Pool):
    gate, contexts = Gate(), [context(), context()]
    running = [submit(pool, gate.work, each) for each in contexts]
    gate.wait_for(2)
    for each in running:
        each.cancel()
    await until(lambda: all(each.cancelled for each in contexts))
    waiting = submit(pool, lambda: b"at last")
    with pytest.raises(Overloaded):
        submit(pool, gate.work)
    assert pool.taken == 3
    gate.open.set()
    assert await settled(waiting) == b"at last"
    await until(lambda: pool.taken == 0)


async def test_a_call_that_is_cancelled_while_it_waits_gives_its_place_back_and_never_runs(pool: Pool):
    gate, ran, ctx = Gate(), [], context()
    running = [submit(pool, gate.work) for _ in range(2)]
    gate.wait_for(2)
    for _ in range(100):  # each takes the one place in the queue, and leaves it
        waiting = submit(pool, lambda: bytes(ran.append(1) or b""), ctx)
        waiting.cancel()
        await until(lambda: pool.taken == 2)
    gate.open.set()
    for each in running:
        await settled(each)
    assert ran == []
    assert ctx.cancelled


async def test_a_call_that_takes_too_long_is_answered_in_its_place_and_told_so(pool: Pool):
    gate, ctx = Gate(), context()
    running = submit(pool, gate.work, ctx, timeout=0.01)
    assert await settled(running) == b"too late"
    assert ctx.cancelled
    assert pool.taken == 1  # its thread is still at it
    gate.open.set()
    await until(lambda: pool.taken == 0)
    assert running.result() == b"too late"  # what came of it is dropped


async def test_the_time_in_the_queue_counts(pool: Pool):
    gate = Gate()
    running = [submit(pool, gate.work) for _ in range(2)]
    gate.wait_for(2)
    assert await settled(submit(pool, lambda: b"never", timeout=0.01)) == b"too late"
    assert pool.taken == 2
    gate.open.set()
    for each in running:
        await settled(each)


async def test_the_answer_to_a_late_call_may_be_an_exception(pool: Pool):
    gate = Gate()

    def refuse() -> bytes:
        raise TimeoutError("over")

    with pytest.raises(TimeoutError, match="over"):
        await settled(pool.submit(gate.work, context(), 0.01, refuse))
    gate.open.set()


async def test_a_failure_that_nobody_waits_for_is_logged(pool: Pool, caplog: pytest.LogCaptureFixture):
    gate = Gate()

    def fails() -> bytes:
        gate.work()
        raise LookupError("gone")

    with caplog.at_level(logging.WARNING, "erlmcp.mcp"):
        running = submit(pool, fails)
        gate.wait_for(1)
        running.cancel()
        gate.open.set()
        await until(lambda: bool(caplog.records))
    assert "gone" in caplog.text


async def test_the_context_is_not_cancelled_by_an_answer_in_time(pool: Pool):
    ctx = context()
    await settled(submit(pool, lambda: b"in time", ctx))
    await asyncio.sleep(0)
    assert not ctx.cancelled


async def test_a_closed_pool_finishes_what_it_took_and_takes_no_more():
    pool, gate = Pool(1, 2), Gate()
    taken = [submit(pool, gate.work) for _ in range(2)]
    pool.close()
    with pytest.raises(Overloaded, match="shutting down"):
        submit(pool, gate.work)
    gate.open.set()
    assert [await settled(each) for each in taken] == [b"through"] * 2
    await until(lambda: not any(each.is_alive() for each in pool._threads))


async def test_an_idle_thread_keeps_nothing_of_the_last_call(pool: Pool):
    class Argument:
        pass

    def of(argument: Argument) -> Callable[[], bytes]:
        return lambda: repr(argument).encode()

    argument = Argument()
    watch = weakref.ref(argument)
    work = of(argument)
    await settled(submit(pool, work))
    del argument, work
    await until(lambda: gc.collect() >= 0 and watch() is None)


async def test_many_calls_at_once_all_come_back():
    pool = Pool(4, 1000)

    def work_of(number: int) -> Callable[[], bytes]:
        return lambda: b"%d" % number

    answers = await asyncio.gather(*[settled(submit(pool, work_of(number))) for number in range(500)])
    assert answers == [b"%d" % number for number in range(500)]
    pool.close()


def test_a_pool_outlives_the_loop_it_was_first_used_on():
    pool = Pool(1, 1)

    async def once() -> bytes:
        return await settled(submit(pool, lambda: b"ran"))

    assert [asyncio.run(once()) for _ in range(2)] == [b"ran", b"ran"]
    pool.close()


def test_work_that_outlives_its_loop_disturbs_nobody():
    pool, gate = Pool(1, 1), Gate()

    async def leave() -> None:
        submit(pool, gate.work)
        gate.wait_for(1)

    asyncio.run(leave())
    gate.open.set()
    assert asyncio.run(_again(pool)) == b"ran"
    pool.close()


async def _again(pool: Pool) -> bytes:
    return await settled(submit(pool, lambda: b"ran"))
