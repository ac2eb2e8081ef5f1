"""The tools `kanban_*`, and the resources of a bucket and of the board. Methods carry the tools' names."""

from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import JSON, Answer, Desk
from erlmcp.apps.tcps.hints import CHANGES, LOOKS
from erlmcp.tcps import Board, Bucket, BucketStatus, SetLimit

__all__ = ["Kanban"]


class Kanban:
    """Buckets and their slots at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tools and the resource."""
        app.tool(title="Look at the kanban", annotations=LOOKS)(self.kanban_status)
        app.tool(title="Set a WIP limit", annotations=CHANGES)(self.kanban_set_limit)
        app.resource("tcps://board", name="board", title="The board", mime_type=JSON)(self.board)
        app.resource("tcps://kanban/{bucket}", name="kanban", title="A bucket", mime_type=JSON)(self.read)

    async def kanban_status(self, bucket: Bucket | None = None) -> Answer:
        """See how full the buckets are: orders in progress (current), limit, free slots (available), utilization in per
        cent, level (normal, bottleneck, alert, critical), and how many are queued, blocked, completed and cancelled.

        Args:
            bucket: Only this bucket; all six when left out.
        """
        return {"buckets": await self._desk.look(self._desk.views.kanban(bucket))}

    async def kanban_set_limit(self, bucket: Bucket, limit: int, idempotency_key: str | None = None) -> Answer:
        """Set how many work orders of a bucket may be in progress at once. Refused (conflict) when more than that are
        in progress now.

        Args:
            bucket: The bucket to limit.
            limit: 1 or more.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(SetLimit(bucket, limit), idempotency_key)

    async def board(self) -> Board:
        """The line at this moment: every bucket, the next orders of each, those in progress, the last completed, and
        the andons that are not resolved."""
        return await self._desk.look(self._desk.views.board())

    async def read(self, bucket: Bucket) -> BucketStatus:
        """One bucket, as kanban_status shows it."""
        (status,) = await self._desk.look(self._desk.views.kanban(bucket))
        return status
