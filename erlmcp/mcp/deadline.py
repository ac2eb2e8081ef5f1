"""A limit in time that stands still while somebody else is waited for.

It does not know what is limited.
"""

import asyncio
from collections.abc import Callable

__all__ = ["Deadline"]


class Deadline:
    """Calls `expire` after so many seconds, those not counted in which it was held. On the loop's thread."""

    __slots__ = ("_expire", "_held", "_left", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, expire: Callable[[], object]) -> None:
        self._loop, self._expire = loop, expire
        self._held = 0
        self._left = 0.0
        self._timer: asyncio.TimerHandle | None = loop.call_later(seconds, expire)

    def hold(self) -> None:
        """Time does not count from here on, until `go_on` was called as often."""
        self._held += 1
        if self._held == 1 and self._timer is not None:
            self._left = max(self._timer.when() - self._loop.time(), 0.0)
            self._timer.cancel()

    def go_on(self) -> None:
        """Time counts again."""
        self._held -= 1
        if not self._held and self._timer is not None:
            self._timer = self._loop.call_later(self._left, self._expire)

    def lift(self) -> None:
        """It is met: nothing expires any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
