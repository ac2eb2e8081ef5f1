"""The tools `sku_*` and the resource of a sku. Methods carry the tools' names; the line decides."""

from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import JSON, Answer, Desk
from erlmcp.apps.tcps.hints import CHANGES, LOOKS, UNDOES
from erlmcp.tcps import AbortSku, AdvanceSku, PublishSku, Sku

__all__ = ["Skus"]


class Skus:
    """Skus at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tools and the resource."""
        app.tool(title="Get a sku", annotations=LOOKS)(self.sku_get)
        app.tool(title="Advance a sku", annotations=CHANGES)(self.sku_advance)
        app.tool(title="Publish a sku", annotations=CHANGES)(self.sku_publish)
        app.tool(title="Abort a sku", annotations=UNDOES)(self.sku_abort)
        app.resource("tcps://skus/{id}", name="sku", title="Sku", mime_type=JSON)(self.read)

    async def sku_get(self, id: str) -> Answer:  # noqa: A002 - the argument's name is API
        """Look at one sku, the thing that is made for a work order: its stage, its status (in_production, completed,
        published, aborted) and its history, every verdict and move with the receipt that proves it.

        Args:
            id: The id of the sku, SKU-…: the sku_id of its work order.
        """
        return {"sku": await self._desk.look(self._desk.views.sku(id))}

    async def sku_advance(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        idempotency_key: str | None = None,
    ) -> Answer:
        """Have a sku enter its next stage, once the gate of this one has passed. The stages are the eight gates in
        their order (see gate_submit), then marketplace_validation. Refused when the gate failed (gate_failed) or has
        not run (gate_not_run), and while a stop is open for the sku or its work order (line_stopped).

        Args:
            id: The id of the sku, SKU-….
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(AdvanceSku(id), idempotency_key)

    async def sku_publish(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        idempotency_key: str | None = None,
    ) -> Answer:
        """Publish a sku: the end of its way. Its work order must be completed (work_order_complete) and the sku in
        marketplace_validation (sku_advance), with no stop open. Needs the role admin.

        Args:
            id: The id of the sku, SKU-….
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(PublishSku(id), idempotency_key)

    async def sku_abort(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        reason: str,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Give a sku up for good. Its work order, if it is in progress, is queued again and its slot is free: the next
        start opens another sku, which begins at the first gate. This cannot be taken back; to let somebody else go on
        with the same sku, call work_order_release instead.

        Args:
            id: The id of the sku, SKU-….
            reason: Why; it is kept in the sku's history.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(AbortSku(id, reason), idempotency_key)

    async def read(self, id: str) -> Sku:  # noqa: A002 - the variable of the URI
        """One sku with its history, as sku_get shows it."""
        return await self._desk.read(f"tcps://skus/{id}", self._desk.views.sku(id))
