"""What a command of `erlmcp tcps` works with: a server to call, and a format to show its answer in."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from erlmcp.cli.tcps.client import Client
from erlmcp.cli.tcps.picture import Block, as_markdown, as_text

__all__ = ["SCHEMA", "SHAPES", "Terminal"]

SHAPES: Final = ("table", "json", "jsonl", "markdown")
SCHEMA: Final = "erlmcp.cli/1"


class Terminal:
    """`key`: the idempotency key of a command that changes something."""

    def __init__(self, client: Client, shape: str) -> None:
        self.client: Final = client
        self.shape: Final = shape
        self.key: str | None = None

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What the tool answers; arguments that were not given (None) are left out. Raises Refusal."""
        said = {name: value for name, value in (arguments | {"idempotency_key": self.key}).items() if value is not None}
        return self.client.call(tool, said)

    def show(self, document: dict[str, Any], draw: Callable[[], Sequence[Block]], items: str | None = None) -> None:
        """Print a document, as `draw` has it for people. `items`: the member that is a list, a line each in jsonl."""
        if self.shape == "json":
            click.echo(json.dumps({"schema": SCHEMA, **document}, indent=2))
        elif self.shape == "jsonl":
            for each in document[items] if items else [document]:
                click.echo(json.dumps(each))
        elif self.shape == "markdown":
            click.echo(as_markdown(draw()))
        else:
            colour = _colour()
            click.echo(as_text(draw(), _width(), colour=colour), color=colour)
        cursor = document.get("next_cursor")
        if cursor and self.shape != "json":
            click.echo(f"there is more: add --cursor {cursor}", err=True)


def _width() -> int | None:
    """Columns of the terminal; None when the output goes elsewhere, where nothing need be cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _colour() -> bool:
    """Colours on a terminal, unless NO_COLOR says no (no-color.org); FORCE_COLOR says yes anywhere."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
