"""`erlmcp tcps receipt`: what happened, and whether the record of it is whole."""

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps import show
from erlmcp.cli.tcps.grammar import asks
from erlmcp.cli.tcps.terminal import Terminal
from erlmcp.node.exits import Exit

__all__ = ["receipt"]

receipt = Words(
    "receipt",
    help="""Look at the receipts of what happened, and verify their chain.

\b
Examples:
  erlmcp tcps receipt list --work-order-id WO-01J9ZK3M
  erlmcp tcps receipt verify
""",
)


@receipt.command(context_settings=CONTEXT)
@click.argument("seq", type=int)
@asks
def get(terminal: Terminal, seq: int) -> None:
    """Show one receipt; in JSON exactly as it was hashed.

    \b
    Examples:
      erlmcp tcps receipt get 1
      erlmcp tcps receipt get 1 --format json | jq .receipt.hash
    """
    document = terminal.call("receipt_get", seq=seq)
    terminal.show(document, lambda: show.receipt(document))


@receipt.command("list", context_settings=CONTEXT)
@click.option("--work-order-id", metavar="ID", help="Only those of this work order.")
@click.option("--type", "kind", metavar="TYPE", help="Only those of this type, like work_order_complete.")
@click.option("--limit", type=int, help="How many at most, 1 to 200.  [50]")
@click.option("--cursor", help="Where the page before ended; it said so.")
@asks
def list_(
    terminal: Terminal, work_order_id: str | None, kind: str | None, limit: int | None, cursor: str | None
) -> None:
    """List receipts, the newest first.

    \b
    Examples:
      erlmcp tcps receipt list --limit 10
      erlmcp tcps receipt list --type work_order_start_refused
      erlmcp tcps receipt list --format jsonl > receipts.jsonl
    """
    document = terminal.call("receipt_list", work_order_id=work_order_id, type=kind, limit=limit, cursor=cursor)
    terminal.show(document, lambda: show.receipts(document), "receipts")


@receipt.command(context_settings=CONTEXT)
@click.option("--from-seq", type=int, help="The first receipt to verify.  [1]")
@click.option("--to-seq", type=int, help="The last one.  [the end of the chain]")
@asks
def verify(terminal: Terminal, from_seq: int | None, to_seq: int | None) -> int:
    """Verify that the chain of receipts is whole: exit code 0, or 1 and the first that does not hold.

    \b
    Examples:
      erlmcp tcps receipt verify
      erlmcp tcps receipt verify --from-seq 1000 --timeout 300
    """
    document = terminal.call("receipt_verify", from_seq=from_seq, to_seq=to_seq)
    terminal.show(document, lambda: [show.verification(document)])
    return Exit.OK if document["chain"] == "ok" else Exit.NEGATIVE
