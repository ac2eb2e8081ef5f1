"""`erlmcp stdio`: one process that serves one client over its standard streams, and leaves when the client does.

The same tree as a worker's, with one other door, and with the line's parts where no node runs them (`tenancy`). There
is no arbiter: whoever started us starts us again.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from erlmcp.mcp import Conversation
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.life import leave_after, loop_factory
from erlmcp.node.link import LineLink
from erlmcp.node.loading import app_for
from erlmcp.node.offspring import end_offspring
from erlmcp.node.sections import Sections
from erlmcp.node.tenancy import Tenancy
from erlmcp.node.tree import stdio_tree
from erlmcp.otp import ChildSpec, GaveUp, StartFailed
from erlmcp.pipes import Claim, Duplex
from erlmcp.telemetry import setup

if TYPE_CHECKING:
    from erlmcp.mcp import App

__all__ = ["main"]

APP_GRACE = 5.0  # seconds for the app's lifespan to close
SETTLE = 3.0  # seconds that the first request may wait for the line, where the app is nothing without it
LOOK = 0.02  # seconds between looks whether it is there
PARENT_LOOK = 1.0  # seconds between looks whether the client's process lives: its pipe may be held open by another one
HURRIED = 1.5  # seconds for calls in flight after a signal: clients send the next one, SIGKILL, after 2
LEFTOVERS = 2.0  # seconds for threads and exit handlers of the app


class Door:
    """The conversation as a child. It ends when the client leaves, or when we are told to."""

    def __init__(self, app: "App", sections: Sections, line: LineLink, claim: Claim) -> None:
        self._app, self._sections, self._line, self._claim = app, sections, line, claim
        self._duplex: Duplex | None = None
        self._hurry = asyncio.Event()
        self._patience = sections.stdio.drain
        self._told = False
        self.failed = True

    async def run(self, ready: Callable[[], None]) -> None:
        """Be the door."""
        duplex = self._duplex = Duplex(self._claim, self._sections.stdio)
        talk = Conversation(self._app, self._sections.mcp, duplex.outlet, backplane=self._line.backplane)
        try:
            await self._settle()
            if self._told:
                duplex.leave()
            duplex.start(talk)
            ready()
            self._watch_parent(os.getppid())
            await duplex.until_over()
            await self._drain(talk, duplex)
            self.failed = False
        finally:
            await duplex.close()

    def told(self) -> None:
        """A signal says to leave. A second one, or one after the end of the input: at once."""
        if self._told or (self._duplex is not None and self._duplex.over):
            self._hurry.set()
        self._told = True
        self._patience = min(self._patience, HURRIED)
        if self._duplex is not None:
            self._duplex.leave()

    async def _drain(self, talk: Conversation, duplex: Duplex) -> None:
        """Wait for what is under way, while somebody may want it."""
        if duplex.heard:
            draining = asyncio.ensure_future(talk.drain(self._patience))
            hurried = asyncio.ensure_future(self._hurry.wait())
            await asyncio.wait([draining, hurried], return_when=asyncio.FIRST_COMPLETED)
            draining.cancel()
            hurried.cancel()
        await talk.drain(0)

    async def _settle(self) -> None:
        """Wait for the line, a moment, where each call needs it. What the client says meanwhile waits in its pipe."""
        line, clock = self._line, asyncio.get_running_loop().time
        until = clock() + SETTLE
        while line.needed and not line.there and not self._told and clock() < until:  # noqa: ASYNC110 - of all of them
            await asyncio.sleep(LOOK)

    def _watch_parent(self, parent: int) -> None:
        duplex = self._duplex
        if duplex is None or duplex.over:
            return
        if os.getppid() != parent:
            duplex.leave()
        else:
            asyncio.get_running_loop().call_later(PARENT_LOOK, self._watch_parent, parent)


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

    async def work(ready: Callable[[], None]) -> None:
        async with app.running():
            ready()
            with suppress(asyncio.CancelledError):  # or what follows the author's bare `yield` would not be reached
                await loop.create_future()

    below = [tenancy.child(), *line.children(), ChildSpec("app", work, shutdown=APP_GRACE)]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, door.told)
    try:
        await stdio_tree(below, door.run).run(lambda: None)
    except (StartFailed, GaveUp) as fault:
        code = Exit.CANNOT_BOOT if isinstance(fault, StartFailed) else Exit.GAVE_UP
        cause = fault.__cause__
        raise Refusal(code, cause.message if isinstance(cause, Refusal) else str(fault)) from fault
    return Exit.NEGATIVE if door.failed else Exit.OK
