"""The line's journal against what clients were told: replayed from its first receipt with a model of its own.

Nothing here comes from `erlmcp`: the rules are written down anew from the specification (tables, limits, what is pulled
next, RFC 8785 for values without floats), so that a mistake of the line is not the model's too. The database is read as
it was left on the disk.
"""

import heapq
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from load.demand import Ledger, Outcome

Fields = dict[str, Any]

LIMITS = {"security": 5, "reliability": 5, "cost": 5, "compliance": 5, "features": 10, "technical_debt": 5}
ROUTES = {"cve": ("security", 10), "refund": ("reliability", 8), "install": ("features", 4)}
START = ("work_order_start", "work_order_pull", "work_order_pull_next")
#: type → from, to
MOVES = {
    **dict.fromkeys(START, (("queued",), "in_progress")),
    "work_order_complete": (("in_progress",), "completed"),
    "work_order_release": (("in_progress",), "queued"),
    "work_order_cancel": (("queued", "in_progress"), "cancelled"),
}
SHOWN = 5  # faults of a kind that are told in words


class Faults:
    """What is wrong, by kind."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.words: list[str] = []

    def add(self, kind: str, words: str) -> None:
        self.count[kind] += 1
        if self.count[kind] <= SHOWN:
            self.words.append(f"{kind}: {words}")


@dataclass
class Order:
    """A work order as the receipts tell it; `seq` is its age."""

    bucket: str
    priority: int
    seq: int
    status: str = "queued"
    version: int = 1


class Model:
    """The line, replayed. Each receipt must be what the rules allow at its place."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.orders: dict[str, Order] = {}
        self.limits = dict(LIMITS)
        self.wip = dict.fromkeys(LIMITS, 0)
        self._queues: dict[str, list[tuple[int, int, str]]] = {bucket: [] for bucket in LIMITS}

    def full(self, bucket: str) -> bool:
        return self.wip[bucket] >= self.limits[bucket]

    def apply(self, receipt: Fields) -> None:
        """Take the next receipt in."""
        kind, (inputs, outputs) = receipt["type"], _payload(receipt)
        if kind.endswith("_refused"):
            self._refused(receipt["seq"], kind.removesuffix("_refused"), inputs)
        elif kind == "kanban_set_limit":
            self._limit(receipt["seq"], inputs["bucket"], inputs["limit"], outputs["kanban"])
        elif kind == "work_order_create":
            self._created(receipt["seq"], inputs, outputs["work_order"])
        else:
            self._changed(receipt["seq"], kind, inputs, outputs["work_order"])
        for bucket, wip in self.wip.items():
            if not 0 <= wip <= self.limits[bucket]:
                words = f"{bucket} has {wip} of {self.limits[bucket]} after receipt {receipt['seq']}"
                self.faults.add("wip_violations", words)

    def first(self, buckets: Iterable[str]) -> str | None:
        """The order that is pulled from these buckets: the highest priority, then the oldest."""
        heads = [head for bucket in buckets if (head := self._head(bucket))]
        return min(heads)[2] if heads else None

    def _head(self, bucket: str) -> tuple[int, int, str] | None:
        queue = self._queues[bucket]
        while queue:
            order = self.orders[queue[0][2]]
            if order.status == "queued" and -order.priority == queue[0][0]:
                return queue[0]
            heapq.heappop(queue)
        return None

    def _enqueue(self, name: str, order: Order) -> None:
        heapq.heappush(self._queues[order.bucket], (-order.priority, order.seq, name))

    def _created(self, seq: int, inputs: Fields, shown: Fields) -> None:
        bucket, priority = ROUTES.get(inputs["signal_type"], (inputs.get("bucket"), inputs.get("priority")))
        found = (shown["bucket"], shown["priority"], shown["status"], shown["version"])
        if found != (bucket, priority, "queued", 1) or shown["id"] in self.orders:
            self.faults.add("illegal_transitions", f"receipt {seq} creates {found} of {inputs}")
        order = self.orders[shown["id"]] = Order(bucket, priority, seq)
        self._enqueue(shown["id"], order)

    def _changed(self, seq: int, kind: str, inputs: Fields, shown: Fields) -> None:
        order = self.orders.get(shown["id"])
        if order is None:
            self.faults.add("illegal_transitions", f"receipt {seq}, {kind}: nobody created {shown['id']}")
            return
        asked = self._asked(kind, inputs)
        if asked != shown["id"]:
            self.faults.add("wrong_orders", f"receipt {seq}, {kind} {inputs}: {shown['id']} instead of {asked}")
        before, after = MOVES.get(kind, (("queued", "in_progress"), order.status))
        if order.status not in before:
            self.faults.add("illegal_transitions", f"receipt {seq}, {kind}: {shown['id']} was {order.status}")
        if kind == "work_order_update":
            order.priority = inputs.get("priority", order.priority)
        self.wip[order.bucket] += (after == "in_progress") - (order.status == "in_progress")
        order.status, order.version = after, order.version + 1
        if after == "queued":
            self._enqueue(shown["id"], order)
        if Order(shown["bucket"], shown["priority"], order.seq, shown["status"], shown["version"]) != order:
            self.faults.add("wrong_outputs", f"receipt {seq}, {kind}: {shown} instead of {order}")

    def _asked(self, kind: str, inputs: Fields) -> str | None:
        if kind == "work_order_pull":
            return self.first([inputs["bucket"]])
        if kind == "work_order_pull_next":
            return self.first(bucket for bucket in LIMITS if not self.full(bucket))
        return str(inputs["id"])

    def _limit(self, seq: int, bucket: str, limit: int, shown: Fields) -> None:
        self.limits[bucket] = limit
        if (shown["limit"], shown["current"]) != (limit, self.wip[bucket]):
            self.faults.add("wrong_outputs", f"receipt {seq}: {shown}, and {bucket} has {self.wip[bucket]} of {limit}")

    def _refused(self, seq: int, kind: str, inputs: Fields) -> None:
        """Only for want of a slot is a refusal recorded."""
        if kind == "work_order_pull_next":
            wanted = [bucket for bucket in LIMITS if self._head(bucket)]
        else:
            wanted = [inputs["bucket"] if kind == "work_order_pull" else self.orders[inputs["id"]].bucket]
        if not wanted or not all(map(self.full, wanted)):
            self.faults.add("wrong_refusals", f"receipt {seq}, {kind} {inputs}: there was a free slot")


