"""The commands on dependencies, and what completing or cancelling an order does to those that wait for it."""

from collections.abc import Sequence

from erlmcp.tcps.commands import AddDependency, RemoveDependency
from erlmcp.tcps.dependency import (
    DEPENDENCIES,
    DEPENDENTS,
    WALKED,
    Blocker,
    circle,
    circular,
    why_blocked,
)
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.line import Dependent, Outputs
from erlmcp.tcps.turn import Turn, text
from erlmcp.tcps.work_order import Status, WorkOrder, status_after, with_dependencies

__all__ = ["add", "blockers_of", "freed", "left_alone", "link", "remove"]


async def add(turn: Turn, command: AddDependency) -> Outputs:
    """One more order to wait for."""
    order = await turn.order(command.id)
    status_after(order, command)
    depends_on = command.depends_on
    if depends_on in order.dependencies:
        raise Refused(
            Code.CONFLICT,
            f"work order {order.id} depends on {depends_on} already",
            f"call work_order_get for {order.id} to see its dependencies",
        )
    blocked_by = (*order.blocked_by, *await blockers_of(turn, (depends_on,)))
    await _refuse_circle(turn, order.id, depends_on)
    dependencies = (*order.dependencies, depends_on)
    if len(dependencies) > DEPENDENCIES:
        raise Refused(
            Code.CONFLICT,
            f"work order {order.id} has {DEPENDENCIES} dependencies, and cannot have more",
            "call work_order_create for an order that stands for several of them, and depend on that one",
        )
    await link(turn, order.id, depends_on)
    return Outputs(await _save(turn, order, with_dependencies(order, dependencies, blocked_by, order.blocked_reason)))


async def remove(turn: Turn, command: RemoveDependency) -> Outputs:
    """One order less to wait for."""
    order = await turn.order(command.id)
    status_after(order, command)
    parted = {"work_order_id": order.id, "depends_on": command.depends_on}
    if command.depends_on not in order.dependencies or not await turn.tx.run("delete_dependency", **parted):
        raise Refused(
            Code.NOT_FOUND,
            f"work order {order.id} does not depend on {shown(command.depends_on)}",
            f"call work_order_get for {order.id} to see its dependencies",
        )
    dependencies = tuple(one for one in order.dependencies if one != command.depends_on)
    blocked_by = tuple(one for one in order.blocked_by if one != command.depends_on)
    reason = await _why_blocked(turn, order, blocked_by)
    return Outputs(await _save(turn, order, with_dependencies(order, dependencies, blocked_by, reason)))


async def blockers_of(turn: Turn, dependencies: Sequence[str]) -> tuple[str, ...]:
    """Those of them that are not completed. Raises Refused (not_found; invalid: one was cancelled)."""
    waiting = []
    for depends_on in dependencies:
        other = await turn.order(depends_on)
        if other.status is Status.CANCELLED:
            raise Refused(
                Code.INVALID,
                f"work order {depends_on} was cancelled: nothing can depend on it",
                "call again without it, or with an order that is still to be made",
            )
        if other.status is not Status.COMPLETED:
            waiting.append(depends_on)
    return tuple(waiting)


async def link(turn: Turn, order_id: str, depends_on: str) -> None:
    """Raises Refused(conflict) if too many depend on it: all of them change when it is completed."""
    if (await turn.tx.one("count_dependents", into=int, depends_on=depends_on) or 0) >= DEPENDENTS:
        raise Refused(
            Code.CONFLICT,
            f"{DEPENDENTS} work orders depend on {depends_on}, and no more can",
            "depend on one of those instead: it waits for the same",
        )
    await turn.tx.run("insert_dependency", work_order_id=order_id, depends_on=depends_on)


async def freed(turn: Turn, order_id: str) -> tuple[Dependent, ...]:
    """What waited for this order does not any more."""
    changed = []
    for order in await _waiting_for(turn, order_id):
        blocked_by = tuple(one for one in order.blocked_by if one != order_id)
        after = with_dependencies(order, order.dependencies, blocked_by, order.blocked_reason)
        changed.append(await _save(turn, order, after))
    return _told(changed)


async def left_alone(turn: Turn, order_id: str) -> tuple[Dependent, ...]:
    """What waits for this order will do so until the dependency is removed, and says so."""
    changed = []
    for order in await _waiting_for(turn, order_id):
        reason = await _why_blocked(turn, order, order.blocked_by)
        after = with_dependencies(order, order.dependencies, order.blocked_by, reason)
        changed.append(await _save(turn, order, after))
    return _told(changed)


async def _waiting_for(turn: Turn, order_id: str) -> list[WorkOrder]:
    return await turn.tx.all("waiting_dependents", into=WorkOrder, depends_on=order_id)


async def _why_blocked(turn: Turn, order: WorkOrder, blocked_by: tuple[str, ...]) -> str | None:
    blockers = await turn.tx.all("blockers", into=Blocker, work_order_id=order.id)
    return why_blocked(blocker for blocker in blockers if blocker.id in blocked_by)


async def _refuse_circle(turn: Turn, order_id: str, depends_on: str) -> None:
    edges = await turn.tx.all("depends_on", start=depends_on, many=WALKED)
    if path := circle(edges, depends_on, order_id):
        raise circular(order_id, path)
    if len(edges) == WALKED:
        raise Refused(
            Code.CONFLICT,
            f"work order {depends_on} depends on too many others to look for a circle",
            "depend on one of those instead",
        )


async def _save(turn: Turn, before: WorkOrder, order: WorkOrder) -> WorkOrder:
    if before.status is not order.status:
        await turn.count(order.bucket, before.status, order.status)
    await turn.tx.run(
        "set_dependencies",
        id=order.id,
        status=order.status,
        version=order.version,
        dependencies=text(order.dependencies),
        blocked_by=text(order.blocked_by),
        blocked_reason=order.blocked_reason,
    )
    return order


def _told(orders: Sequence[WorkOrder]) -> tuple[Dependent, ...]:
    return tuple(Dependent(order.id, order.status, order.version) for order in orders)
