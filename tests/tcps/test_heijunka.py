"""Heijunka: what comes next, how level that is, and what is pulled."""

import pytest

from erlmcp.tcps import (
    AndonType,
    Bucket,
    Cancel,
    Code,
    Pull,
    PullAndon,
    PullNext,
    Release,
    SetLimit,
    Severity,
    StartWorkOrder,
)
from erlmcp.tcps.heijunka import ROUND, rounds_after, schedule, score
from tests.tcps.plant import refused

R, S, C, L, F, T = ROUND


@pytest.mark.parametrize(
    ("waiting", "last", "size", "expected"),
    [
        ({}, None, 10, ""),
        ({C: "ab"}, None, 10, "ab"),
        ({S: "st", R: "ru", T: "x"}, None, 10, "rsxut"),
        ({S: "st", R: "ru", T: "x"}, R, 10, "sxrtu"),
        ({S: "st", R: "ru", T: "x"}, T, 10, "rsxut"),
        ({R: "abcdef", C: "x"}, None, 4, "axbc"),  # more than two in a row only where no other has work
        (dict.fromkeys(ROUND, "1234"), F, 8, "11111122"),
    ],
)
def test_one_of_each_bucket_a_round_after_the_one_last_pulled(waiting, last, size, expected):
    assert "".join(schedule(waiting, last, size)) == expected


def test_rounds_go_on_where_they_stopped():
    assert rounds_after(None) == ROUND
    assert rounds_after(C) == (L, F, T, R, S, C)
    assert rounds_after(T) == ROUND


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ([], 1.0),
        ([(C, 1)], 1.0),
        # longest run 1 of 2, CV 0; sum of p·pos/n = 4/2 of 10
        ([(R, 6), (S, 4)], 0.5 + 0.3 + 0.2 * 0.8),
        # one bucket: the longest run is all of it, CV 0; Σ(p·pos/n) = 5·(0+1+2+3)/4 = 7.5 of 20
        ([(C, 5)] * 4, 0.0 + 0.3 + 0.2 * (1 - 7.5 / 20)),
        # counts 3 and 1: mean 2, deviation 1, CV ½; longest run 2 of 4; Σ = (2·1 + 2·2 + 8·3)/4 = 7.5 of 20
        ([(C, 8), (R, 2), (C, 2), (C, 8)], 0.5 * (1 - 1 / 3) + 0.3 * (1 - 0.25) + 0.2 * (1 - 7.5 / 20)),
    ],
)
def test_the_score_is_that_of_the_formula(batch, expected):
    assert score(batch) == pytest.approx(expected)


async def pulled(plant, many):
    return "".join([(await plant.order(PullNext())).title for _ in range(many)])


async def test_pull_next_goes_round_the_buckets_and_takes_the_best_of_each(plant):
    for title, bucket, priority in (("c", C, 8), ("t", T, 9), ("s", S, 1), ("S", S, 10), ("d", C, 8)):
        await plant.create(title, bucket=bucket, priority=priority)
    assert await pulled(plant, 5) == "Sctsd"
    async with refused(Code.NOT_FOUND, "no work order is queued in any bucket", "work_order_create"):
        await plant.ask(PullNext())


async def test_rounds_go_on_after_any_pull_but_not_after_a_start(plant):
    for title, bucket in (("r", R), ("s", S), ("c", C), ("f", F), ("x", F), ("y", F)):
        await plant.create(title, bucket=bucket)
    await plant.ask(Pull(F))
    assert await pulled(plant, 1) == "r"
    await plant.ask(StartWorkOrder((await plant.views.heijunka()).orders[1].id))
    assert await pulled(plant, 2) == "sx"


async def test_what_is_scheduled_is_what_is_pulled(plant):
    for number in range(12):
        await plant.create(f"{number:x}", bucket=ROUND[number % 5], priority=number % 4 + 1)
    planned = await plant.views.heijunka(12)
    assert [slot.position for slot in planned.orders] == list(range(12))
    assert await pulled(plant, 12) == "".join(slot.title for slot in planned.orders)
    assert (await plant.views.heijunka()).orders == []


