"""The tools `tpm_*`: maintenance of the line itself, and how it is."""

from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import Answer, Desk
from erlmcp.apps.tcps.hints import CHANGES, LOOKS
from erlmcp.tcps import RunTpm, TpmWindow

__all__ = ["Tpm"]


class Tpm:
    """Maintenance at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tools."""
        app.tool(title="Look at the line's own health", annotations=LOOKS)(self.tpm_health)
        app.tool(title="Maintain the line", annotations=CHANGES)(self.tpm_run)

    async def tpm_health(self) -> Answer:
        """See how the line itself is: score (100 is best), findings with severity and what to do next, when each
        maintenance window (daily, weekly, monthly, quarterly) was done last and is due, what those runs found, and the
        newest signed checkpoint of the chain of receipts.
        """
        return {"tpm_health": await self._desk.look(self._desk.views.tpm_health())}

    async def tpm_run(self, window: TpmWindow, force: bool = False, idempotency_key: str | None = None) -> Answer:
        """Maintain the line: verify the chain of receipts, sign a checkpoint, prune receipts beyond their time; weekly
        and beyond also back up and restore the backup to check it, tidy the database. Answers the tpm_run with its
        score and findings. Refused (conflict) when it was done within its window, unless forced. On a big line it may
        take longer than a call waits: then call again with the same idempotency_key.

        Args:
            window: daily, weekly, monthly or quarterly.
            force: Do it although it was done in this window.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(RunTpm(window, force), idempotency_key)
