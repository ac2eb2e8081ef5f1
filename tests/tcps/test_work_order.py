"""What becomes of a work order, through the coordinator on a real store."""

import pytest
from msgspec.structs import replace

from erlmcp.tcps import (
    TRANSITIONS,
    AddDependency,
    Bucket,
    Cancel,
    Code,
    Complete,
    CreateWorkOrder,
    PriorityWord,
    Pull,
    PullNext,
    Release,
    RemoveDependency,
    Signal,
    SignalType,
    StartWorkOrder,
    Status,
    UpdateWorkOrder,
    WorkOrder,
)
from tests.tcps.plant import refused

MORNING = "2026-03-02T08:00:00.000Z"
LATER = "2026-03-02T09:30:00.000Z"


async def test_an_order_keeps_the_signal_it_was_made_from(plant):
    made = await plant.order(
        CreateWorkOrder(
            SignalType.GITHUB_ISSUE,
            "Crash on start",
            description="It crashes.\nAlways.",
            source="https://example.com/issues/7",
            labels=("bug", "high"),
            assignee="ana",
            metadata={"issue": 7, "seen": ["1.0", "1.1"]},
        )
    )
    assert made == WorkOrder(
        id=made.id,
        title="Crash on start",
        description="It crashes.\nAlways.",
        bucket=Bucket.RELIABILITY,
        priority=7,
        status=Status.QUEUED,
        signal=Signal(
            SignalType.GITHUB_ISSUE,
            "https://example.com/issues/7",
            "It crashes.\nAlways.",
            ("bug", "high"),
            {"issue": 7, "seen": ["1.0", "1.1"]},
        ),
        sla_deadline="2026-03-09T08:00:00.000Z",
        assignee="ana",
        version=1,
        created_at=MORNING,
    )


@pytest.mark.parametrize(
    ("bucket", "deadline"),
    [
        (Bucket.SECURITY, "2026-03-03T08:00:00.000Z"),
        (Bucket.RELIABILITY, "2026-03-09T08:00:00.000Z"),
        (Bucket.COST, "2026-04-01T08:00:00.000Z"),
        (Bucket.COMPLIANCE, "2026-03-09T08:00:00.000Z"),
        (Bucket.FEATURES, "2026-04-01T08:00:00.000Z"),
        (Bucket.TECHNICAL_DEBT, None),
    ],
)
async def test_the_deadline_is_the_bucket_s(plant, bucket, deadline):
    assert (await plant.create(bucket=bucket)).sla_deadline == deadline


async def test_an_order_is_started_and_completed(plant):
    made = await plant.create()
    plant.clock.turn(minutes=90)
    started = await plant.order(StartWorkOrder(made.id, "ana"))
    assert (started.status, started.started_at, started.assignee, started.version) == ("in_progress", LATER, "ana", 2)
    done = await plant.complete(made.id)
    assert (done.status, done.completed_at, done.assignee, done.version) == ("completed", LATER, "ana", 3)


async def test_a_released_order_waits_again_for_anybody(plant):
    made = await plant.create(assignee="ana")
    await plant.order(StartWorkOrder(made.id))
    released = await plant.order(Release(made.id, "ana is ill"))
    assert (released.status, released.started_at, released.assignee, released.version) == ("queued", None, None, 3)
    assert (await plant.order(StartWorkOrder(made.id, "ben"))).assignee == "ben"


async def test_to_start_without_an_assignee_leaves_the_one_it_has(plant):
    made = await plant.create(assignee="ana")
    assert (await plant.order(StartWorkOrder(made.id))).assignee == "ana"


@pytest.mark.parametrize("started", [False, True])
async def test_an_open_order_can_be_cancelled_with_a_reason(plant, started):
    made = await plant.create()
    if started:
        await plant.order(StartWorkOrder(made.id))
    plant.clock.turn(minutes=90)
    gone = await plant.order(Cancel(made.id, "not needed"))
    assert (gone.status, gone.cancelled_at, gone.cancellation_reason) == ("cancelled", LATER, "not needed")


async def test_an_update_changes_what_is_given_and_nothing_else(plant):
    made = await plant.create("old", description="old", assignee="ana", bucket=Bucket.COST)
    changed = await plant.order(UpdateWorkOrder(made.id, 1, title="new", priority=PriorityWord.HIGH))
    assert (changed.title, changed.description, changed.priority, changed.assignee) == ("new", "old", 7, "ana")
    changed = await plant.order(UpdateWorkOrder(made.id, 2, description="", assignee=""))
    assert (changed.title, changed.description, changed.priority, changed.assignee) == ("new", "", 7, None)
    assert (changed.status, changed.version, changed.bucket) == ("queued", 3, "cost")


