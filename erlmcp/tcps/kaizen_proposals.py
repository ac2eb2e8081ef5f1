"""The commands on kaizen's proposals: what is worth an improvement, what was applied, and what that brought."""

from erlmcp.tcps.commands import ApplyKaizen, MeasureKaizen, ProposeKaizen
from erlmcp.tcps.errors import Code, Refused
from erlmcp.tcps.kaizen_proposal import KaizenProposal, applied, measured, no_such_proposal, proposed
from erlmcp.tcps.line import Outputs
from erlmcp.tcps.turn import Turn, text

__all__ = ["apply", "measure", "propose"]


async def propose(turn: Turn, command: ProposeKaizen) -> Outputs:
    """A waste is worth it, once at a time."""
    there = await turn.tx.one("kaizen_open", into=str, waste=command.waste, about=command.about)
    if there is not None:
        raise Refused(
            Code.CONFLICT,
            f"proposal {there} is about this {command.waste} already",
            f"call kaizen_apply for {there} once it is put into practice",
        )
    proposal = proposed(command, turn.new_id("KZ"), turn.options.kaizen_limits(), turn.at)
    await turn.tx.run(
        "insert_kaizen_proposal",
        seq=turn.seq,
        id=proposal.id,
        waste=proposal.waste,
        about=proposal.about,
        state=proposal.state,
        effort=proposal.effort,
        figures=text(proposal.figures),
        proposed_at=proposal.proposed_at,
    )
    return Outputs(proposal=proposal)


async def apply(turn: Turn, command: ApplyKaizen) -> Outputs:
    """It was put into practice."""
    return await _save(turn, applied(await _load(turn, command.id), command, turn.at))


async def measure(turn: Turn, command: MeasureKaizen) -> Outputs:
    """What a week brought."""
    return await _save(turn, measured(await _load(turn, command.id), command, turn.at))


async def _load(turn: Turn, proposal_id: str) -> KaizenProposal:
    proposal = await turn.tx.one("kaizen_proposal", into=KaizenProposal, id=proposal_id)
    if proposal is None:
        raise no_such_proposal(proposal_id)
    return proposal


async def _save(turn: Turn, proposal: KaizenProposal) -> Outputs:
    await turn.tx.run(
        "save_kaizen_proposal",
        id=proposal.id,
        state=proposal.state,
        figures=text(proposal.figures),
        applied_at=proposal.applied_at,
    )
    return Outputs(proposal=proposal)
