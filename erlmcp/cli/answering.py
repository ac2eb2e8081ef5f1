"""A person at a terminal, while a tool runs: how far it is, and the questions that its server asks."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from erlmcp.cli.tcps.picture import as_text
from erlmcp.cli.typed import arguments_of

if TYPE_CHECKING:
    from erlmcp.client import Answer, Elicitation, LogMessage, Progress

__all__ = ["handlers", "show_log", "show_progress"]


def handlers() -> dict[str, Any]:
    """The client's handlers: questions can be answered only where there is somebody."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return {}
    return {"elicit": _ask, "elicit_url": _send}


def show_progress(progress: "Progress") -> None:
    """On a terminal, one line that is written over."""
    if sys.stderr.isatty():
        of = f" of {progress.total:g}" if progress.total is not None else ""
        said = f"  {progress.message}" if progress.message else ""
        line = _clean(f"{progress.progress:g}{of}{said}").replace("\n", " ")
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)


def end_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


def show_log(message: "LogMessage") -> None:
    data = message.data if isinstance(message.data, str) else json.dumps(message.data)
    click.echo(_clean(f"{message.level}: {data}"), err=True)


def _ask(question: "Elicitation") -> "Answer":
    """A form, field by field; an end of input takes it back."""
    from erlmcp.client import Answer  # noqa: PLC0415 - whoever asks has it

    schema = question.requested_schema or {}
    click.echo(_clean(question.message), err=True)
    content: dict[str, Any] = {}
    try:
        for name, spot in (schema.get("properties") or {}).items():
            value = _field(name, spot, schema)
            if value is not None:
                content[name] = value
    except click.Abort:
        click.echo("", err=True)
        return Answer("cancel")
    return Answer("accept", content)


def _field(name: str, spot: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The value of one field; None: it was left out."""
    required = name in schema.get("required", ())
    title = _clean(str(spot.get("title") or name)).replace("\n", " ")
    options = _options(spot)
    hint = f" ({'|'.join(options)})" if options else ""
    default = spot.get("default")
    shown = None if default is None else default if isinstance(default, str) else json.dumps(default)
    while True:
        text = click.prompt(
            f"  {title}{hint}", default=shown if shown is not None else None if required else "", err=True
        )
        if text == "" and not required:
            return None
        try:
            return arguments_of([f"{name}={text}"], schema)[name]
        except ValueError as fault:
            click.echo(f"  {fault}", err=True)


def _options(spot: dict[str, Any]) -> list[str]:
    values = spot.get("enum") or [each.get("const") for each in spot.get("oneOf", ()) if isinstance(each, dict)]
    return [_clean(str(value)) for value in values]


def _send(question: "Elicitation") -> "Answer":
    """A page to visit: shown, never opened by itself."""
    from erlmcp.client import Answer  # noqa: PLC0415 - as above

    click.echo(_clean(f"{question.message}\n  {question.url}"), err=True)
    try:
        done = click.confirm("  Do you agree to visit that page?", default=False, err=True)
    except click.Abort:
        return Answer("cancel")
    return Answer("accept" if done else "decline")


def _clean(text: str) -> str:
    """What comes from a server must not move the cursor."""
    return as_text([text], None, colour=False)
