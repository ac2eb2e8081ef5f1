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
from erlmcp.cli.tcps.sheet import as_csv

__all__ = ["SCHEMA", "SHAPES", "Terminal", "colours", "width"]

SHAPES: Final = ("table", "json", "jsonl", "markdown", "csv")
SCHEMA: Final = "erlmcp.cli/1"


class Terminal:
    """`key`: the idempotency key of a command that changes something."""

    def __init__(self, client: Client, shape: str) -> None:
        self.client: Final = client
        self.shape: Final = shape
        self.key: str | None = None

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What the tool answers; arguments that were not given (None) are left out. Raises Refusal."""
        return self.look(tool, **{"idempotency_key": self.key} | arguments)

    def look(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """As `call`, without the key: of what changes nothing, for a command that goes on to change something."""
        return self.client.call(tool, {name: value for name, value in arguments.items() if value is not None})

    def show(self, document: dict[str, Any], draw: Callable[[], Sequence[Block]], items: str | None = None) -> None:
        """Print a document, as `draw` has it for people.

        `items`: the member that is a list, a line each in jsonl and a row each in csv; `schedule.orders` lies deeper.
        """
        if self.shape == "json":
            key = {"idempotency_key": self.key} if self.key else {}
            click.echo(json.dumps({"schema": SCHEMA, **document, **key}, indent=2))
        elif self.shape == "jsonl":
            for each in _entries(document, items):
                click.echo(json.dumps(each))
        elif self.shape == "csv":
            click.echo(as_csv(_entries(document, items)), nl=False)
        else:
            self.tell(draw())
        cursor = document.get("next_cursor")
        if cursor and self.shape != "json":
            click.echo(f"there is more: add --cursor {cursor}", err=True)

    @property
    def for_people(self) -> bool:
        """Whether the output is read as it is, and not by a program."""
        return self.shape in {"table", "markdown"}

    def tell(self, blocks: Sequence[Block]) -> None:
        """Draw blocks for people."""
        if self.shape == "markdown":
            click.echo(as_markdown(blocks))
        else:
            colour = colours()
            click.echo(as_text(blocks, width(), colour=colour), color=colour)


def _entries(document: dict[str, Any], items: str | None) -> Any:
    if items is None:
        return [document]
    found: Any = document
    for name in items.split("."):
        found = found[name]
    return found


def width() -> int | None:
    """Columns of the terminal; None when the output goes elsewhere, where nothing need be cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def colours() -> bool:
    """Colours on a terminal, unless NO_COLOR says no (no-color.org); FORCE_COLOR says yes anywhere."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
