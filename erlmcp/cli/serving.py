"""`erlmcp serve` runs a node in the foreground; `erlmcp start` runs the same in the background."""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from erlmcp.cli.grammar import CONTEXT, Seconds
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.options import Options, Resolved
from erlmcp.node.resolver import Question

__all__ = ["serve", "start"]

Command = TypeVar("Command", bound=Callable[..., Any])
PURE = (
    "the pure-Python twins serve, several times slower: the compiled extensions are not in use"
    " (not built for lack of a C compiler, or ERLMCP_PURE=1)"
)
KEYS = {
    "app": "node.app",
    "workers": "node.workers",
    "host": "http.host",
    "port": "http.port",
    "dashboard_port": "dashboard.port",
    "metrics_port": "metrics.port",
    "data_dir": "node.data_dir",
    "log_format": "log.format",
    "log_level": "log.level",
    "allowed_host": "http.allowed_hosts",
    "allowed_origin": "http.allowed_origins",
    "public_url": "http.public_url",
    "insecure": "node.insecure",
    "loop": "node.loop",
}
SPELLED = {key: "MODULE:APP" if name == "app" else f"--{name.replace('_', '-')}" for name, key in KEYS.items()}
FLAGS = (
    click.argument("app", required=False, metavar="[MODULE:APP]"),
    click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.  [node.workers, 1]"),
    click.option("--host", help="Address to listen on.  [http.host, 127.0.0.1]"),
    click.option("--port", type=click.IntRange(0, 65535), help="MCP and health; 0: any free one.  [http.port, 8080]"),
    click.option("--dashboard-port", type=click.IntRange(0, 65535), help="For the page that is yet to come.  [3000]"),
    click.option("--metrics-port", type=click.IntRange(0, 65535), help="Prometheus metrics.  [metrics.port, 9090]"),
    click.option("--data-dir", help="Control socket and lock; one node each.  [node.data_dir, .erlmcp]"),
    click.option("--config", metavar="FILE", help="Configuration file.  [config/$ERLMCP_ENV.config]"),
    click.option("--log-format", type=click.Choice(["auto", "json", "human"]), help="auto: human on a terminal."),
    click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="[log.level, info]"),
    click.option("--allowed-host", multiple=True, metavar="HOST", help="A Host header to accept; repeatable."),
    click.option("--allowed-origin", multiple=True, metavar="ORIGIN", help="An Origin to accept; repeatable."),
    click.option("--public-url", metavar="URL", help="Where clients reach this node, when that is another address."),
    click.option(
        "--insecure",
        is_flag=True,
        default=None,
        help="Listen beyond this machine although there is no access control yet: whoever reaches the port may call.",
    ),
    click.option("--loop", type=click.Choice(["uvloop", "asyncio"]), help="[node.loop, uvloop]"),
)


def flags(command: Command) -> Command:
    """The flags that `serve` and `start` share."""
    for flag in reversed(FLAGS):
        command = flag(command)
    return command


def question(given: dict[str, Any]) -> Question:
    """What was said on the command line, by configuration key; what was not said is not in it. Refusal(USAGE) for bytes
    that are no text."""
    said = {KEYS[name]: value for name, value in given.items() if name in KEYS and value not in (None, ())}
    for key, value in (said | {"--config": given.get("config")}).items():
        try:
            "".join(value if isinstance(value, tuple) else str(value)).encode()
        except UnicodeEncodeError as fault:
            raise Refusal(Exit.USAGE, f"{SPELLED.get(key, key)} is not UTF-8: {value!r}") from fault
    return Question(said, SPELLED, given.get("config"))


@click.command(context_settings=CONTEXT)
@flags
@click.option("--reload", "watch", is_flag=True, help="For development: roll the workers when a Python file changes.")
def serve(watch: bool, **given: Any) -> int:
    """Serve an app over HTTP until SIGTERM or Ctrl-C.

    MODULE:APP names an `erlmcp.App`; the current directory comes first on the path. Without it the production line is
    served. Flags go before the environment (ERLMCP_HTTP__PORT), that before the configuration file.

    \b
    Examples:
      erlmcp serve mypackage.module:app --workers 4
      erlmcp serve server:app --reload --log-level debug
      ERLMCP_ENV=production erlmcp serve mypackage.module:app
    """
    from erlmcp.node.arbiter import Arbiter, Launch  # noqa: PLC0415 - the help needs no node
    from erlmcp.node.resolver import resolve  # noqa: PLC0415

    asked = question(given)
    try:
        resolved = resolve(asked)
        arbiter = Arbiter(resolved, Launch(asked, announce=_announce, watch=os.getcwd() if watch else None))
    except Refusal as refusal:
        if given["log_format"] != "json":
            raise
        _complain(refusal)
        return refusal.code
    if resolved.backend != "compiled":
        arbiter.notices.say("warning", PURE)
    return arbiter.run()


