"""Deadlines that stand still while a handler, most likely a person, answers a question of the server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

__all__ = ["Patience"]


class Patience:
    """All of it on one loop's thread."""

    def __init__(self) -> None:
        self._limits: dict[asyncio.Timeout, float | None] = {}  # what was left when the pause began
        self._pauses = 0

    @contextlib.asynccontextmanager
    async def limit(self, seconds: float | None) -> AsyncIterator[None]:
        """Raises TimeoutError when the block takes longer, pauses not counted."""
        if seconds is None:
            yield
            return
        async with asyncio.timeout(None if self._pauses else seconds) as limit:
            self._limits[limit] = seconds if self._pauses else None
            try:
                yield
            finally:
                del self._limits[limit]

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """No deadline passes in this block."""
        self._pauses += 1
        if self._pauses == 1:
            self._stop()
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._go_on()

    def _stop(self) -> None:
        now = asyncio.get_running_loop().time()
        for limit in self._limits:
            when = limit.when()
            if when is not None and not limit.expired():
                self._limits[limit] = when - now
                limit.reschedule(None)

    def _go_on(self) -> None:
        now = asyncio.get_running_loop().time()
        for limit, left in self._limits.items():
            if left is not None and not limit.expired():
                limit.reschedule(now + left)
                self._limits[limit] = None
