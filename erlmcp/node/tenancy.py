"""Who runs the line of a data directory where no node does: the one `erlmcp stdio` that has it locked.

Each tries; one gets the lock and runs the line's parts, the others join it by its hub. When it leaves, the next one
takes over. Where a node has the directory everybody joins it, and nobody takes its place: it is expected back.
"""

import asyncio
import logging
from collections.abc import Callable

from msgspec.structs import replace

from erlmcp import otp
from erlmcp.node.control import DataDir
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.line_parts import LineParts, open_once
from erlmcp.node.line_state import NODE, STDIO, data_dir, serves_tcps
from erlmcp.node.link import LineLink
from erlmcp.node.options import TCPS_APP
from erlmcp.node.sections import Sections

__all__ = ["Tenancy"]

LOOK = 0.1  # seconds between looks whether the line is away and the directory free
PAUSE = 1.0  # seconds until another attempt, after one that failed
HOLDER = "erlmcp stdio"

logger = logging.getLogger("erlmcp.node")


class Tenancy:
    """A child that runs the line where nobody else does. `line`: how this process reaches it, ours or another's.

    Whatever app is served here, it is the production line's line as well: the next process may serve that, and joins.
    """

    def __init__(self, sections: Sections, line: LineLink) -> None:
        """Takes the directory if it is free. Refusal when it, or the database in it, can not be used."""
        self._sections = replace(sections, node=replace(sections.node, app=TCPS_APP))
        self._line = line
        self._place = data_dir(sections.node)
        self._held = self._take()
        if self._held is not None:
            try:
                open_once(self._sections)
            except BaseException:
                self._held.close()
                raise

    def child(self) -> otp.ChildSpec:
        """Its spec. The line's tree has budgets of its own for its end."""
        return otp.ChildSpec("line", self.run, shutdown=None, start_timeout=None)

    async def run(self, ready: Callable[[], None]) -> None:
        """Run the line, or wait until it has to be run. Ready when it is there, or is somebody else's."""
        while True:
            held, self._held = self._held or await self._succeed(), None
            if held is None:
                ready()
                await self._vacancy()
                continue
            try:
                await LineParts(self._sections, host=STDIO).tree.run(ready)
            finally:
                held.close()

    async def _succeed(self) -> DataDir | None:
        """The directory, if it is free, and the database in it can be used: its last owner may not have got so far."""
        held = self._take()
        if held is not None:
            try:
                await asyncio.to_thread(open_once, self._sections)
            except Refusal as refusal:
                held.close()
                logger.error("the line can not be taken over: %s", refusal.message)
                await asyncio.sleep(PAUSE)
                return None
        return held

    async def _vacancy(self) -> None:
        """Return when the line is away, unless a node had it, which is expected back."""
        warned = ""
        while True:
            await asyncio.sleep(LOOK)
            state = self._line.state
            if not self._line.link.connected:
                if state is None or state.host != NODE:
                    return
            elif state is not None and state.app != warned and self._line.needed and not serves_tcps(state.app):
                warned = state.app
                logger.error(
                    "%s is held for %s, without a production line: give another --data-dir", self._place, warned
                )

    def _take(self) -> DataDir | None:
        """The directory, if it is free. Refusal when it can not be used."""
        try:
            return DataDir(self._place, HOLDER)
        except Refusal as refusal:
            if refusal.code != Exit.CONFLICT:
                raise
            return None
