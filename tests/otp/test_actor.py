"""An actor answers one message at a time, from a mailbox with a bound, and nobody waits for ever."""

import asyncio
import logging

import pytest

from erlmcp.otp import Actor, ChildSpec, Down, Overloaded, StartFailed, Strategy, Supervisor
from tests.otp.company import running, until

pytestmark = pytest.mark.both_loops


class NotEnough(Exception):
    """The answer is no."""


class Till(Actor):
    """Money in a till. `gate` holds it up, so that a test can fill the mailbox."""

    refusals = (NotEnough,)

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.gate = asyncio.Event()
        self.gate.set()
        self.busy = asyncio.Event()
        self.diary: list[str] = []
        self.broken = ""

    async def init(self) -> None:
        if self.broken:
            raise OSError(self.broken)
        self.diary.append("open")
        self.money = 0

    async def terminate(self, error: BaseException | None) -> None:
        self.diary.append(f"closed by {type(error).__name__}")

    async def put(self, amount: int, timeout: float | None = None) -> int:
        return await self.call(self._put, amount, timeout=timeout)

    async def _put(self, amount: int) -> int:
        self.busy.set()
        await self.gate.wait()
        self.money += amount
        return self.money

    def drop(self, amount: int) -> None:
        self.cast(self._put, amount)

    async def take(self, amount: int) -> int:
        return await self.call(self._take, amount)

    def grab(self, amount: int) -> None:
        self.cast(self._take, amount)

    async def _take(self, amount: int) -> int:
        if amount > self.money:
            raise NotEnough(f"only {self.money} left")
        self.money -= amount
        return self.money

    async def smash(self) -> None:
        await self.call(self._smash)

    async def _smash(self) -> None:
        self.busy.set()
        await self.gate.wait()
        raise RuntimeError("smashed")


def kept(till: Till, intensity: int = 3) -> Supervisor:
    return Supervisor(Strategy.ONE_FOR_ONE, intensity, 60.0, [till.child()])


async def held(till: Till) -> asyncio.Task[int]:
    """A call that is being answered, and does not get on."""
    till.gate.clear()
    till.busy.clear()
    call = asyncio.create_task(till.put(1))
    async with asyncio.timeout(5):
        await till.busy.wait()
    return call


async def test_calls_are_answered_in_order():
    till = Till()
    async with running(kept(till)):
        assert await asyncio.gather(*(till.put(n) for n in (1, 2, 3))) == [1, 3, 6]


async def test_a_cast_is_done_before_the_call_after_it():
    till = Till()
    async with running(kept(till)):
        till.drop(5)
        assert await till.put(0) == 5


async def test_a_mailbox_takes_as_many_messages_as_its_capacity_and_refuses_the_next():
    till = Till(capacity=3)
    async with running(kept(till)):
        first = await held(till)
        for _ in range(3):
            till.drop(1)
        assert till.waiting == 3
        with pytest.raises(Overloaded, match=r"the mailbox of actor till is full \(3\): try again later"):
            till.drop(1)
        with pytest.raises(Overloaded) as refused:
            await till.put(1)
        assert (refused.value.name, refused.value.capacity) == ("the mailbox of actor till", 3)
        till.gate.set()
        assert await first == 1
        assert await till.put(0) == 4


async def test_a_mailbox_has_room_for_one_at_least():
    with pytest.raises(ValueError, match="capacity 0 must be 1 or more"):
        Till(capacity=0)
    assert Till(capacity=1).capacity == 1


async def test_a_refusal_goes_to_the_caller_and_the_actor_goes_on():
    till = Till()
    async with running(kept(till)):
        await till.put(3)
        with pytest.raises(NotEnough, match="only 3 left"):
            await till.take(4)
        assert await till.take(3) == 0
    assert till.diary == ["open", "closed by CancelledError"]


async def test_a_refused_cast_is_logged_because_nobody_else_hears_of_it(caplog):
    caplog.set_level(logging.INFO, "erlmcp.otp")
    till = Till()
    async with running(kept(till)):
        till.grab(1)
        await till.put(0)
    assert "actor till refused a cast: only 0 left" in caplog.text


async def test_a_call_that_is_not_answered_in_time_raises_and_the_actor_goes_on():
    till = Till()
    async with running(kept(till)):
        first = await held(till)
        with pytest.raises(TimeoutError, match=r"actor till did not answer within 0.01 s"):
            await till.put(10, timeout=0.01)
        till.gate.set()
        assert await first == 1


async def test_a_call_whose_caller_has_left_before_its_turn_is_not_run():
    till = Till()
    async with running(kept(till)):
        first = await held(till)
        impatient = asyncio.create_task(till.put(100))
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        till.gate.set()
        await first
        assert await till.put(0) == 1


async def test_a_call_that_is_being_answered_when_its_caller_leaves_is_finished():
    till = Till()
    async with running(kept(till)):
        impatient = await held(till)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        till.gate.set()
        assert await till.put(0) == 1


async def test_a_crash_tells_the_caller_and_all_who_wait_that_the_actor_is_down():
    till = Till()
    async with running(kept(till)):
        till.gate.clear()
        calls = [asyncio.create_task(call) for call in (till.smash(), till.put(1), till.put(2))]
        async with asyncio.timeout(5):
            await till.busy.wait()
        till.gate.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [str(outcome) for outcome in outcomes] == ["actor till ended before it answered"] * 3
        assert all(isinstance(outcome, Down) for outcome in outcomes)
        assert isinstance(outcomes[0].__cause__, RuntimeError)


async def test_a_restarted_actor_is_the_same_reference_with_a_fresh_state():
    till = Till()
    async with running(kept(till)):
        await till.put(7)
        with pytest.raises(Down):
            await till.smash()
        await until(lambda: till.diary.count("open") == 2)
        assert await till.put(1) == 1
    assert till.diary == ["open", "closed by RuntimeError", "open", "closed by CancelledError"]


async def test_a_stop_tells_those_who_wait():
    till = Till()
    async with running(kept(till)) as task:
        first = await held(till)
        second = asyncio.create_task(till.put(2))
        await asyncio.sleep(0)
        task.cancel()
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Down, Down]


async def test_an_actor_that_does_not_run_refuses_at_once():
    till = Till()
    with pytest.raises(Down, match="actor till is not running"):
        await till.put(1)
    with pytest.raises(Down, match="actor till is not running"):
        till.drop(1)


async def test_messages_left_over_do_not_reach_the_next_incarnation():
    till = Till()
    async with running(kept(till)):
        till.gate.clear()
        smash = asyncio.create_task(till.smash())
        async with asyncio.timeout(5):
            await till.busy.wait()
        till.drop(50)
        till.gate.set()
        with pytest.raises(Down):
            await smash
        await until(lambda: till.diary.count("open") == 2)
        assert await till.put(0) == 0


async def test_an_actor_whose_init_fails_has_not_started():
    till = Till()
    till.broken = "no such disk"
    with pytest.raises(StartFailed, match="no such disk"):
        await kept(till).run(lambda: None)
    assert till.diary == []


async def test_an_actor_runs_once():
    till = Till(name="front")
    async with running(kept(till)):
        with pytest.raises(RuntimeError, match="actor front is running already"):
            await till.run(lambda: None)


def test_an_actor_is_a_child_of_its_own_name():
    till = Till(name="front")
    assert till.child(shutdown=1.0) == ChildSpec("front", till.run, shutdown=1.0)
