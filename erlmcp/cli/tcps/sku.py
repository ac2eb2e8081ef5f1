"""`erlmcp tcps sku`: what is made, through its stages to its publication."""

from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps import show_making
from erlmcp.cli.tcps.grammar import Id, asks, changes
from erlmcp.cli.tcps.terminal import Terminal

__all__ = ["SKU", "sku"]

SKU = Id("work_order_list", "work_orders", "sku_id")

sku = Words(
    "sku",
    help="""Look at what is made, and move it through its stages.

\b
Examples:
  erlmcp tcps sku get SKU-01J9ZK3M
  erlmcp tcps sku advance SKU-01J9ZK3M
""",
)


@sku.command(context_settings=CONTEXT)
@click.argument("id", type=SKU, metavar="ID")
@asks
def get(terminal: Terminal, **given: Any) -> None:
    """Show one sku and its history: every verdict and move, with the receipt that proves it.

    \b
    Examples:
      erlmcp tcps sku get SKU-01J9ZK3M
      erlmcp tcps sku get SKU-01J9ZK3M --format json | jq -r .sku.stage
    """
    _moved(terminal, "sku_get", **given)


@sku.command(context_settings=CONTEXT)
@click.argument("id", type=SKU, metavar="ID")
@changes
def advance(terminal: Terminal, **given: Any) -> None:
    """Enter the next stage, once the gate of this one has passed and no stop is open.

    \b
    Examples:
      erlmcp tcps sku advance SKU-01J9ZK3M
      erlmcp tcps sku advance SKU-01J9ZK3M --format json | jq -r .sku.stage
    """
    _moved(terminal, "sku_advance", **given)


@sku.command(context_settings=CONTEXT)
@click.argument("id", type=SKU, metavar="ID")
@changes
def publish(terminal: Terminal, **given: Any) -> None:
    """Publish a sku, the end of its way.

    Its work order is completed, the sku in marketplace_validation, and no stop is open. It needs the role admin.

    \b
    Examples:
      erlmcp tcps sku publish SKU-01J9ZK3M
      erlmcp tcps sku publish SKU-01J9ZK3M --idempotency-key release-4711
    """
    _moved(terminal, "sku_publish", **given)


@sku.command(context_settings=CONTEXT)
@click.argument("id", type=SKU, metavar="ID")
@click.option("--reason", required=True, help="Why; the history of the sku keeps it.")
@changes
def abort(terminal: Terminal, **given: Any) -> None:
    """Give a sku up for good; its work order waits for another start.

    \b
    Examples:
      erlmcp tcps sku abort SKU-01J9ZK3M --reason "the design was wrong"
      erlmcp tcps sku abort SKU-01J9ZK3M --reason superseded --format json
    """
    _moved(terminal, "sku_abort", **given)


def _moved(terminal: Terminal, tool: str, **given: Any) -> None:
    document = terminal.call(tool, **given)
    terminal.show(document, lambda: show_making.sku(document))