async def test_an_update_needs_the_version_it_read(plant):
    made = await plant.create()
    await plant.order(UpdateWorkOrder(made.id, 1, title="mine"))
    async with refused(Code.CONFLICT, "has version 2, not 1", f"call work_order_get for {made.id}"):
        await plant.order(UpdateWorkOrder(made.id, 1, title="theirs"))
    async with refused(Code.CONFLICT, "has version 2, not 3"):
        await plant.order(UpdateWorkOrder(made.id, 3, title="theirs"))
    assert (await plant.views.work_order(made.id)).title == "mine"


COMMANDS = {
    "update": lambda order: UpdateWorkOrder(order.id, order.version, title="new"),
    "start": lambda order: StartWorkOrder(order.id),
    "complete": lambda order: Complete(order.id),
    "release": lambda order: Release(order.id, "why"),
    "cancel": lambda order: Cancel(order.id, "why"),
    "add": lambda order: AddDependency(order.id, order.metadata["other"]),
    "remove": lambda order: RemoveDependency(order.id, order.metadata["blocker"]),
}


async def at(plant, status):
    """An order in this state. It depends on one that is completed, or, to be blocked, on one that is not."""
    blocker, other = await plant.create("blocker"), await plant.create("other")
    if status is not Status.BLOCKED:
        await plant.order(StartWorkOrder(blocker.id))
        await plant.complete(blocker.id)
    order = await plant.create(dependencies=(blocker.id,))
    if status in {Status.IN_PROGRESS, Status.COMPLETED}:
        order = await plant.order(StartWorkOrder(order.id))
    if status is Status.COMPLETED:
        order = await plant.complete(order.id)
    if status is Status.CANCELLED:
        order = await plant.order(Cancel(order.id, "why"))
    assert order.status is status
    return replace(order, metadata={"blocker": blocker.id, "other": other.id})


@pytest.mark.parametrize("verb", COMMANDS)
@pytest.mark.parametrize("status", Status)
async def test_every_command_in_every_state_does_what_the_table_says_or_is_refused(plant, status, verb):
    order = await at(plant, status)
    command = COMMANDS[verb](order)
    after = TRANSITIONS.get((status, type(command)))
    if verb == "complete" and after:
        await plant.walk(order.sku_id)
    if after is not None:
        assert (await plant.order(command)).status in after
        return
    waits = status is Status.BLOCKED and verb == "start"
    code = Code.BLOCKED_BY_DEPENDENCIES if waits else Code.INVALID_TRANSITION
    async with refused(code, f"work order {order.id} is {status.replace('_', ' ')}"):
        await plant.order(command)
    unchanged = await plant.views.work_order(order.id)
    assert (unchanged.status, unchanged.version) == (status, order.version)


@pytest.mark.parametrize("verb", COMMANDS)
async def test_an_order_that_is_not_there_is_not_found(plant, verb):
    made = await plant.create()
    for name in ("WO-0000000000000000000", "", "x" * 100, made.id.lower(), "WO-'; DROP TABLE work_order; --"):
        about = {"id": name, "version": 1, "metadata": {"other": "WO-1", "blocker": "WO-1"}}
        nobody = COMMANDS[verb](WorkOrder(**{**dict.fromkeys(WorkOrder.__struct_fields__), **about}))
        async with refused(Code.NOT_FOUND, "there is no work order", "call work_order_list"):
            await plant.order(nobody)


async def test_a_pull_takes_the_highest_priority_and_of_those_the_oldest(plant):
    for title, priority in (("low", 2), ("first", 9), ("second", 9), ("other", 5)):
        await plant.create(title, bucket=Bucket.COST, priority=priority)
    await plant.create("elsewhere", bucket=Bucket.SECURITY, priority=10)
    pulled = [(await plant.order(Pull(Bucket.COST, "ana"))).title for _ in range(4)]
    assert pulled == ["first", "second", "other", "low"]
    async with refused(Code.NOT_FOUND, "no work order is queued in bucket cost", "work_order_pull_next"):
        await plant.order(Pull(Bucket.COST))


async def test_age_counts_even_if_the_clock_goes_back(plant):
    await plant.create("first")
    plant.clock.turn(hours=-5)
    await plant.create("second")
    assert [(await plant.order(PullNext())).title for _ in range(2)] == ["first", "second"]


async def test_an_updated_priority_changes_the_turn(plant):
    await plant.create("first", priority=5)
    second = await plant.create("second", priority=4)
    await plant.order(UpdateWorkOrder(second.id, 1, priority=6))
    assert (await plant.order(PullNext())).title == "second"


async def test_a_signal_that_may_not_ask_for_a_bucket_is_refused_and_leaves_nothing(plant):
    async with refused(Code.INVALID, "bucket cannot be asked for with signal_type cve"):
        await plant.create(signal_type=SignalType.CVE, bucket=Bucket.COST)
    assert await plant.receipts() == []
