"""The tools `receipt_*` and the resource of a receipt, which comes exactly as it was hashed."""

from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import JSON, Answer, Desk
from erlmcp.apps.tcps.hints import LOOKS
from erlmcp.tcps import Receipt

__all__ = ["Receipts"]


class Receipts:
    """The chain of receipts at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tools and the resource."""
        app.tool(title="Get a receipt", annotations=LOOKS)(self.receipt_get)
        app.tool(title="List receipts", annotations=LOOKS)(self.receipt_list)
        app.tool(title="Verify the chain of receipts", annotations=LOOKS)(self.receipt_verify)
        app.resource("tcps://receipts/{seq}", name="receipt", title="Receipt", mime_type=JSON)(self.read)

    async def receipt_get(self, seq: int) -> Answer:
        """Look at one receipt exactly as it was hashed: hash is the SHA-256 of the canonical JSON (RFC 8785) of every
        other field, and prev_hash is the hash of the receipt before it.

        Args:
            seq: The sequence number of the receipt; 1 is the first.
        """
        return {"receipt": await self._desk.look(self._desk.views.receipt(seq))}

    async def receipt_list(
        self,
        sku_id: str | None = None,
        work_order_id: str | None = None,
        type: str | None = None,  # noqa: A002 - the argument's name is API
        limit: int = 50,
        cursor: str | None = None,
    ) -> Answer:
        """List receipts, the newest first: what happened, who did it and when.

        Args:
            sku_id: Only receipts of this sku, SKU-….
            work_order_id: Only receipts of this work order, WO-….
            type: Only receipts of this type: the name of a tool that changes something, or work_order_start_refused and
                the like for a pull that found no free slot.
            limit: How many at most, 1 to 200.
            cursor: The next_cursor of the page before; leave it out for the first page.
        """
        return await self._desk.look(self._desk.views.receipts(work_order_id, type, limit, cursor, sku_id))

    async def receipt_verify(self, from_seq: int = 1, to_seq: int | None = None) -> Answer:
        """Verify that the chain of receipts is whole. Answers chain ok with the count and the head of the chain, or
        chain broken with the first seq that does not hold, its fault and the reason.

        Args:
            from_seq: The first receipt to verify.
            to_seq: The last one; the end of the chain when left out.
        """
        return await self._desk.look(self._desk.views.verify(from_seq, to_seq))

    async def read(self, seq: int) -> Receipt:
        """One receipt exactly as it was hashed."""
        return await self._desk.read(f"tcps://receipts/{seq}", self._desk.views.receipt(seq))
