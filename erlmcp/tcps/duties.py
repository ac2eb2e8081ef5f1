"""Periodic work of the line, in the process that owns the store.

Forgetting idempotency keys whose time is up, verifying what was written to the chain, escalating andons that nobody
acknowledged, one notice for each security order that is overdue, and each hour proposals against waste; where a notary
and an upkeep are given, checkpoints, the daily maintenance, and letting go of what was pruned. What changes the line is
asked of it like anything else, and leaves its receipt; the line knows best whether it is still due.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from erlmcp.otp import ChildSpec, Down, Overloaded
from erlmcp.store import Busy, Database, DiskFull, TooSlow
from erlmcp.tcps import kaizen_view
from erlmcp.tcps.andon import LEVELS
from erlmcp.tcps.chain import catch_up
from erlmcp.tcps.commands import Ask, EscalateAndon, NoteBreach, RunTpm, TpmWindow
from erlmcp.tcps.errors import Refused
from erlmcp.tcps.line import Line
from erlmcp.tcps.moments import stamp, utc_now
from erlmcp.tcps.notary import KeyUnusable, Notary
from erlmcp.tcps.options import Options
from erlmcp.tcps.tpm import is_due
from erlmcp.tcps.upkeep import Upkeep

__all__ = ["ACTOR", "Duties", "escalate", "expire_keys", "maintain", "make_checkpoint", "note_breaches"]

logger = logging.getLogger("erlmcp.tcps")

#: Who asks.
ACTOR: Final = "duties"

MAINTENANCE: Final = 600.0  # seconds that a daily maintenance is waited for

_SWEPT: Final = 10_000  # receipts that were pruned, a round
_KAIZEN: Final = timedelta(hours=1)  # between two looks for waste
_MANY: Final = 1000  # keys a transaction: commands wait a few milliseconds for it
_ASKED: Final = 100  # commands a round: the others wait for the next one


class _Late(Struct, frozen=True):
    id: str
    level: int


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


async def escalate(database: Database, line: Line, now: datetime, seconds: int) -> int:
    """Take each andon that was not acknowledged in time to its next level: at 1, 2 and 3 times `seconds`. How many."""
    asks = []
    for level in range(LEVELS):
        until = stamp(now - timedelta(seconds=seconds * (level + 1)))
        late = await database.all("unacknowledged", into=_Late, level=level, until=until, many=_ASKED)
        asks += [EscalateAndon(andon.id, andon.level + 1) for andon in late]
    return await _ask(line, asks)


async def note_breaches(database: Database, line: Line, now: datetime) -> int:
    """Raise a notice for each security order that is overdue and has none. How many."""
    return await _ask(
        line, [NoteBreach(order) for order in await database.all("breached", into=str, now=stamp(now), many=_ASKED)]
    )


async def make_checkpoint(notary: Notary, hours: int) -> bool:
    """Sign the head of the chain if the newest checkpoint is so old and something has happened since; whether."""
    if not await notary.due(hours):
        return False
    made = await notary.make()
    if notary.fault:
        logger.warning("duties: a checkpoint is in the database alone: %s", notary.fault)
    return made is not None


async def maintain(database: Database, line: Line, now: datetime) -> bool:
    """Do the daily maintenance if none of any kind was done within a day, and there is something to maintain."""
    found = [await database.one("last_tpm_at", into=str, window=window) for window in TpmWindow]
    last = max(filter(None, found), default=None)
    last = last or await database.one("first_receipt_at", into=str, after=0)
    if last is None or not is_due(TpmWindow.DAILY, last, now):
        return False
    try:
        await line.execute(Ask(ACTOR, "tpm_run", RunTpm(TpmWindow.DAILY)), MAINTENANCE)
    except Refused as refused:
        logger.debug("duties: %s", refused)
        return False
    return True


async def _ask(line: Line, commands: "list[EscalateAndon] | list[NoteBreach]") -> int:
    done = 0
    for command in commands:
        try:
            await line.execute(Ask(ACTOR, command.name, command))
        except Refused as refused:  # somebody was quicker
            logger.debug("duties: %s", refused)
        else:
            done += 1
    return done


class Duties:
    """A child that does them every `interval` seconds."""

    def __init__(
        self,
        database: Database,
        line: Line,
        options: Options | None = None,
        *,
        interval: float = 10.0,
        now: Callable[[], datetime] = utc_now,
        keepers: tuple[Notary, Upkeep] | None = None,
    ) -> None:
        self._database = database
        self._line = line
        self._options = options or Options()
        self._interval = interval
        self._now = now
        self._keepers = keepers
        self._maintaining: asyncio.Task[None] | None = None
        self._kaizen_at = now()

    def child(self) -> ChildSpec:
        """Its spec for a supervisor."""
        return ChildSpec("duties", self.run)

    async def run(self, ready: Callable[[], None]) -> None:
        """Do them until cancelled. What a store without room, or a busy line, does not allow is tried again."""
        ready()
        try:
            await self._work()
        finally:
            if self._maintaining is not None:
                self._maintaining.cancel()
                self._maintaining = None

    async def _work(self) -> None:
        while True:
            now, options = self._now(), self._options
            await self._do("keys are kept longer", expire_keys(self._database, now, options.idempotency_hours))
            await self._do("the chain is verified later", catch_up(self._database, self._now))
            await self._do(
                "andons escalate later", escalate(self._database, self._line, now, options.escalation_seconds)
            )
            await self._do("overdue orders are noticed later", note_breaches(self._database, self._line, now))
            if self._keepers is not None:
                await self._keep(*self._keepers)
            if now >= self._kaizen_at:
                self._kaizen_at = now + _KAIZEN
                await self._do("waste is measured later", kaizen_view.measure(self._database, self._line, now, options))
                await self._do("waste is proposed later", kaizen_view.propose(self._database, self._line, now, options))
            await asyncio.sleep(self._interval)

    async def _keep(self, notary: Notary, upkeep: Upkeep) -> None:
        await self._do("a checkpoint is made later", make_checkpoint(notary, self._options.checkpoint_hours))
        await self._do("what was pruned is deleted later", upkeep.sweep(_SWEPT))
        if self._maintaining is not None and self._maintaining.done():
            self._maintaining.result()
            self._maintaining = None
        if self._options.tpm_daily and self._maintaining is None:  # andons do not wait for it
            duty = maintain(self._database, self._line, self._now())
            self._maintaining = asyncio.create_task(self._do("maintenance is done later", duty))

    async def _do(self, otherwise: str, duty: Awaitable[object]) -> None:
        try:
            await duty
        except (Busy, DiskFull, TooSlow, Down, Overloaded, TimeoutError, KeyUnusable) as error:
            logger.warning("duties: %s: %s", otherwise, error)
