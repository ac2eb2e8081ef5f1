"""The heartbeat: proof that the loop turns, and with it this process's load on the node's board."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from erlmcp.node.boot import BEAT, TREE

if TYPE_CHECKING:
    from erlmcp.node.life import Body

__all__ = ["Pulse"]


class Pulse:
    """Beats every `interval` seconds from `start` to `stop`; `tell` says a line to the arbiter."""

    def __init__(self, body: "Body", interval: float, tell: Callable[[bytes], None]) -> None:
        self._body, self._interval, self._tell = body, interval, tell
        self._timer: asyncio.TimerHandle | None = None
        self._told = b""

    def start(self) -> None:
        """Beat now, and from now on."""
        self._tell(BEAT)
        children = msgspec.json.encode(self._body.children())
        if children != self._told:
            self._told = children
            self._tell(TREE + children)
        self._body.report()
        self._timer = asyncio.get_running_loop().call_later(self._interval, self.start)

    def stop(self) -> None:
        """No more beats."""
        if self._timer is not None:
            self._timer.cancel()
