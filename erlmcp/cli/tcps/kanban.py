"""`erlmcp tcps kanban`: how full the buckets are, and how full they may be."""

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps import show
from erlmcp.cli.tcps.grammar import BUCKETS, asks, changes
from erlmcp.cli.tcps.terminal import Terminal

__all__ = ["kanban"]

kanban = Words(
    "kanban",
    help="""See how full the buckets are, and set how full they may be.

\b
Examples:
  erlmcp tcps kanban status
  erlmcp tcps kanban set-limit features 12
""",
)
BUCKET = click.Choice(BUCKETS)


@kanban.command(context_settings=CONTEXT)
@click.argument("bucket", type=BUCKET, metavar="[BUCKET]", required=False)
@asks
def status(terminal: Terminal, bucket: str | None) -> None:
    """Show all buckets, or one: orders in progress, limit, free slots, and what waits.

    \b
    Examples:
      erlmcp tcps kanban status
      erlmcp tcps kanban status security --format json | jq .buckets
    """
    document = terminal.call("kanban_status", bucket=bucket)
    terminal.show(document, lambda: [show.buckets(document["buckets"])], "buckets")


@kanban.command("set-limit", context_settings=CONTEXT)
@click.argument("bucket", type=BUCKET, metavar="BUCKET")
@click.argument("limit", type=int)
@changes
def set_limit(terminal: Terminal, bucket: str, limit: int) -> None:
    """Set how many work orders of BUCKET may be in progress at once.

    It stays set: the configured limit only seeds a new store. BUCKET is one of security, reliability, cost,
    compliance, features, technical_debt.

    \b
    Examples:
      erlmcp tcps kanban set-limit features 12
      erlmcp tcps kanban set-limit security 3
    """
    document = terminal.call("kanban_set_limit", bucket=bucket, limit=limit)
    terminal.show(document, lambda: [show.buckets([document["kanban"]]), f"receipt {document['receipt_seq']}"])
