"""The read side: the board, orders, buckets and receipts, from any process that can read the store.

Reads only. Whatever depends on the clock, like how an order stands to its deadline, is said here and is in no receipt.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from erlmcp.store import Database, Read
from erlmcp.tcps import cursor as cursors
from erlmcp.tcps.canonical import MAX_INTEGER
from erlmcp.tcps.commands import Bucket
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.kanban import BucketStatus, Counters, status
from erlmcp.tcps.moments import utc_now
from erlmcp.tcps.options import Options
from erlmcp.tcps.receipt import NO_RECEIPT, Broken, Fault, Head, Ok, Receipt, Verifier
from erlmcp.tcps.work_order import SlaState, Status, WorkOrder, no_such_order, sla_state

__all__ = ["MAX_LIMIT", "Board", "Card", "Filter", "ReceiptPage", "Views", "WorkOrderPage"]

MAX_LIMIT: Final = 200  # rows of a page
PAGE: Final = 2 * 1024 * 1024  # bytes of JSON of a page; a tool tells it twice, once as text with every quote escaped
CARDS: Final = 200  # in progress, on a board
WAITING: Final = 5  # queued, of each bucket, on a board
LAST: Final = 10  # completed, on a board
_STRIDE: Final = 500  # receipts read at once to verify: a few milliseconds

T = TypeVar("T")

_encode: Final = msgspec.json.Encoder().encode


class Filter(Struct, frozen=True):
    """Which orders to list; None: whatever it is."""

    status: Status | None = None
    bucket: Bucket | None = None
    assignee: str | None = None


class WorkOrderPage(Struct, frozen=True):
    """Orders, the newest first. `next_cursor=None`: there are no more."""

    work_orders: list[WorkOrder]
    next_cursor: str | None = None


class ReceiptPage(Struct, frozen=True):
    """Receipts as they were hashed, the newest first. `next_cursor=None`: there are no more."""

    receipts: list[Receipt]
    next_cursor: str | None = None


class Card(Struct, frozen=True):
    """An order on the board."""

    id: str
    title: str
    bucket: Bucket
    priority: int
    status: Status
    sla_deadline: str | None
    assignee: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    sla: SlaState | None = None


class Board(Struct, frozen=True):
    """The line at one moment.

    `queued`: the next few of each bucket, in the order they are pulled; `in_progress`: the oldest first; `completed`:
    the last few, the latest first. The numbers of all of them are in `buckets`. `head`: the end of the chain.
    """

    at: datetime
    buckets: list[BucketStatus]
    queued: list[Card]
    in_progress: list[Card]
    completed: list[Card]
    head: Head


class _Row(WorkOrder, frozen=True):
    seq: int = 0


class Views:
    """What can be seen of the line in a `Database`, which may be a reader's."""

    def __init__(
        self, database: Database, options: Options | None = None, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._options = options or Options()
        self._now = now

    async def board(self) -> Board:
        """Everything at one moment, from six counters and a few cards: the number of orders does not matter."""
        counters, queued, in_progress, completed, heads = await self._database.snapshot(
            Read("counters", into=Counters),
            Read("board_queued", {"many": WAITING}, Card),
            Read("board_in_progress", {"many": CARDS}, Card),
            Read("board_completed", {"many": LAST}, Card),
            Read("head", into=Head),
        )
        now = self._now()
        return Board(
            at=now,
            buckets=self._statuses(counters),
            queued=_judged(queued, now),
            in_progress=_judged(in_progress, now),
            completed=_judged(completed, now),
            head=heads[0] if heads else NO_RECEIPT,
        )

    async def work_order(self, order_id: str) -> WorkOrder:
        """Raises Refused(not_found)."""
        order = await self._database.one("work_order", into=WorkOrder, id=_text(order_id))
        if order is None:
            raise no_such_order(order_id)
        return replace(order, sla=sla_state(order, self._now()))

    async def work_orders(
        self, which: Filter | None = None, limit: int = 50, cursor: str | None = None
    ) -> WorkOrderPage:
        """A page of at most `limit` orders, 1 to MAX_LIMIT, and PAGE bytes. Raises Refused(invalid)."""
        which = which or Filter()
        _check_limit(limit)
        query, params = _query_of(which)
        before = cursors.read("work_orders", cursor)
        rows = await self._database.all(query, into=_Row, before=before, many=limit + 1, **params)
        now = self._now()
        page = _page(rows, limit)
        more = cursors.write("work_orders", page[-1].seq) if len(rows) > len(page) else None
        return WorkOrderPage([_order_of(row, now) for row in page], more)

    async def kanban(self, bucket: Bucket | None = None) -> list[BucketStatus]:
        """The status of this bucket, or of all, in the order that Bucket gives them."""
        rows = await self._database.all("counters", into=Counters)
        return self._statuses([row for row in rows if bucket is None or row.bucket is bucket])

    async def receipts(
        self,
        work_order_id: str | None = None,
        kind: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ReceiptPage:
        """A page of at most `limit` receipts, 1 to MAX_LIMIT, and PAGE bytes; `kind` is their type.

        Raises Refused(invalid).
        """
        _check_limit(limit)
        before = cursors.read("receipts", cursor)
        span = {"before": before, "many": limit + 1}
        if work_order_id is not None:
            order, kind = _text(work_order_id), None if kind is None else _text(kind)
            query = "receipts_by_work_order"
            rows = await self._database.all(query, into=Receipt, work_order_id=order, type=kind, **span)
        elif kind is not None:
            rows = await self._database.all("receipts_by_type", into=Receipt, type=_text(kind), **span)
        else:
            rows = await self._database.all("receipts", into=Receipt, **span)
        page = _page(rows, limit)
        more = cursors.write("receipts", page[-1].seq) if len(rows) > len(page) else None
        return ReceiptPage(page, more)

    async def receipt(self, seq: int) -> Receipt:
        """Raises Refused(not_found)."""
        found = None
        if 1 <= seq <= MAX_INTEGER:
            found = await self._database.one("receipt", into=Receipt, seq=seq)
        if found is None:
            head = await self.head()
            raise Refused(
                Code.NOT_FOUND,
                f"there is no receipt {shown(seq)}: the last one is {head.seq}",
                "call receipt_list to see the receipts and their seq",
            )
        return found

    async def head(self) -> Head:
        """The end of the chain; `NO_RECEIPT` when nothing has happened yet."""
        return await self._database.one("head", into=Head) or NO_RECEIPT

    async def verify(self, from_seq: int = 1, to_seq: int | None = None, expected: Head | None = None) -> Ok | Broken:
        """Verify the chain from `from_seq` to `to_seq` (None: its end), page by page, in bounded memory.

        `expected`: a head noted elsewhere; within the range it must be there still. Raises Refused(invalid).
        """
        head = await self.head()
        last = head.seq if to_seq is None else to_seq
        _check_range(from_seq, last, head.seq)
        if expected is not None:
            _check_expected(expected.seq, from_seq, to_seq)
        after = await self._before(from_seq)
        if isinstance(after, Broken):
            return after
        verifier = Verifier(after, expected)
        while verifier.head.seq < last:
            rows = await self._database.all(
                "receipts_between", into=Receipt, after=verifier.head.seq, to_seq=last, many=_STRIDE
            )
            for row in rows:
                if broken := verifier.look(row):
                    return broken
            if not rows:
                return _cut_off(verifier.head.seq, last)
        return verifier.end()

    async def _before(self, from_seq: int) -> Head | Broken:
        if from_seq == 1:
            return NO_RECEIPT
        before = await self._database.one("receipt", into=Receipt, seq=from_seq - 1)
        if before is None:
            return Broken(from_seq - 1, Fault.MISSING, f"receipt {from_seq - 1} is not there: {from_seq} follows it")
        return Head(before.seq, before.hash)

    def _statuses(self, rows: Sequence[Counters]) -> list[BucketStatus]:
        by_bucket = {row.bucket: row for row in rows}
        return [status(by_bucket[bucket], self._options.wip_limit(bucket)) for bucket in Bucket if bucket in by_bucket]


def _judged(cards: list[Card], now: datetime) -> list[Card]:
    return [replace(card, sla=sla_state(card, now)) for card in cards]


def _page(rows: list[T], limit: int) -> list[T]:
    """The first of `rows`: at most `limit`, and as many as fit into PAGE, but one at least."""
    size = 0
    for number, row in enumerate(rows[:limit]):
        size += len(_encode(row))
        if number and size > PAGE:
            return rows[:number]
    return rows[:limit]


def _order_of(row: _Row, now: datetime) -> WorkOrder:
    fields = asdict(row)
    del fields["seq"]
    fields["sla"] = sla_state(row, now)
    return WorkOrder(**fields)


def _query_of(which: Filter) -> tuple[str, dict[str, str | None]]:
    bucket, state = which.bucket, which.status
    if which.assignee is not None:
        return "work_orders_by_assignee", {"assignee": _text(which.assignee), "bucket": bucket, "status": state}
    if bucket is not None and state is not None:
        return "work_orders_by_bucket_and_status", {"bucket": bucket, "status": state}
    if bucket is not None:
        return "work_orders_by_bucket", {"bucket": bucket}
    if state is not None:
        return "work_orders_by_status", {"status": state}
    return "work_orders", {}


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise Refused(
            Code.INVALID,
            f"limit is {shown(limit)}",
            f"call again with a limit from 1 to {MAX_LIMIT}, and next_cursor",
        )


def _check_range(from_seq: int, to_seq: int, last: int) -> None:
    if from_seq < 1 or to_seq > last or from_seq > to_seq + 1:
        raise Refused(
            Code.INVALID,
            f"there are no receipts from {shown(from_seq)} to {shown(to_seq)}: the chain has 1 to {last}",
            "call receipt_verify with from_seq and to_seq within the chain, or with neither",
        )


def _check_expected(seq: int, from_seq: int, to_seq: int | None) -> None:
    if seq < from_seq - 1 or (to_seq is not None and seq > to_seq):
        raise Refused(
            Code.INVALID,
            f"the expected head is receipt {shown(seq)}, and not among those to verify",
            "call receipt_verify with a range that has it, or without from_seq and to_seq",
        )


def _cut_off(seq: int, last: int) -> Broken:
    return Broken(seq + 1, Fault.MISSING, f"receipt {seq + 1} is not there: it and all up to {last} are gone")


def _text(value: str) -> str:
    """What the driver can bind: half a surrogate pair is in no row, so it may be any text that is in none either."""
    return value.encode(errors="replace").decode()
