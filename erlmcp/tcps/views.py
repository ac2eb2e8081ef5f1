"""The read side: the board, orders, skus, andons and receipts, from any process that can read the store.

Reads only. Whatever depends on the clock, like how an order stands to its deadline, is said here and is in no receipt.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from erlmcp.store import Database, Read
from erlmcp.tcps import cursor as cursors
from erlmcp.tcps import heijunka, kaizen_view
from erlmcp.tcps.andon import Andon, no_such_andon
from erlmcp.tcps.canonical import MAX_INTEGER
from erlmcp.tcps.chain import ends, verify_between
from erlmcp.tcps.checkpoint import Checkpoint
from erlmcp.tcps.commands import Bucket, Gate, TpmWindow
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.kaizen import KaizenPeriod, KaizenReport
from erlmcp.tcps.kaizen_proposal import KaizenProposal, roi
from erlmcp.tcps.kanban import BucketStatus, Counters, status
from erlmcp.tcps.moments import moment, utc_now
from erlmcp.tcps.options import Options
from erlmcp.tcps.pages import (
    MAX_LIMIT,
    AndonFilter,
    AndonPage,
    Board,
    Card,
    Filter,
    GateStatus,
    ReceiptPage,
    Schedule,
    Slot,
    WorkOrderPage,
    check_expected,
    check_limit,
    check_range,
    judged,
    page,
    plain,
)
from erlmcp.tcps.receipt import NO_RECEIPT, Broken, Fault, Head, Ok, Receipt, Verifier
from erlmcp.tcps.root_cause import RootCause, no_such_root_cause
from erlmcp.tcps.sku import Record, Sku, Stage, Verdict, no_such_sku
from erlmcp.tcps.tpm import TpmHealth, TpmRun, dues, score, standing
from erlmcp.tcps.work_order import WorkOrder, no_such_order, sla_state

__all__ = ["Views"]

CARDS: Final = 200  # in progress, on a board
WAITING: Final = 5  # queued, of each bucket, on a board
LAST: Final = 10  # completed, on a board
ANDONS: Final = 100  # not resolved, on a board
HISTORY: Final = 1_000  # of a sku, the newest


class _Row(WorkOrder, frozen=True):
    seq: int = 0


class _AndonRow(Andon, frozen=True):
    seq: int = 0


class _Inputs(Struct, frozen=True):
    reason: str | None = None


class _Reasoned(Struct, frozen=True):
    inputs: _Inputs


class _Happened(Struct, frozen=True):
    stage: Stage
    at: str
    verdict: Verdict | None
    id: str
    payload: _Reasoned


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
        counters, queued, in_progress, completed, andons, heads = await self._database.snapshot(
            Read("counters", into=Counters),
            Read("board_queued", {"many": WAITING}, Card),
            Read("board_in_progress", {"many": CARDS}, Card),
            Read("board_completed", {"many": LAST}, Card),
            Read("board_andons", {"many": ANDONS}, Andon),
            Read("head", into=Head),
        )
        now = self._now()
        return Board(
            at=now,
            buckets=self._statuses(counters),
            queued=judged(queued, now),
            in_progress=[self._with_idle(card, now) for card in judged(in_progress, now)],
            completed=judged(completed, now),
            andons=andons,
            head=heads[0] if heads else NO_RECEIPT,
        )

    async def idle(self) -> list[Card]:
        """The orders in progress to which nothing happened for longer than their stage's budget, the oldest first."""
        now = self._now()
        cards = await self._database.all("board_in_progress", into=Card, many=CARDS)
        return [card for card in (self._with_idle(card, now) for card in judged(cards, now)) if card.idle]

    async def work_order(self, order_id: str) -> WorkOrder:
        """Raises Refused(not_found)."""
        order = await self._database.one("work_order", into=WorkOrder, id=plain(order_id))
        if order is None:
            raise no_such_order(order_id)
        return replace(order, sla=sla_state(order, self._now()))

    async def work_orders(
        self, which: Filter | None = None, limit: int = 50, cursor: str | None = None
    ) -> WorkOrderPage:
        """A page of at most `limit` orders, 1 to MAX_LIMIT, and PAGE bytes. Raises Refused(invalid)."""
        which = which or Filter()
        check_limit(limit)
        query, params = _query_of(which)
        before = cursors.read("work_orders", cursor)
        rows = await self._database.all(query, into=_Row, before=before, many=limit + 1, **params)
        now = self._now()
        found = page(rows, limit)
        more = cursors.write("work_orders", found[-1].seq) if len(rows) > len(found) else None
        return WorkOrderPage([_order_of(row, now) for row in found], more)

    async def kanban(self, bucket: Bucket | None = None) -> list[BucketStatus]:
        """The status of this bucket, or of all, in the order that Bucket gives them."""
        rows = await self._database.all("counters", into=Counters)
        return self._statuses([row for row in rows if bucket is None or row.bucket is bucket])

    async def heijunka(self, size: int | None = None) -> Schedule:
        """The next `size` orders, 1 to MAX_LIMIT, as `pull next` goes through them. Raises Refused(invalid)."""
        size = self._options.heijunka_batch if size is None else size
        if not 1 <= size <= MAX_LIMIT:
            raise Refused(Code.INVALID, f"size is {shown(size)}", f"call again with a size from 1 to {MAX_LIMIT}")
        cards, counters, stopped, last = await self._database.snapshot(
            Read("board_queued", {"many": size}, Card),
            Read("counters", into=Counters),
            Read("critical_buckets", into=Bucket),
            Read("last_pulled", into=Bucket),
        )
        waiting: dict[Bucket, list[Card]] = {}
        for card in cards:
            waiting.setdefault(card.bucket, []).append(card)
        full = {row.bucket for row in counters if row.wip >= row.wip_limit}
        after = last[0] if last else None
        batch = heijunka.schedule(waiting, after, size)
        slots = [
            Slot(position, c.id, c.title, c.bucket, c.priority, c.created_at, _held(c, full, stopped))
            for position, c in enumerate(batch)
        ]
        return Schedule(slots, round(heijunka.score([(c.bucket, c.priority) for c in batch]), 4), after)

    async def sku(self, sku_id: str) -> Sku:
        """With its history. Raises Refused(not_found)."""
        sku = await self._sku(sku_id)
        rows = await self._database.all("sku_history", into=_Happened, sku_id=sku.id, many=HISTORY)
        history = (Record(row.stage, row.at, row.verdict, row.payload.inputs.reason, row.id) for row in rows[::-1])
        return replace(sku, history=tuple(history))

    async def gate_status(self, sku_id: str) -> list[GateStatus]:
        """Each gate of a sku in turn. Raises Refused(not_found)."""
        sku = await self._sku(sku_id)
        reads = [Read("gate_status", {"sku_id": sku.id, "gate": gate}, GateStatus) for gate in Gate]
        found = await self._database.snapshot(*reads)
        return [rows[0] if rows else GateStatus(gate) for gate, rows in zip(Gate, found, strict=True)]

    async def evidence(self, digest: str) -> bytes:
        """A file that was kept, by its SHA-256. Raises Refused(not_found)."""
        content = await self._database.one("evidence_file", into=bytes, digest=plain(digest))
        if content is None:
            raise Refused(
                Code.NOT_FOUND,
                f"there is no evidence with SHA-256 {shown(digest, 64)}",
                "call gate_submit with the content instead of the digest",
            )
        return content

    async def andon(self, andon_id: str) -> Andon:
        """Raises Refused(not_found)."""
        andon = await self._database.one("andon", into=Andon, id=plain(andon_id))
        if andon is None:
            raise no_such_andon(andon_id)
        return andon

    async def andons(self, which: AndonFilter | None = None, limit: int = 50, cursor: str | None = None) -> AndonPage:
        """A page of at most `limit` andons, 1 to MAX_LIMIT, and PAGE bytes. Raises Refused(invalid)."""
        check_limit(limit)
        query, params = _query_of_andons(which or AndonFilter())
        before = cursors.read("andons", cursor)
        rows = await self._database.all(query, into=_AndonRow, before=before, many=limit + 1, **params)
        found = page(rows, limit)
        more = cursors.write("andons", found[-1].seq) if len(rows) > len(found) else None
        return AndonPage([_andon_of(row) for row in found], more)

    async def root_cause(self, cause_id: str) -> RootCause:
        """Raises Refused(not_found)."""
        cause = await self._database.one("root_cause", into=RootCause, id=plain(cause_id))
        if cause is None:
            raise no_such_root_cause(cause_id)
        return cause

    async def receipts(
        self,
        work_order_id: str | None = None,
        kind: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        sku_id: str | None = None,
    ) -> ReceiptPage:
        """A page of at most `limit` receipts, 1 to MAX_LIMIT, and PAGE bytes; `kind` is their type.

        Raises Refused(invalid).
        """
        check_limit(limit)
        before = cursors.read("receipts", cursor)
        order, of, sku = (None if one is None else plain(one) for one in (work_order_id, kind, sku_id))
        query, params = _query_of_receipts(order, of, sku)
        rows = await self._database.all(query, into=Receipt, before=before, many=limit + 1, **params)
        found = page(rows, limit)
        more = cursors.write("receipts", found[-1].seq) if len(rows) > len(found) else None
        return ReceiptPage(found, more)

    async def receipt(self, seq: int) -> Receipt:
        """Raises Refused(not_found)."""
        found = None
        if 1 <= seq <= MAX_INTEGER:
            found = await self._database.one("receipt", into=Receipt, seq=seq)
        if found is None:
            begin, head = await ends(self._database)
            where = f"the first one kept is {begin.seq + 1}" if 0 < seq <= begin.seq else f"the last one is {head.seq}"
            raise Refused(
                Code.NOT_FOUND,
                f"there is no receipt {shown(seq)}: {where}",
                "call receipt_list to see the receipts and their seq",
            )
        return found

    async def head(self) -> Head:
        """The end of the chain; `NO_RECEIPT` when nothing has happened yet."""
        return await self._database.one("head", into=Head) or NO_RECEIPT

    async def begin(self) -> Head:
        """What the chain follows: the checkpoint behind which it was pruned; `NO_RECEIPT` as long as all is there."""
        return await self._database.one("begin", into=Head) or NO_RECEIPT

    async def verify(self, from_seq: int = 1, to_seq: int | None = None, expected: Head | None = None) -> Ok | Broken:
        """Verify the chain from `from_seq` to `to_seq` (None: its end), page by page, in bounded memory.

        What was pruned is not looked for: then it begins where the chain does. `expected`: a head noted elsewhere;
        within the range it must be there still. Raises Refused(invalid).
        """
        begin, head = await ends(self._database)
        last = head.seq if to_seq is None else to_seq
        check_range(from_seq, last, head.seq)
        first = max(from_seq, begin.seq + 1)
        if expected is not None:
            check_expected(expected.seq, first, to_seq)
        after = begin if first == begin.seq + 1 else await self._before(first)
        if isinstance(after, Broken):
            return after
        return await verify_between(self._database, Verifier(after, expected), last)

    async def _before(self, from_seq: int) -> Head | Broken:
        before = await self._database.one("receipt", into=Receipt, seq=from_seq - 1)
        if before is None:
            return Broken(from_seq - 1, Fault.MISSING, f"receipt {from_seq - 1} is not there: {from_seq} follows it")
        return Head(before.seq, before.hash)

    async def tpm_health(self) -> TpmHealth:
        """How the line itself is: what maintenance found, and what is overdue."""
        reads = [Read("last_tpm_run", {"window": window}, TpmRun) for window in TpmWindow]
        begins, heads, verified, checkpoints, *found = await self._database.snapshot(
            Read("begin", into=Head),
            Read("head", into=Head),
            Read("verified"),
            Read("newest_checkpoint", into=Checkpoint),
            *reads,
        )
        begin = begins[0] if begins else NO_RECEIPT
        runs = [rows[0] for rows in found if rows]
        since = await self._database.one("first_receipt_at", into=str, after=begin.seq)
        windows = dues({run.window: run.started_at for run in runs}, since, self._now())
        findings = standing(runs, windows, verified[0][2] if verified else None)
        return TpmHealth(
            score=score(findings),
            findings=findings,
            windows=windows,
            runs=tuple(runs),
            checkpoint=checkpoints[0] if checkpoints else None,
            begin=begin,
            head=heads[0] if heads else NO_RECEIPT,
            verified=verified[0][0] if verified else begin.seq,
        )

    async def kaizen_report(self, period: KaizenPeriod = KaizenPeriod.WEEK) -> KaizenReport:
        """What was measured of the line, and its waste, in so much time until now; in bounded memory."""
        return await kaizen_view.read_report(self._database, self._options, self._now(), period)

    async def kaizen_proposals(self, min_roi: str = "0", limit: int = 50) -> list[KaizenProposal]:
        """At most `limit`, 1 to MAX_LIMIT, of at least this ROI, the best first. Raises Refused(invalid)."""
        check_limit(limit)
        return await kaizen_view.proposals(self._database, roi(min_roi), limit)

    async def _sku(self, sku_id: str) -> Sku:
        sku = await self._database.one("sku", into=Sku, id=plain(sku_id))
        if sku is None:
            raise no_such_sku(sku_id)
        return sku

    def _statuses(self, rows: Sequence[Counters]) -> list[BucketStatus]:
        by_bucket = {row.bucket: row for row in rows}
        return [status(by_bucket[bucket], self._options.wip_limit(bucket)) for bucket in Bucket if bucket in by_bucket]

    def _with_idle(self, card: Card, now: datetime) -> Card:
        if card.stage is None or card.moved_at is None:
            return card
        budget = timedelta(minutes=self._options.stage_minutes(card.stage))
        return replace(card, idle=now - moment(card.moved_at) > budget)


