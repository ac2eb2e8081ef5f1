"""The commands on skus, and what starting, completing, releasing and cancelling an order does to its sku."""

from msgspec import Struct
from msgspec.structs import replace

from erlmcp.tcps.commands import AbortSku, AdvanceSku, Complete, Gate, PublishSku
from erlmcp.tcps.errors import Code, Refused
from erlmcp.tcps.figures import Evidence
from erlmcp.tcps.gate import Violation, missed
from erlmcp.tcps.line import Outputs
from erlmcp.tcps.sku import (
    GATE_OF,
    STAGES,
    Sku,
    SkuStatus,
    Stage,
    Verdict,
    stage_after,
    status_after,
)
from erlmcp.tcps.turn import Turn
from erlmcp.tcps.work_order import Status, WorkOrder, moved

__all__ = [
    "Submission",
    "abort",
    "abort_with",
    "advance",
    "complete_with",
    "hold_in_progress",
    "latest",
    "open_sku",
    "publish",
    "return_with",
]


class Submission(Struct, frozen=True):
    """The last one to a gate."""

    verdict: Verdict
    violations: tuple[Violation, ...]
    evidence: tuple[Evidence, ...]


async def open_sku(turn: Turn, order: WorkOrder, sku_id: str) -> Sku:
    """The sku of an order that starts: the one that it has in production, or a new one, `sku_id`."""
    if order.sku_id is not None and order.sku_id != sku_id:
        kept = await turn.move_sku(order.sku_id)
        if kept is not None:
            return kept
        await turn.tx.run("set_sku", id=order.id, sku_id=sku_id)
    sku = Sku(sku_id, order.id, STAGES[0], SkuStatus.IN_PRODUCTION, turn.at, turn.at, turn.at)
    await turn.tx.run("insert_sku", id=sku.id, work_order_id=order.id, stage=sku.stage, status=sku.status, at=turn.at)
    return sku


async def advance(turn: Turn, command: AdvanceSku) -> Outputs:
    """Enter the next stage, once the gate of this one has passed."""
    sku = await turn.sku(command.id)
    status_after(sku, command)
    stage = stage_after(sku)
    if sku.status is SkuStatus.IN_PRODUCTION:
        await hold_in_progress(turn, sku)
    await _refuse_unpassed(turn, sku)
    after = replace(sku, stage=stage, entered_at=turn.at, moved_at=turn.at)
    await turn.save_sku(after, forward=True)
    return Outputs(sku=after)


async def publish(turn: Turn, command: PublishSku) -> Outputs:
    """The one way into publication."""
    sku = await turn.sku(command.id)
    status = status_after(sku, command)
    if sku.stage is not Stage.MARKETPLACE_VALIDATION:
        raise Refused(
            Code.INVALID_TRANSITION,
            f"sku {sku.id} is in {sku.stage}: it is published from {Stage.MARKETPLACE_VALIDATION}",
            "call sku_advance first",
        )
    after = replace(sku, stage=Stage.PUBLICATION, status=status, entered_at=turn.at, moved_at=turn.at)
    await turn.save_sku(after, forward=True)
    return Outputs(sku=after)


async def abort(turn: Turn, command: AbortSku) -> Outputs:
    """Give it up. Its order waits for another start, unless it is completed."""
    sku = await turn.sku(command.id)
    after = replace(sku, status=status_after(sku, command), moved_at=turn.at)
    await turn.save_sku(after, forward=False)
    order = await turn.order(sku.work_order_id)
    left = moved(order, command, turn.at)
    if left is not order:
        await turn.move_order(order, left)
    return Outputs(left, sku=after)


async def complete_with(turn: Turn, order: WorkOrder) -> Sku:
    """The sku of an order that completes. Raises Refused(gate_failed, gate_not_run, line_stopped)."""
    if order.sku_id is None:
        raise Refused(  # started by a release that had no skus
            Code.GATE_NOT_RUN,
            f"work order {order.id} has no sku: no gate has run",
            "call work_order_release and work_order_start: that opens one; then gate_submit and sku_advance",
        )
    sku = await turn.sku(order.sku_id)
    if sku.stage is not Stage.MARKETPLACE_VALIDATION:
        await _refuse_unpassed(turn, sku)
        if sku.stage is not Stage.SMOKE_TEST:
            left = [gate for gate in Gate if STAGES.index(Stage(gate)) > STAGES.index(sku.stage)]
            raise Refused(
                Code.GATE_NOT_RUN,
                f"sku {sku.id} is in {sku.stage}: {', '.join(left)} have not run",
                "call sku_advance, and gate_submit for each of these; see gate_status",
            )
    after = replace(sku, status=status_after(sku, Complete(order.id)), moved_at=turn.at)
    await turn.save_sku(after, forward=True)
    return after


async def return_with(turn: Turn, order: WorkOrder) -> Sku | None:
    """The sku of an order that is released: it stays where it is."""
    return None if order.sku_id is None else await turn.move_sku(order.sku_id)


async def abort_with(turn: Turn, order: WorkOrder) -> Sku | None:
    """The sku of an order that is cancelled, if one is in production."""
    return None if order.sku_id is None else await turn.move_sku(order.sku_id, SkuStatus.ABORTED)


async def hold_in_progress(turn: Turn, sku: Sku) -> WorkOrder:
    """The order of a sku in production. Raises Refused(invalid_transition): without a slot nothing is made."""
    order = await turn.order(sku.work_order_id)
    if order.status is not Status.IN_PROGRESS:
        raise Refused(
            Code.INVALID_TRANSITION,
            f"work order {order.id} of sku {sku.id} is {order.status.replace('_', ' ')}: nobody makes it now",
            f"call work_order_start for {order.id} first",
        )
    return order


async def latest(turn: Turn, sku_id: str, gate: Gate) -> Submission | None:
    """The last submission to a gate."""
    return await turn.tx.one("latest_submission", into=Submission, sku_id=sku_id, gate=gate)


async def _refuse_unpassed(turn: Turn, sku: Sku) -> None:
    """Raises Refused(gate_not_run, gate_failed) unless the gate of its stage lets it go on."""
    gate = GATE_OF[sku.stage]
    last = await latest(turn, sku.id, gate)
    if last is None:
        raise Refused(
            Code.GATE_NOT_RUN,
            f"gate {gate} of sku {sku.id} has not run: nothing passes by default",
            f"call gate_submit with sku_id {sku.id}, gate {gate} and its evidence",
        )
    if last.verdict is Verdict.FAILED and gate is not Gate.SMOKE_TEST:
        raise Refused(
            Code.GATE_FAILED,
            f"gate {gate} of sku {sku.id} failed: {missed(last.violations)}",
            "repair it and call gate_submit again; call andon_resolve for the andon that it raised (andon_list)",
        )
