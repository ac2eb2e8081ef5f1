"""How skus, gates, andons, root causes and the schedule look to people. Pure: documents in, blocks to draw out."""

from collections.abc import Sequence
from typing import Any

from erlmcp.cli.tcps.picture import Block, Facts, Table
from erlmcp.cli.tcps.show import clock, time, words

__all__ = ["andon", "andons", "gates", "root_cause", "schedule", "sku", "verdict", "violations"]


def sku(document: dict[str, Any]) -> Sequence[Block]:
    """One sku, and its history where it is told."""
    made = document["sku"]
    rows = [
        ("status", words(made["status"])),
        ("stage", made["stage"]),
        ("work order", made["work_order_id"]),
        ("opened", time(made["created_at"])),
        ("in stage since", time(made["entered_at"])),
        ("receipt", document.get("receipt_seq")),
    ]
    facts = Facts(made["id"], rows)
    if not made.get("history"):
        return [facts]
    head = ("at (UTC)", "stage", "verdict", "receipt", "reason")
    history = [
        (clock(one["at"]), one["stage"], words(one["verdict"]), one["receipt_id"], one["reason"])
        for one in made["history"]
    ]
    return [facts, Table(head, history, len(head) - 1)]


def gates(document: dict[str, Any]) -> Sequence[Block]:
    """Where each gate of a sku stands, and what failed."""
    head = ("gate", "verdict", "submitted", "failed", "receipt", "andon")
    found = document["gates"]
    rows = [
        (one["gate"], words(one["verdict"]), one["submissions"], one["failures"], one["receipt_seq"], one["andon_id"])
        for one in found
    ]
    failed = [(one["gate"], each) for one in found for each in one["violations"]]
    blocks: list[Block] = [Table(head, rows)]
    if failed:
        told = [(gate, each["metric"], each["actual"], each["expected"]) for gate, each in failed]
        blocks.append(Table(("gate", "violation", "actual", "expected"), told, 2))
    return blocks


def verdict(document: dict[str, Any]) -> Sequence[Block]:
    """What a gate said of the evidence, and the andon that this raised or joined."""
    gate, stop = document["gate"], document.get("andon")
    rows = [
        ("verdict", words(gate["verdict"])),
        ("sku", document["sku"]["id"]),
        ("entered", document["sku"]["stage"] if document.get("advanced") else None),
        ("andon", stop and f"{stop['id']}, {stop['severity']} {stop['type']}, {stop['status']}"),
        ("receipt", document["receipt_seq"]),
    ]
    blocks: list[Block] = [Facts(f"gate {gate['gate']}", rows)]
    return [*blocks, violations(gate["violations"])] if gate["violations"] else blocks


def violations(found: list[dict[str, Any]]) -> Block:
    """Which limits were not met."""
    head = ("violation", "actual", "expected", "severity")
    return Table(head, [(one["metric"], one["actual"], one["expected"], one["severity"]) for one in found], 1)


def andon(document: dict[str, Any]) -> Sequence[Block]:
    """One andon, and its root cause once there is one."""
    told = document["andon"]
    rows = [
        ("status", told["status"]),
        ("severity", told["severity"]),
        ("kind", "stop" if told["stops"] else "notice, which blocks nothing"),
        ("work order", told["work_order_id"]),
        ("sku", told["sku_id"]),
        ("stage", told["stage"]),
        ("message", told["message"]),
        ("raised", f"{time(told['raised_at'])} by {told['raised_by']}"),
        ("times", told["occurrences"] if told["occurrences"] > 1 else None),
        ("escalated", f"level {told['level']}" if told["level"] else None),
        ("assignee", told["assignee"]),
        ("acknowledged", time(told["acknowledged_at"])),
        ("root cause", told["root_cause"]),
        ("fix applied", told["fix_applied"]),
        ("prevention added", told["prevention_added"]),
        ("resolved", told["resolved_at"] and f"{time(told['resolved_at'])} by {told['resolved_by']}"),
        ("receipt", document.get("receipt_seq")),
    ]
    blocks: list[Block] = [Facts(f"{told['id']}  {told['type']}", rows)]
    return [*blocks, *root_cause(document)] if "root_cause" in document else blocks


def andons(document: dict[str, Any]) -> Sequence[Block]:
    """A list of andons."""
    head = ("id", "status", "severity", "kind", "type", "work order", "raised (UTC)", "message")
    rows = [
        (
            one["id"],
            one["status"],
            one["severity"],
            "stop" if one["stops"] else "notice",
            one["type"],
            one["work_order_id"],
            clock(one["raised_at"]),
            one["message"],
        )
        for one in document["andons"]
    ]
    return [Table(head, rows, len(head) - 1, "no andons")]


def root_cause(document: dict[str, Any]) -> Sequence[Block]:
    """The whys, as far as they go, and where it can be prevented once they are finished."""
    cause = document["root_cause"]
    whys = [(f"why {number}", text) for number, text in enumerate(cause["whys"], 1)]
    rows = [
        ("status", words(cause["status"])),
        ("andon", cause["andon_id"]),
        ("problem", cause["problem"]),
        *whys,
        ("root cause", cause["root_cause"]),
        ("prevention", cause["prevention"]),
        ("receipt", document.get("receipt_seq")),
    ]
    blocks: list[Block] = [Facts(cause["id"], rows)]
    if cause["proposals"]:
        told = [(one["kind"], one["text"]) for one in cause["proposals"]]
        blocks.append(Table(("prevent it in", "proposal"), told, 1))
    return blocks


def schedule(document: dict[str, Any]) -> Sequence[Block]:
    """What is pulled next, in its order, and how level that is."""
    told = document["schedule"]
    head = ("next", "id", "bucket", "prio", "held", "title")
    rows = [
        (one["position"], one["id"], one["bucket"], one["priority"], words(one["held"]), one["title"])
        for one in told["orders"]
    ]
    table = Table(head, rows, len(head) - 1, "nothing is queued")
    return [table, Facts("levelled", [("score", f"{told['score']:.2f} of 1"), ("last pulled", told["last_pulled"])])]
