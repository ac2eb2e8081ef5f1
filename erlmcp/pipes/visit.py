"""One client's visit, from its first line to the moment when nothing of it is left. It does not know what is said."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from erlmcp.pipes.claim import Claim
from erlmcp.pipes.duplex import Duplex
from erlmcp.pipes.inlet import Hearer
from erlmcp.pipes.options import Options
from erlmcp.pipes.outlet import Outlet

__all__ = ["Talker", "Visit"]

PARENT_LOOK = 1.0  # seconds between looks whether the client's process lives: its pipe may be held open by another one
HURRIED = 1.5  # seconds for requests under way after a signal: clients send the next one, SIGKILL, after 2


class Talker(Hearer, Protocol):
    """Who answers the client."""

    async def drain(self, seconds: float) -> None:
        """Let what is under way end, at most so long; then cancel it. May be begun again while it goes on."""


class Visit:
    """Ends with the input, with the last reader of the output, with the client's process, or by `told`.

    Made on the running loop.
    """

    def __init__(self, claim: Claim, options: Options) -> None:
        self._duplex = Duplex(claim, options)
        self._patience = options.drain
        self._signals = 0
        self._hurry = asyncio.Event()
        self._parent = os.getppid()

    @property
    def outlet(self) -> Outlet:
        """Where answers go."""
        return self._duplex.outlet

    @property
    def over(self) -> bool:
        """Whether nothing more will be heard."""
        return self._duplex.over

    async def attend(self, talker: Talker, ready: Callable[[], None]) -> None:
        """Have `talker` hear every line; return when all is over and said."""
        duplex = self._duplex
        try:
            duplex.start(talker)
            ready()
            self._watch_parent()
            await duplex.until_over()
            if duplex.heard:
                await self._while_patient(talker.drain(self._patience))
            await talker.drain(0)
        finally:
            await duplex.close()

    def told(self) -> None:
        """A signal says to leave. A second one, or one after the end of the input: at once."""
        self._signals += 1
        if self._signals > 1 or self._duplex.over:
            self._hurry.set()
        self._patience = min(self._patience, HURRIED)
        self._duplex.leave()

    async def _while_patient(self, work: Coroutine[Any, Any, None]) -> None:
        doing = asyncio.ensure_future(work)
        hurried = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait([doing, hurried], return_when=asyncio.FIRST_COMPLETED)
        finally:
            doing.cancel()
            hurried.cancel()

    def _watch_parent(self) -> None:
        if self._duplex.over:
            return
        if os.getppid() != self._parent:
            self._duplex.leave()
        else:
            asyncio.get_running_loop().call_later(PARENT_LOOK, self._watch_parent)
