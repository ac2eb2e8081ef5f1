"""The tools `gate_*`: evidence in, a verdict out. Methods carry the tools' names; the line judges."""

import asyncio
from typing import Final

from erlmcp import App
from erlmcp.apps.tcps.desk import Answer, Desk
from erlmcp.apps.tcps.evidence import Piece, check, taken
from erlmcp.apps.tcps.hints import CHANGES, LOOKS
from erlmcp.tcps import Gate, SubmitGate

__all__ = ["Gates"]


class Gates:
    """Gates at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk

    def offer(self, app: App) -> None:
        """Register the tools."""
        app.tool(title="Submit evidence to a gate", annotations=CHANGES)(self.gate_submit)
        app.tool(title="See the gates of a sku", annotations=LOOKS)(self.gate_status)

    async def gate_submit(
        self, sku_id: str, gate: Gate, evidence: tuple[Piece, ...] = (), idempotency_key: str | None = None
    ) -> Answer:
        """Have the gate of a sku's stage judged by evidence: the files that the tools wrote, whole and unchanged. The
        gates in their order, and the kinds of evidence each takes: 1 shacl_validation: spec. 2 compilation: exit_code,
        sarif, or both. 3 test_execution: junit and coverage. 4 security_scan: sarif. 5 deterministic_build: digests.
        6 quality_metrics: none. 7 release_verification: sbom. 8 smoke_test: exit_code, junit, or both. Answers gate
        with its verdict and each violation. passed: call sku_advance next. failed is an answer, not an error: it raised
        the andon in the answer, which stops the sku; repair what the violations say, submit again, and resolve the
        andon (root_cause_start where it is critical or high, andon_resolve) before sku_advance. Without the evidence it
        needs a gate does not run (gate_not_run): nothing passes by default.

        Args:
            sku_id: The id of the sku, SKU-….
            gate: The gate of the stage that the sku is in (sku_get, gate_status); another one is refused.
            evidence: A file each, at most 20 of them. All of a call together: at most 6 MiB of files, in a request of
                4 MiB; give larger ones gzipped, as content_base64.
            idempotency_key: Any text of your own. The same call with the same key within 24 hours is carried out once.
        """
        kept = await self._desk.look(self._kept(evidence))
        # Parsing takes up to some 100 ms for 4 MiB: not on the loop.
        figures, files = await self._desk.look(asyncio.to_thread(taken, evidence, kept))
        return await self._desk.execute(SubmitGate(sku_id, gate, figures), idempotency_key, files)

    async def gate_status(self, sku_id: str) -> Answer:
        """See where each of the eight gates of a sku stands: its last verdict (passed, failed, not_run), the violations
        of a failed one and its andon, and how often it was submitted and failed. The first one that has not passed is
        the one to submit evidence to.

        Args:
            sku_id: The id of the sku, SKU-….
        """
        return {"gates": await self._desk.look(self._desk.views.gate_status(sku_id))}

    async def _kept(self, evidence: tuple[Piece, ...]) -> dict[str, bytes]:
        """The files that are named by their digests. Raises Refused."""
        check(evidence)
        digests = {piece.digest for piece in evidence if piece.digest is not None}
        return {digest: await self._desk.views.evidence(digest.lower()) for digest in digests}
