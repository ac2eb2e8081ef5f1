"""The command on maintenance: what was done and found is recorded, with where the chain begins from then on."""

from erlmcp.tcps.commands import RunTpm
from erlmcp.tcps.errors import Code, Refused
from erlmcp.tcps.line import Outputs
from erlmcp.tcps.tpm import Report, TpmRun, check_window, score
from erlmcp.tcps.turn import Turn, text

__all__ = ["run_tpm"]


async def run_tpm(turn: Turn, command: RunTpm) -> Outputs:
    """Record a maintenance that was done, and where the chain begins from now on."""
    if not command.force:
        last = await turn.tx.one("last_tpm_at", into=str, window=command.window)
        check_window(command.window, last, turn.now)
    report = turn.report
    if report is None:
        raise Refused(
            Code.INVALID_TRANSITION,
            "nobody maintains this line: its maintenance does not run here",
            "call tpm_run at a node that serves the line",
        )
    run = _run_of(report, command, turn.at)
    await turn.tx.run(
        "insert_tpm_run",
        seq=turn.seq,
        window=run.window,
        started_at=run.started_at,
        ended_at=run.ended_at,
        score=run.score,
        figures=text(run.figures),
        findings=text(run.findings),
        checkpoint=run.checkpoint,
        pruned=run.pruned,
    )
    if run.pruned is not None:
        await turn.tx.run("set_pruned", seq=run.pruned, by=turn.seq)
    return Outputs(tpm_run=run)


def _run_of(report: Report, command: RunTpm, at: str) -> TpmRun:
    return TpmRun(
        window=command.window,
        started_at=report.started_at,
        ended_at=at,
        score=score(report.findings),
        figures=report.figures,
        findings=report.findings,
        checkpoint=report.checkpoint,
        pruned=report.prune,
    )
