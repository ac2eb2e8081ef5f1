"""The commands on work orders: each loads, decides, writes, and says what it came to; or raises Refused."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from erlmcp.tcps import kanban
from erlmcp.tcps.andon import Andon, stopped
from erlmcp.tcps.andons import raise_andon
from erlmcp.tcps.commands import (
    AndonType,
    Bucket,
    Cancel,
    Complete,
    CreateWorkOrder,
    Pull,
    PullNext,
    Release,
    SetLimit,
    Severity,
    SignalType,
    StartWorkOrder,
    UpdateWorkOrder,
)
from erlmcp.tcps.dependencies import blockers_of, freed, left_alone, link
from erlmcp.tcps.errors import Code, Refused
from erlmcp.tcps.heijunka import rounds_after
from erlmcp.tcps.kanban import Counters
from erlmcp.tcps.line import Outputs
from erlmcp.tcps.moments import stamp
from erlmcp.tcps.routing import priority_number, route
from erlmcp.tcps.skus import abort_with, complete_with, open_sku, return_with
from erlmcp.tcps.turn import Turn, text
from erlmcp.tcps.work_order import Signal, WorkOrder, moved, status_after, updated, waiting

__all__ = ["cancel", "complete", "create", "pull", "pull_next", "release", "set_limit", "start", "update"]


async def create(turn: Turn, command: CreateWorkOrder) -> Outputs:
    """A signal becomes an order; a cve raises a notice at once."""
    bucket, priority = route(command, turn.options.default_priority)
    hours = turn.options.sla_hours(bucket)
    dependencies = tuple(dict.fromkeys(command.dependencies))
    blocked_by = await blockers_of(turn, dependencies)
    order = WorkOrder(
        id=turn.new_id("WO"),
        title=command.title,
        description=command.description,
        bucket=bucket,
        priority=priority,
        status=waiting(blocked_by),
        signal=Signal(command.signal_type, command.source, command.description, command.labels, command.metadata),
        sla_deadline=stamp(turn.now + timedelta(hours=hours)) if hours else None,
        assignee=command.assignee or None,
        version=1,
        created_at=turn.at,
        dependencies=dependencies,
        blocked_by=blocked_by,
    )
    await turn.count(order.bucket, None, order.status)
    await _insert(turn, order)
    for depends_on in dependencies:
        await link(turn, order.id, depends_on)
    notice = await _notice(turn, order) if command.signal_type is SignalType.CVE else None
    return Outputs(order, andon=notice)


async def _insert(turn: Turn, order: WorkOrder) -> None:
    await turn.tx.run(
        "insert_work_order",
        seq=turn.seq,
        id=order.id,
        title=order.title,
        description=order.description,
        bucket=order.bucket,
        priority=order.priority,
        status=order.status,
        signal=text(order.signal),
        sla_deadline=order.sla_deadline,
        assignee=order.assignee,
        version=order.version,
        created_at=order.created_at,
        metadata=text(order.metadata),
        dependencies=text(order.dependencies),
        blocked_by=text(order.blocked_by),
    )


async def _notice(turn: Turn, order: WorkOrder) -> Andon:
    of = f" ({order.signal.source})" if order.signal.source else ""
    message = f"a vulnerability was reported{of}: {order.title}"
    return await raise_andon(turn, order, AndonType.SECURITY_VULNERABILITY, message, stops=False)


async def update(turn: Turn, command: UpdateWorkOrder) -> Outputs:
    """Change what is given."""
    priority = None if command.priority is None else priority_number(command.priority)
    order = updated(await turn.order(command.id), command, priority)
    await turn.tx.run(
        "update_work_order",
        id=order.id,
        title=order.title,
        description=order.description,
        priority=order.priority,
        assignee=order.assignee,
        version=order.version,
    )
    return Outputs(order)


async def start(turn: Turn, command: StartWorkOrder) -> Outputs:
    """Start this one."""
    return await _start(turn, command.id, command)


async def pull(turn: Turn, command: Pull) -> Outputs:
    """Start the first of a bucket that nothing stops."""
    first = await turn.tx.one("first_in_bucket", into=str, bucket=command.bucket)
    if first is not None:
        return await _start(turn, first, command)
    counters = await turn.counters(command.bucket)
    if not counters.queued:
        raise _nothing_queued(f"bucket {command.bucket}", "work_order_pull_next to take work from any bucket")
    raise await _held_up(turn, [counters])


class _Head(Struct, frozen=True):
    """The first order of a bucket that can be pulled; `before`: how many stopped ones wait before it."""

    bucket: Bucket
    id: str
    before: int


async def pull_next(turn: Turn, command: PullNext) -> Outputs:
    """Start the first of the heijunka schedule that nothing stops and that has a free slot.

    The nth of a bucket has its place in the nth round: so that is found without the schedule, however much waits.
    """
    heads = await turn.tx.all("heads", into=_Head)
    if not heads:
        rows = [row for row in await turn.tx.all("counters", into=Counters) if row.queued]
        if not rows:
            raise _nothing_queued("any bucket", "work_order_create when there is a signal")
        raise await _held_up(turn, rows)
    rounds = rounds_after(await turn.tx.one("last_pulled", into=Bucket))
    first = min(heads, key=lambda head: (head.before, rounds.index(head.bucket)))
    return await _start(turn, first.id, command)


async def _start(turn: Turn, order_id: str, command: StartWorkOrder | Pull | PullNext) -> Outputs:
    """The statements hold the guards; which of them said no is looked at only then."""
    sku_id = turn.new_id("SKU")
    order = await turn.tx.one(
        "start_work_order", into=WorkOrder, id=order_id, assignee=command.assignee, sku_id=sku_id, at=turn.at
    )
    if order is None:
        raise await _cannot_start(turn, order_id, command)
    if not await turn.tx.run("count_start", bucket=order.bucket):
        raise await _held_up(turn, [await turn.counters(order.bucket)])
    sku = await open_sku(turn, order, sku_id)
    return Outputs(order if order.sku_id == sku.id else replace(order, sku_id=sku.id), sku=sku)


async def _cannot_start(turn: Turn, order_id: str, command: StartWorkOrder | Pull | PullNext) -> Refused:
    order = await turn.order(order_id)
    status_after(order, command)
    counters = await turn.counters(order.bucket)
    if counters.wip >= counters.wip_limit:
        return kanban.full(counters)
    return await turn.stopped(f"work order {order.id}", order.id)


async def _held_up(turn: Turn, rows: Sequence[Counters]) -> Refused:
    """Why nothing of these buckets, in which work is queued, can start: for stops where there would be a slot."""
    for row in rows:
        if row.wip < row.wip_limit:
            stop = await turn.tx.one("stop_of_bucket", into=Andon, bucket=row.bucket)
            if stop is not None:
                critical = stop.severity is Severity.CRITICAL
                return stopped(f"bucket {row.bucket}" if critical else f"work order {stop.work_order_id}", stop)
    return kanban.full(rows[0]) if len(rows) == 1 else kanban.all_full([row.bucket for row in rows])


async def complete(turn: Turn, command: Complete) -> Outputs:
    """It is made, once its sku has passed its gates; what waits for it is freed."""
    order = await turn.order(command.id)
    after = moved(order, command, turn.at)
    sku = await complete_with(turn, order)
    await turn.move_order(order, after)
    return Outputs(after, sku=sku, dependents=await freed(turn, order.id))


async def release(turn: Turn, command: Release) -> Outputs:
    """Back into the queue; its sku stays where it is."""
    order = await turn.order(command.id)
    after = moved(order, command, turn.at)
    await turn.move_order(order, after)
    return Outputs(after, sku=await return_with(turn, order))


async def cancel(turn: Turn, command: Cancel) -> Outputs:
    """Not to be made any more; what waits for it stays blocked, and says why."""
    order = await turn.order(command.id)
    after = moved(order, command, turn.at)
    await turn.move_order(order, after)
    sku = await abort_with(turn, order)
    return Outputs(after, sku=sku, dependents=await left_alone(turn, order.id))


async def set_limit(turn: Turn, command: SetLimit) -> Outputs:
    """How many slots a bucket has."""
    bucket, limit = command.bucket, command.limit
    counters = await turn.tx.one("set_limit", into=Counters, bucket=bucket, wip_limit=limit)
    if counters is None:
        counters = await turn.counters(bucket)
        raise Refused(
            Code.CONFLICT,
            f"bucket {bucket} has {counters.wip} work orders in progress: its limit cannot be {limit}",
            f"call kanban_set_limit with {counters.wip} or more, or finish or release work in {bucket} first",
        )
    return Outputs(kanban=kanban.status(counters, turn.options.wip_limit(bucket)))


def _nothing_queued(where: str, otherwise: str) -> Refused:
    return Refused(
        Code.NOT_FOUND, f"no work order is queued in {where}", f"call kanban_status to see the buckets; {otherwise}"
    )
