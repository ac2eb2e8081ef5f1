"""`erlmcp stdio`: serves an app to the client that started it, or carries what it says to a server elsewhere."""

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
@click.option("--url", metavar="URL", help="Serve nothing here: carry every message to the server at this address.")
@click.option(
    "--header", multiple=True, metavar="HEADER", help="With --url: 'Name: value', ${VARIABLE} in it; repeatable."
)
@click.option("--loop", type=click.Choice(["uvloop", "asyncio"]), help="[node.loop, uvloop]")
def stdio(directory: str | None, url: str | None, header: tuple[str, ...], **given: Any) -> int:
    """Serve an app to one client over standard input and output, until the input ends.

    For clients that start their servers themselves, as editors do; `erlmcp mcp install` writes their configuration.
    Where a node runs in the data directory its line is joined. What the app prints goes to standard error, like the
    log.

    \b
    Examples:
      erlmcp stdio mypackage.module:app
      erlmcp stdio --directory ~/project server:app
      erlmcp stdio --url https://shop.example/mcp --header 'Authorization: Bearer ${SHOP_TOKEN}'
    """
    _refuse_what_contradicts(url, header, given["app"])
    claim = Claim()
    if os.isatty(claim.source):
        sys.stderr.write(WAITING)
    if directory is not None:
        _enter(directory)
    if url is not None:
        from erlmcp.cli.bridging import bridge  # noqa: PLC0415 - who serves an app needs no client

        return bridge(url, header, given["log_level"] or "warning", claim)
    from erlmcp.cli.serving import question  # noqa: PLC0415 - the help needs neither
    from erlmcp.node.configuration import sections_for  # noqa: PLC0415

    sections = sections_for(question(given))
    from erlmcp.node.stdio import main  # noqa: PLC0415

    return main(sections, claim)


def _refuse_what_contradicts(url: str | None, header: tuple[str, ...], app: str | None) -> None:
    if url is not None and app is not None:
        raise Refusal(Exit.USAGE, f"{app} or --url: either an app is served here, or a server elsewhere is asked")
    if header and url is None:
        raise Refusal(Exit.USAGE, "--header goes with --url: there is no server to send it to")


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as fault:
        raise Refusal(Exit.USAGE, f"--directory {directory}: {fault.strerror}") from fault
