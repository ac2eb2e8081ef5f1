"""The line's journal against what clients were told: its chain, the model of `load.model`, the tables, the ledger.

Nothing here comes from `erlmcp`: the rules are written down anew from the specification (RFC 8785 for values without
floats, here; the line's own, in the model), so that a mistake of the line is not ours too. The database is read as it
was left on the disk.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from load.demand import WORDS, Ledger, Outcome
from load.model import LIMITS, STAGES, Andon, Faults, Fields, Model, Order, Sku, payload

DUTIES = "duties"  # who asks for what no client does


@dataclass
class Tables:
    """What the database says in the end."""

    orders: dict[str, Order]
    buckets: dict[str, Any]
    skus: dict[str, Sku] = field(default_factory=dict)
    andons: dict[str, Andon] = field(default_factory=dict)


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
        tables = _tables(connection)
    finally:
        connection.close()
    return examine(receipts, keys, ledger, tables)


def _tables(connection: sqlite3.Connection) -> Tables:
    orders = "SELECT id, bucket, priority, seq, status, version, blocked_by, sku_id FROM work_order"
    andons = "SELECT id, work_order_id, type, severity, stops, status, level, sku_id FROM andon"
    return Tables(
        orders={row[0]: Order(*row[1:6], tuple(json.loads(row[6])), row[7]) for row in connection.execute(orders)},
        buckets={row[0]: row for row in connection.execute("SELECT bucket, wip, wip_limit FROM kanban")},
        skus={
            row[0]: Sku(row[1], STAGES.index(row[2]), row[3])
            for row in connection.execute("SELECT id, work_order_id, stage, status FROM sku")
        },
        andons={row[0]: Andon(*row[1:4], bool(row[4]), *row[5:]) for row in connection.execute(andons)},
    )


def examine(receipts: list[Fields], keys: dict[str, int], ledger: Ledger, tables: Tables) -> Audit:
    """`receipts`, in their order, and the tables as they are in the end."""
    faults = Faults()
    chain_faults(receipts, faults)
    model = Model(faults)
    fullness = [*_replay(receipts, model)]
    for kind, told, there in (
        ("orders", model.orders, tables.orders),
        ("skus", model.skus, tables.skus),
        ("andons", model.andons, tables.andons),
    ):
        if told != there:
            faults.add("wrong_tables", f"{len(_differences(told, there))} {kind} are not what the receipts say")
    for bucket, (_, wip, limit) in tables.buckets.items():
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


def chain_faults(receipts: list[Fields], faults: Faults) -> None:
    """What is wrong with their chain; `payload` is the text that was hashed."""
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
    carried_out = {
        seq: receipt
        for seq, receipt in receipts.items()
        if not receipt["type"].endswith("_refused") and receipt["actor"] != DUTIES
    }
    marks = Counter(mark for receipt in carried_out.values() if (mark := _mark(payload(receipt)[0])))
    for mark, count in marks.items():
        if count > 1:
            faults.add("twice", f"{mark} was carried out {count} times")
    for seq in carried_out.keys() - {outcome.receipt_seq for outcome in done}:
        faults.add("unacknowledged", f"receipt {seq}, {receipts[seq]['type']}: no client was told")


def _is_of(receipt: Fields, outcome: Outcome) -> bool:
    """Whether this receipt proves what the client was told."""
    inputs, outputs = payload(receipt)
    asked = all(inputs.get(name) == value for name, value in outcome.arguments.items())
    answer = next((outputs[word] for word in WORDS if word in outputs), None)
    return asked and receipt["type"] == outcome.tool and answer == outcome.answer


def _mark(inputs: Fields) -> str | None:
    words = ("reason", "title", "assignee", "message", "problem", "text", "fix_applied", "prevention")
    return next((inputs[word] for word in words if inputs.get(word)), None)


def _share_of_time(receipts: list[Fields], fullness: list[bool]) -> float:
    """What was so before a receipt has been so since the receipt before it."""
    times = [datetime.fromisoformat(receipt["at"]).timestamp() for receipt in receipts]
    spans = [after - before for before, after in pairwise(times)]
    whole = sum(spans)
    return sum(span for span, full in zip(spans, fullness[1:], strict=True) if full) / whole if whole else 0.0


def _differences(one: Mapping[str, object], other: Mapping[str, object]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
