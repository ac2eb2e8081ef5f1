"""`erlmcp stdio`: one process that serves one client over its standard streams, and leaves when the client does.

The same tree as a worker's, with one other door, and with the line's parts where no node runs them (`tenancy`). There
is no arbiter: whoever started us starts us again.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from erlmcp.mcp import Conversation
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.life import leave_after, loop_factory
from erlmcp.node.link import LineLink
from erlmcp.node.loading import app_for
from erlmcp.node.offspring import end_offspring
from erlmcp.node.sections import Sections
from erlmcp.node.tenancy import Tenancy
from erlmcp.node.tree import app_child, stdio_tree
from erlmcp.otp import GaveUp, StartFailed
from erlmcp.pipes import Claim, Visit
from erlmcp.telemetry import setup

if TYPE_CHECKING:
    from erlmcp.mcp import App

__all__ = ["main"]

APP_GRACE = 5.0  # seconds for the app's lifespan to close
SETTLE = 3.0  # seconds that the first request may wait for the line, where the app is nothing without it
LOOK = 0.02  # seconds between looks whether it is there
LEAVING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LEFTOVERS = 2.0  # seconds for threads and exit handlers of the app


class Door:
    """The conversation as a child. It ends when the client leaves, or when we are told to."""

    def __init__(self, app: "App", sections: Sections, line: LineLink, claim: Claim) -> None:
        self._app, self._sections, self._line = app, sections, line
        self.visit = Visit(claim, sections.stdio)
        self.failed = True

    async def run(self, ready: Callable[[], None]) -> None:
        """Be the door."""
        talk = Conversation(self._app, self._sections.mcp, self.visit.outlet, backplane=self._line.backplane)
        await self._settle()
        await self.visit.attend(talk, ready)
        await talk.tasks.leave(0.0)  # to whoever has the line next: their client asks again
        self.failed = False

    async def _settle(self) -> None:
        """Wait for the line, a moment, where each call needs it. What the client says meanwhile waits in its pipe."""
        line, clock = self._line, asyncio.get_running_loop().time
        until = clock() + SETTLE
        while line.needed and not line.there and not self.visit.over and clock() < until:  # noqa: ASYNC110 - of all
            await asyncio.sleep(LOOK)


def main(sections: Sections, claim: Claim) -> int:
    """Serve the client until it leaves; returns the exit code. Refusal when there is nothing to serve it with."""
    log = setup(sections.log)
    try:
        line = LineLink(sections, f"stdio-{os.getpid()}")
        app = app_for(sections, line)
        tenancy = Tenancy(sections, line)
        app.bind(sections.mcp)
        runner = asyncio.Runner(loop_factory=loop_factory(sections.node.loop))
        code = runner.run(_live(app, sections, line, tenancy, claim))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # we are leaving already
        app.close()
    finally:
        end_offspring()
        log.close()
        claim.release()
    leave_after(LEFTOVERS, code)
    return code


async def _live(app: "App", sections: Sections, line: LineLink, tenancy: Tenancy, claim: Claim) -> int:
    loop = asyncio.get_running_loop()
    door = Door(app, sections, line, claim)
    below = [tenancy.child(), *line.children(), app_child(app, shutdown=APP_GRACE)]
    for number in LEAVING:
        loop.add_signal_handler(number, door.visit.told)
    try:
        await stdio_tree(below, door.run).run(lambda: None)
    except (StartFailed, GaveUp) as fault:
        code = Exit.CANNOT_BOOT if isinstance(fault, StartFailed) else Exit.GAVE_UP
        cause = fault.__cause__
        raise Refusal(code, cause.message if isinstance(cause, Refusal) else str(fault)) from fault
    return Exit.NEGATIVE if door.failed else Exit.OK
