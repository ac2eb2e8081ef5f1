"""A worker's side of the line: the link to the hub, its own read-only view of the database, and what `/health` says.

What a probe tells is what the line process told last: nothing is asked for a request.
"""

import time
from collections.abc import Callable
from typing import Literal

from erlmcp import backplane, otp, tcps
from erlmcp.node.keeping import Keeper
from erlmcp.node.line_state import (
    DATABASE,
    FACTS,
    LINE_SOCKET,
    STATE,
    LineState,
    data_dir,
    decode_state,
    schema,
    serves_tcps,
)
from erlmcp.node.sections import Sections
from erlmcp.store import SqliteReader, StoreError
from erlmcp.telemetry import Check, LineFacts, line_facts

__all__ = ["LineLink"]

SOON = 10.0  # seconds that the line may be away before that is a fault: it is back within one, after a roll within some
LITTLE = 64 * 1024 * 1024  # bytes of free disk below which one should act


class LineLink:
    """The line as one process has it that serves an app, called `name` there. `clock` is monotonic, in seconds."""

    def __init__(self, sections: Sections, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        place = data_dir(sections.node)
        self.needed = serves_tcps(sections.node.app)
        self.link = otp.Link(place / LINE_SOCKET, name=name)
        self.reader: SqliteReader | None = None
        self.views: tcps.Views | None = None
        self.state: LineState | None = None
        self._clock = clock
        self.link.subscribe(STATE, self._hear)
        tables = schema(sections.node.app)
        if tables.migrations:
            self.reader = SqliteReader(place / DATABASE, tables, sections.store)
        if self.needed and self.reader is not None:
            self.views = tcps.Views(self.reader, sections.tcps)
        self.backplane = backplane.join(backplane.Shore(place, self.link, self.reader, sections.mcp))

    @property
    def there(self) -> bool:
        """Whether commands reach it now and, where it is read here, reads do."""
        return self.link.connected and (self.reader is None or self.reader.state.up)

    def children(self) -> list[otp.ChildSpec]:
        """For the tree: the link, and the reader where there is a database."""
        link = otp.ChildSpec("line link", self.link.run, shutdown=1.0)
        return [link, *([Keeper(self.reader).child("database")] if self.reader else [])]

    def hear_facts(self, deliver: Callable[[bytes], None]) -> None:
        """Have `deliver` called with each receipt of the line as JSON, from now on, in the order of the chain."""
        self.link.subscribe(FACTS, deliver)

    def probes(self) -> list[Callable[[], Check]]:
        """For `/health`."""
        return [self.check_database, self.check_line]

    def check_line(self) -> Check:
        """Is there a line process? Away for a moment is degraded: the arbiter is at work on it, and calls wait."""
        if self.link.connected:
            return Check("line", "healthy", f"process {self.state.pid}" if self.state else "connected")
        away = self._clock() - self.link.since
        return Check("line", self._bad(away > SOON), f"away for {away:.0f} s: {self.link.reason}")

    def check_database(self) -> Check:
        """What the line process said of the database last."""
        state = self.state.database if self.state else None
        if state is None or not self.link.connected:
            return Check("database", "degraded", "unknown while the line process is away")
        if not state.up:
            return Check("database", self._bad(), state.reason)
        if state.free < LITTLE:
            return Check("database", "degraded", f"{state.free >> 20} MiB are free on its disk: free some space")
        return Check("database", "healthy", f"SQLite {state.sqlite}, {state.size + state.wal_size} bytes")

    async def facts(self) -> LineFacts | None:
        """The production line for `/metrics`; None where there is none, and while its database can not be read."""
        if self.views is None:
            return None
        try:
            return await line_facts(self.views)
        except StoreError:
            return None

    def _bad(self, fault: bool = True) -> Literal["degraded", "unhealthy"]:
        """What the app of this node can not do without makes the node unhealthy."""
        return "unhealthy" if fault and self.needed else "degraded"

    def _hear(self, payload: bytes) -> None:
        self.state = decode_state(payload)
