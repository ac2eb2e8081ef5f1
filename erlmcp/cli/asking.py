"""The commands that ask a running node over its control socket: ping, status, stop, reload, pid."""

import json
from pathlib import Path

import click

from erlmcp.cli.grammar import CONTEXT, Seconds
from erlmcp.cli.place import place_options
from erlmcp.node.control import ask
from erlmcp.node.exits import Exit, Refusal

__all__ = ["pid", "ping", "reload", "status", "stop"]

QUICK = 5.0  # seconds for an answer that costs the node nothing


@click.command(context_settings=CONTEXT)
@place_options
def ping(place: Path) -> int:
    """Say pong (exit code 0) when the node answers, else pang (1).

    \b
    Examples:
      erlmcp ping
      erlmcp ping --data-dir /var/lib/erlmcp
    """
    try:
        answer = ask(place, "ping", QUICK)
    except Refusal:
        answer = "pang"
    click.echo(answer)
    return Exit.OK if answer == "pong" else Exit.NEGATIVE


@click.command(context_settings=CONTEXT)
@place_options
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table", help="How to show it.")
def status(place: Path, shape: str) -> None:
    """Show the node: its addresses, workers, and what runs in them.

    \b
    Examples:
      erlmcp status
      erlmcp status --format json | jq '.workers[].pid'
    """
    answer = ask(place, "status", QUICK)
    if shape == "json":
        click.echo(answer)
        return
    from erlmcp.cli.picture import draw  # noqa: PLC0415 - only the table needs it

    click.echo(draw(json.loads(answer)))


@click.command(context_settings=CONTEXT)
@place_options
@click.option("--timeout", type=Seconds(), default=60.0, show_default=True, help="Seconds to wait.")
def stop(place: Path, timeout: float) -> None:
    """Drain the node and wait until it has gone.

    \b
    Examples:
      erlmcp stop
      erlmcp stop --timeout 10
    """
    ask(place, "stop", timeout)
    click.echo("stopped")


@click.command(context_settings=CONTEXT, short_help="Replace the workers one by one: new code, new configuration.")
@place_options
@click.option("--timeout", type=Seconds(), default=120.0, show_default=True, help="Seconds to wait.")
def reload(place: Path, timeout: float) -> int:
    """Read the configuration again and replace the workers one by one; nothing changes when it is wrong.

    \b
    Examples:
      erlmcp reload
      erlmcp reload --timeout 300
    """
    answer = json.loads(ask(place, "reload", timeout))
    if answer["ok"]:
        click.echo("reloaded")
        return Exit.OK
    click.echo(f"error: {answer['error']}", err=True)
    return Exit.NEGATIVE


@click.command(context_settings=CONTEXT)
@place_options
def pid(place: Path) -> None:
    """Print the process id of the node.

    \b
    Examples:
      erlmcp pid
      kill -HUP $(erlmcp pid)
    """
    click.echo(json.loads(ask(place, "status", QUICK))["node"]["pid"])
