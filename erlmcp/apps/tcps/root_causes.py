"""The tools `root_cause_*`: the five whys of an andon. Methods carry the tools' names; the line decides."""

from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import Answer, Desk
from erlmcp.apps.tcps.hints import CHANGES
from erlmcp.tcps import AddWhy, FinalizeRootCause, StartRootCause

__all__ = ["RootCauses"]


class RootCauses:
    """Root causes at one desk. What there is of one, andon_get shows."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tools."""
        app.tool(title="Begin the five whys", annotations=CHANGES)(self.root_cause_start)
        app.tool(title="Answer a why", annotations=CHANGES)(self.root_cause_add_why)
        app.tool(title="Finish the five whys", annotations=CHANGES)(self.root_cause_finalize)

    async def root_cause_start(self, andon_id: str, problem: str, idempotency_key: str | None = None) -> Answer:
        """Begin the five whys of an andon, which is acknowledged by that. Answers the root_cause: give its id to
        root_cause_add_why, five times. Refused (conflict) when the andon has one already: go on with that.

        Args:
            andon_id: The id of the andon, ANDON-….
            problem: What went wrong, as it was seen: the question that why number 1 answers.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(StartRootCause(andon_id, problem), idempotency_key)

    async def root_cause_add_why(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        n: int,
        text: str,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Answer the next why, or an earlier one anew. Why number 1 answers why the problem happened, each one after it
        why the answer before is so, until number 5 is something that can be changed.

        Args:
            id: The id of the root cause, RC-…, from root_cause_start or andon_get.
            n: Which why, 1 to 5; one more than there are, or one of those.
            text: The answer.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(AddWhy(id, n, text), idempotency_key)

    async def root_cause_finalize(
        self,
        id: str,  # noqa: A002 - the argument's name is API
        root_cause: str,
        prevention: str,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Finish the five whys: all five must be there. Answers proposals, where this can be prevented; then repair it
        and call andon_resolve. Nothing of it can be changed afterwards.

        Args:
            id: The id of the root cause, RC-….
            root_cause: What the whys came to.
            prevention: What is to be done so that it does not come back.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        return await self._desk.execute(FinalizeRootCause(id, root_cause, prevention), idempotency_key)