async def test_a_full_bucket_is_passed_over_and_said_to_be(plant):
    await plant.ask(SetLimit(R, 1))
    for title, bucket in (("q", R), ("r", R), ("s", S), ("t", S)):
        await plant.create(title, bucket=bucket)
    assert await pulled(plant, 2) == "qs"
    planned = await plant.views.heijunka()
    assert [(slot.title, slot.held) for slot in planned.orders] == [("r", Code.WIP_LIMIT), ("t", None)]
    assert planned.last_pulled is S
    assert await pulled(plant, 1) == "t"
    async with refused(Code.WIP_LIMIT, "bucket reliability has 1 of 1"):
        await plant.ask(PullNext())


async def test_a_stopped_order_keeps_its_place_and_the_next_one_its_own(plant):
    for title, bucket in (("a", R), ("b", R), ("c", R), ("s", S), ("t", S)):
        order = await plant.create(title, bucket=bucket)
        if title == "a":
            await plant.ask(PullAndon(order.id, AndonType.MANUAL, "wait"))
            await plant.ask(PullAndon(order.id, AndonType.MANUAL, "wait, really"))
    planned = await plant.views.heijunka()
    assert [(slot.title, slot.held) for slot in planned.orders[:3]] == [
        ("a", Code.LINE_STOPPED),
        ("s", None),
        ("b", None),
    ]
    assert await pulled(plant, 1) == "s"  # b comes in the second round
    assert await pulled(plant, 3) == "tbc"
    async with refused(Code.LINE_STOPPED, "is stopped by andon ANDON-"):
        await plant.ask(PullNext())
    async with refused(Code.LINE_STOPPED, "is stopped by andon ANDON-"):
        await plant.ask(Pull(R))
    assert [receipt.type for receipt in (await plant.receipts())[-2:]] == [
        "work_order_pull_next_refused",
        "work_order_pull_refused",
    ]


async def test_only_stops_are_line_stopped_and_only_slots_wip_limit(plant):
    await plant.ask(SetLimit(C, 1))
    first, second = [await plant.create(title, bucket=C) for title in "ab"]
    await plant.ask(PullAndon(second.id, AndonType.MANUAL, "stop", Severity.CRITICAL))
    for command in (PullNext(), Pull(C), StartWorkOrder(first.id)):
        async with refused(Code.LINE_STOPPED, "bucket cost is stopped by andon"):
            await plant.ask(command)
    async with refused(Code.LINE_STOPPED, f"work order {second.id} is stopped by andon"):
        await plant.ask(StartWorkOrder(second.id))
    await plant.ask(Cancel(first.id, "why"))
    other = await plant.create("c", bucket=F)
    assert await pulled(plant, 1) == "c"
    assert other.title == "c"


async def test_a_full_bucket_is_full_even_if_it_is_stopped_too(plant):
    await plant.ask(SetLimit(C, 1))
    first, second = [await plant.create(title, bucket=C) for title in "ab"]
    await plant.ask(StartWorkOrder(first.id))
    await plant.ask(PullAndon(first.id, AndonType.MANUAL, "stop", Severity.CRITICAL))
    await plant.ask(PullAndon(second.id, AndonType.MANUAL, "stop"))
    for command in (PullNext(), Pull(C), StartWorkOrder(second.id)):
        async with refused(Code.WIP_LIMIT):
            await plant.ask(command)
    await plant.ask(Release(first.id, "why"))
    for command in (PullNext(), Pull(C), StartWorkOrder(second.id)):
        async with refused(Code.LINE_STOPPED):
            await plant.ask(command)


async def test_a_schedule_has_from_1_to_200_places_and_ten_unless_asked(plant):
    for number in range(11):
        await plant.create(str(number), bucket=Bucket.COST)
    assert [len((await plant.views.heijunka(size)).orders) for size in (None, 1, 11, 200)] == [10, 1, 11, 11]
    for wrong in (0, 201):
        async with refused(Code.INVALID, f"size is {wrong}"):
            await plant.views.heijunka(wrong)
