"""Proposals of kaizen: a waste, what it takes to be rid of it, and what became of that. Pure: no clock, no rows.

proposed → applied → measuring, each week anew; or rejected, where a week after it was applied as much is wasted as
before. Then the waste may be proposed again.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from erlmcp.tcps.commands import ApplyKaizen, Command, MeasureKaizen, ProposeKaizen
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.kaizen_tally import decimal, hours
from erlmcp.tcps.kaizen_waste import EFFORT_OF, Effort, KaizenLimits, WasteKind
from erlmcp.tcps.moments import moment, stamp

__all__ = [
    "KAIZEN_TRANSITIONS",
    "KaizenFigures",
    "KaizenProposal",
    "KaizenState",
    "applied",
    "due",
    "measured",
    "no_such_proposal",
    "proposed",
    "roi",
]

_HOUR: Final = 3_600_000
_DIGITS: Final = 40


class KaizenState(StrEnum):
    """How far a proposal has got."""

    PROPOSED = "proposed"
    APPLIED = "applied"
    MEASURING = "measuring"
    REJECTED = "rejected"


class KaizenFigures(Struct, frozen=True):
    """What was measured in the week [since, until) before it was proposed, as `receipts` prove.

    `milliseconds` were wasted, which are `waste_hours`; `roi` is that by the hours of the effort. Then the last week
    after it was applied: it ended at `measured_until`, `left_hours` were wasted in it, `benefit_hours` less than
    before.
    """

    count: int
    milliseconds: int
    waste_hours: str
    effort_hours: str
    roi: str
    receipts: tuple[int, ...]
    since: str
    until: str
    measured_until: str | None = None
    left_hours: str | None = None
    benefit_hours: str | None = None
    measured_receipts: tuple[int, ...] = ()


class KaizenProposal(Struct, frozen=True):
    """`about`: which of its kind: the gate, the stage, the test, the root cause, what was done by hand."""

    id: str
    waste: WasteKind
    about: str
    state: KaizenState
    effort: Effort
    figures: KaizenFigures
    proposed_at: str
    applied_at: str | None = None


_S = KaizenState
_TABLE: Final[dict[tuple[KaizenState | None, type[Command]], tuple[KaizenState, ...]]] = {
    (None, ProposeKaizen): (_S.PROPOSED,),
    (_S.PROPOSED, ApplyKaizen): (_S.APPLIED,),
    (_S.APPLIED, MeasureKaizen): (_S.MEASURING, _S.REJECTED),
    (_S.MEASURING, MeasureKaizen): (_S.MEASURING, _S.REJECTED),
}
#: From (None: not there yet), by which command, to. What is not in it is refused as `invalid_transition`.
KAIZEN_TRANSITIONS: Final[Mapping[tuple[KaizenState | None, type[Command]], tuple[KaizenState, ...]]] = (
    MappingProxyType(_TABLE)
)


def proposed(command: ProposeKaizen, proposal_id: str, limits: KaizenLimits, at: str) -> KaizenProposal:
    """Raises Refused(invalid): the waste is not worth it."""
    least = limits.proposal_minutes * 60_000
    if command.milliseconds < least:
        raise Refused(
            Code.INVALID,
            f"{hours(command.milliseconds)} h of {command.waste} in a week are not worth a proposal",
            f"propose from {hours(least)} h on",
        )
    effort = EFFORT_OF[command.waste]
    takes = limits.effort_hours(effort)
    figures = KaizenFigures(
        count=command.count,
        milliseconds=command.milliseconds,
        waste_hours=hours(command.milliseconds),
        effort_hours=decimal(Fraction(takes)),
        roi=decimal(Fraction(command.milliseconds, _HOUR * takes)),
        receipts=command.receipts,
        since=command.since,
        until=command.until,
    )
    return KaizenProposal(proposal_id, command.waste, command.about, KaizenState.PROPOSED, effort, figures, at)


def applied(proposal: KaizenProposal, command: ApplyKaizen, at: str) -> KaizenProposal:
    """Raises Refused(invalid_transition)."""
    (state,) = _states_after(proposal, command)
    return replace(proposal, state=state, applied_at=at)


def due(proposal: KaizenProposal) -> tuple[str, str] | None:
    """The next week that is to be measured; None: it was not applied, or is rejected."""
    if proposal.state not in {KaizenState.APPLIED, KaizenState.MEASURING}:
        return None
    since = proposal.figures.measured_until or proposal.applied_at or proposal.proposed_at
    return since, stamp(moment(since) + timedelta(days=7))


def measured(proposal: KaizenProposal, command: MeasureKaizen, now: str) -> KaizenProposal:
    """With what a week brought. Raises Refused(invalid_transition, conflict)."""
    pays, over = _states_after(proposal, command)
    if (command.since, command.until) != due(proposal) or command.until > now:
        raise Refused(
            Code.CONFLICT,
            f"the week from {command.since} is not the one that is to be measured for proposal {proposal.id}",
            "call kaizen_proposals to see how far it was measured",
        )
    benefit = proposal.figures.milliseconds - command.milliseconds
    figures = replace(
        proposal.figures,
        measured_until=command.until,
        left_hours=hours(command.milliseconds),
        benefit_hours=hours(benefit),
        measured_receipts=command.receipts,
    )
    return replace(proposal, state=pays if benefit > 0 else over, figures=figures)


def no_such_proposal(proposal_id: str) -> Refused:
    """There is no proposal of this id."""
    return Refused(
        Code.NOT_FOUND, f"there is no proposal {shown(proposal_id)}", "call kaizen_proposals to see those there are"
    )


def roi(text: str) -> Fraction:
    """A number as it is said. Raises Refused(invalid)."""
    try:
        number = Fraction(text)
    except (ValueError, ZeroDivisionError):
        number = Fraction(-1)
    if number < 0 or len(text) > _DIGITS:
        raise Refused(
            Code.INVALID, f"min_roi {shown(text)} is no number from 0 on", "call kaizen_proposals with one like 0.5"
        )
    return number


def _states_after(proposal: KaizenProposal, command: ApplyKaizen | MeasureKaizen) -> tuple[KaizenState, ...]:
    after = KAIZEN_TRANSITIONS.get((proposal.state, type(command)))
    if after is None:
        raise Refused(
            Code.INVALID_TRANSITION,
            f"proposal {proposal.id} is {proposal.state}: {command.name} is not for it",
            "call kaizen_proposals to see those that can be applied",
        )
    return after
