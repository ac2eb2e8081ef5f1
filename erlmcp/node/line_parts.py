"""The parts of the line, wherever they run: the one owner of the database file, the actors on it, and the hub.

In a node they are a process of their own; `erlmcp stdio` without a node has them in its own.
"""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from erlmcp import backplane, otp, tcps
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.keeping import Keeper
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
from erlmcp.node.sections import Sections
from erlmcp.node.tree import line_tree
from erlmcp.store import SqliteOwner, StoreError

__all__ = ["LineParts", "open_once"]


class LineParts:
    """`tree` to run, `hub` that others reach. `host`: what kind of process this is, for those who join it."""

    def __init__(self, sections: Sections, host: str) -> None:
        self._host, self._app, self._told = host, sections.node.app, b""
        served = serves_tcps(sections.node.app)
        place = data_dir(sections.node)
        # It was there a moment ago (`open_once`). One that has gone is not begun anew, empty, as if nothing had been.
        self.owner = SqliteOwner(place / DATABASE, schema(sections.node.app), sections.store, create=False)
        keeper = Keeper(self.owner, self.tell)
        services: dict[str, otp.Service] = {}
        self.hub = otp.Hub(place / LINE_SOCKET, services)
        shared = backplane.parts(backplane.Ground(self.owner, self._signal, sections.mcp))
        services.update(shared.services)
        actors = list(shared.children)
        if served:
            line, children = self._line(sections.tcps, place)
            services[tcps.SERVICE] = tcps.service(line)
            actors += children
        keys = backplane.KeyKeeper(place, sections.mcp.key_rotation_days, self._signal)
        dependents = [keeper.dependent(actor) for actor in actors]
        self.tree = line_tree(keeper.child("database"), [*dependents, keys.child()], self.hub)

    def _line(self, options: tcps.Options, place: Path) -> tuple[tcps.Line, list[otp.ChildSpec]]:
        """The line, and who works on it. What is kept beside the database is in the data directory."""
        coordinator = tcps.Coordinator(self.owner, options, publish=self._publish)
        premises = tcps.Premises(
            key=Path(options.checkpoint_key or place / "checkpoint.key"),
            place=place,
            shelf=Path(options.checkpoint_dir) if options.checkpoint_dir else None,
        )
        notary = tcps.Notary(self.owner, premises)

        def peers() -> dict[str, int]:
            return {"connections": self.hub.peers, "commands_waiting": coordinator.waiting}

        backups = Path(options.tpm_backup_dir or place / "backups")
        upkeep = tcps.Upkeep(self.owner, notary, tcps.Place(backups, schema(self._app), peers), options)
        line = tcps.Maintenance(coordinator, self.owner, upkeep)
        duties = tcps.Duties(self.owner, line, options, keepers=(notary, upkeep))
        return line, [coordinator.child(), line.child(), duties.child()]

    def tell(self) -> None:
        """Tell all who have joined how the database is, if that has changed."""
        state = encode_state(LineState(os.getpid(), self.owner.state, self._host, self._app))
        if state != self._told:
            self._told = state
            self.hub.publish(STATE, state, keep=True)

    def _publish(self, facts: list[bytes]) -> None:
        for fact in facts:
            self.hub.publish(FACTS, fact)

    def _signal(self, topic: str, payload: bytes) -> None:
        self.hub.publish(topic, backplane.for_all(payload))


def open_once(sections: Sections) -> None:
    """Open the database and close it again, and have the file of keys, before there is a tree: what is wrong with them
    is told in one line.

    Refusal(CANNOT_BOOT). Not on a running loop.
    """
    owner = SqliteOwner(data_dir(sections.node) / DATABASE, schema(sections.node.app), sections.store)

    async def attempt() -> None:
        async with owner:
            pass

    try:
        asyncio.run(attempt())
    except StoreError as error:
        raise Refusal(Exit.CANNOT_BOOT, str(error)) from error
    try:
        backplane.make_keys(data_dir(sections.node), datetime.now(UTC))
    except (backplane.KeysDamaged, OSError) as error:
        raise Refusal(Exit.CANNOT_BOOT, str(error)) from error
