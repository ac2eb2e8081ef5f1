"""Andons: stops and notices, their severities, the table of their states, and what a stop answers. Pure.

Who raised one decides what it does: a failed gate and whoever pulls the cord **stop**; a signal and a duty **notice**.
That nothing moves past an open stop is held by the statements that move (sql/commands.sql), never by a decision here.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from erlmcp.tcps.commands import (
    AcknowledgeAndon,
    AndonType,
    Bucket,
    Command,
    CreateWorkOrder,
    EscalateAndon,
    Gate,
    NoteBreach,
    PullAndon,
    ResolveAndon,
    Severity,
    StartRootCause,
    SubmitGate,
)
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.sku import Stage

__all__ = [
    "ANDON_TRANSITIONS",
    "LEVELS",
    "NEEDS_ROOT_CAUSE",
    "SEVERITY",
    "TYPE_OF_GATE",
    "Andon",
    "AndonStatus",
    "acknowledged",
    "escalated",
    "joined",
    "no_such_andon",
    "resolved",
    "stopped",
]

#: The severity of an andon that is given no other.
SEVERITY: Final[Mapping[AndonType, Severity]] = MappingProxyType(
    {
        AndonType.SHACL_VIOLATION: Severity.CRITICAL,
        AndonType.COMPILATION_FAILURE: Severity.CRITICAL,
        AndonType.TEST_FAILURE: Severity.HIGH,
        AndonType.NON_DETERMINISM: Severity.CRITICAL,
        AndonType.MISSING_RECEIPT: Severity.MEDIUM,
        AndonType.SECURITY_VULNERABILITY: Severity.CRITICAL,
        AndonType.QUALITY_GATE_FAILURE: Severity.HIGH,
        AndonType.SLA_BREACH: Severity.HIGH,
        AndonType.MANUAL: Severity.MEDIUM,
    }
)
#: What a failed gate raises. Gate 8 does not block.
TYPE_OF_GATE: Final[Mapping[Gate, AndonType]] = MappingProxyType(
    {
        Gate.SHACL_VALIDATION: AndonType.SHACL_VIOLATION,
        Gate.COMPILATION: AndonType.COMPILATION_FAILURE,
        Gate.TEST_EXECUTION: AndonType.TEST_FAILURE,
        Gate.SECURITY_SCAN: AndonType.SECURITY_VULNERABILITY,
        Gate.DETERMINISTIC_BUILD: AndonType.NON_DETERMINISM,
        Gate.QUALITY_METRICS: AndonType.QUALITY_GATE_FAILURE,
        Gate.RELEASE_VERIFICATION: AndonType.MISSING_RECEIPT,
    }
)
#: Five finished whys before these are resolved.
NEEDS_ROOT_CAUSE: Final = frozenset({Severity.CRITICAL, Severity.HIGH})
LEVELS: Final = 3  # of escalation


class AndonStatus(StrEnum):
    """How far it has got."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    RESOLVED = "resolved"


class Andon(Struct, frozen=True):
    """A stop (`stops`) or a notice about a work order, and its sku once opened; `stage`: where that was.

    `occurrences`: how often it was raised and joined. `level`: of its escalation, 0 to 3.
    """

    id: str
    type: AndonType
    severity: Severity
    stops: bool
    status: AndonStatus
    work_order_id: str
    sku_id: str | None
    bucket: Bucket
    stage: Stage | None
    message: str
    raised_by: str
    raised_at: str
    occurrences: int = 1
    level: int = 0
    assignee: str | None = None
    acknowledged_at: str | None = None
    root_cause_id: str | None = None
    root_cause: str | None = None
    fix_applied: str | None = None
    prevention_added: str | None = None
    resolved_by: str | None = None
    resolved_at: str | None = None


_TABLE: Final[dict[tuple[AndonStatus | None, type[Command]], AndonStatus]] = {
    (None, PullAndon): AndonStatus.OPEN,
    (None, SubmitGate): AndonStatus.OPEN,
    (None, CreateWorkOrder): AndonStatus.OPEN,  # of a cve signal
    (None, NoteBreach): AndonStatus.OPEN,
    (AndonStatus.OPEN, SubmitGate): AndonStatus.OPEN,
    (AndonStatus.OPEN, EscalateAndon): AndonStatus.OPEN,
    (AndonStatus.OPEN, AcknowledgeAndon): AndonStatus.INVESTIGATING,
    (AndonStatus.OPEN, StartRootCause): AndonStatus.INVESTIGATING,
    (AndonStatus.OPEN, ResolveAndon): AndonStatus.RESOLVED,
    (AndonStatus.INVESTIGATING, SubmitGate): AndonStatus.INVESTIGATING,
    (AndonStatus.INVESTIGATING, AcknowledgeAndon): AndonStatus.INVESTIGATING,
    (AndonStatus.INVESTIGATING, StartRootCause): AndonStatus.INVESTIGATING,
    (AndonStatus.INVESTIGATING, ResolveAndon): AndonStatus.RESOLVED,
}
#: From (None: not there yet), by which command, to. What is not in it is refused as `invalid_transition`.
ANDON_TRANSITIONS: Final[Mapping[tuple[AndonStatus | None, type[Command]], AndonStatus]] = MappingProxyType(_TABLE)