def _held(card: Card, full: set[Bucket], stopped: Sequence[Bucket]) -> Code | None:
    if card.bucket in full:
        return Code.WIP_LIMIT
    return Code.LINE_STOPPED if card.stopped or card.bucket in stopped else None


def _order_of(row: _Row, now: datetime) -> WorkOrder:
    fields = asdict(row)
    del fields["seq"]
    fields["sla"] = sla_state(row, now)
    return WorkOrder(**fields)


def _andon_of(row: _AndonRow) -> Andon:
    fields = asdict(row)
    del fields["seq"]
    return Andon(**fields)


def _query_of(which: Filter) -> tuple[str, dict[str, str | None]]:
    bucket, state = which.bucket, which.status
    if which.assignee is not None:
        return "work_orders_by_assignee", {"assignee": plain(which.assignee), "bucket": bucket, "status": state}
    if bucket is not None and state is not None:
        return "work_orders_by_bucket_and_status", {"bucket": bucket, "status": state}
    if bucket is not None:
        return "work_orders_by_bucket", {"bucket": bucket}
    if state is not None:
        return "work_orders_by_status", {"status": state}
    return "work_orders", {}


def _query_of_andons(which: AndonFilter) -> tuple[str, dict[str, str | None]]:
    state = which.status
    sku = None if which.sku_id is None else plain(which.sku_id)
    if which.work_order_id is not None:
        return "andons_by_work_order", {"work_order_id": plain(which.work_order_id), "sku_id": sku, "status": state}
    if sku is not None:
        return "andons_by_sku", {"sku_id": sku, "status": state}
    if state is not None:
        return "andons_by_status", {"status": state}
    return "andons", {}


def _query_of_receipts(order: str | None, kind: str | None, sku: str | None) -> tuple[str, dict[str, str | None]]:
    if sku is not None:
        return "receipts_by_sku", {"sku_id": sku, "work_order_id": order, "type": kind}
    if order is not None:
        return "receipts_by_work_order", {"work_order_id": order, "type": kind}
    if kind is not None:
        return "receipts_by_type", {"type": kind}
    return "receipts", {}
