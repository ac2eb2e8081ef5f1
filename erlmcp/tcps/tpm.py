"""TPM, maintenance of the line itself: what is done how often, what is found, and the score of it. Pure.

`upkeep` does what is said here; `maintenance` has it done and recorded.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from erlmcp.tcps.checkpoint import Checkpoint
from erlmcp.tcps.commands import TpmWindow
from erlmcp.tcps.errors import Code, Refused
from erlmcp.tcps.moments import moment, stamp
from erlmcp.tcps.receipt import Head

__all__ = [
    "HOURS",
    "STEPS",
    "TENTHS",
    "Due",
    "Finding",
    "Report",
    "Step",
    "TpmHealth",
    "TpmRun",
    "Weight",
    "check_window",
    "dues",
    "is_due",
    "score",
    "standing",
]


class Step(StrEnum):
    """One thing that is done."""

    VERIFY_NEW = "verify_new"  # what was written to the chain since the last time
    VERIFY_ALL = "verify_all"  # all of it, with its checkpoints and their signatures
    CHECKPOINT = "checkpoint"
    PRUNE = "prune"  # receipts that are older than receipt_days
    BACKUP = "backup"  # and restore it elsewhere, and verify what was restored
    ANALYZE = "analyze"
    VACUUM = "vacuum"
    DISK = "disk"
    CONNECTIONS = "connections"


class Weight(StrEnum):
    """How bad a finding is, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


#: What is done in each window, in this order. What is to be pruned, and kept in the backup, is verified before.
STEPS: Final[Mapping[TpmWindow, tuple[Step, ...]]] = MappingProxyType(
    {
        TpmWindow.DAILY: (Step.VERIFY_NEW, Step.CHECKPOINT, Step.PRUNE, Step.DISK, Step.CONNECTIONS),
        TpmWindow.WEEKLY: (
            *(Step.VERIFY_ALL, Step.CHECKPOINT, Step.PRUNE, Step.BACKUP),
            *(Step.DISK, Step.CONNECTIONS),
        ),
        TpmWindow.MONTHLY: (
            *(Step.VERIFY_ALL, Step.CHECKPOINT, Step.PRUNE, Step.ANALYZE, Step.BACKUP),
            *(Step.DISK, Step.CONNECTIONS),
        ),
        TpmWindow.QUARTERLY: (
            *(Step.VERIFY_ALL, Step.CHECKPOINT, Step.PRUNE, Step.ANALYZE, Step.VACUUM, Step.BACKUP),
            *(Step.DISK, Step.CONNECTIONS),
        ),
    }
)
#: How long a window is.
HOURS: Final[Mapping[TpmWindow, int]] = MappingProxyType(
    {TpmWindow.DAILY: 24, TpmWindow.WEEKLY: 168, TpmWindow.MONTHLY: 720, TpmWindow.QUARTERLY: 2184}
)
#: What a finding takes off the score of 100, in tenths of a point.
TENTHS: Final[Mapping[Weight, int]] = MappingProxyType(
    {Weight.CRITICAL: 200, Weight.HIGH: 100, Weight.MEDIUM: 50, Weight.LOW: 20, Weight.INFO: 5}
)
_OVERDUE: Final = {TpmWindow.DAILY: Weight.MEDIUM, TpmWindow.WEEKLY: Weight.MEDIUM}


class Finding(Struct, frozen=True):
    """Something that should not be so. `next`: what to do about it."""

    step: Step
    severity: Weight
    message: str
    next: str


class Report(Struct, frozen=True):
    """What the steps came to. `checkpoint`: the sequence of the one that was made; `prune`: of the one behind which
    the chain may be pruned; `figures`: counts, bytes and milliseconds by name."""

    started_at: str
    findings: tuple[Finding, ...] = ()
    figures: dict[str, int] = {}
    checkpoint: int | None = None
    prune: int | None = None


class TpmRun(Struct, frozen=True):
    """A maintenance that was done. `score`: 100 less its findings, a decimal; `pruned`: the last receipt that went."""

    window: TpmWindow
    started_at: str
    ended_at: str
    score: str
    figures: dict[str, int]
    findings: tuple[Finding, ...]
    checkpoint: int | None = None
    pruned: int | None = None


class Due(Struct, frozen=True):
    """When a window's maintenance was done last, and is due; `overdue`: it is late by a whole window."""

    window: TpmWindow
    last_at: str | None
    due_at: str
    overdue: bool


class TpmHealth(Struct, frozen=True):
    """How the line itself is: what the last maintenance of each kind found, and what is overdue.

    `checkpoint`: the newest one, signed; `begin`: what the chain follows; `verified`: how far it was verified last.
    """

    score: str
    findings: tuple[Finding, ...]
    windows: tuple[Due, ...]
    runs: tuple[TpmRun, ...]
    checkpoint: Checkpoint | None
    begin: Head
    head: Head
    verified: int


def score(findings: Iterable[Finding]) -> str:
    """100 less what the findings weigh, not below 0: `97.5`."""
    tenths = max(1000 - sum(TENTHS[finding.severity] for finding in findings), 0)
    return f"{tenths // 10}.{tenths % 10}" if tenths % 10 else str(tenths // 10)


def check_window(window: TpmWindow, last_at: str | None, now: datetime) -> None:
    """Raise Refused(conflict) if it was done in this window."""
    if last_at is not None and not is_due(window, last_at, now):
        until = stamp(moment(last_at) + timedelta(hours=HOURS[window]))
        raise Refused(
            Code.CONFLICT,
            f"the {window} maintenance was done at {last_at}",
            f"call tpm_health to see what it found; it is due again at {until}, or now with force",
        )


def is_due(window: TpmWindow, last_at: str | None, now: datetime) -> bool:
    """Whether it was not done in this window."""
    return last_at is None or now >= moment(last_at) + timedelta(hours=HOURS[window])


def dues(last: Mapping[TpmWindow, str], since: str | None, now: datetime) -> tuple[Due, ...]:
    """When each is due. `last`: when each was done last; `since`: when the line began.

    A longer window's maintenance does what a shorter one's does, and counts as one.
    """
    found = []
    for window, hours in HOURS.items():
        length = timedelta(hours=hours)
        done = max((at for other, at in last.items() if HOURS[other] >= hours), default=None)
        counted = moment(done or since or stamp(now))
        found.append(Due(window, done, stamp(counted + length), overdue=now >= counted + 2 * length))
    return tuple(found)


def standing(runs: Sequence[TpmRun], windows: Iterable[Due], fault: str | None) -> tuple[Finding, ...]:
    """What is known to be wrong now: of each step what its last run found, the chain, and what is overdue."""
    found: list[Finding] = []
    newest = sorted(runs, key=lambda run: run.started_at, reverse=True)
    for step in Step:
        run = next((run for run in newest if step in STEPS[run.window]), None)
        found += [finding for finding in run.findings if finding.step is step] if run else []
    if fault is not None and all(finding.message != fault for finding in found):
        found.append(Finding(Step.VERIFY_NEW, Weight.CRITICAL, fault, BROKEN))
    for due in windows:
        if due.overdue:
            severity = _OVERDUE.get(due.window, Weight.LOW)
            message = f"the {due.window} maintenance is overdue since {due.due_at}"
            found.append(Finding(STEPS[due.window][0], severity, message, f"call tpm_run with window {due.window}"))
    return tuple(sorted(found, key=lambda finding: list(Weight).index(finding.severity)))


BROKEN: Final = (
    "export the receipts and verify the file against checkpoints that were kept elsewhere, to see from where on they"
    " cannot be trusted; then restore a backup from before"
)
