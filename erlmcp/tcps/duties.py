"""Periodic work of the line, in the process that owns the store: forgetting idempotency keys whose time is up."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from erlmcp.otp import ChildSpec
from erlmcp.store import Busy, Database, DiskFull
from erlmcp.tcps.moments import stamp, utc_now
from erlmcp.tcps.options import Options

__all__ = ["Duties", "expire_keys"]

logger = logging.getLogger("erlmcp.tcps")

_MANY: Final = 1000  # keys a transaction: commands wait a few milliseconds for it


async def expire_keys(database: Database, now: datetime, hours: int) -> int:
    """Forget the idempotency keys that are `hours` old or older; how many."""
    expired = stamp(now - timedelta(hours=hours))
    total = 0
    while True:
        async with database.transaction() as tx:
            gone = await tx.run("expire_keys", expired=expired, many=_MANY)
        total += gone
        if gone < _MANY:
            return total


class Duties:
    """A child that does them every `interval` seconds."""

    def __init__(
        self,
        database: Database,
        options: Options | None = None,
        *,
        interval: float = 60.0,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._options = options or Options()
        self._interval = interval
        self._now = now

    def child(self) -> ChildSpec:
        """Its spec for a supervisor."""
        return ChildSpec("duties", self.run)

    async def run(self, ready: Callable[[], None]) -> None:
        """Do them until cancelled. A store that has no room now is tried again the next time."""
        ready()
        while True:
            try:
                await expire_keys(self._database, self._now(), self._options.idempotency_hours)
            except (Busy, DiskFull) as error:
                logger.warning("duties: idempotency keys are kept longer: %s", error)
            await asyncio.sleep(self._interval)
