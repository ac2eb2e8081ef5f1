"""`erlmcp config check` and `erlmcp config show`: what applies here, where it comes from, and whether it is sound."""

import json
from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.resolver import Question

__all__ = ["config"]

FILE = click.option("--config", "path", metavar="FILE", help="Configuration file.  [config/$ERLMCP_ENV.config]")


def _read(path: str | None) -> Any:
    """The configuration. Refusal(CONFIG) with a line per fault."""
    from erlmcp.config import ConfigError  # noqa: PLC0415 - importing every package's options takes a while
    from erlmcp.node.configuration import read, resolved_from  # noqa: PLC0415

    try:
        found = read(Question({}, {}, path))
    except ConfigError as fault:
        raise Refusal(Exit.CONFIG, str(fault)) from fault
    resolved_from(found)
    return found


@click.group(context_settings=CONTEXT)
def config() -> None:
    """Check or show the configuration that applies here.

    \b
    Examples:
      erlmcp config check
      ERLMCP_ENV=production erlmcp config show --origin
    """


@config.command(context_settings=CONTEXT)
@FILE
def check(path: str | None) -> None:
    """Read the configuration, say what is wrong with it (exit code 7) or nothing (0).

    \b
    Examples:
      erlmcp config check
      erlmcp config check --config config/production.config
    """
    _read(path)


@config.command(context_settings=CONTEXT)
@FILE
@click.option("--origin", is_flag=True, help="Where each value comes from.")
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table", help="How to show it.")
def show(path: str | None, origin: bool, shape: str) -> None:
    """Show every value that applies here; secrets are masked.

    \b
    Examples:
      erlmcp config show --origin
      erlmcp config show --format json | jq .values
    """
    rows = [(row.key, row.value, row.origin) for row in _read(path).rows()]
    if shape == "json":
        values = [
            {"key": key, "value": json.loads(value)} | ({"origin": at} if origin else {}) for key, value, at in rows
        ]
        click.echo(json.dumps({"schema": "erlmcp.cli/1", "values": values}))
        return
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for key, value, at in rows:
        click.echo(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {at}" if origin else f"{key:<{widths[0]}}  {value}")
