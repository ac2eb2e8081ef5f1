"""`erlmcp tcps status`: the line at a glance, as the runbook verifies it after a deployment."""

from collections.abc import Sequence
from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT
from erlmcp.cli.tcps import show
from erlmcp.cli.tcps.grammar import asks
from erlmcp.cli.tcps.picture import Block, Facts
from erlmcp.cli.tcps.terminal import Terminal
from erlmcp.node.exits import Exit

__all__ = ["status"]

#: The counters of a bucket, by the status that they count.
COUNTERS = {"queued": "queued", "in_progress": "current", "completed": "completed", "cancelled": "cancelled"}

LAST = 10_000  # receipts that are verified, the newest: they take a fifth of a second, and the line may have millions


@click.command(context_settings=CONTEXT)
@asks
def status(terminal: Terminal) -> int:
    """Show the line at a glance.

    The server, the kanban, the work orders, and whether the last 10,000 receipts are a whole chain; the exit code is 1
    when not. `erlmcp tcps receipt verify` verifies all of them.

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
        ("receipts", show.chain(document["receipts"])),
    ]
    return [
        Facts(str(server.get("title") or server.get("name") or "the line"), rows),
        show.buckets(document["buckets"]),
    ]
