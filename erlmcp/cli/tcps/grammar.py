"""What all commands of `erlmcp tcps` share: the flags that every one takes, and the words of the line."""

import functools
import os
import uuid
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from erlmcp.cli.grammar import Seconds
from erlmcp.cli.tcps.client import URL, Client
from erlmcp.cli.tcps.terminal import SHAPES, Terminal
from erlmcp.node.exits import Refusal

__all__ = [
    "ANDON_STATUSES",
    "ANDON_TYPES",
    "BUCKETS",
    "GATES",
    "SEVERITIES",
    "SIGNAL_TYPES",
    "STATUSES",
    "Id",
    "asks",
    "changes",
]

# The words of erlmcp.tcps, for help and completion; tests/cli/test_tcps.py holds them to it.
BUCKETS = ("security", "reliability", "cost", "compliance", "features", "technical_debt")
SIGNAL_TYPES = ("cve", "github_issue", "refund", "install", "internal")
STATUSES = ("queued", "blocked", "in_progress", "completed", "cancelled")
GATES = (
    "shacl_validation",
    "compilation",
    "test_execution",
    "security_scan",
    "deterministic_build",
    "quality_metrics",
    "release_verification",
    "smoke_test",
)
ANDON_TYPES = (
    "shacl_violation",
    "compilation_failure",
    "test_failure",
    "non_determinism",
    "missing_receipt",
    "security_vulnerability",
    "quality_gate_failure",
    "sla_breach",
    "manual",
)
ANDON_STATUSES = ("open", "investigating", "resolved")
SEVERITIES = ("critical", "high", "medium", "low")

HURRY = 1.0  # seconds that the completion of an id waits for the server: a shell that hangs is worse than one without
PAGE = 50  # ids that are offered


class Id(click.types.StringParamType):
    """The id of an object. The shell completes it from the server, if that is there at once.

    `tool` lists the objects under the word `items`, and `member` of each is the id.
    """

    name = "id"

    def __init__(self, tool: str, items: str, member: str = "id") -> None:
        self._tool, self._items, self._member = tool, items, member

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        url = ctx.params.get("url") or os.environ.get("ERLMCP_URL") or URL
        try:
            listed = Client(url, HURRY).call(self._tool, {"limit": PAGE})[self._items]
        except Refusal:
            return []
        told = [(str(each.get(self._member) or ""), each.get("title") or each.get("message")) for each in listed]
        return [CompletionItem(id_, help=text) for id_, text in told if id_ and id_.startswith(incomplete)]


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
