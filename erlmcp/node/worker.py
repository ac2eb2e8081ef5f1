"""One worker process: load the app, build the tree with its doors and its link to the line, serve.

It is started by the arbiter with inherited sockets (`erlmcp worker --boot FD`) and binds nothing itself.
"""

from typing import TYPE_CHECKING

from erlmcp.http import RESERVED
from erlmcp.node.descriptors import allow
from erlmcp.node.life import Outfit, live
from erlmcp.node.link import LineLink
from erlmcp.node.loading import load_app
from erlmcp.node.station import Station

if TYPE_CHECKING:
    from erlmcp.mcp import App

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """The life of a worker; returns its exit code."""
    return live("worker", arguments, _build)


def _build(outfit: Outfit) -> Station:
    allow(outfit.sections.http.max_connections + RESERVED)
    line = LineLink(outfit.sections, f"worker-{outfit.boot.number}")
    app = _tcps(line) if line.needed else load_app(outfit.sections.node.app)
    return Station(app, line, outfit)


def _tcps(line: LineLink) -> "App":
    """The app of the production line: its commands go over the link, its views read the database."""
    from erlmcp import tcps  # noqa: PLC0415 - a node with another app has no use for these two
    from erlmcp.apps.tcps import build  # noqa: PLC0415

    if line.views is None:
        raise RuntimeError("a worker that serves the line reads its database")
    return build(tcps.RemoteCoordinator(line.link), line.views)
