"""What views show, and how a list is cut into pages. Pure values and rules; `views.Views` reads the rows."""

from datetime import datetime
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from erlmcp.tcps.andon import Andon, AndonStatus
from erlmcp.tcps.commands import Bucket, Gate
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.gate import Violation
from erlmcp.tcps.kanban import BucketStatus
from erlmcp.tcps.receipt import Head, Receipt
from erlmcp.tcps.sku import Stage, Verdict
from erlmcp.tcps.work_order import SlaState, Status, WorkOrder, sla_state

__all__ = [
    "MAX_LIMIT",
    "AndonFilter",
    "AndonPage",
    "Board",
    "Card",
    "Filter",
    "GateStatus",
    "ReceiptPage",
    "Schedule",
    "Slot",
    "WorkOrderPage",
    "check_expected",
    "check_limit",
    "check_range",
    "judged",
    "page",
    "plain",
]

MAX_LIMIT: Final = 200  # rows of a page
PAGE: Final = 2 * 1024 * 1024  # bytes of JSON of a page; a tool tells it twice, once as text with every quote escaped

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


class AndonFilter(Struct, frozen=True):
    """Which andons to list; None: whatever it is."""

    status: AndonStatus | None = None
    work_order_id: str | None = None
    sku_id: str | None = None


class AndonPage(Struct, frozen=True):
    """Andons, the newest first. `next_cursor=None`: there are no more."""

    andons: list[Andon]
    next_cursor: str | None = None


class GateStatus(Struct, frozen=True):
    """Where a gate of a sku stands: its last verdict, by which receipt, and how often it was submitted and failed."""

    gate: Gate
    verdict: Verdict = Verdict.NOT_RUN
    violations: tuple[Violation, ...] = ()
    at: str | None = None
    receipt_seq: int | None = None
    andon_id: str | None = None
    submissions: int = 0
    failures: int = 0


class Card(Struct, frozen=True):
    """An order on the board. `moved_at`: when anything last happened to its sku.

    `idle`: that was longer ago than its stage's budget; `stopped`: it waits, and a stop of its own is open.
    """

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
    sku_id: str | None = None
    stage: Stage | None = None
    moved_at: str | None = None
    sla: SlaState | None = None
    idle: bool = False
    stopped: bool = False


class Slot(Struct, frozen=True):
    """A place in the schedule. `held`: why the order cannot be pulled now, as a refusal would say it."""

    position: int
    id: str
    title: str
    bucket: Bucket
    priority: int
    created_at: str
    held: Code | None = None


class Schedule(Struct, frozen=True):
    """The next batch, levelled. `score`: how level it is, 0 to 1; `last_pulled`: the bucket after which it goes on."""

    orders: list[Slot]
    score: float
    last_pulled: Bucket | None


class Board(Struct, frozen=True):
    """The line at one moment.

    `queued`: the next few of each bucket, in the order they are pulled; `in_progress`: the oldest first; `completed`:
    the last few, the latest first. The numbers of all of them are in `buckets`. `andons`: those that are not resolved,
    the oldest first. `head`: the end of the chain.
    """

    at: datetime
    buckets: list[BucketStatus]
    queued: list[Card]
    in_progress: list[Card]
    completed: list[Card]
    head: Head
    andons: list[Andon]


def judged(cards: list[Card], now: datetime) -> list[Card]:
    """With what the clock says of them."""
    return [replace(card, sla=sla_state(card, now)) for card in cards]


def page(rows: list[T], limit: int) -> list[T]:
    """The first of `rows`: at most `limit`, and as many as fit into PAGE, but one at least."""
    size = 0
    for number, row in enumerate(rows[:limit]):
        size += len(_encode(row))
        if number and size > PAGE:
            return rows[:number]
    return rows[:limit]


def check_limit(limit: int) -> None:
    """Raises Refused(invalid)."""
    if not 1 <= limit <= MAX_LIMIT:
        raise Refused(
            Code.INVALID,
            f"limit is {shown(limit)}",
            f"call again with a limit from 1 to {MAX_LIMIT}, and next_cursor",
        )


def check_range(from_seq: int, to_seq: int, last: int) -> None:
    """Raises Refused(invalid)."""
    if from_seq < 1 or to_seq > last or from_seq > to_seq + 1:
        raise Refused(
            Code.INVALID,
            f"there are no receipts from {shown(from_seq)} to {shown(to_seq)}: the chain has 1 to {last}",
            "call receipt_verify with from_seq and to_seq within the chain, or with neither",
        )


def check_expected(seq: int, from_seq: int, to_seq: int | None) -> None:
    """Raises Refused(invalid)."""
    if seq < from_seq - 1 or (to_seq is not None and seq > to_seq):
        raise Refused(
            Code.INVALID,
            f"the expected head is receipt {shown(seq)}, and not among those to verify",
            "call receipt_verify with a range that has it, or without from_seq and to_seq",
        )


def plain(value: str) -> str:
    """What the driver can bind: half a surrogate pair is in no row, so it may be any text that is in none either."""
    return value.encode(errors="replace").decode()
