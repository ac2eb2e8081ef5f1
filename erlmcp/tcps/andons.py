"""The commands on andons and their root causes. Whatever notifiers are to tell goes to the outbox."""

from msgspec.structs import replace

from erlmcp.tcps.andon import (
    SEVERITY,
    Andon,
    AndonStatus,
    acknowledged,
    escalated,
    joined,
    no_such_andon,
    resolved,
)
from erlmcp.tcps.commands import (
    AcknowledgeAndon,
    AddWhy,
    AndonType,
    Bucket,
    EscalateAndon,
    FinalizeRootCause,
    NoteBreach,
    PullAndon,
    ResolveAndon,
    Severity,
    StartRootCause,
)
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.line import Outputs
from erlmcp.tcps.moments import moment
from erlmcp.tcps.root_cause import RootCause, RootCauseStatus, finalized, no_such_root_cause, with_why
from erlmcp.tcps.sku import Sku
from erlmcp.tcps.turn import Turn, text
from erlmcp.tcps.work_order import Status, WorkOrder

__all__ = [
    "OPEN_STOPS",
    "acknowledge",
    "add_why",
    "escalate",
    "finalize",
    "note_breach",
    "pull_andon",
    "raise_andon",
    "raise_or_join",
    "resolve",
    "start_root_cause",
]

OPEN_STOPS = 50  # that may be pulled on one order: whoever sees so many, sees enough


async def pull_andon(turn: Turn, command: PullAndon) -> Outputs:
    """Anyone may stop what is wrong."""
    order = await turn.order(command.work_order_id)
    if order.status is Status.CANCELLED:
        raise Refused(
            Code.INVALID_TRANSITION,
            f"work order {order.id} is cancelled: there is nothing to stop",
            "call work_order_list to see the orders that are open",
        )
    stops = await turn.tx.all("stops_of_order", into=Andon, work_order_id=order.id, many=OPEN_STOPS)
    if len(stops) >= OPEN_STOPS:
        raise Refused(
            Code.CONFLICT,
            f"work order {order.id} has {OPEN_STOPS} open stops",
            f"call andon_list for work_order_id {order.id}, and resolve those first",
        )
    sku = await turn.sku(order.sku_id) if order.sku_id else None
    return Outputs(andon=await raise_andon(turn, order, command.type, command.message, sku, severity=command.severity))


async def raise_andon(  # noqa: PLR0913 - what an andon is
    turn: Turn,
    order: WorkOrder,
    kind: AndonType,
    message: str,
    sku: Sku | None = None,
    *,
    severity: Severity | None = None,
    stops: bool = True,
) -> Andon:
    """A new one."""
    andon = Andon(
        id=turn.new_id("ANDON"),
        type=kind,
        severity=severity or SEVERITY[kind],
        stops=stops,
        status=AndonStatus.OPEN,
        work_order_id=order.id,
        sku_id=sku.id if sku else None,
        bucket=order.bucket,
        stage=sku.stage if sku else None,
        message=message,
        raised_by=turn.ask.actor,
        raised_at=turn.at,
    )
    await turn.tx.run(
        "insert_andon",
        seq=turn.seq,
        id=andon.id,
        type=andon.type,
        severity=andon.severity,
        stops=int(andon.stops),
        status=andon.status,
        work_order_id=andon.work_order_id,
        sku_id=andon.sku_id,
        bucket=andon.bucket,
        stage=andon.stage,
        message=andon.message,
        raised_by=andon.raised_by,
        raised_at=andon.raised_at,
    )
    await _tell(turn, andon, "raised")
    return andon


async def raise_or_join(turn: Turn, order: WorkOrder, kind: AndonType, message: str, sku: Sku) -> Andon:
    """The open stop of this type on that sku, once more; or a new one."""
    same = {"work_order_id": order.id, "sku_id": sku.id, "type": kind}
    there = await turn.tx.one("stop_of_sku", into=Andon, **same)
    if there is None:
        return await raise_andon(turn, order, kind, message, sku)
    andon = joined(there, message)
    await _save(turn, andon)
    return andon


async def acknowledge(turn: Turn, command: AcknowledgeAndon) -> Outputs:
    """Somebody looks into it."""
    before = await _load(turn, command.id)
    andon = acknowledged(before, command, command.assignee or turn.ask.actor, turn.at)
    await _save(turn, andon)
    if before.status is AndonStatus.OPEN:
        await _tell(turn, andon, "acknowledged")
    return Outputs(andon=andon)


async def resolve(turn: Turn, command: ResolveAndon) -> Outputs:
    """It is over."""
    before = await _load(turn, command.id)
    cause = await _cause(turn, before.root_cause_id) if before.root_cause_id else None
    finished = cause is not None and cause.status is RootCauseStatus.FINALIZED
    andon = resolved(before, command, finished, turn.ask.actor, turn.at)
    await _save(turn, andon)
    await _tell(turn, andon, "resolved")
    return Outputs(andon=andon)


