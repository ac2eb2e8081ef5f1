"""The line with its maintenance: `tpm_run` is prepared here, step by step, and recorded by the coordinator.

What takes long is done before the command's transaction, in this actor's own time: commands go on meanwhile. One
maintenance at a time; a caller that does not wait for the end asks again with the same key.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final

from erlmcp.otp import Actor, Down, Overloaded
from erlmcp.store import Busy, DiskFull, TooSlow
from erlmcp.tcps.commands import Ask, RunTpm
from erlmcp.tcps.coordinator import Coordinator
from erlmcp.tcps.errors import Refused
from erlmcp.tcps.limits import admit
from erlmcp.tcps.line import Done
from erlmcp.tcps.moments import utc_now
from erlmcp.tcps.tpm import is_due
from erlmcp.tcps.upkeep import Keep, Upkeep

__all__ = ["Maintenance"]

_PATIENCE: Final = 30.0  # seconds that the record waits for its turn
_CALLERS: Final = 16


class Maintenance(Actor):
    """A `Line`: maintains the one that it stands before, and passes every other command on to it."""

    refusals: ClassVar[tuple[type[Exception], ...]] = (Refused, Down, Overloaded, TimeoutError)

    def __init__(
        self, line: Coordinator, database: Keep, upkeep: Upkeep, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__(name="maintenance", capacity=_CALLERS)
        self._line, self._database, self._upkeep, self._now = line, database, upkeep, now

    async def execute(self, ask: Ask, timeout: float = 10.0) -> Done:
        """See `Line`."""
        if not isinstance(ask.command, RunTpm):
            return await self._line.execute(ask, timeout)
        admit(ask)
        return await self.call(self._maintain, ask, ask.command, timeout=timeout)

    async def _maintain(self, ask: Ask, command: RunTpm) -> Done:
        try:
            report = await self._upkeep.run(command.window) if await self._is_due(ask, command) else None
            done = await self._line.execute(ask, _PATIENCE, report)
            if report is not None and report.prune is not None:
                await self._upkeep.settle()
        except (Busy, DiskFull, TooSlow) as fault:
            raise Down(self.name, f"cannot go on: {fault}") from fault
        return done

    async def _is_due(self, ask: Ask, command: RunTpm) -> bool:
        """Whether the steps are to be done. If not, the coordinator answers: as before, or that it is too early."""
        if ask.idempotency_key is not None:
            key = ask.idempotency_key
            if await self._database.one("answer_of_key", actor=ask.actor, tool=ask.tool, key=key) is not None:
                return False
        if command.force:
            return True
        last = await self._database.one("last_tpm_at", into=str, window=command.window)
        return is_due(command.window, last, self._now())
