"""The tools `kaizen_*`: what is measured of the line, and proposals against its waste. Methods carry their names."""

from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import Answer, Desk
from erlmcp.apps.tcps.hints import CHANGES, LOOKS
from erlmcp.tcps import ApplyKaizen, KaizenPeriod

__all__ = ["Kaizen"]


class Kaizen:
    """Measures and improvements at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tools."""
        app.tool(title="Measure the line", annotations=LOOKS)(self.kaizen_report)
        app.tool(title="List proposals against waste", annotations=LOOKS)(self.kaizen_proposals)
        app.tool(title="Apply a proposal", annotations=CHANGES)(self.kaizen_apply)

    async def kaizen_report(self, period: KaizenPeriod = KaizenPeriod.WEEK) -> Answer:
        """Measure the line from its receipts: lead time, cycle time, defect rate, rework, first-pass yield, skus a day,
        manual interventions. Each figure has its target, whether it is met, and the last week beside the week before
        (improvement in per cent, on_track). waste says where hours were lost and which receipts prove it.

        Args:
            period: So much time until now: day, week, month (30 days) or quarter (90 days).
        """
        return {"report": await self._desk.look(self._desk.views.kaizen_report(period))}

    async def kaizen_proposals(self, min_roi: float = 0.0, limit: int = 50) -> Answer:
        """List proposals against waste, the best first. Each has its waste and what it is about, its effort, its
        figures (waste_hours a week, effort_hours, roi: the one by the other, and receipts that prove it) and its state:
        proposed, applied, measuring (a week later: benefit_hours), rejected (it brought nothing).

        Args:
            min_roi: Only those of this roi or more.
            limit: How many at most, 1 to 200.
        """
        return {"proposals": await self._desk.look(self._desk.views.kaizen_proposals(str(min_roi), limit))}

    async def kaizen_apply(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        idempotency_key: str | None = None,
    ) -> Answer:
        """Say that a proposal was put into practice. What it brought is measured from then on, each week. Refused
        (invalid_transition) unless it is proposed.

        Args:
            id: The proposal, KZ-….
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(ApplyKaizen(id), idempotency_key)
