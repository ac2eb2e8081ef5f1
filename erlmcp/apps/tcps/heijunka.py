"""The tool `heijunka_schedule`: what the line makes next, levelled over the buckets."""

from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import Answer, Desk
from erlmcp.apps.tcps.hints import LOOKS

__all__ = ["Heijunka"]


class Heijunka:
    """The schedule at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tool."""
        app.tool(title="Look at the schedule", annotations=LOOKS)(self.heijunka_schedule)

    async def heijunka_schedule(self, size: int | None = None) -> Answer:
        """See which work orders work_order_pull_next takes next, in their order: one of each bucket in turn, so that no
        kind of work waits for all of another. Answers a schedule: its orders, each with held (wip_limit, line_stopped)
        where it cannot start now, and score, how level it is (1 is best).

        Args:
            size: How many orders, 1 to 200; 10 when left out.
        """
        return {"schedule": await self._desk.look(self._desk.views.heijunka(size))}
