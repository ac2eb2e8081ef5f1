"""`erlmcp tcps andon`: stop the line, look at what stops it, and let it go on."""

from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps import show_making
from erlmcp.cli.tcps.grammar import ANDON_STATUSES, ANDON_TYPES, SEVERITIES, Id, asks, changes
from erlmcp.cli.tcps.sku import SKU
from erlmcp.cli.tcps.terminal import Terminal
from erlmcp.cli.tcps.work_order import ORDER

__all__ = ["ANDON", "andon"]

ANDON = Id("andon_list", "andons")

andon = Words(
    "andon",
    help="""Stop the line when something is wrong, and let it go on once that is repaired.

\b
Examples:
  erlmcp tcps andon list --status open
  erlmcp tcps andon pull WO-01J9ZK3M --message "the checksum differs"
  erlmcp tcps andon acknowledge ANDON-01J9ZK3M
""",
)


@andon.command(context_settings=CONTEXT)
@click.argument("work_order_id", type=ORDER, metavar="WORK_ORDER_ID")
@click.option("--message", required=True, help="What is wrong, for whoever comes to look.")
@click.option("--type", type=click.Choice(ANDON_TYPES), default="manual", show_default=True, help="What it is about.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="How bad it is.  [the type's usual one]")
@changes
def pull(terminal: Terminal, **given: Any) -> None:
    """Pull the cord: the work order and its sku do not move until the andon is resolved.

    Anybody may. A critical one also stops every start in the order's bucket.

    \b
    Examples:
      erlmcp tcps andon pull WO-01J9ZK3M --message "the checksum differs"
      erlmcp tcps andon pull WO-01J9ZK3M --message leak --severity critical
    """
    _moved(terminal, "andon_pull", **given)


@andon.command(context_settings=CONTEXT)
@click.argument("id", type=ANDON, metavar="ID")
@click.option("--assignee", metavar="WHO", help="Who looks into it.  [you]")
@changes
def acknowledge(terminal: Terminal, **given: Any) -> None:
    """Say that somebody looks into it; it is not escalated any more.

    \b
    Examples:
      erlmcp tcps andon acknowledge ANDON-01J9ZK3M
      erlmcp tcps andon acknowledge ANDON-01J9ZK3M --assignee ada
    """
    _moved(terminal, "andon_acknowledge", **given)


@andon.command(context_settings=CONTEXT)
@click.argument("id", type=ANDON, metavar="ID")
@click.option("--root-cause", required=True, help="Why it happened, in the end.")
@click.option("--fix-applied", required=True, help="What was done about it.")
@click.option("--prevention-added", required=True, help="What keeps it from happening again.")
@changes
def resolve(terminal: Terminal, **given: Any) -> None:
    """Say that it is understood, repaired and prevented: what it stopped may move again.

    Critical and high ones need five finished whys first: `erlmcp tcps root-cause start`.

    \b
    Examples:
      erlmcp tcps andon resolve A-1 --root-cause r --fix-applied f --prevention-added p
      erlmcp tcps andon resolve -h
    """
    _moved(terminal, "andon_resolve", **given)


@andon.command("list", context_settings=CONTEXT)
@click.option("--status", type=click.Choice(ANDON_STATUSES), help="Only those with this status.")
@click.option("--work-order-id", type=ORDER, metavar="ID", help="Only those about this work order.")
@click.option("--sku-id", type=SKU, metavar="ID", help="Only those about this sku.")
@click.option("--limit", type=int, help="How many at most, 1 to 200.  [50]")
@click.option("--cursor", help="Where the page before ended; it said so.")
@asks
def list_(terminal: Terminal, **given: Any) -> None:
    """List andons, the newest first: stops, and notices, which block nothing.

    \b
    Examples:
      erlmcp tcps andon list --status open
      erlmcp tcps andon list --work-order-id WO-01J9ZK3M --format jsonl
    """
    document = terminal.call("andon_list", **given)
    terminal.show(document, lambda: show_making.andons(document), "andons")


@andon.command(context_settings=CONTEXT)
@click.argument("id", type=ANDON, metavar="ID")
@asks
def get(terminal: Terminal, **given: Any) -> None:
    """Show one andon, and its root cause once there is one.

    \b
    Examples:
      erlmcp tcps andon get ANDON-01J9ZK3M
      erlmcp tcps andon get ANDON-01J9ZK3M --format json | jq .root_cause.whys
    """
    _moved(terminal, "andon_get", **given)


def _moved(terminal: Terminal, tool: str, **given: Any) -> None:
    document = terminal.call(tool, **given)
    terminal.show(document, lambda: show_making.andon(document))
