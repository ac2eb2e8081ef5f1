"""One command's turn: the transaction it runs in, the moment, and what it comes to.

What commands of several rooms need is here: loading what a command names, saving it, counting a bucket. It does not
know which command it is for.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from erlmcp.store import Transaction, Value
from erlmcp.tcps import andon as andons
from erlmcp.tcps.andon import Andon
from erlmcp.tcps.canonical import canonical
from erlmcp.tcps.commands import Ask, Bucket
from erlmcp.tcps.errors import Refused
from erlmcp.tcps.ids import Ids
from erlmcp.tcps.kanban import Counters
from erlmcp.tcps.options import Options
from erlmcp.tcps.sku import Sku, SkuStatus, no_such_sku
from erlmcp.tcps.tpm import Report
from erlmcp.tcps.work_order import Status, WorkOrder, no_such_order

__all__ = ["Shift", "Turn", "text"]


class Shift(Struct, frozen=True):
    """What the commands of one transaction share. `at` is `now` as text."""

    tx: Transaction
    now: datetime
    at: str
    ids: Ids
    options: Options


class Turn:
    """`seq`: of the receipt to come; `report`: of the maintenance that is to be recorded."""

    def __init__(self, shift: Shift, ask: Ask, seq: int, report: Report | None = None) -> None:
        self.tx: Final = shift.tx
        self.now: Final = shift.now
        self.at: Final = shift.at
        self.options: Final = shift.options
        self.ask: Final = ask
        self.seq: Final = seq
        self.report: Final = report
        self._ids: Final = shift.ids

    def new_id(self, prefix: str) -> str:
        """The next id of this kind."""
        return self._ids.new(prefix, self.now)

    async def order(self, order_id: str) -> WorkOrder:
        """Raises Refused(not_found)."""
        order = await self.tx.one("work_order", into=WorkOrder, id=order_id)
        if order is None:
            raise no_such_order(order_id)
        return order

    async def sku(self, sku_id: str) -> Sku:
        """Raises Refused(not_found)."""
        sku = await self.tx.one("sku", into=Sku, id=sku_id)
        if sku is None:
            raise no_such_sku(sku_id)
        return sku

    async def move_order(self, before: WorkOrder, order: WorkOrder) -> None:
        """Write down a move that is no start."""
        await self.count(order.bucket, before.status, order.status)
        await self.tx.run(
            "move_work_order",
            id=order.id,
            status=order.status,
            assignee=order.assignee,
            version=order.version,
            started_at=order.started_at,
            completed_at=order.completed_at,
            cancelled_at=order.cancelled_at,
            cancellation_reason=order.cancellation_reason,
        )

    async def save_sku(self, sku: Sku, *, forward: bool) -> None:
        """Raises Refused(line_stopped) if it is to go forward and must not: the statement holds the guard."""
        changed = await self.tx.run(
            "save_sku",
            id=sku.id,
            stage=sku.stage,
            status=sku.status,
            entered_at=sku.entered_at,
            moved_at=sku.moved_at,
            forward=int(forward),
        )
        if not changed:
            raise await self.stopped(f"sku {sku.id}", sku.work_order_id)

    async def move_sku(self, sku_id: str, status: SkuStatus = SkuStatus.IN_PRODUCTION) -> Sku | None:
        """Something happened to a sku in production that takes it nowhere; None: it is not in production."""
        return await self.tx.one("move_sku", into=Sku, id=sku_id, status=status, at=self.at)

    async def stopped(self, what: str, order_id: str) -> Refused:
        """The refusal for an open stop of an order."""
        (stop, *_) = await self.tx.all("stops_of_order", into=Andon, work_order_id=order_id, many=1)
        return andons.stopped(what, stop)

    async def count(self, bucket: Bucket, before: Status | None, after: Status) -> None:
        """Move an order from one count of its bucket to the other, but not into progress."""
        await self.tx.run("count_move", bucket=bucket, **_DELTAS[before, after])

    async def counters(self, bucket: Bucket) -> Counters:
        counters = await self.tx.one("counters_of_bucket", into=Counters, bucket=bucket)
        if counters is None:
            raise LookupError(f"bucket {bucket} was never seeded")
        return counters


def text(value: object) -> str:
    """A value as a column keeps it: its canonical JSON."""
    return canonical(value).decode()


def _delta(before: Status | None, after: Status) -> dict[str, Value]:
    return {status: (status is after) - (status is before) for status in Status}


_DELTAS: Final = {(before, after): _delta(before, after) for before in (None, *Status) for after in Status}
