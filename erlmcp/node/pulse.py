"""The heartbeat: proof that the loop turns, and with it this worker's load on the node's board."""

import asyncio
from collections.abc import Callable

import msgspec

from erlmcp.node.boot import BEAT, TREE
from erlmcp.node.station import Station

__all__ = ["Pulse"]


class Pulse:
    """Beats every `interval` seconds from `start` to `stop`; `tell` says a line to the arbiter."""

    def __init__(self, station: Station, interval: float, tell: Callable[[bytes], None]) -> None:
        self._station, self._interval, self._tell = station, interval, tell
        self._timer: asyncio.TimerHandle | None = None
        self._told = b""

    def start(self) -> None:
        """Beat now, and from now on."""
        self._tell(BEAT)
        children = msgspec.json.encode(self._station.children())
        if children != self._told:
            self._told = children
            self._tell(TREE + children)
        self._station.report()
        self._timer = asyncio.get_running_loop().call_later(self._interval, self.start)

    def stop(self) -> None:
        """No more beats."""
        if self._timer is not None:
            self._timer.cancel()
