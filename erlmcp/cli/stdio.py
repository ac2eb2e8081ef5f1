"""`erlmcp stdio`: serves an app to the client that started it, over standard input and output."""

import os
import sys
from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT
from erlmcp.node.exits import Exit, Refusal
from erlmcp.pipes import Claim

__all__ = ["stdio"]

WAITING = "erlmcp stdio waits for a client: one JSON-RPC message a line. Ctrl-D ends it.\n"


@click.command(context_settings=CONTEXT, short_help="Serve one client over standard input and output.")
@click.argument("app", required=False, metavar="[MODULE:APP]")
@click.option("--directory", metavar="DIR", help="Work there, as if started there.")
@click.option("--data-dir", help="Whose line to join, or to run where nobody does.  [node.data_dir, .erlmcp]")
@click.option("--config", metavar="FILE", help="Configuration file.  [config/$ERLMCP_ENV.config]")
@click.option("--log-format", type=click.Choice(["auto", "json", "human"]), help="auto: human on a terminal.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="[log.level, info]")
@click.option("--loop", type=click.Choice(["uvloop", "asyncio"]), help="[node.loop, uvloop]")
def stdio(directory: str | None, **given: Any) -> int:
    """Serve an app to one client over standard input and output, until the input ends.

    For clients that start their servers themselves, as editors do; `erlmcp mcp install` writes their configuration.
    Where a node runs in the data directory its line is joined. What the app prints goes to standard error, like the
    log.

    \b
    Examples:
      erlmcp stdio mypackage.module:app
      erlmcp stdio --directory ~/project server:app
    """
    claim = Claim()
    if os.isatty(claim.source):
        sys.stderr.write(WAITING)
    if directory is not None:
        _enter(directory)
    from erlmcp.cli.serving import question  # noqa: PLC0415 - the help needs neither
    from erlmcp.node.configuration import sections_for  # noqa: PLC0415

    sections = sections_for(question(given))
    from erlmcp.node.stdio import main  # noqa: PLC0415

    return main(sections, claim)


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as fault:
        raise Refusal(Exit.USAGE, f"--directory {directory}: {fault.strerror}") from fault
