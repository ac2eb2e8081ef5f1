"""Root causes: five whys about an andon, and what they propose against its coming back. Pure: no clock, no rows."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from erlmcp.tcps.andon import Andon
from erlmcp.tcps.commands import AddWhy, AndonType, Command, FinalizeRootCause, StartRootCause
from erlmcp.tcps.errors import Code, Refused, shown

__all__ = [
    "AGAINST",
    "ROOT_CAUSE_TRANSITIONS",
    "WHYS",
    "Proposal",
    "ProposalKind",
    "RootCause",
    "RootCauseStatus",
    "finalized",
    "no_such_root_cause",
    "proposals",
    "with_why",
]

WHYS: Final = 5


class RootCauseStatus(StrEnum):
    """How far the whys have got."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    FINALIZED = "finalized"


class ProposalKind(StrEnum):
    """Where something can be prevented."""

    SPECIFICATION = "specification"
    CODE = "code"
    TEST = "test"
    PROCESS = "process"
    DOCUMENTATION = "documentation"


class Proposal(Struct, frozen=True):
    """What to change so that it does not come back."""

    kind: ProposalKind
    text: str


class RootCause(Struct, frozen=True):
    """The five whys of an andon, why 1 first. `proposals` come when it is finalized."""

    id: str
    andon_id: str
    problem: str
    status: RootCauseStatus
    created_at: str
    whys: tuple[str, ...] = ()
    root_cause: str | None = None
    prevention: str | None = None
    proposals: tuple[Proposal, ...] = ()
    finalized_at: str | None = None


_TABLE: Final[dict[tuple[RootCauseStatus | None, type[Command]], RootCauseStatus]] = {
    (None, StartRootCause): RootCauseStatus.PENDING,
    (RootCauseStatus.PENDING, AddWhy): RootCauseStatus.IN_PROGRESS,
    (RootCauseStatus.IN_PROGRESS, AddWhy): RootCauseStatus.IN_PROGRESS,
    (RootCauseStatus.IN_PROGRESS, FinalizeRootCause): RootCauseStatus.FINALIZED,
}
#: From (None: not there yet), by which command, to. What is not in it is refused as `invalid_transition`.
ROOT_CAUSE_TRANSITIONS: Final[Mapping[tuple[RootCauseStatus | None, type[Command]], RootCauseStatus]] = (
    MappingProxyType(_TABLE)
)
_K = ProposalKind
#: Where what an andon is about can be prevented.
AGAINST: Final[Mapping[AndonType, tuple[ProposalKind, ...]]] = MappingProxyType(
    {
        AndonType.SHACL_VIOLATION: (_K.SPECIFICATION, _K.TEST, _K.DOCUMENTATION),
        AndonType.COMPILATION_FAILURE: (_K.CODE, _K.TEST, _K.PROCESS),
        AndonType.TEST_FAILURE: (_K.CODE, _K.TEST, _K.SPECIFICATION),
        AndonType.NON_DETERMINISM: (_K.CODE, _K.TEST, _K.PROCESS),
        AndonType.MISSING_RECEIPT: (_K.PROCESS, _K.DOCUMENTATION),
        AndonType.SECURITY_VULNERABILITY: (_K.CODE, _K.TEST, _K.PROCESS, _K.DOCUMENTATION),
        AndonType.QUALITY_GATE_FAILURE: (_K.TEST, _K.PROCESS, _K.SPECIFICATION),
        AndonType.SLA_BREACH: (_K.PROCESS, _K.DOCUMENTATION),
        AndonType.MANUAL: (_K.PROCESS, _K.DOCUMENTATION),
    }
)


def with_why(cause: RootCause, command: AddWhy) -> RootCause:
    """With the next why, or an earlier one anew. Raises Refused(invalid_transition)."""
    status = _status_after(cause, command)
    if command.n > len(cause.whys) + 1:
        raise Refused(
            Code.INVALID_TRANSITION,
            f"root cause {cause.id} has {len(cause.whys)} whys: why {command.n} is not the next",
            f"call root_cause_add_why with n {len(cause.whys) + 1}: each why asks about the answer before it",
        )
    whys = (*cause.whys[: command.n - 1], command.text, *cause.whys[command.n :])
    return replace(cause, status=status, whys=whys)


def finalized(cause: RootCause, command: FinalizeRootCause, andon: Andon, at: str) -> RootCause:
    """With what the whys came to. Raises Refused(invalid_transition)."""
    if len(cause.whys) < WHYS and cause.status is not RootCauseStatus.FINALIZED:
        raise Refused(
            Code.INVALID_TRANSITION,
            f"root cause {cause.id} has {len(cause.whys)} of {WHYS} whys: it cannot be finalized",
            f"call root_cause_add_why with n {len(cause.whys) + 1}",
        )
    return replace(
        cause,
        status=_status_after(cause, command),
        root_cause=command.root_cause,
        prevention=command.prevention,
        proposals=proposals(cause, command, andon),
        finalized_at=at,
    )


def proposals(cause: RootCause, command: FinalizeRootCause, andon: Andon) -> tuple[Proposal, ...]:
    """What to change, in the places where this type of andon can be prevented."""
    where = f"in {andon.stage}" if andon.stage else "at work"
    texts = {
        _K.SPECIFICATION: f"Specify what rules this out: {command.root_cause}",
        _K.CODE: f"Change the code where this begins: {command.root_cause}",
        _K.TEST: f"Add a test that fails {where} as long as this is so: {cause.whys[-1]}",
        _K.PROCESS: f"Make this a step that is taken every time: {command.prevention}",
        _K.DOCUMENTATION: f"Write down that \u201c{cause.problem}\u201d came from this: {command.root_cause}",
    }
    return tuple(Proposal(kind, texts[kind]) for kind in AGAINST[andon.type])


def no_such_root_cause(cause_id: str) -> Refused:
    """There is no root cause of this id."""
    return Refused(
        Code.NOT_FOUND,
        f"there is no root cause {shown(cause_id)}",
        "call andon_list to see the andons and their root_cause_id, or root_cause_start to begin one",
    )


def _status_after(cause: RootCause, command: AddWhy | FinalizeRootCause) -> RootCauseStatus:
    after = ROOT_CAUSE_TRANSITIONS.get((cause.status, type(command)))
    if after is None:
        raise Refused(
            Code.INVALID_TRANSITION,
            f"root cause {cause.id} is {cause.status}: it cannot be changed",
            f"call andon_resolve with the id {cause.andon_id}",
        )
    return after
