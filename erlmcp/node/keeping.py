"""Keeps a store open. A database that is gone is a state here, not a crash: it is told, and opened again and again.

Who needs the store runs as `dependent` on it: begun when it is up, begun anew after it was down, idle in between. It
does not know what is stored.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from erlmcp.otp import ChildSpec
from erlmcp.store import Busy, Corrupt, DiskFull, State, StoreDown, StoreError

__all__ = ["Keeper"]

FIRST_RETRY = 0.1  # seconds
LAST_RETRY = 5.0  # between attempts at most: a disk that has space again is in use within so long (reliability P-09)
FULL_RETRY = 1.0  # between attempts of a dependent that found the store full or taken
CALM = 30.0  # a store that was up for so long begins again with the first delay

logger = logging.getLogger("erlmcp.node")


class Store(Protocol):
    """A `SqliteOwner` or a `SqliteReader`."""

    @property
    def state(self) -> State: ...
    async def run(self, ready: Callable[[], None]) -> None: ...


class Keeper:
    """A child that is ready after its first attempt to open the store, whatever came of it.

    `on_change` is called when the store came up or went down; `pause`: seconds.
    """

    def __init__(self, store: Store, on_change: Callable[[], None] = lambda: None, pause: float = FULL_RETRY) -> None:
        self.store = store
        self._on_change, self._pause = on_change, pause
        self._up = asyncio.Event()

    def child(self, name: str) -> ChildSpec:
        """Its spec. Closing may copy the whole WAL into the database."""
        return ChildSpec(name, self.run, shutdown=10.0, start_timeout=None)

    async def run(self, ready: Callable[[], None]) -> None:
        """Be the keeper, until cancelled."""

        def up() -> None:
            self._up.set()
            self._on_change()
            ready()

        delay, told = FIRST_RETRY, ""
        while True:
            began = time.monotonic()
            try:
                await self.store.run(up)
            except StoreError as error:
                if str(error) != told:
                    logger.error("the database is down: %s", error)
                told = str(error)
            finally:
                self._up.clear()
                self._on_change()
            ready()
            if time.monotonic() - began > CALM:
                delay, told = FIRST_RETRY, ""
            await asyncio.sleep(delay)
            delay = min(2 * delay, LAST_RETRY)

    def dependent(self, spec: ChildSpec) -> ChildSpec:
        """A child that runs while the store is up; while it is down, it is a child that waits."""

        async def run(ready: Callable[[], None]) -> None:
            while True:
                if not self._up.is_set():
                    ready()
                    await self._up.wait()
                try:
                    await spec.run(ready)
                except (StoreDown, Corrupt) as error:
                    logger.warning("%s waits for the database: %s", spec.id, error)
                    self._up.clear()  # its keeper is about to notice, and sets it when the store was opened anew
                except (Busy, DiskFull) as error:
                    logger.warning("%s can not work yet: %s", spec.id, error)
                    ready()
                    await asyncio.sleep(self._pause)
                else:
                    return

        return ChildSpec(spec.id, run, spec.restart, spec.shutdown, spec.significant, spec.start_timeout)