@dataclass
class Audit:
    """What the journal says, and all that is wrong with it."""

    receipts: int
    refusals: int
    full_time: float  # share of the time from the first to the last receipt in which some bucket was full
    full_receipts: float  # share of the receipts before which some bucket was full
    faults: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)


def audit(database: Path, ledger: Ledger) -> Audit:
    """Read the database of a node that has stopped, and hold it against what its clients were told."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        receipts = [dict(row) for row in connection.execute("SELECT * FROM receipt ORDER BY seq")]
        keys = dict(connection.execute("SELECT key, receipt_seq FROM idempotency_key").fetchall())
        orders = connection.execute("SELECT id, bucket, priority, seq, status, version FROM work_order").fetchall()
        buckets = connection.execute("SELECT bucket, wip, wip_limit FROM kanban").fetchall()
    finally:
        connection.close()
    return examine(
        receipts, keys, ledger, {row[0]: Order(*row[1:]) for row in orders}, {row[0]: row for row in buckets}
    )


def examine(
    receipts: list[Fields], keys: dict[str, int], ledger: Ledger, orders: dict[str, Order], buckets: dict[str, Any]
) -> Audit:
    """`receipts`, in their order, and the tables as they are in the end."""
    faults = Faults()
    _chain(receipts, faults)
    model = Model(faults)
    fullness = [*_replay(receipts, model)]
    if model.orders != orders:
        faults.add("wrong_tables", f"{len(_differences(model.orders, orders))} orders are not what the receipts say")
    for bucket, (_, wip, limit) in buckets.items():
        if (wip, limit) != (model.wip[bucket], model.limits[bucket]):
            faults.add("wrong_tables", f"{bucket} has {wip} of {limit}, by the receipts {model.wip[bucket]}")
    _ledger(ledger.outcomes, {receipt["seq"]: receipt for receipt in receipts}, keys, faults)
    return Audit(
        receipts=len(receipts),
        refusals=sum(receipt["type"].endswith("_refused") for receipt in receipts),
        full_time=_share_of_time(receipts, fullness),
        full_receipts=sum(fullness) / max(len(fullness), 1),
        faults=faults.count,
        words=faults.words,
    )


def _chain(receipts: list[Fields], faults: Faults) -> None:
    previous = "0" * 64
    for due, receipt in enumerate(receipts, 1):
        body = {**receipt, "payload": json.loads(receipt["payload"])}
        del body["hash"]
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if receipt["seq"] != due or receipt["prev_hash"] != previous:
            faults.add("broken_chain", f"receipt {receipt['seq']} does not follow receipt {due - 1}")
        if sha256(text.encode()).hexdigest() != receipt["hash"]:
            faults.add("broken_chain", f"receipt {receipt['seq']} does not give its hash")
        previous = receipt["hash"]


def _replay(receipts: list[Fields], model: Model) -> Iterator[bool]:
    """Whether some bucket was full before each receipt."""
    for receipt in receipts:
        yield any(map(model.full, LIMITS))
        model.apply(receipt)


def _ledger(outcomes: list[Outcome], receipts: dict[int, Fields], keys: dict[str, int], faults: Faults) -> None:
    done = [outcome for outcome in outcomes if outcome.receipt_seq]
    for outcome in done:
        receipt = receipts.get(outcome.receipt_seq)
        if receipt is None or not _is_of(receipt, outcome):
            faults.add("missing", f"{outcome.tool} {outcome.key} was acknowledged with receipt {outcome.receipt_seq}")
        if keys.get(outcome.key) != outcome.receipt_seq:
            faults.add("wrong_keys", f"{outcome.key} is kept for receipt {keys.get(outcome.key)}")
    for seq, count in Counter(outcome.receipt_seq for outcome in done).items():
        if count > 1:
            faults.add("twice", f"receipt {seq} was the answer to {count} commands")
    carried_out = {seq: receipt for seq, receipt in receipts.items() if not receipt["type"].endswith("_refused")}
    marks = Counter(mark for receipt in carried_out.values() if (mark := _mark(_payload(receipt)[0])))
    for mark, count in marks.items():
        if count > 1:
            faults.add("twice", f"{mark} was carried out {count} times")
    for seq in carried_out.keys() - {outcome.receipt_seq for outcome in done}:
        faults.add("unacknowledged", f"receipt {seq}, {receipts[seq]['type']}: no client was told")


def _is_of(receipt: Fields, outcome: Outcome) -> bool:
    """Whether this receipt proves what the client was told."""
    inputs, outputs = _payload(receipt)
    asked = all(inputs.get(name) == value for name, value in outcome.arguments.items())
    answer = outputs.get("work_order") or outputs.get("kanban")
    return asked and receipt["type"] == outcome.tool and answer == outcome.answer


def _mark(inputs: Fields) -> str | None:
    return inputs.get("reason") or inputs.get("title") or inputs.get("assignee")


def _payload(receipt: Fields) -> tuple[Fields, Fields]:
    payload = json.loads(receipt["payload"])
    return payload["inputs"], payload["outputs"]


def _share_of_time(receipts: list[Fields], fullness: list[bool]) -> float:
    """What was so before a receipt has been so since the receipt before it."""
    times = [datetime.fromisoformat(receipt["at"]).timestamp() for receipt in receipts]
    spans = [after - before for before, after in pairwise(times)]
    whole = sum(spans)
    return sum(span for span, full in zip(spans, fullness[1:], strict=True) if full) / whole if whole else 0.0


def _differences(one: dict[str, Order], other: dict[str, Order]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
