"""The line process: the one owner of the database file, the line's actors on it, and the hub that all workers call.

It is started by the arbiter before the workers (`erlmcp line --boot FD`) and opens no port.
"""

import asyncio
import os
from collections.abc import Callable

from erlmcp import backplane, otp, tcps
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.keeping import Keeper
from erlmcp.node.life import Outfit, live
from erlmcp.node.line_state import (
    DATABASE,
    FACTS,
    LINE_SOCKET,
    STATE,
    LineState,
    data_dir,
    encode_state,
    schema,
    serves_tcps,
)
from erlmcp.node.slab import resident_bytes
from erlmcp.node.tree import count, line_tree
from erlmcp.store import SqliteOwner, StoreError

__all__ = ["Works", "main"]

ORPHAN_GRACE = 10.0  # seconds beyond a worker's drain: they go first
LOOK = 0.05  # seconds between looks whether a worker is still connected


def main(arguments: list[str]) -> int:
    """The life of the line process; returns its exit code."""
    return live("line", arguments, Works)


class Works:
    """The parts of the line process: `tree` to run, and what it tells."""

    def __init__(self, outfit: Outfit) -> None:
        """Refusal when the database can not be opened and the node is only just starting."""
        boot, sections = outfit.boot, outfit.sections
        self._outfit, self._told = outfit, b""
        self.grace = sections.http.drain + ORPHAN_GRACE
        served = serves_tcps(sections.node.app)
        place = data_dir(sections.node)
        tables = schema(sections.node.app)
        if boot.first:
            _open_once(SqliteOwner(place / DATABASE, tables, sections.store))
        # From here on it is there. One that has gone is not begun anew, empty, as if nothing had ever happened.
        self.owner = SqliteOwner(place / DATABASE, tables, sections.store, create=False)
        keeper = Keeper(self.owner, self._tell)
        services: dict[str, otp.Service] = {}
        self.hub = otp.Hub(place / LINE_SOCKET, services)
        shared = backplane.parts(backplane.Ground(self.owner, self._signal, sections.mcp))
        services.update(shared.services)
        actors = list(shared.children)
        if served:
            coordinator = tcps.Coordinator(self.owner, sections.tcps, publish=self._publish)
            services[tcps.SERVICE] = tcps.service(coordinator)
            actors += [coordinator.child(), tcps.Duties(self.owner, sections.tcps).child()]
        self.tree = line_tree(keeper.child("database"), [keeper.dependent(actor) for actor in actors], self.hub)

    def _publish(self, facts: list[bytes]) -> None:
        for fact in facts:
            self.hub.publish(FACTS, fact)

    def _signal(self, topic: str, payload: bytes) -> None:
        self.hub.publish(topic, backplane.for_all(payload))

    def _tell(self) -> None:
        """Tell all workers how the database is, if that has changed."""
        state = encode_state(LineState(os.getpid(), self.owner.state))
        if state != self._told:
            self._told = state
            self.hub.publish(STATE, state, keep=True)

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
        self._tell()

    def children(self) -> list[otp.Node]:
        """What runs here, as `erlmcp status` shows it."""
        return [otp.snapshot(self.tree)]

    def close(self) -> None:
        """Nothing is left to let go of: the tree has closed the database."""


def _open_once(owner: SqliteOwner) -> None:
    """Open the database and close it again, before there is a tree: what is wrong with it is told in one line."""

    async def attempt() -> None:
        async with owner:
            pass

    try:
        asyncio.run(attempt())
    except StoreError as error:
        raise Refusal(Exit.CANNOT_BOOT, str(error)) from error
