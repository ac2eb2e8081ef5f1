"""`erlmcp tcps work-order`: create, look at and move work orders."""

import json
from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps import show
from erlmcp.cli.tcps.grammar import BUCKETS, SIGNAL_TYPES, STATUSES, Id, asks, changes
from erlmcp.cli.tcps.terminal import Terminal

__all__ = ["ORDER", "work_order"]

work_order = Words(
    "work-order",
    help="""Create, look at and move work orders.

\b
Examples:
  erlmcp tcps work-order list --status in_progress
  erlmcp tcps work-order pull-next --assignee ada
  erlmcp tcps work-order complete WO-01J9ZK3M
""",
)
ASSIGNEE = click.option("--assignee", metavar="WHO", help="Who makes it.")
BUCKET = click.Choice(BUCKETS)
ORDER = Id("work_order_list", "work_orders")


def _priority(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> int | str | None:
    """A number as a number; which numbers and words there are, the server knows."""
    return int(value) if value is not None and value.lstrip("-").isdecimal() else value


def _metadata(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        metadata = json.loads(value)
    except ValueError as fault:
        raise click.BadParameter(f"it is not JSON: {fault}") from fault
    if not isinstance(metadata, dict):
        raise click.BadParameter("it is no JSON object; write one like '{\"ticket\": 7}'")
    return metadata


PRIORITY = click.option(
    "--priority", callback=_priority, metavar="PRIORITY", help="1 to 10, 10 highest; or critical, high, medium, low."
)


@work_order.command(context_settings=CONTEXT)
@click.option("--signal-type", type=click.Choice(SIGNAL_TYPES), required=True, help="What asks for this work.")
@click.option("--title", required=True, help="One line that says what is to be made.")
@click.option("--description", help="What is to be made, and why.")
@click.option("--source", help="Where the signal came from, like a URL.")
@click.option("--label", "labels", multiple=True, help="A label of the signal; repeatable.")
@click.option("--bucket", type=BUCKET, help="Only for an internal signal: where it is queued.  [features]")
@PRIORITY
@ASSIGNEE
@click.option("--depends-on", "dependencies", type=ORDER, multiple=True, help="An order to wait for; repeatable.")
@click.option("--metadata", callback=_metadata, metavar="JSON", help="An object that is kept with the signal.")
@changes
def create(terminal: Terminal, labels: tuple[str, ...], dependencies: tuple[str, ...], **given: Any) -> None:
    """Make a work order from a signal; it is queued in a bucket, or blocked while it waits for another order.

    \b
    Examples:
      erlmcp tcps work-order create --signal-type cve --title "Patch it"
      erlmcp tcps work-order create --signal-type refund --title Pay
      erlmcp tcps work-order create --signal-type internal --title Try
    """
    lists = {"labels": list(labels) or None, "dependencies": list(dependencies) or None}
    _moved(terminal, "work_order_create", **lists, **given)


@work_order.command(context_settings=CONTEXT)
@click.argument("id", type=ORDER, metavar="ID")
@asks
def get(terminal: Terminal, **given: Any) -> None:
    """Show one work order.

    \b
    Examples:
      erlmcp tcps work-order get WO-01J9ZK3M
      erlmcp tcps work-order get WO-01J9ZK3M --format json | jq .work_order.status
    """
    _moved(terminal, "work_order_get", **given)


@work_order.command("list", context_settings=CONTEXT)
@click.option("--status", type=click.Choice(STATUSES), help="Only those with this status.")
@click.option("--bucket", type=BUCKET, help="Only those of this bucket.")
@click.option("--assignee", metavar="WHO", help="Only those of this person or agent.")
@click.option("--limit", type=int, help="How many at most, 1 to 200.  [50]")
@click.option("--cursor", help="Where the page before ended; it said so.")
@asks
def list_(terminal: Terminal, **given: Any) -> None:
    """List work orders, the newest first.

    \b
    Examples:
      erlmcp tcps work-order list --bucket security --status queued
      erlmcp tcps work-order list --assignee ada --format jsonl
    """
    document = terminal.call("work_order_list", **given)
    terminal.show(document, lambda: show.work_orders(document), "work_orders")


@work_order.command(context_settings=CONTEXT)
@click.argument("id", type=ORDER, metavar="ID")
@ASSIGNEE
@changes
def start(terminal: Terminal, **given: Any) -> None:
    """Start this queued work order; it takes a slot of its bucket.

    \b
    Examples:
      erlmcp tcps work-order start WO-01J9ZK3M
      erlmcp tcps work-order start WO-01J9ZK3M --assignee ada
    """
    _moved(terminal, "work_order_start", **given)


@work_order.command(context_settings=CONTEXT)
@click.argument("bucket", type=BUCKET, metavar="BUCKET")
@ASSIGNEE
@changes
def pull(terminal: Terminal, **given: Any) -> None:
    """Start the first work order that waits in BUCKET.

    BUCKET is one of security, reliability, cost, compliance, features, technical_debt.

    \b
    Examples:
      erlmcp tcps work-order pull security
      erlmcp tcps work-order pull technical_debt --assignee ada
    """
    _moved(terminal, "work_order_pull", **given)


@work_order.command("pull-next", context_settings=CONTEXT)
@ASSIGNEE
@changes
def pull_next(terminal: Terminal, **given: Any) -> None:
    """Start the next work order, of any bucket.

    The first of `erlmcp tcps heijunka schedule` that can start: its bucket has a free slot, and no stop holds it.

    \b
    Examples:
      erlmcp tcps work-order pull-next --assignee ada
      erlmcp tcps work-order pull-next --format json | jq -r .work_order.id
    """
    _moved(terminal, "work_order_pull_next", **given)


@work_order.command(context_settings=CONTEXT)
@click.argument("id", type=ORDER, metavar="ID")
@changes
def complete(terminal: Terminal, **given: Any) -> None:
    """Say that a work order in progress is made; it frees its slot.

    \b
    Examples:
      erlmcp tcps work-order complete WO-01J9ZK3M
      erlmcp tcps work-order complete WO-01J9ZK3M --idempotency-key build-4711
    """
    _moved(terminal, "work_order_complete", **given)


@work_order.command(context_settings=CONTEXT)
@click.argument("id", type=ORDER, metavar="ID")
@click.option("--reason", required=True, help="Why; the receipt keeps it.")
@changes
def release(terminal: Terminal, **given: Any) -> None:
    """Give a work order in progress back: it is queued again.

    \b
    Examples:
      erlmcp tcps work-order release WO-01J9ZK3M --reason "waits"
      erlmcp tcps work-order release WO-01J9ZK3M --reason "the agent died"
    """
    _moved(terminal, "work_order_release", **given)


@work_order.command(context_settings=CONTEXT)
@click.argument("id", type=ORDER, metavar="ID")
@click.option("--reason", required=True, help="Why; the work order shows it.")
@changes
def cancel(terminal: Terminal, **given: Any) -> None:
    """Cancel a work order for good: it will not be made.

    \b
    Examples:
      erlmcp tcps work-order cancel WO-01J9ZK3M --reason "not needed"
      erlmcp tcps work-order cancel WO-01J9ZK3M --reason duplicate
    """
    _moved(terminal, "work_order_cancel", **given)


@work_order.command("add-dependency", context_settings=CONTEXT)
@click.argument("id", type=ORDER, metavar="ID")
@click.argument("depends_on", type=ORDER, metavar="DEPENDS_ON")
@changes
def add_dependency(terminal: Terminal, **given: Any) -> None:
    """Have work order ID wait for DEPENDS_ON: it is blocked until that is completed.

    \b
    Examples:
      erlmcp tcps work-order add-dependency WO-01J9ZK3M WO-01J9ZK2F
      erlmcp tcps work-order add-dependency WO-3 WO-2 --format json
    """
    _moved(terminal, "work_order_add_dependency", **given)


@work_order.command("remove-dependency", context_settings=CONTEXT)
@click.argument("id", type=ORDER, metavar="ID")
@click.argument("depends_on", type=ORDER, metavar="DEPENDS_ON")
@changes
def remove_dependency(terminal: Terminal, **given: Any) -> None:
    """Let work order ID go on without DEPENDS_ON.

    When that was the last one it waited for, it is queued.

    \b
    Examples:
      erlmcp tcps work-order remove-dependency WO-01J9ZK3M WO-01J9ZK2F
      erlmcp tcps work-order remove-dependency WO-3 WO-2 --format json
    """
    _moved(terminal, "work_order_remove_dependency", **given)


@work_order.command(context_settings=CONTEXT)
@click.argument("id", type=ORDER, metavar="ID")
@click.option("--version", type=int, required=True, help="The version you read; `work-order get` shows it.")
@click.option("--title", help="One line that says what is to be made.")
@click.option("--description", help="What is to be made, and why.")
@PRIORITY
@click.option("--assignee", metavar="WHO", help='Who makes it; "" for nobody.')
@changes
def update(terminal: Terminal, **given: Any) -> None:
    """Change a work order.

    It is queued or in progress; what is not given stays.

    \b
    Examples:
      erlmcp tcps work-order update WO-01J9ZK3M --version 1 --priority critical
      erlmcp tcps work-order update WO-01J9ZK3M --version 2 --assignee ""
    """
    _moved(terminal, "work_order_update", **given)


def _moved(terminal: Terminal, tool: str, **given: Any) -> None:
    document = terminal.call(tool, **given)
    terminal.show(document, lambda: show.work_order(document))
