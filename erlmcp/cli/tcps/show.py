"""How the objects of the line look to people. Pure: the documents that tools answer, as blocks to draw."""

import json
from collections.abc import Sequence
from typing import Any

from erlmcp.cli.tcps.picture import Block, Facts, Table

__all__ = [
    "buckets",
    "chain",
    "clock",
    "receipt",
    "receipts",
    "time",
    "verification",
    "words",
    "work_order",
    "work_orders",
]

#: What a bucket's status shows, by the words above it.
COLUMNS = {
    "bucket": "bucket",
    "wip": "current",
    "limit": "limit",
    "free": "available",
    "used %": "utilization",
    "level": "level",
    "queued": "queued",
    "done": "completed",
    "cancelled": "cancelled",
}


def work_order(document: dict[str, Any]) -> Sequence[Block]:
    """One order, and the receipt of what was just done to it."""
    order = document["work_order"]
    signal = order["signal"]
    rows = [
        ("status", words(order["status"])),
        ("bucket", order["bucket"]),
        ("priority", order["priority"]),
        ("assignee", order["assignee"]),
        ("description", order["description"]),
        ("signal", ", ".join([signal["type"], *filter(None, [signal["source"]])])),
        ("labels", ", ".join(signal["labels"])),
        ("metadata", json.dumps(signal["metadata"]) if signal["metadata"] else None),
        ("waits for", ", ".join(order.get("blocked_by") or ())),
        ("because", order.get("blocked_reason")),
        ("sku", order.get("sku_id")),
        ("sla", words(order.get("sla"))),
        ("deadline", time(order["sla_deadline"])),
        ("created", time(order["created_at"])),
        ("started", time(order["started_at"])),
        ("completed", time(order["completed_at"])),
        ("cancelled", time(order["cancelled_at"])),
        ("reason", order["cancellation_reason"]),
        ("version", order["version"]),
        ("receipt", document.get("receipt_seq")),
    ]
    return [Facts(f"{order['id']}  {order['title']}", rows)]


def work_orders(document: dict[str, Any]) -> Sequence[Block]:
    """A list of orders."""
    head = ("id", "status", "bucket", "prio", "sla", "assignee", "title")
    rows = [
        (
            order["id"],
            words(order["status"]),
            order["bucket"],
            order["priority"],
            words(order.get("sla")),
            order["assignee"],
            order["title"],
        )
        for order in document["work_orders"]
    ]
    return [Table(head, rows, len(head) - 1, "no work orders")]


def buckets(found: list[dict[str, Any]]) -> Block:
    """The kanban, a row per bucket; what the configuration says where the limit is another by now."""
    columns = dict(COLUMNS)
    if any(bucket["configured_limit"] != bucket["limit"] for bucket in found):
        columns["configured"] = "configured_limit"
    return Table(tuple(columns), [tuple(bucket[name] for name in columns.values()) for bucket in found])


def receipt(document: dict[str, Any]) -> Sequence[Block]:
    """One receipt with its payload."""
    told = document["receipt"]
    rows = [
        ("id", told["id"]),
        ("at", time(told["at"])),
        ("actor", told["actor"]),
        ("work order", told["work_order_id"]),
        ("hash", told["hash"]),
        ("before it", told["prev_hash"]),
        ("payload", json.dumps(told["payload"], indent=2, ensure_ascii=False)),
    ]
    return [Facts(f"receipt {told['seq']}  {told['type']}", rows)]


def receipts(document: dict[str, Any]) -> Sequence[Block]:
    """A list of receipts."""
    head = ("seq", "at (UTC)", "type", "work order", "actor", "hash")
    rows = [
        (each["seq"], clock(each["at"]), each["type"], each["work_order_id"], each["actor"], each["hash"][:12])
        for each in document["receipts"]
    ]
    return [Table(head, rows, len(head) - 1, "no receipts")]


def verification(document: dict[str, Any]) -> Block:
    """What verifying the chain came to."""
    whole = document["chain"] == "ok"
    rows = [
        ("chain", chain(document)),
        ("head", f"receipt {document['head']['seq']}, hash {document['head']['hash']}" if whole else None),
        ("fault", None if whole else document["fault"]),
    ]
    return Facts("receipts", rows)


def chain(document: dict[str, Any]) -> str:
    """The same in a line."""
    if document["chain"] == "ok":
        return f"unbroken, {document['count']} of {document['head']['seq']} verified"
    return f"broken, at receipt {document['seq']}: {document['reason']}"


def words(word: str | None) -> str:
    """`in_progress` as people write it."""
    return (word or "").replace("_", " ")


def time(stamp: str | None) -> str | None:
    """`2026-11-24T05:53:12.345Z` → `2026-11-24 05:53:12 UTC`."""
    return f"{clock(stamp)} UTC" if stamp else None


def clock(stamp: str) -> str:
    """The same without the zone, for a column that names it."""
    return f"{stamp[:10]} {stamp[11:19]}"
