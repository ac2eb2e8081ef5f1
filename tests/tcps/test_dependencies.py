"""Orders that wait for others: blocked, freed, left alone; and never in a circle."""

import pytest

from erlmcp.tcps import (
    AddDependency,
    Bucket,
    Cancel,
    Code,
    Dependent,
    PullNext,
    Release,
    RemoveDependency,
    StartWorkOrder,
    Status,
)
from erlmcp.tcps.dependency import DEPENDENCIES, DEPENDENTS, circle
from tests.tcps.plant import json, refused


async def chain(plant, length):
    """Orders that each depend on the one before."""
    orders = [await plant.create("0")]
    for number in range(1, length):
        orders.append(await plant.create(str(number), dependencies=(orders[-1].id,)))
    return orders


async def completed(plant, **more):
    order = await plant.create(**more)
    await plant.ask(StartWorkOrder(order.id))
    return await plant.complete(order.id)


async def test_an_order_is_blocked_as_long_as_one_it_depends_on_is_not_completed(plant):
    done, first, second = await completed(plant), await plant.create(), await plant.create()
    order = await plant.create(dependencies=(done.id, first.id, second.id, first.id))
    assert (order.status, order.version) == (Status.BLOCKED, 1)
    assert order.dependencies == (done.id, first.id, second.id)
    assert order.blocked_by == (first.id, second.id)
    async with refused(Code.BLOCKED_BY_DEPENDENCIES, f"is blocked by {first.id}, {second.id}", "remove_dependency"):
        await plant.ask(StartWorkOrder(order.id))
    assert len(await plant.receipts()) == 21  # a refusal for dependencies leaves none
    (features,) = await plant.views.kanban(Bucket.FEATURES)
    assert (features.queued, features.blocked, features.completed) == (2, 1, 1)


async def test_completing_the_last_one_frees_the_order_in_the_same_receipt(plant):
    first, second = await plant.create(), await plant.create()
    order = await plant.create(dependencies=(first.id, second.id))
    other = await plant.create(dependencies=(second.id,), bucket=Bucket.COST)
    for one in (first, second):
        await plant.ask(StartWorkOrder(one.id))
    await plant.complete(first.id)
    seen = await plant.views.work_order(order.id)
    assert (seen.status, seen.blocked_by, seen.version) == (Status.BLOCKED, (second.id,), 2)
    await plant.complete(second.id)
    last = (await plant.receipts())[-1]
    freed = [{"id": order.id, "status": "queued", "version": 3}, {"id": other.id, "status": "queued", "version": 2}]
    assert json(last)["payload"]["outputs"]["dependents"] == freed
    seen = await plant.views.work_order(order.id)
    assert (seen.status, seen.blocked_by, seen.dependencies) == (Status.QUEUED, (), (first.id, second.id))
    assert [row.queued for row in await plant.views.kanban() if row.queued] == [1, 1]
    assert (await plant.order(StartWorkOrder(order.id))).status is Status.IN_PROGRESS


async def test_a_cancelled_dependency_leaves_the_order_blocked_with_the_reason_until_it_is_removed(plant):
    first, second = await plant.create(), await plant.create()
    order = await plant.create(dependencies=(first.id, second.id))
    done = await plant.ask(Cancel(first.id, "nobody\nneeds it"))
    assert done.dependents == (Dependent(order.id, Status.BLOCKED, 2),)
    seen = await plant.views.work_order(order.id)
    why = f"work order {first.id} was cancelled (nobody needs it): remove the dependency on it"
    assert (seen.status, seen.blocked_reason) == (Status.BLOCKED, why)
    async with refused(Code.BLOCKED_BY_DEPENDENCIES, why):
        await plant.ask(StartWorkOrder(order.id))
    seen = await plant.order(RemoveDependency(order.id, first.id))
    assert (seen.status, seen.blocked_by, seen.blocked_reason) == (Status.BLOCKED, (second.id,), None)
    seen = await plant.order(RemoveDependency(order.id, second.id))
    assert (seen.status, seen.dependencies, seen.blocked_by) == (Status.QUEUED, (), ())


