"""What all commands of `erlmcp tcps` share: the flags that every one takes, and the words of the line."""

import functools
import uuid
from collections.abc import Callable
from typing import Any

import click

from erlmcp.cli.grammar import Seconds
from erlmcp.cli.tcps.client import URL, Client
from erlmcp.cli.tcps.terminal import SHAPES, Terminal

__all__ = ["BUCKETS", "SIGNAL_TYPES", "STATUSES", "asks", "changes"]

# The words of erlmcp.tcps, for help and completion; tests/cli/test_tcps.py holds them to it.
BUCKETS = ("security", "reliability", "cost", "compliance", "features", "technical_debt")
SIGNAL_TYPES = ("cve", "github_issue", "refund", "install", "internal")
STATUSES = ("queued", "blocked", "in_progress", "completed", "cancelled")


def asks(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--url`, `--timeout` and `--format`, given to the command as its first argument, the Terminal."""

    @click.option("--url", envvar="ERLMCP_URL", default=URL, metavar="URL", help=f"The server.  [ERLMCP_URL, {URL}]")
    @click.option("--timeout", type=Seconds(), default=30.0, show_default=True, help="Seconds to wait in all.")
    @click.option("--format", "shape", type=click.Choice(SHAPES), default="table", help="How to show it.")
    @functools.wraps(command)
    def with_terminal(url: str, timeout: float, shape: str, **given: Any) -> Any:
        return command(Terminal(Client(url, timeout), shape), **given)

    return with_terminal


def changes(command: Callable[..., Any]) -> Callable[..., Any]:
    """As `asks`, for what changes something: `--idempotency-key`, a new one unless given."""

    @click.option(
        "--idempotency-key", metavar="KEY", help="Makes a repetition harmless for 24 hours.  [a new one each time]"
    )
    @functools.wraps(command)
    def with_key(terminal: Terminal, idempotency_key: str | None, **given: Any) -> Any:
        terminal.key = idempotency_key or uuid.uuid4().hex
        return command(terminal, **given)

    return asks(with_key)
