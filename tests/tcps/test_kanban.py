"""WIP limits: they hold, they are said, and they change only by command."""

import asyncio

import pytest

from erlmcp.store import Constraint
from erlmcp.tcps import (
    Bucket,
    BucketStatus,
    Cancel,
    Code,
    Level,
    Options,
    Pull,
    PullNext,
    Refused,
    Release,
    SetLimit,
    StartWorkOrder,
)
from erlmcp.tcps.kanban import Counters, status
from tests.tcps.plant import plant_at, refused


async def fill(plant, bucket=Bucket.COST, waiting=1):
    """All slots of a bucket taken, and some more orders."""
    (now,) = await plant.views.kanban(bucket)
    orders = [await plant.create(bucket=bucket) for _ in range(now.available + waiting)]
    return [await plant.order(Pull(bucket)) for _ in range(now.available)], orders[now.available :]


@pytest.mark.parametrize(
    ("wip", "limit", "utilization", "level"),
    [
        (0, 5, 0, Level.NORMAL),
        (4, 5, 80, Level.NORMAL),
        (801, 1000, 80, Level.BOTTLENECK),
        (81, 100, 81, Level.BOTTLENECK),
        (89, 100, 89, Level.BOTTLENECK),
        (899, 1000, 89, Level.BOTTLENECK),
        (90, 100, 90, Level.ALERT),
        (99, 100, 99, Level.ALERT),
        (9999, 10000, 99, Level.ALERT),
        (100, 100, 100, Level.CRITICAL),
        (1, 1, 100, Level.CRITICAL),
    ],
)
def test_a_bucket_is_a_bottleneck_above_80_alerts_at_90_and_is_critical_at_100_per_cent(wip, limit, utilization, level):
    shown = status(Counters(Bucket.COST, limit, 3, wip, 4, 5), 7)
    assert shown == BucketStatus(Bucket.COST, wip, limit, limit - wip, utilization, level, 3, 4, 5, 7)


async def test_a_new_store_has_the_configured_limits(plant):
    limits = {row.bucket: (row.limit, row.current, row.available) for row in await plant.views.kanban()}
    assert limits == dict.fromkeys(Bucket, (5, 0, 5)) | {Bucket.FEATURES: (10, 0, 10)}


async def test_the_sixth_start_in_a_five_slot_bucket_is_refused_and_says_what_to_do(plant):
    _, (waiting,) = await fill(plant)
    async with refused(Code.WIP_LIMIT, "bucket cost has 5 of 5 work orders in progress", "work_order_complete"):
        await plant.order(StartWorkOrder(waiting.id))
    unchanged = await plant.views.work_order(waiting.id)
    assert (unchanged.status, unchanged.version) == ("queued", 1)
    (now,) = await plant.views.kanban(Bucket.COST)
    assert (now.current, now.queued, now.level) == (5, 1, Level.CRITICAL)


@pytest.mark.parametrize(
    "free",
    [
        lambda plant, it: plant.complete(it),
        lambda plant, it: plant.order(Release(it, "why")),
        lambda plant, it: plant.order(Cancel(it, "why")),
    ],
    ids=["complete", "release", "cancel"],
)
async def test_a_slot_is_free_again_once_its_order_left(plant, free):
    (first, *_), _ = await fill(plant)
    await free(plant, first.id)
    await plant.order(Pull(Bucket.COST))
    async with refused(Code.WIP_LIMIT):
        await plant.create(bucket=Bucket.COST)
        await plant.order(Pull(Bucket.COST))


async def test_a_full_bucket_refuses_the_pull_and_pull_next_goes_elsewhere(plant):
    await fill(plant)
    async with refused(Code.WIP_LIMIT, "bucket cost", "work_order_pull_next"):
        await plant.order(Pull(Bucket.COST))
    await plant.create("elsewhere", bucket=Bucket.TECHNICAL_DEBT, priority=1)
    assert (await plant.order(PullNext())).title == "elsewhere"
    async with refused(Code.WIP_LIMIT, "bucket cost has 5 of 5 work orders in progress"):
        await plant.order(PullNext())


async def test_an_empty_queue_is_not_found_even_where_no_slot_is_free(plant):
    await fill(plant, waiting=0)
    async with refused(Code.NOT_FOUND):
        await plant.order(Pull(Bucket.COST))
    async with refused(Code.NOT_FOUND):
        await plant.order(PullNext())


async def test_a_hundred_at_once_take_exactly_the_free_slots(plant):
    for _ in range(30):
        await plant.create(bucket=Bucket.COST)
    outcomes = await asyncio.gather(*(plant.ask(Pull(Bucket.COST)) for _ in range(100)), return_exceptions=True)
    started = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    refusals = [outcome.code for outcome in outcomes if isinstance(outcome, Refused)]
    assert (len(started), refusals) == (5, [Code.WIP_LIMIT] * 95)
    assert len({done.work_order.id for done in started}) == 5


async def test_a_limit_is_changed_by_command_and_the_difference_is_shown(plant):
    done = await plant.ask(SetLimit(Bucket.COST, 1))
    assert done.kanban == BucketStatus(Bucket.COST, 0, 1, 1, 0, Level.NORMAL, 0, 0, 0, 5)
    assert await plant.views.kanban(Bucket.COST) == [done.kanban]
    await fill(plant)
    async with refused(Code.WIP_LIMIT, "1 of 1"):
        await plant.order(Pull(Bucket.COST))
    await plant.ask(SetLimit(Bucket.COST, 2))
    await plant.order(Pull(Bucket.COST))


async def test_a_limit_below_what_is_in_progress_is_a_conflict(plant):
    await fill(plant)
    async with refused(Code.CONFLICT, "bucket cost has 5 work orders in progress", "kanban_set_limit with 5 or more"):
        await plant.ask(SetLimit(Bucket.COST, 4))
    assert (await plant.ask(SetLimit(Bucket.COST, 5))).kanban.limit == 5


async def test_a_limit_of_0_is_invalid(plant):
    async with refused(Code.INVALID, "limit is 0"):
        await plant.ask(SetLimit(Bucket.COST, 0))


async def test_an_old_store_keeps_the_limits_that_were_set(tmp_path):
    async with plant_at(tmp_path / "erlmcp.db") as plant:
        await plant.ask(SetLimit(Bucket.COST, 7))
    async with plant_at(tmp_path / "erlmcp.db", Options(wip_limit_cost=3, wip_limit_security=9)) as plant:
        cost, security = [(await plant.views.kanban(bucket))[0] for bucket in (Bucket.COST, Bucket.SECURITY)]
        assert (cost.limit, cost.configured_limit) == (7, 3)
        assert (security.limit, security.configured_limit) == (5, 9)


async def test_the_schema_itself_refuses_what_no_statement_should_do(plant):
    with pytest.raises(Constraint):
        async with plant.database.transaction() as tx:
            await tx.run("seed_kanban", bucket="other", wip_limit=5)
    for broken in ("wip = 6", "wip = -1", "wip_limit = 0", "queued = -1"):
        with pytest.raises(Exception, match="CHECK constraint failed"):
            plant.tamper(f"UPDATE kanban SET {broken}")
