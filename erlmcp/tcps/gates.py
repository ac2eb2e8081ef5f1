"""The command on gates: evidence in, a verdict out, and an andon where it failed."""

from collections.abc import Sequence

from erlmcp.tcps.andon import TYPE_OF_GATE, Andon
from erlmcp.tcps.andons import raise_or_join
from erlmcp.tcps.chain import broken_for
from erlmcp.tcps.commands import Gate, SubmitGate
from erlmcp.tcps.errors import Code, Refused
from erlmcp.tcps.figures import Digests, Evidence
from erlmcp.tcps.gate import GateResult, Past, judge, missed
from erlmcp.tcps.line import Outputs
from erlmcp.tcps.sku import GATE_OF, Sku, Verdict, status_after
from erlmcp.tcps.skus import hold_in_progress, latest
from erlmcp.tcps.turn import Turn, text
from erlmcp.tcps.work_order import WorkOrder

__all__ = ["submit"]


async def submit(turn: Turn, command: SubmitGate) -> Outputs:
    """Have the gate of the sku's stage judged. A failing verdict is no refusal: it is what happened."""
    sku = await turn.sku(command.sku_id)
    status_after(sku, command)
    order = await hold_in_progress(turn, sku)
    _check_gate(sku, command.gate)
    await _keep(turn, command.evidence)
    past = await _past(turn, sku, command.gate)
    result = judge(command.gate, command.evidence, turn.options.thresholds(), past)
    andon = await _andon(turn, order, sku, result)
    await turn.tx.run(
        "insert_submission",
        seq=turn.seq,
        sku_id=sku.id,
        gate=result.gate,
        verdict=result.verdict,
        violations=text(result.violations),
        evidence=text(command.evidence),
        andon_id=andon.id if andon else None,
    )
    return Outputs(sku=await turn.move_sku(sku.id), gate=result, andon=andon)


def _check_gate(sku: Sku, gate: Gate) -> None:
    current = GATE_OF.get(sku.stage)
    if gate is current:
        return
    then = f"call gate_submit for {current}" if current else "call work_order_complete, then sku_publish"
    raise Refused(
        Code.INVALID_TRANSITION,
        f"sku {sku.id} is in {sku.stage}: gate {gate} cannot judge it now",
        f"{then}; call gate_status to see where it is",
    )


async def _keep(turn: Turn, evidence: Sequence[Evidence]) -> None:
    """Keep the files that came along. Raises Refused(invalid) if figures have no file behind them."""
    came = {file.digest: file.content for file in turn.ask.files}
    for digest, content in came.items():
        await turn.tx.run("insert_file", digest=digest, seq=turn.seq, size=len(content), content=content)
    for one in evidence:
        size = await turn.tx.one("size_of_file", into=int, digest=one.digest)
        if size != one.size:
            wrong = "is not kept here" if size is None else f"has {size} bytes, not {one.size}"
            raise Refused(
                Code.INVALID,
                f"the {one.kind} evidence with SHA-256 {one.digest} {wrong}",
                "call gate_submit with its content",
            )


async def _past(turn: Turn, sku: Sku, gate: Gate) -> Past:
    if gate is Gate.QUALITY_METRICS:
        unresolved = await turn.tx.all("unresolved_failures", into=Gate, sku_id=sku.id)
        tests = await latest(turn, sku.id, Gate.TEST_EXECUTION)
        in_order = tuple(one for one in Gate if one in unresolved)
        return Past(unresolved=in_order, tests=tests.evidence if tests else ())
    if gate is Gate.RELEASE_VERIFICATION:
        built = await latest(turn, sku.id, Gate.DETERMINISTIC_BUILD)
        builds = [one.first for one in built.evidence if isinstance(one, Digests)] if built else []
        return Past(build=builds[-1] if len(builds) == 1 else "", chain=await broken_for(turn, sku.id))
    return Past()


async def _andon(turn: Turn, order: WorkOrder, sku: Sku, result: GateResult) -> Andon | None:
    kind = TYPE_OF_GATE.get(result.gate)
    if result.verdict is not Verdict.FAILED or kind is None:
        return None
    return await raise_or_join(turn, order, kind, f"gate {result.gate} failed: {missed(result.violations)}", sku)
