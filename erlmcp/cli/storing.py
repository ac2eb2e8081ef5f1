"""`erlmcp migrate`, `backup` and `restore`: the database file of a node, beside the node or while there is none."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from erlmcp import store
from erlmcp.cli.grammar import CONTEXT
from erlmcp.cli.place import place_options
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.line_state import DATABASE, schema

__all__ = ["backup", "migrate", "restore"]


@contextmanager
def _refusals() -> Iterator[None]:
    """What the store says, as a Refusal: CONFLICT when somebody else has the file, or the name is taken."""
    try:
        yield
    except store.StoreError as error:
        taken = isinstance(error, store.Locked) or type(error) is store.StoreError
        code = Exit.CONFLICT if taken else Exit.NOT_FOUND if isinstance(error, store.Missing) else Exit.CANNOT_BOOT
        raise Refusal(code, str(error)) from error


def _size(size: int) -> str:
    return f"{size / 1048576:.1f} MiB"


@click.group(context_settings=CONTEXT)
def migrate() -> None:
    """Look at the migrations of the database, or apply them.

    A node applies what is pending when it starts, unless store.migrate is false.

    \b
    Examples:
      erlmcp migrate status
      erlmcp migrate up --data-dir /var/lib/erlmcp
    """


@migrate.command(context_settings=CONTEXT)
@place_options
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table", help="How to show it.")
def status(place: Path, shape: str) -> int:
    """Show every migration; exit code 1 when one is not applied, or is not this release's.

    \b
    Examples:
      erlmcp migrate status
      erlmcp migrate status --format json
    """
    with _refusals():
        found = store.migration_status(place / DATABASE, schema())
    if shape == "json":
        click.echo(json.dumps({"schema": "erlmcp.cli/1", "migrations": msgspec.to_builtins(found)}))
    else:
        _show(found)
    return Exit.OK if all(standing.state == "applied" for standing in found) else Exit.NEGATIVE


@migrate.command(context_settings=CONTEXT)
@place_options
def up(place: Path) -> None:
    """Apply what is pending; the node must not run.

    \b
    Examples:
      erlmcp stop && erlmcp migrate up && erlmcp start
      erlmcp migrate up --data-dir /var/lib/erlmcp
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with _refusals():
        applied = store.migrate(place / DATABASE, schema(), now)
    if applied:
        _show(applied)
    else:
        click.echo("nothing was pending")


def _show(found: Sequence[store.Standing]) -> None:
    for standing in found:
        name = f"{standing.component} {standing.number:04}_{standing.name}"
        click.echo(f"{name:<40}  {standing.state:<8}  {standing.applied_at}".rstrip())


@click.command(context_settings=CONTEXT)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@place_options
def backup(place: Path, file: Path) -> None:
    """Copy the database to a new FILE.

    The node may run meanwhile; the copy is of one moment, and checked.

    \b
    Examples:
      erlmcp backup erlmcp-$(date +%F).db
      erlmcp backup /backup/erlmcp.db --data-dir /var/lib/erlmcp
    """
    with _refusals():
        made = store.backup(place / DATABASE, file)
    click.echo(f"{made.path} ({_size(made.size)})")


@click.command(context_settings=CONTEXT)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@place_options
def restore(place: Path, file: Path) -> None:
    """Put a backup in the place of the database.

    The node must not run. What was there before is kept beside it.

    \b
    Examples:
      erlmcp stop && erlmcp restore erlmcp-2026-11-24.db && erlmcp start
      erlmcp restore /backup/erlmcp.db --data-dir /var/lib/erlmcp
    """
    with _refusals():
        done = store.restore(file, place / DATABASE, schema())
    click.echo(f"{done.path} ({_size(done.size)})")
    if done.previous is not None:
        click.echo(f"what was there before: {done.previous}")