def _complain(refusal: Refusal) -> None:
    """The refusal as a log line, for those who asked for nothing but JSON."""
    from erlmcp.node.notices import Notices  # noqa: PLC0415
    from erlmcp.node.options import LogView  # noqa: PLC0415

    Notices(LogView(format="json")).say("critical", refusal.message, code=int(refusal.code))


def _announce(arbiter: Any) -> None:
    """Tell a person, once all workers serve; a machine that asked for JSON has the log line."""
    if arbiter.resolved.log.format != "json":
        with contextlib.suppress(OSError):  # nobody reads, as behind `| head`: no reason not to serve
            click.echo(banner(arbiter.resolved, arbiter.origins))


def banner(resolved: Resolved, origins: dict[str, str]) -> str:
    """What to open, and how to connect a client."""
    name = resolved.node.app.partition(":")[0].rpartition(".")[2] or "erlmcp"
    endpoint = f"{resolved.public_url.rstrip('/') or origins['http']}/mcp"
    workers = f"{resolved.node.workers} worker{'s' if resolved.node.workers > 1 else ''}"
    metrics = f"\n  Metrics        {origins['metrics']}/metrics" if "metrics" in origins else ""
    directory = resolved.node.data_dir
    place = "" if directory == Options().data_dir else f" --data-dir {shlex.quote(directory)}"
    return f"""
erlmcp {resolved.version} ({resolved.backend}) serves {resolved.node.app} with {workers}

  MCP endpoint   {endpoint}
  Health         {origins["http"]}/health{metrics}

Connect a client:
  claude mcp add --transport http {name} {endpoint}
  npx @modelcontextprotocol/inspector --cli {endpoint} --transport http --method tools/list

Look at it with `erlmcp status{place}`, stop it with Ctrl-C or `erlmcp stop{place}`.
"""


@click.command(context_settings=CONTEXT, short_help="Serve an app in the background.")
@flags
@click.option("--timeout", type=Seconds(), default=60.0, show_default=True, help="Seconds to wait.")
def start(timeout: float, **given: Any) -> None:
    """Serve an app in the background: returns when it serves, or says why it does not.

    Its lines go to `log.file`, or to erlmcp.log in the data directory.

    \b
    Examples:
      erlmcp start mypackage.module:app --workers 4
      erlmcp start && erlmcp status
    """
    from erlmcp.node.control import make_directory  # noqa: PLC0415 - the help needs no node
    from erlmcp.node.resolver import resolve  # noqa: PLC0415

    resolved = resolve(question(given))
    directory = Path(resolved.node.data_dir)
    make_directory(directory)
    log = directory / "erlmcp.log"
    command = [sys.executable, "-P", "-m", "erlmcp", "serve", *sys.argv[2:]]
    with _appended(log) as output:
        before = output.tell()
        node = subprocess.Popen(
            _without_timeout(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    _await(node, directory, timeout, lambda: log.read_bytes()[before:].decode(errors="replace").strip())
    click.echo(f"started, pid {node.pid}")


def _appended(log: Path) -> BinaryIO:
    try:
        return log.open("ab")
    except OSError as fault:
        raise Refusal(Exit.CONFIG, f"can not write to {log}: {fault.strerror}; give another --data-dir") from fault


def _without_timeout(command: list[str]) -> list[str]:
    """The same flags, less the one that is `start`'s own."""
    kept, skip = [], False
    for word in command:
        if not skip and word != "--timeout" and not word.startswith("--timeout="):
            kept.append(word)
        skip = word == "--timeout"
    return kept


def _await(node: "subprocess.Popen[bytes]", directory: Path, timeout: float, said: Callable[[], str]) -> None:
    """Until the node runs. Refusal with its last line when it ends first, TIMEOUT when it takes too long."""
    from erlmcp.node.control import ask  # noqa: PLC0415

    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        code = node.poll()
        if code is not None:
            raise Refusal(Exit(code) if code in set(Exit) else Exit.GAVE_UP, _why(said(), code))
        try:
            running = json.loads(ask(directory, "status", 1.0))["node"]
        except Refusal:
            running = {"pid": 0, "state": ""}
        if running["pid"] == node.pid and running["state"] == "running":
            node.returncode = 0  # it is on its own now
            return
        time.sleep(0.02)
    raise Refusal(Exit.TIMEOUT, f"the node has not begun to serve within {timeout:g} s; see {directory / 'erlmcp.log'}")


def _why(said: str, code: int) -> str:
    """The message of a node's critical line, or the error that kept it from having a log."""
    for line in said.splitlines():
        if line.startswith("error: "):
            return line.removeprefix("error: ")
        if line.startswith("{") and '"level": "critical"' in line:
            message: str = json.loads(line)["msg"]
            return message
        if " CRITICAL erlmcp.node  " in line:
            return line.partition(" CRITICAL erlmcp.node  ")[2]
    return f"it exited with code {code}"
