"""The tools `andon_*` and the resource of an andon. Methods carry the tools' names; the line decides."""

from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import JSON, Answer, Desk
from erlmcp.apps.tcps.hints import CHANGES, LOOKS
from erlmcp.tcps import (
    AcknowledgeAndon,
    Andon,
    AndonFilter,
    AndonStatus,
    AndonType,
    PullAndon,
    ResolveAndon,
    RootCause,
    Severity,
)

__all__ = ["Andons"]


class Andons:
    """Andons at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tools and the resource."""
        app.tool(title="Stop the line", annotations=CHANGES)(self.andon_pull)
        app.tool(title="Acknowledge an andon", annotations=CHANGES)(self.andon_acknowledge)
        app.tool(title="Resolve an andon", annotations=CHANGES)(self.andon_resolve)
        app.tool(title="List andons", annotations=LOOKS)(self.andon_list)
        app.tool(title="Get an andon", annotations=LOOKS)(self.andon_get)
        app.resource("tcps://andons/{id}", name="andon", title="Andon", mime_type=JSON)(self.read)

    async def andon_pull(
        self,
        work_order_id: str,
        type: AndonType,  # noqa: A002 - the argument's name is API
        message: str,
        severity: Severity | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Pull the cord: stop a work order because something is wrong. Anybody may, and should. Until the andon is
        resolved (andon_resolve), the order and its sku do not move forward; a critical one also stops every start in
        its bucket. A gate that fails pulls the cord itself: no need to do it once more.

        Args:
            work_order_id: The id of the work order to stop, WO-….
            type: What it is about; manual for anything that no gate tells.
            message: What is wrong, for whoever comes to look.
            severity: How bad it is; the type's usual one when left out. Critical and high ones need five finished whys
                (root_cause_start) before they can be resolved.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(PullAndon(work_order_id, type, message, severity), idempotency_key)

    async def andon_acknowledge(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        assignee: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Say that somebody looks into an andon: it is then investigating, and is not escalated any more. It stops what
        it stopped until it is resolved.

        Args:
            id: The id of the andon, ANDON-….
            assignee: Who looks into it; you when left out.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(AcknowledgeAndon(id, assignee), idempotency_key)

    async def andon_resolve(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        root_cause: str,
        fix_applied: str,
        prevention_added: str,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Say that an andon is understood, repaired and prevented: what it stopped may move again. Critical and high
        ones are refused (invalid_transition) until their five whys are finished: root_cause_start, root_cause_add_why
        five times, root_cause_finalize.

        Args:
            id: The id of the andon, ANDON-….
            root_cause: Why it happened, in the end.
            fix_applied: What was done about it.
            prevention_added: What keeps it from happening again.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(ResolveAndon(id, root_cause, fix_applied, prevention_added), idempotency_key)

    async def andon_list(
        self,
        status: AndonStatus | None = None,
        work_order_id: str | None = None,
        sku_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Answer:
        """List andons, the newest first: stops (stops is true), raised by a failed gate or a pulled cord, and notices,
        which block nothing.

        Args:
            status: Only andons with this status; open and investigating are those not resolved.
            work_order_id: Only andons about this work order, WO-….
            sku_id: Only andons about this sku, SKU-….
            limit: How many at most, 1 to 200.
            cursor: The next_cursor of the page before; leave it out for the first page.
        """
        which = AndonFilter(status, work_order_id, sku_id)
        return await self._desk.look(self._desk.views.andons(which, limit, cursor))

    async def andon_get(self, id: str) -> Answer:  # noqa: A002 - the argument's name is API
        """Look at one andon: what it is about, how bad it is, whether it stops, who looks into it; and the root_cause
        with its whys, once root_cause_start began one.

        Args:
            id: The id of the andon, ANDON-….
        """
        andon = await self._desk.look(self._desk.views.andon(id))
        if andon.root_cause_id is None:
            return {"andon": andon}
        cause: RootCause = await self._desk.look(self._desk.views.root_cause(andon.root_cause_id))
        return {"andon": andon, "root_cause": cause}

    async def read(self, id: str) -> Andon:  # noqa: A002 - the variable of the URI
        """One andon, as andon_get shows it."""
        return await self._desk.read(f"tcps://andons/{id}", self._desk.views.andon(id))
