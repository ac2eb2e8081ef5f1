"""`erlmcp mcp install`: writes a server into the configuration of a client, or shows what to write."""

import difflib
import os
import re
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from erlmcp.cli.grammar import CONTEXT
from erlmcp.cli.mcp.clients import CLIENTS, Place, Server, Target
from erlmcp.cli.mcp.merging import Unmergeable, merged, snippet
from erlmcp.node.exits import Exit, Refusal

__all__ = ["install"]

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what Claude Code accepts; the others accept more
APP = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
USUAL = "tcps"  # the name of what `erlmcp stdio` serves by itself
SCOPES = ("local", "project", "user")


@click.command(context_settings=CONTEXT, short_help="Write a server into the configuration of a client.")
@click.argument("client", type=click.Choice(list(CLIENTS)))
@click.argument("app", required=False, metavar="[MODULE:APP]")
@click.option("--url", metavar="URL", help="A running server, instead of an app that the client starts.")
@click.option("--header", multiple=True, metavar="HEADER", help="With --url: 'Name: value'; repeatable.")
@click.option("--name", help="What the client calls it.  [the app's module, or the server's host]")
@click.option(
    "--scope", type=click.Choice(SCOPES), help="Whose configuration.  [claude-code: local; cursor, vscode: project]"
)
@click.option("--directory", metavar="DIR", help="The project, and where the app is found.  [here]")
@click.option("--data-dir", metavar="DIR", help="Whose line the app joins.  [.erlmcp in the project]")
@click.option("--print", "only_print", is_flag=True, help="Write nothing: print what to write.")
@click.option("--force", is_flag=True, help="Replace a server of that name which is not ours.")
def install(client: str, app: str | None, name: str | None, scope: str | None, **given: Any) -> None:
    """Write a server into the configuration of an MCP client.

    The client starts MODULE:APP, or the production line, by `erlmcp stdio`, with this Python; with --url it connects to
    a running server, Claude Desktop by a bridge. Everything else in the file stays, and a copy of it is kept beside it.

    \b
    Examples:
      erlmcp mcp install claude-code shop:app
      erlmcp mcp install claude-desktop --url https://shop.example/mcp --header 'Authorization: Bearer ${SHOP_TOKEN}'
      erlmcp mcp install vscode shop:app --print
    """
    project = _project(given["directory"])
    chosen = CLIENTS[client]
    server = _server(app, project, given)
    called = name or _usual_name(app, given["url"])
    if not NAME.fullmatch(called):
        raise Refusal(Exit.USAGE, f"--name {called!r}: letters, digits, _ and - only, 64 at most")
    scope = scope or next(iter(chosen.scopes))
    if scope not in chosen.scopes:
        raise Refusal(Exit.USAGE, f"--scope {scope}: {chosen.title} has {', '.join(chosen.scopes)}")
    target = chosen.scopes[scope](Place(_home(), project, environ=os.environ))
    entry = chosen.entry(server)
    if given["only_print"]:
        click.echo(f"# {target.file}", err=True)
        click.echo(snippet(target.way, called, entry))
        return
    if _write(target, called, entry, force=given["force"]):
        click.echo(f"{chosen.title} knows {called} now; {chosen.after.format(project=project)}.")


def _server(app: str | None, project: Path, given: dict[str, Any]) -> Server:
    """Refusal(USAGE) for what can not be meant."""
    url, headers = given["url"], given["header"]
    if url and (app or given["data_dir"]):
        raise Refusal(Exit.USAGE, "--url: an app, or --data-dir, is for a server that the client starts")
    if headers and not url:
        raise Refusal(Exit.USAGE, "--header goes with --url: there is no server to send it to")
    run = [sys.executable, "-P", "-m", "erlmcp", "stdio"]
    if url:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Refusal(
                Exit.USAGE, f"--url {url!r} is no address of a server; give one like http://127.0.0.1:8080/mcp"
            )
        pairs = [_header(header) for header in headers]
        flags = [word for header in headers for word in ("--header", header)]
        return Server((*run, "--url", url, *flags), url, dict(pairs))
    if app and not APP.fullmatch(app):
        raise Refusal(Exit.USAGE, f"{app!r} does not name an app: write module:app, as in mypackage.server:app")
    run += [app] if app else []
    run += ["--directory", str(project)]
    if given["data_dir"]:
        run += ["--data-dir", str(Path(given["data_dir"]).absolute())]
    return Server(tuple(run))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not value.strip():
        raise Refusal(Exit.USAGE, f"--header {text!r} is none: write it as 'Name: value'")
    return name.strip(), value.strip()


def _usual_name(app: str | None, url: str | None) -> str:
    if url:
        host = urlsplit(url).hostname or ""
        return "erlmcp" if host == "localhost" or not host[:1].isalpha() else re.sub(r"[^A-Za-z0-9_-]", "-", host)
    return app.partition(":")[0].rpartition(".")[2] if app else USUAL


def _project(directory: str | None) -> Path:
    project = Path(directory or ".").absolute()
    if not project.is_dir():
        raise Refusal(Exit.USAGE, f"--directory {directory}: there is no such directory")
    return project.resolve()


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as fault:
        raise Refusal(Exit.CONFIG, "there is no home directory: set HOME") from fault


def _write(target: Target, name: str, entry: dict[str, Any], *, force: bool) -> bool:
    """Whether the file had to be written. Refusal(CONFIG) with what to write by hand where it must not be rewritten."""
    file = Path(os.path.realpath(target.file))  # a link, as in a repository of settings, stays one
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        after = merged(before, target.way, name, entry, replace=force)
    except (Unmergeable, UnicodeDecodeError, OSError) as fault:
        raise Refusal(
            Exit.CONFIG,
            f"{target.file} was not changed: {fault}. To do it by hand, add:\n{snippet(target.way, name, entry)}",
        ) from fault
    if after == before:
        click.echo(f"{target.file} has it already; nothing was changed")
        return False
    try:
        copy = _replace(file, before, after)
    except OSError as fault:
        raise Refusal(Exit.CONFIG, f"{target.file} can not be written: {fault.strerror}") from fault
    click.echo("".join(_difference(target.file, before, after)), nl=False)
    click.echo(f"wrote {target.file}" + (f"; what was there is in {copy.name}" if copy else ""))
    return True


def _replace(file: Path, before: str, after: str) -> Path | None:
    """The new text in one step, the old one beside it; gives where."""
    file.parent.mkdir(parents=True, exist_ok=True)
    copy = None
    if before:
        copy = file.with_name(f"{file.name}.erlmcp.bak")
        shutil.copy2(file, copy)
    fd, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as new:
            new.write(after)
            new.flush()
            os.fsync(new.fileno())
        if file.exists():
            shutil.copymode(file, name)
        os.replace(name, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    return copy


def _difference(file: Path, before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"{file} (before)", str(file), n=0
    )
    return [line if line.endswith("\n") else f"{line}\n" for line in lines]
