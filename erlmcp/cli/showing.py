"""Lists for people and programs: tables, JSON with its schema, a line of JSON each, or Markdown."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any, Final

import click
import msgspec

from erlmcp.cli.tcps.picture import Cell, Table, as_markdown, as_text

__all__ = ["SCHEMA", "SHAPES", "Page", "put", "show", "tell"]

SHAPES: Final = ("table", "json", "jsonl", "markdown")
SCHEMA: Final = "erlmcp.cli/1"


class Page(msgspec.Struct, frozen=True):
    """A list: `items` for programs under the member `name`, `rows` under `head` for people; the last column is cut."""

    name: str
    items: list[dict[str, Any]]
    head: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


def show(shape: str, page: Page) -> None:
    """Print a list in one of SHAPES."""
    if shape == "json":
        put({page.name: page.items})
        return
    if shape == "jsonl":
        for each in page.items:
            click.echo(json.dumps(each, ensure_ascii=False))
        return
    table = Table(page.head, page.rows, elastic=len(page.head) - 1, empty=f"no {page.name}")
    if shape == "markdown":
        click.echo(as_markdown([table]))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(as_text([table], width, colour=not os.environ.get("NO_COLOR") and sys.stdout.isatty()))


def tell(lines: Sequence[str]) -> None:
    """Print lines for people, with nothing in them that would steer their terminal."""
    click.echo(as_text(["\n".join(lines)], None, colour=False))


def put(document: dict[str, Any]) -> None:
    """Print a document for programs."""
    click.echo(json.dumps({"schema": SCHEMA, **document}, indent=2, ensure_ascii=False))
