"""The line process: the one owner of the database file, the line's actors on it, and the hub that all workers call.

It is started by the arbiter before the workers (`erlmcp line --boot FD`) and opens no port.
"""

import asyncio
from collections.abc import Callable

from erlmcp import otp
from erlmcp.node.life import Outfit, live
from erlmcp.node.line_parts import LineParts, open_once
from erlmcp.node.line_state import NODE
from erlmcp.node.slab import resident_bytes
from erlmcp.node.tree import count

__all__ = ["Works", "main"]

ORPHAN_GRACE = 10.0  # seconds beyond a worker's drain: they go first
LOOK = 0.05  # seconds between looks whether a worker is still connected


def main(arguments: list[str]) -> int:
    """The life of the line process; returns its exit code."""
    return live("line", arguments, Works)


class Works:
    """The line process's body: the line's `parts`, and what it tells of itself."""

    def __init__(self, outfit: Outfit) -> None:
        """Refusal when the database can not be opened and the node is only just starting."""
        self._outfit, sections = outfit, outfit.sections
        self.grace = sections.http.drain + ORPHAN_GRACE
        if outfit.boot.first:
            open_once(sections)
        self.parts = LineParts(sections, host=NODE)
        self.tree, self.hub = self.parts.tree, self.parts.hub

    def ready(self) -> None:
        """The hub is open."""
        self._outfit.slab.board.put(self._outfit.boot.slot, serving=1)

    def drain(self) -> None:
        """The hub is about to close."""
        self._outfit.slab.board.put(self._outfit.boot.slot, serving=0)

    def orphaned(self, leave: Callable[[], None]) -> None:
        """Leave when the last worker has: it may still need us."""
        if self.hub.peers:
            asyncio.get_running_loop().call_later(LOOK, self.orphaned, leave)
        else:
            leave()

    def report(self) -> None:
        """Write our load where the others can read it."""
        board, slot = self._outfit.slab.board, self._outfit.boot.slot
        board.put(slot, memory=resident_bytes(), children=count(self.children()), connections=self.hub.peers)
        self.parts.tell()

    def children(self) -> list[otp.Node]:
        """What runs here, as `erlmcp status` shows it."""
        return [otp.snapshot(self.tree)]

    def close(self) -> None:
        """Nothing is left to let go of: the tree has closed the database."""
