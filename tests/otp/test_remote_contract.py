"""The same reference, wherever the actor is: every sentence here holds for a local call and for one through a hub."""

import asyncio
from pathlib import Path

import pytest

from erlmcp.otp import Down, Overloaded
from tests.otp.company import until
from tests.otp.tills import NotEnough, Shop, open_shop

pytestmark = [pytest.mark.both_loops, pytest.mark.parametrize("where", ["local", "remote"])]


async def held(shop: Shop) -> asyncio.Task[int]:
    """A call that is being answered, and does not get on."""
    shop.till.gate.clear()
    shop.till.busy.clear()
    call = asyncio.create_task(shop.reference.put(1))
    async with asyncio.timeout(5):
        await shop.till.busy.wait()
    return call


async def test_calls_are_answered_in_order(where: str, tmp_path: Path):
    async with open_shop(where, tmp_path) as shop:
        assert await asyncio.gather(*(shop.reference.put(n) for n in (1, 2, 3))) == [1, 3, 6]


async def test_a_cast_is_done_before_the_call_after_it(where: str, tmp_path: Path):
    async with open_shop(where, tmp_path) as shop:
        shop.reference.drop(5)
        assert await shop.reference.put(0) == 5


async def test_a_refusal_goes_to_the_caller_and_the_actor_goes_on(where: str, tmp_path: Path):
    async with open_shop(where, tmp_path) as shop:
        await shop.reference.put(3)
        with pytest.raises(NotEnough, match="only 3 left"):
            await shop.reference.take(4)
        assert await shop.reference.take(3) == 0


async def test_a_full_mailbox_refuses_and_says_so(where: str, tmp_path: Path):
    async with open_shop(where, tmp_path, capacity=2) as shop:
        first = await held(shop)
        waiting = [asyncio.create_task(shop.reference.put(1)) for _ in range(2)]
        await until(lambda: shop.till.waiting == 2)
        with pytest.raises(Overloaded, match=r"the mailbox of actor till is full \(2\): try again later") as refused:
            await shop.reference.put(1)
        assert (refused.value.name, refused.value.capacity) == ("the mailbox of actor till", 2)
        shop.till.gate.set()
        assert await asyncio.gather(first, *waiting) == [1, 2, 3]


async def test_a_call_that_is_not_answered_in_time_raises_and_the_actor_goes_on(where: str, tmp_path: Path):
    async with open_shop(where, tmp_path) as shop:
        first = await held(shop)
        with pytest.raises(TimeoutError, match=r"actor till did not answer within 0\.\d+ s"):
            await shop.reference.put(10, timeout=0.02)
        await shop.heard()
        shop.till.gate.set()
        assert await first == 1
        assert await shop.reference.put(0) == 1


async def test_a_call_whose_caller_has_left_before_its_turn_is_not_run(where: str, tmp_path: Path):
    async with open_shop(where, tmp_path) as shop:
        first = await held(shop)
        impatient = asyncio.create_task(shop.reference.put(100))
        await until(lambda: shop.till.waiting == 1)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        await shop.heard()
        shop.till.gate.set()
        await first
        assert await shop.reference.put(0) == 1


async def test_a_call_that_is_being_answered_when_its_caller_leaves_is_finished(where: str, tmp_path: Path):
    async with open_shop(where, tmp_path) as shop:
        impatient = await held(shop)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        await shop.heard()
        shop.till.gate.set()
        assert await shop.reference.put(0) == 1


async def test_a_crash_tells_the_caller_and_all_who_wait_that_the_actor_is_down(where: str, tmp_path: Path):
    async with open_shop(where, tmp_path) as shop:
        shop.till.gate.clear()
        calls = [asyncio.create_task(call) for call in (shop.reference.smash(), shop.reference.put(1))]
        await until(lambda: shop.till.waiting == 1)
        shop.till.gate.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [(type(outcome), str(outcome)) for outcome in outcomes] == [
            (Down, "actor till ended before it answered")
        ] * 2


async def test_a_restarted_actor_is_the_same_reference_with_a_fresh_state(where: str, tmp_path: Path):
    async with open_shop(where, tmp_path) as shop:
        await shop.reference.put(7)
        with pytest.raises(Down):
            await shop.reference.smash()
        await until(lambda: shop.till.lives == 2)
        assert await shop.reference.put(1) == 1
