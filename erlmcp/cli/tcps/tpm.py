"""`erlmcp tcps tpm`: maintenance of the line itself, and how it is."""

from collections.abc import Sequence
from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps.grammar import asks, changes
from erlmcp.cli.tcps.picture import Block, Facts, Table
from erlmcp.cli.tcps.show import clock, time
from erlmcp.cli.tcps.terminal import Terminal
from erlmcp.node.exits import Exit, Refusal

__all__ = ["tpm"]

#: The words of erlmcp.tcps.TpmWindow.
WINDOWS = ("daily", "weekly", "monthly", "quarterly")
GRAVE = frozenset({"critical", "high"})

tpm = Words(
    "tpm",
    help="""Maintain the line itself, and see how it is.

\b
Examples:
  erlmcp tcps tpm health
  erlmcp tcps tpm run weekly --timeout 600
""",
)


@tpm.command(context_settings=CONTEXT)
@asks
def health(terminal: Terminal) -> int:
    """Show the score, what is wrong and what is due; exit code 1 when a finding is critical or high.

    \b
    Examples:
      erlmcp tcps tpm health
      erlmcp tcps tpm health --format json | jq .tpm_health.score
    """
    document = terminal.call("tpm_health")
    found = document["tpm_health"]
    terminal.show(document, lambda: _health(found))
    return _code(found)


@tpm.command(context_settings=CONTEXT)
@click.argument("window", type=click.Choice(WINDOWS), metavar="WINDOW")
@click.option("--force", is_flag=True, help="Do it although it was done in this window.")
@changes
def run(terminal: Terminal, window: str, force: bool) -> int:
    """Do the maintenance of WINDOW: daily, weekly, monthly or quarterly.

    Not again inside its window without --force. The line goes on meanwhile. The exit code is 1 when a finding is
    critical or high.

    \b
    Examples:
      erlmcp tcps tpm run daily
      erlmcp tcps tpm run quarterly --force --timeout 600
    """
    document = _done(terminal, window=window, force=force or None)
    found = document["tpm_run"]
    terminal.show(document, lambda: _run(found, document["receipt_seq"]))
    return _code(found)


def _done(terminal: Terminal, **arguments: Any) -> dict[str, Any]:
    """What came of it. The server answers that it goes on before it is done: asked again with the key, it says what."""
    while True:
        try:
            return terminal.call("tpm_run", **arguments)
        except Refusal as refusal:
            if refusal.code != Exit.TIMEOUT or terminal.client.over:
                raise


def _health(found: dict[str, Any]) -> Sequence[Block]:
    checkpoint = found["checkpoint"]
    signed = f"receipt {checkpoint['seq']}, {time(checkpoint['at'])}" if checkpoint else "none yet"
    begin = found["begin"]["seq"]
    rows = [
        ("score", found["score"]),
        ("checkpoint", signed),
        ("verified", f"{found['verified']} of {found['head']['seq']}"),
        ("pruned", f"up to receipt {begin}" if begin else None),
    ]
    windows = [
        (
            each["window"],
            clock(each["last_at"]) if each["last_at"] else "never",
            clock(each["due_at"]),
            "overdue" if each["overdue"] else "",
        )
        for each in found["windows"]
    ]
    return [
        Facts("the line itself", rows),
        Table(("window", "done (UTC)", "due (UTC)", ""), windows),
        *_findings(found["findings"]),
    ]


def _run(found: dict[str, Any], receipt: int) -> Sequence[Block]:
    rows = [
        ("score", found["score"]),
        ("checkpoint", f"receipt {found['checkpoint']}" if found["checkpoint"] else None),
        ("pruned", f"up to receipt {found['pruned']}" if found["pruned"] else None),
        ("began", time(found["started_at"])),
        ("ended", time(found["ended_at"])),
        ("receipt", receipt),
    ]
    return [Facts(f"{found['window']} maintenance", rows), *_findings(found["findings"])]


def _findings(found: Sequence[dict[str, Any]]) -> Sequence[Block]:
    head = ("severity", "step", "finding", "next")
    rows = [(each["severity"], each["step"], each["message"], each["next"]) for each in found]
    return [Table(head, rows, len(head) - 1, "no findings")]


def _code(found: dict[str, Any]) -> int:
    return Exit.NEGATIVE if any(each["severity"] in GRAVE for each in found["findings"]) else Exit.OK