async def test_depending_on_a_cancelled_order_is_invalid_and_on_nobody_not_found(plant):
    order, gone = await plant.create(), await plant.create()
    await plant.ask(Cancel(gone.id, "why"))
    async with refused(Code.INVALID, f"work order {gone.id} was cancelled"):
        await plant.create(dependencies=(gone.id,))
    async with refused(Code.INVALID, f"work order {gone.id} was cancelled"):
        await plant.ask(AddDependency(order.id, gone.id))
    async with refused(Code.NOT_FOUND, "there is no work order WO-1"):
        await plant.create(dependencies=("WO-1",))
    async with refused(Code.NOT_FOUND, "does not depend on WO-1"):
        await plant.ask(RemoveDependency(order.id, "WO-1"))


async def test_a_dependency_is_added_once_and_a_completed_one_does_not_block(plant):
    done, other, order = await completed(plant), await plant.create(), await plant.create()
    seen = await plant.order(AddDependency(order.id, done.id))
    assert (seen.status, seen.dependencies, seen.blocked_by) == (Status.QUEUED, (done.id,), ())
    seen = await plant.order(AddDependency(order.id, other.id))
    assert (seen.status, seen.blocked_by, seen.version) == (Status.BLOCKED, (other.id,), 3)
    for one in (done, other):
        async with refused(Code.CONFLICT, f"depends on {one.id} already"):
            await plant.ask(AddDependency(order.id, one.id))


async def test_a_circle_is_refused_and_named(plant):
    first, second, third = await chain(plant, 3)
    words = f"{first.id} → {third.id} → {second.id} → {first.id}"
    async with refused(Code.CIRCULAR_DEPENDENCY, f"{words} is a circle", "remove_dependency"):
        await plant.ask(AddDependency(first.id, third.id))
    async with refused(Code.CIRCULAR_DEPENDENCY, f"{first.id} → {first.id} is a circle"):
        await plant.ask(AddDependency(first.id, first.id))
    await plant.ask(RemoveDependency(second.id, first.id))
    assert (await plant.order(AddDependency(first.id, third.id))).status is Status.BLOCKED


@pytest.mark.parametrize(
    ("edges", "path"),
    [
        ([], None),
        ([("a", "b")], ["a", "b"]),
        ([("a", "c"), ("c", "d")], None),
        ([("a", "c"), ("a", "d"), ("c", "e"), ("d", "b"), ("e", "b")], ["a", "d", "b"]),
        ([("a", "c"), ("c", "a")], None),
    ],
)
def test_a_circle_is_found_by_its_shortest_way(edges, path):
    assert circle(edges, "a", "b") == path


async def test_what_is_released_is_queued_again_and_can_be_blocked_then(plant):
    order, other = await plant.create(), await plant.create()
    await plant.ask(StartWorkOrder(order.id))
    async with refused(Code.INVALID_TRANSITION, "is in progress: it cannot be made to depend"):
        await plant.ask(AddDependency(order.id, other.id))
    await plant.ask(Release(order.id, "it needs another first"))
    assert (await plant.order(AddDependency(order.id, other.id))).status is Status.BLOCKED
    assert (await plant.order(PullNext())).id == other.id


async def test_an_order_has_fifty_dependencies_at_most(plant):
    others = tuple([(await plant.create()).id for _ in range(DEPENDENCIES + 1)])
    order = await plant.create(dependencies=others[:DEPENDENCIES])
    async with refused(Code.CONFLICT, "has 50 dependencies"):
        await plant.ask(AddDependency(order.id, others[-1]))
    async with refused(Code.INVALID, "there are 51 dependencies"):
        await plant.create(dependencies=others)


async def test_two_hundred_orders_at_most_wait_for_one_and_all_are_freed_at_once(plant):
    first = await plant.create(bucket=Bucket.COST)
    for _ in range(DEPENDENTS):
        await plant.create(dependencies=(first.id,))
    async with refused(Code.CONFLICT, f"200 work orders depend on {first.id}"):
        await plant.create(dependencies=(first.id,))
    await plant.ask(StartWorkOrder(first.id))
    await plant.complete(first.id)
    (features,) = await plant.views.kanban(Bucket.FEATURES)
    assert (features.queued, features.blocked) == (DEPENDENTS, 0)
