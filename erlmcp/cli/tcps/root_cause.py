"""`erlmcp tcps root-cause`: the five whys of an andon."""

from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps import show_making
from erlmcp.cli.tcps.andon import ANDON
from erlmcp.cli.tcps.grammar import Id, changes
from erlmcp.cli.tcps.terminal import Terminal

__all__ = ["root_cause"]

CAUSE = Id("andon_list", "andons", "root_cause_id")

root_cause = Words(
    "root-cause",
    help="""Find out why the line was stopped: five whys. `erlmcp tcps andon get` shows them.

\b
Examples:
  erlmcp tcps root-cause start ANDON-01J9ZK3M --problem "4 tests failed"
  erlmcp tcps root-cause add-why RC-01J9ZK3M 1 "the mock was stale"
""",
)


@root_cause.command(context_settings=CONTEXT)
@click.argument("andon_id", type=ANDON, metavar="ANDON_ID")
@click.option("--problem", required=True, help="What went wrong, as it was seen; why 1 answers it.")
@changes
def start(terminal: Terminal, **given: Any) -> None:
    """Begin the five whys of an andon, which is acknowledged by that.

    \b
    Examples:
      erlmcp tcps root-cause start ANDON-01J9ZK3M --problem "4 tests failed"
      erlmcp tcps root-cause start ANDON-1 --problem crash --format json
    """
    _moved(terminal, "root_cause_start", **given)


@root_cause.command("add-why", context_settings=CONTEXT)
@click.argument("id", type=CAUSE, metavar="ID")
@click.argument("n", type=int)
@click.argument("text")
@changes
def add_why(terminal: Terminal, **given: Any) -> None:
    """Answer why number N, 1 to 5; an earlier one again replaces its answer.

    \b
    Examples:
      erlmcp tcps root-cause add-why RC-01J9ZK3M 1 "the mock was stale"
      erlmcp tcps root-cause add-why RC-01J9ZK3M 2 "nothing renews it"
    """
    _moved(terminal, "root_cause_add_why", **given)


@root_cause.command(context_settings=CONTEXT)
@click.argument("id", type=CAUSE, metavar="ID")
@click.option("--root-cause", required=True, help="What the whys came to.")
@click.option("--prevention", required=True, help="What is to be done so that it does not come back.")
@changes
def finalize(terminal: Terminal, **given: Any) -> None:
    """Finish the five whys: all are there, and nothing is changed afterwards.

    It answers where this can be prevented. Repair it, then run `erlmcp tcps andon resolve`.

    \b
    Examples:
      erlmcp tcps root-cause finalize RC-1 --root-cause a --prevention b
      erlmcp tcps root-cause finalize -h
    """
    _moved(terminal, "root_cause_finalize", **given)


def _moved(terminal: Terminal, tool: str, **given: Any) -> None:
    document = terminal.call(tool, **given)
    terminal.show(document, lambda: show_making.root_cause(document))
