"""`erlmcp tcps heijunka`: what is pulled next, levelled over the buckets."""

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps import show_making
from erlmcp.cli.tcps.grammar import asks
from erlmcp.cli.tcps.terminal import Terminal

__all__ = ["heijunka"]

heijunka = Words(
    "heijunka",
    help="""See what the line makes next, levelled over the buckets.

\b
Examples:
  erlmcp tcps heijunka schedule
  erlmcp tcps heijunka schedule --size 20
""",
)


@heijunka.command(context_settings=CONTEXT)
@click.option("--size", type=int, help="How many orders, 1 to 200.  [10]")
@asks
def schedule(terminal: Terminal, size: int | None) -> None:
    """Show which work orders `work-order pull-next` takes next, and how level that is.

    One of each bucket in turn, so that no kind of work waits for all of another. `held` says why an order cannot start
    now.

    \b
    Examples:
      erlmcp tcps heijunka schedule
      erlmcp tcps heijunka schedule --size 20 --format json | jq .schedule.score
    """
    document = terminal.call("heijunka_schedule", size=size)
    terminal.show(document, lambda: show_making.schedule(document), "schedule.orders")