async def escalate(turn: Turn, command: EscalateAndon) -> Outputs:
    """Nobody acknowledged it in time."""
    andon = escalated(await _load(turn, command.id), command)
    await _save(turn, andon)
    await _tell(turn, andon, "escalated")
    return Outputs(andon=andon)


async def note_breach(turn: Turn, command: NoteBreach) -> Outputs:
    """A security order is overdue: one notice, once."""
    order = await turn.order(command.work_order_id)
    over = order.status in {Status.COMPLETED, Status.CANCELLED}
    due = order.bucket is Bucket.SECURITY and order.sla_deadline is not None and moment(order.sla_deadline) < turn.now
    if over or not due or await turn.tx.all("breach_of_order", work_order_id=order.id):
        raise Refused(
            Code.CONFLICT,
            f"work order {order.id} is no open security order that is overdue and was not noticed",
            f"call work_order_get for {order.id}",
        )
    sku = await turn.sku(order.sku_id) if order.sku_id else None
    message = f"work order {order.id} was due at {order.sla_deadline}: {shown(order.title, 100)}"
    return Outputs(andon=await raise_andon(turn, order, AndonType.SLA_BREACH, message, sku, stops=False))


async def start_root_cause(turn: Turn, command: StartRootCause) -> Outputs:
    """Begin the five whys; that acknowledges the andon, too."""
    before = await _load(turn, command.andon_id)
    if before.root_cause_id is not None:
        raise Refused(
            Code.CONFLICT,
            f"andon {before.id} has root cause {before.root_cause_id} already",
            f"call root_cause_add_why for {before.root_cause_id}",
        )
    andon = acknowledged(before, command, turn.ask.actor, turn.at)
    cause = RootCause(turn.new_id("RC"), andon.id, command.problem, RootCauseStatus.PENDING, turn.at)
    await turn.tx.run(
        "insert_root_cause",
        seq=turn.seq,
        id=cause.id,
        andon_id=cause.andon_id,
        problem=cause.problem,
        status=cause.status,
        created_at=cause.created_at,
    )
    andon = replace(andon, root_cause_id=cause.id)
    await _save(turn, andon)
    if before.status is AndonStatus.OPEN:
        await _tell(turn, andon, "acknowledged")
    return Outputs(root_cause=cause, andon=andon)


async def add_why(turn: Turn, command: AddWhy) -> Outputs:
    """The next why."""
    cause = with_why(await _cause(turn, command.id), command)
    await _save_cause(turn, cause)
    return Outputs(root_cause=cause, andon=await _load(turn, cause.andon_id))


async def finalize(turn: Turn, command: FinalizeRootCause) -> Outputs:
    """What the whys came to."""
    before = await _cause(turn, command.id)
    andon = await _load(turn, before.andon_id)
    cause = finalized(before, command, andon, turn.at)
    await _save_cause(turn, cause)
    return Outputs(root_cause=cause, andon=andon)


async def _load(turn: Turn, andon_id: str) -> Andon:
    andon = await turn.tx.one("andon", into=Andon, id=andon_id)
    if andon is None:
        raise no_such_andon(andon_id)
    return andon


async def _cause(turn: Turn, cause_id: str) -> RootCause:
    cause = await turn.tx.one("root_cause", into=RootCause, id=cause_id)
    if cause is None:
        raise no_such_root_cause(cause_id)
    return cause


async def _tell(turn: Turn, andon: Andon, event: str) -> None:
    await turn.tx.run("insert_outbox", seq=turn.seq, andon_id=andon.id, event=event, level=andon.level, at=turn.at)


async def _save(turn: Turn, andon: Andon) -> None:
    await turn.tx.run(
        "save_andon",
        id=andon.id,
        status=andon.status,
        message=andon.message,
        occurrences=andon.occurrences,
        level=andon.level,
        assignee=andon.assignee,
        acknowledged_at=andon.acknowledged_at,
        root_cause_id=andon.root_cause_id,
        root_cause=andon.root_cause,
        fix_applied=andon.fix_applied,
        prevention_added=andon.prevention_added,
        resolved_by=andon.resolved_by,
        resolved_at=andon.resolved_at,
    )


async def _save_cause(turn: Turn, cause: RootCause) -> None:
    await turn.tx.run(
        "save_root_cause",
        id=cause.id,
        status=cause.status,
        whys=text(cause.whys),
        root_cause=cause.root_cause,
        prevention=cause.prevention,
        proposals=text(cause.proposals),
        finalized_at=cause.finalized_at,
    )
