"""Both directions of one conversation: who does not read what is said is not read from either."""

import asyncio

from erlmcp.pipes.claim import Claim
from erlmcp.pipes.inlet import Hearer, Inlet
from erlmcp.pipes.options import Options
from erlmcp.pipes.outlet import Outlet

__all__ = ["Duplex"]

PARTING = 1.0  # seconds for a client to take what is left for it


class Duplex:
    """The claimed streams as one conversation. Made on the running loop."""

    def __init__(self, claim: Claim, options: Options) -> None:
        self._claim, self._options = claim, options
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outlet = Outlet(claim.sink, options.buffer, self._reader_left, pollable=claim.pollable(claim.sink))
        self.heard = True
        """Whether somebody still reads what is said."""
        self._inlet: Inlet | None = None
        self._hearer: Hearer | None = None

    def start(self, hearer: Hearer) -> None:
        """Begin to read, for `hearer`."""
        claim = self._claim
        self._hearer = hearer
        self._inlet = Inlet(claim.source, self._options.max_line, self, pollable=claim.pollable(claim.source))
        self._inlet.start()

    async def until_over(self) -> None:
        """Return when the input has ended, nobody reads the output any more, or `leave` was said."""
        await asyncio.shield(self._over)

    @property
    def over(self) -> bool:
        """Whether nothing more will be heard."""
        return self._over.done()

    def leave(self) -> None:
        """Read no more."""
        if not self._over.done():
            self._over.set_result(None)

    async def close(self) -> None:
        """Let what was said leave, for a moment; then let go of the streams."""
        if self._inlet is not None:
            self._inlet.stop()
        try:
            async with asyncio.timeout(PARTING):
                await self.outlet.drained()
        except TimeoutError:
            pass
        finally:
            self.outlet.stop()

    # The inlet's receiver

    def hear(self, line: bytes) -> None:
        """Hand a line on, and read on only if there is room for what it brought about."""
        if self._hearer is not None:
            self._hearer.hear(line)
        self._pause_if_full()

    def too_long(self, reason: str) -> None:
        """Hand it on."""
        if self._hearer is not None:
            self._hearer.too_long(reason)
        self._pause_if_full()

    def ended(self) -> None:
        """The client has said everything."""
        self.leave()

    def _pause_if_full(self) -> None:
        inlet = self._inlet
        if inlet is not None and self.outlet.full:
            inlet.hold()
            self.outlet.room().add_done_callback(lambda _: inlet.go_on())

    def _reader_left(self) -> None:
        self.heard = False
        self.leave()
