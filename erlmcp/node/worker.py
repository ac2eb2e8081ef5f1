"""One worker process: load the app, build the tree with its doors and its link to the line, serve.

It is started by the arbiter with inherited sockets (`erlmcp worker --boot FD`) and binds nothing itself.
"""

from erlmcp.http import RESERVED
from erlmcp.node.descriptors import allow
from erlmcp.node.life import Outfit, live
from erlmcp.node.link import LineLink
from erlmcp.node.loading import app_for
from erlmcp.node.station import Station

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """The life of a worker; returns its exit code."""
    return live("worker", arguments, _build)


def _build(outfit: Outfit) -> Station:
    allow(outfit.sections.http.max_connections + RESERVED)
    line = LineLink(outfit.sections, f"worker-{outfit.boot.number}")
    app = app_for(outfit.sections, line)
    return Station(app, line, outfit)
