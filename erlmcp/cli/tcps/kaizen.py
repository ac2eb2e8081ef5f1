"""`erlmcp tcps kaizen`: what is measured of the line, where its hours are lost, and what is done against it."""

from collections.abc import Sequence
from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps.grammar import asks, changes
from erlmcp.cli.tcps.picture import Block, Facts, Table
from erlmcp.cli.tcps.show import time
from erlmcp.cli.tcps.terminal import Terminal

__all__ = ["kaizen"]

PERIODS = ("day", "week", "month", "quarter")  # tests/cli/test_tcps_kaizen.py holds them to erlmcp.tcps

kaizen = Words(
    "kaizen",
    help="""Measure the line, and see and apply proposals against its waste.

\b
Examples:
  erlmcp tcps kaizen report --period month
  erlmcp tcps kaizen proposals --min-roi 0.5
  erlmcp tcps kaizen apply KZ-01J9ZK3M
""",
)


@kaizen.command(context_settings=CONTEXT)
@click.option("--period", type=click.Choice(PERIODS), help="So much time until now.  [week]")
@asks
def report(terminal: Terminal, period: str | None) -> None:
    """Show the figures with their targets and trend, and the waste with the receipts that prove it.

    \b
    Examples:
      erlmcp tcps kaizen report
      erlmcp tcps kaizen report --period day --format json | jq .report.waste
    """
    document = terminal.call("kaizen_report", period=period)
    terminal.show(document, lambda: report_of(document["report"]))


@kaizen.command(context_settings=CONTEXT)
@click.option("--min-roi", type=click.FloatRange(min=0), help="Only those of this ROI or more.")
@click.option("--limit", type=int, help="How many at most, 1 to 200.  [50]")
@asks
def proposals(terminal: Terminal, min_roi: float | None, limit: int | None) -> None:
    """List proposals against waste, the best first. ROI: hours wasted in a week by the hours of the effort.

    \b
    Examples:
      erlmcp tcps kaizen proposals
      erlmcp tcps kaizen proposals --min-roi 0.5 --limit 5
    """
    document = terminal.call("kaizen_proposals", min_roi=min_roi, limit=limit)
    terminal.show(document, lambda: [proposals_of(document["proposals"])], "proposals")


@kaizen.command(context_settings=CONTEXT)
@click.argument("proposal", metavar="ID")
@changes
def apply(terminal: Terminal, proposal: str) -> None:
    """Say that a proposal was put into practice. What it brings is measured from then on, each week.

    \b
    Examples:
      erlmcp tcps kaizen apply KZ-01J9ZK3M
      erlmcp tcps kaizen apply KZ-01J9ZK3M --format json | jq .proposal.state
    """
    document = terminal.call("kaizen_apply", id=proposal)
    terminal.show(document, lambda: [proposals_of([document["proposal"]]), f"receipt {document['receipt_seq']}"])


def report_of(told: dict[str, Any]) -> Sequence[Block]:
    """A report: what it is about, its figures, its waste."""
    facts = [
        ("since", time(told["since"])),
        ("until", time(told["until"])),
        ("receipts", told["receipts"]),
        ("waste", f"{told['waste_hours']} h"),
    ]
    head = ("figure", "value", "target", "met", "week", "before", "better %", "on track")
    figures = [
        (
            one["name"].replace("_", " "),
            one["value"],
            one["target"],
            _yes(one["met"]),
            one["week"],
            one["before"],
            one["improvement"],
            _yes(one["on_track"]),
        )
        for one in told["figures"]
    ]
    waste = [
        (one["kind"].replace("_", " "), one["about"], one["count"], one["hours"], _receipts(one["receipts"]))
        for one in told["waste"]
    ]
    return [
        Facts(f"kaizen  {told['period']}", facts),
        Table(head, figures),
        Table(("waste", "about", "times", "hours", "receipts"), waste, 1, "no waste"),
    ]


def proposals_of(found: list[dict[str, Any]]) -> Block:
    """Proposals, a row each."""
    head = ("id", "state", "waste", "h/week", "effort", "roi", "benefit", "about")
    rows = [
        (
            one["id"],
            one["state"],
            one["waste"].replace("_", " "),
            one["figures"]["waste_hours"],
            one["effort"],
            one["figures"]["roi"],
            one["figures"]["benefit_hours"],
            one["about"],
        )
        for one in found
    ]
    return Table(head, rows, len(head) - 1, "no proposals")


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _receipts(seqs: list[int]) -> str:
    return " ".join(map(str, seqs[:5])) + (" …" if len(seqs) > 5 else "")
