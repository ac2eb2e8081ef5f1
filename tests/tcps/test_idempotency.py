"""Idempotency keys: the same key and body get the same answer, for 24 hours."""

import asyncio

import pytest

from erlmcp.tcps import (
    Bucket,
    Code,
    CreateWorkOrder,
    PullNext,
    SetLimit,
    SignalType,
    StartWorkOrder,
    expire_keys,
)
from tests.tcps.plant import refused

CREATE = CreateWorkOrder(SignalType.INTERNAL, "a thing", metadata={"b": 1, "a": [{"y": "é", "x": None}]})


async def test_the_same_key_and_body_get_the_very_same_answer_and_nothing_happens(plant):
    first = await plant.ask(CREATE, "k")
    await plant.ask(StartWorkOrder(first.work_order.id))
    plant.clock.turn(hours=1)
    assert await plant.ask(CREATE, "k") == first
    limit = await plant.ask(SetLimit(Bucket.COST, 9), "l")
    await plant.ask(SetLimit(Bucket.COST, 8))
    assert await plant.ask(SetLimit(Bucket.COST, 9), "l") == limit
    assert [receipt.seq for receipt in await plant.receipts()] == [1, 2, 3, 4]
    assert (await plant.views.kanban(Bucket.COST))[0].limit == 8


async def test_the_order_of_the_members_of_metadata_does_not_make_another_body(plant):
    first = await plant.ask(CREATE, "k")
    again = CreateWorkOrder(SignalType.INTERNAL, "a thing", metadata={"a": [{"x": None, "y": "é"}], "b": 1})
    assert await plant.ask(again, "k") == first


@pytest.mark.parametrize(
    "other",
    [
        CreateWorkOrder(SignalType.INTERNAL, "another thing", metadata=CREATE.metadata),
        CreateWorkOrder(SignalType.INTERNAL, "a thing", metadata={}),
        PullNext(),
    ],
)
async def test_the_same_key_with_another_body_is_a_conflict(plant, other):
    await plant.ask(CREATE, "k", tool="t")
    async with refused(Code.CONFLICT, "idempotency_key k was used", "new idempotency_key"):
        await plant.ask(other, "k", tool="t")
    assert len(await plant.receipts()) == 1


async def test_a_key_belongs_to_its_actor_and_its_tool(plant):
    answers = [
        await plant.ask(CREATE, "k", actor="ana", tool="t"),
        await plant.ask(CREATE, "k", actor="ben", tool="t"),
        await plant.ask(CREATE, "k", actor="ana", tool="u"),
    ]
    assert len({done.work_order.id for done in answers}) == 3
    assert await plant.ask(CREATE, "k", actor="ben", tool="t") == answers[1]


async def test_refusals_are_not_kept(plant):
    async with refused(Code.NOT_FOUND):
        await plant.ask(PullNext(), "k")
    await plant.create("now there is one")
    pulled = await plant.ask(PullNext(), "k")
    assert pulled.work_order.title == "now there is one"
    assert await plant.ask(PullNext(), "k") == pulled


async def test_a_recorded_refusal_is_not_kept_either(plant):
    await plant.ask(SetLimit(Bucket.FEATURES, 1))
    first, second = await plant.create(), await plant.create()
    await plant.order(StartWorkOrder(first.id))
    async with refused(Code.WIP_LIMIT):
        await plant.ask(StartWorkOrder(second.id), "k")
    await plant.complete(first.id)
    assert (await plant.ask(StartWorkOrder(second.id), "k")).work_order.id == second.id


async def test_the_same_call_many_times_at_once_has_one_effect(plant):
    answers = await asyncio.gather(*(plant.ask(CREATE, "k") for _ in range(50)))
    assert answers == [answers[0]] * 50
    assert len(await plant.receipts()) == 1


async def test_without_a_key_every_call_is_its_own(plant):
    assert (await plant.ask(CREATE)).work_order.id != (await plant.ask(CREATE)).work_order.id


async def test_a_key_is_kept_24_hours_and_not_longer(plant):
    first = await plant.ask(CREATE, "k")
    plant.clock.turn(hours=24, milliseconds=-1)
    assert await plant.ask(CREATE, "k") == first
    plant.clock.turn(milliseconds=1)
    second = await plant.ask(CREATE, "k")
    assert second.work_order.id != first.work_order.id
    plant.clock.turn(hours=23)
    assert await plant.ask(CREATE, "k") == second


async def test_an_expired_key_may_come_with_another_body(plant):
    await plant.ask(CREATE, "k", tool="t")
    plant.clock.turn(hours=24)
    assert (await plant.ask(SetLimit(Bucket.COST, 9), "k", tool="t")).kanban.limit == 9


async def test_the_duty_forgets_expired_keys_and_only_those(plant):
    old = await plant.ask(CREATE, "old")
    plant.clock.turn(hours=23)
    young = await plant.ask(CREATE, "young")
    plant.clock.turn(hours=1)
    assert await expire_keys(plant.database, plant.clock(), 24) == 1
    assert await expire_keys(plant.database, plant.clock(), 24) == 0
    assert await plant.ask(CREATE, "young") == young
    assert (await plant.ask(CREATE, "old")).receipt_seq > old.receipt_seq


async def test_the_duty_forgets_any_number_of_keys(plant):
    async with plant.database.transaction() as tx:
        for number in range(1, 2501):
            key = {"actor": "ana", "tool": "t", "key": str(number), "fingerprint": b"", "expired": ""}
            await tx.run("claim_key", receipt_seq=number, at="2026-03-01T00:00:00.000Z", **key)
    assert await expire_keys(plant.database, plant.clock(), 24) == 2500
