"""`erlmcp tcps status`: the line at a glance, as the runbook verifies it after a deployment."""

from collections.abc import Sequence
from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT
from erlmcp.cli.tcps import show
from erlmcp.cli.tcps.grammar import asks
from erlmcp.cli.tcps.health import health
from erlmcp.cli.tcps.picture import Block, Facts
from erlmcp.cli.tcps.terminal import Terminal
from erlmcp.node.exits import Exit

__all__ = ["status"]

#: The counters of a bucket, by the status that they count.
COUNTERS = {"queued": "queued", "in_progress": "current", "completed": "completed", "cancelled": "cancelled"}

COUNT = 200  # andons that are counted, the most of a page

LAST = 10_000  # receipts that are verified, the newest: they take a fifth of a second, and the line may have millions


@click.command(context_settings=CONTEXT)
@asks
def status(terminal: Terminal) -> int:
    """Show the line at a glance.

    The server, the work orders, the quality gates, the andons that are open, whether the node can be observed, the
    kanban, and whether the last 10,000 receipts are a whole chain; the exit code is 1 when not. `erlmcp tcps receipt
    verify` verifies all of them.

    \b
    Examples:
      erlmcp tcps status
      erlmcp tcps status --url https://line.example.com/mcp --format json
    """
    buckets = terminal.call("kanban_status")["buckets"]
    latest = terminal.call("receipt_list", limit=1)["receipts"]
    receipts = terminal.call("receipt_verify", from_seq=max(1, latest[0]["seq"] - LAST + 1) if latest else 1)
    document = {
        "server": {"url": terminal.client.url, **terminal.client.server},
        "buckets": buckets,
        "work_orders": {name: sum(bucket[of] for bucket in buckets) for name, of in COUNTERS.items()},
        "gates": _gates(terminal),
        "andons": {status: len(_andons(terminal, status)) for status in ("open", "investigating")},
        "observability": health(terminal.client.url),
        "receipts": receipts,
    }
    terminal.show(document, lambda: _drawn(document))
    return Exit.OK if receipts["chain"] == "ok" else Exit.NEGATIVE


def _drawn(document: dict[str, Any]) -> Sequence[Block]:
    server = document["server"]
    counts = [f"{count} {name.replace('_', ' ')}" for name, count in document["work_orders"].items()]
    rows = [
        ("server", server["url"]),
        ("version", server.get("version")),
        ("work orders", ", ".join(counts)),
        ("quality gates", f"{len(document['gates'])} configured"),
        ("andon system", _andon_words(document["andons"])),
        ("observability", _seen(document["observability"])),
        ("receipts", show.chain(document["receipts"])),
    ]
    return [
        Facts(str(server.get("title") or server.get("name") or "the line"), rows),
        show.buckets(document["buckets"]),
    ]


def _gates(terminal: Terminal) -> list[str]:
    """The gates to which the server takes evidence."""
    schema = terminal.client.schema("gate_submit")
    gate: dict[str, Any] = schema["properties"]["gate"]
    if "$ref" in gate:
        gate = schema["$defs"][gate["$ref"].rpartition("/")[2]]
    return list(gate["enum"])


def _andons(terminal: Terminal, status: str) -> list[Any]:
    found: list[Any] = terminal.call("andon_list", status=status, limit=COUNT)["andons"]
    return found


def _andon_words(counts: dict[str, int]) -> str:
    told = [f"{count if count < COUNT else f'{COUNT} or more'} {status}" for status, count in counts.items()]
    return f"operational, {', '.join(told)}"


def _seen(health: dict[str, Any] | None) -> str:
    if health is None:
        return "unknown: there is no /health beside the endpoint"
    wrong = [f"{each['name']} {each['status']}" for each in health["checks"] if each["status"] != "healthy"]
    return f"enabled, /health says {health['status']}" + (f" ({', '.join(wrong)})" if wrong else "")
