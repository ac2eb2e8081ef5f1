"""The prompts, each about what the line knows at that moment; `briefs` puts it into words."""

from typing import Final

import msgspec

from erlmcp import App
from erlmcp.apps.tcps import briefs
from erlmcp.apps.tcps.desk import Desk
from erlmcp.tcps import GATE_OF, Andon, Evidence, Gate, KaizenPeriod, Payload, RootCause, SubmitGate, Verdict

__all__ = ["Prompts"]


class Prompts:
    """Prompts at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk
        self._views: Final = desk.views

    def offer(self, app: App) -> None:
        """Register the prompts."""
        app.prompt(title="Ask five times why")(self.five_whys)
        app.prompt(title="Repair what a gate found")(self.gate_failed)
        app.prompt(title="Review and improve")(self.kaizen_review)
        app.prompt(title="Hand the shift over")(self.shift_handover)

    async def five_whys(self, andon_id: str) -> str:
        """Find the root cause of an andon: what happened, the whys that are there, and how to go on.

        Args:
            andon_id: The id of the andon, ANDON-….
        """
        andon = await self._desk.look(self._views.andon(andon_id))
        order = await self._desk.look(self._views.work_order(andon.work_order_id))
        cause: RootCause | None = None
        if andon.root_cause_id is not None:
            cause = await self._desk.look(self._views.root_cause(andon.root_cause_id))
        return briefs.five_whys(andon, order, cause)

    async def gate_failed(self, sku_id: str, gate: Gate | None = None) -> str:
        """Bring a sku through a gate that it failed: the violations, the tests or rules that they come from, the andon,
        and what to do.

        Args:
            sku_id: The id of the sku, SKU-….
            gate: The gate; the one of its stage, or the last that failed, when left out.
        """
        sku = await self._desk.look(self._views.sku(sku_id))
        order = await self._desk.look(self._views.work_order(sku.work_order_id))
        gates = {status.gate: status for status in await self._desk.look(self._views.gate_status(sku_id))}
        failed = [each for each, status in gates.items() if status.verdict is Verdict.FAILED]
        status = gates[gate or GATE_OF.get(sku.stage) or (failed or [Gate.SMOKE_TEST])[-1]]
        andon: Andon | None = None
        if status.andon_id is not None:
            andon = await self._desk.look(self._views.andon(status.andon_id))
        return briefs.gate_failed(sku, order, status, await self._evidence(status.receipt_seq), andon)

    async def kaizen_review(self, period: KaizenPeriod = KaizenPeriod.WEEK) -> str:
        """Look back on a period: figures and their targets, waste, proposals; and choose what to improve.

        Args:
            period: So much time until now: day, week, month (30 days) or quarter (90 days).
        """
        report = await self._desk.look(self._views.kaizen_report(period))
        return briefs.kaizen_review(report, await self._desk.look(self._views.kaizen_proposals()))

    async def shift_handover(self) -> str:
        """Hand the line over to who comes next: what is stopped, late, idle and full, and what to do first."""
        return briefs.shift_handover(await self._desk.look(self._views.board()))

    async def _evidence(self, receipt_seq: int | None) -> tuple[Evidence, ...]:
        """What the gate judged, as its receipt has it."""
        if receipt_seq is None:
            return ()
        receipt = await self._desk.look(self._views.receipt(receipt_seq))
        command = msgspec.json.decode(receipt.payload, type=Payload).inputs
        return command.evidence if isinstance(command, SubmitGate) else ()