_DONE: Final = {
    EscalateAndon: "escalated",
    AcknowledgeAndon: "acknowledged",
    StartRootCause: "given a root cause",
    ResolveAndon: "resolved",
}


def joined(andon: Andon, message: str) -> Andon:
    """It was raised once more."""
    return replace(andon, message=message, occurrences=andon.occurrences + 1)


def acknowledged(andon: Andon, command: AcknowledgeAndon | StartRootCause, assignee: str, at: str) -> Andon:
    """Somebody looks into it. The first moment counts. Raises Refused(invalid_transition)."""
    status = _status_after(andon, command)
    who = assignee if isinstance(command, AcknowledgeAndon) else andon.assignee or assignee
    return replace(andon, status=status, assignee=who, acknowledged_at=andon.acknowledged_at or at)


def escalated(andon: Andon, command: EscalateAndon) -> Andon:
    """Nobody acknowledged it. Raises Refused(invalid_transition; conflict: not this level's turn)."""
    status = _status_after(andon, command)
    if command.level != andon.level + 1 or command.level > LEVELS:
        raise Refused(
            Code.CONFLICT,
            f"andon {andon.id} is at level {andon.level}: level {shown(command.level)} is not the next",
            f"call andon_get for {andon.id}",
        )
    return replace(andon, status=status, level=command.level)


def resolved(andon: Andon, command: ResolveAndon, finalized: bool, by: str, at: str) -> Andon:
    """It is over. `finalized`: its five whys are. Raises Refused(invalid_transition)."""
    status = _status_after(andon, command)
    if andon.severity in NEEDS_ROOT_CAUSE and not finalized:
        first = "root_cause_add_why" if andon.root_cause_id else "root_cause_start"
        of = f"id {andon.root_cause_id}" if andon.root_cause_id else f"andon_id {andon.id}"
        raise Refused(
            Code.INVALID_TRANSITION,
            f"andon {andon.id} is {andon.severity}: it cannot be resolved before its five whys are finalized",
            f"call {first} with {of}, and root_cause_finalize once all five are there; then andon_resolve again",
        )
    return replace(
        andon,
        status=status,
        root_cause=command.root_cause,
        fix_applied=command.fix_applied,
        prevention_added=command.prevention_added,
        resolved_by=by,
        resolved_at=at,
    )


def stopped(what: str, stop: Andon) -> Refused:
    """`what` does not move, for this one is open."""
    return Refused(
        Code.LINE_STOPPED,
        f"{what} is stopped by andon {stop.id}, {stop.severity} {stop.type}: {shown(stop.message, 200)}",
        f"call andon_get for {stop.id}{_first(stop)}; repair it, and call andon_resolve with id {stop.id}",
    )


def _first(stop: Andon) -> str:
    if stop.severity not in NEEDS_ROOT_CAUSE:
        return " and find its cause"
    if stop.root_cause_id is None:
        return f", and root_cause_start with andon_id {stop.id} for its five whys"
    return f", and go on with the five whys of root cause {stop.root_cause_id}"


def no_such_andon(andon_id: str) -> Refused:
    """There is no andon of this id."""
    return Refused(
        Code.NOT_FOUND, f"there is no andon {shown(andon_id)}", "call andon_list to see the andons and their ids"
    )


def _status_after(andon: Andon, command: Command) -> AndonStatus:
    after = ANDON_TRANSITIONS.get((andon.status, type(command)))
    if after is None:
        raise Refused(
            Code.INVALID_TRANSITION,
            f"andon {andon.id} is {andon.status}: it cannot be {_DONE[type(command)]}",
            "nothing is left to do on it; call andon_pull if the line must stop again"
            if andon.status is AndonStatus.RESOLVED
            else f"call andon_get for {andon.id}",
        )
    return after
