"""Waste: its kinds, what each costs, what it takes to be rid of it, and the facts that receipts are read into. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

__all__ = [
    "EFFORT_OF",
    "Cause",
    "Completed",
    "Effort",
    "Ended",
    "Fact",
    "KaizenLimits",
    "Left",
    "Lost",
    "Submitted",
    "WasteKind",
]


class WasteKind(StrEnum):
    """What costs time and makes nothing (tcps.md §7)."""

    SLOW_COMPILATION = "slow_compilation"
    FLAKY_TEST = "flaky_test"
    MANUAL_INTERVENTION = "manual_intervention"
    SAME_ROOT_CAUSE = "same_root_cause"
    SLOW_STAGE = "slow_stage"
    FIX_CYCLE = "fix_cycle"


class Effort(StrEnum):
    """What an improvement takes; `KaizenLimits` has the hours."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


#: What it takes to be rid of each kind: a test or a habit is one person's, a build or a cause several days', a stage is
#: rebuilt.
EFFORT_OF: Final[Mapping[WasteKind, Effort]] = MappingProxyType(
    {
        WasteKind.SLOW_COMPILATION: Effort.MEDIUM,
        WasteKind.FLAKY_TEST: Effort.LOW,
        WasteKind.MANUAL_INTERVENTION: Effort.LOW,
        WasteKind.SAME_ROOT_CAUSE: Effort.MEDIUM,
        WasteKind.SLOW_STAGE: Effort.HIGH,
        WasteKind.FIX_CYCLE: Effort.MEDIUM,
    }
)


class KaizenLimits(Struct, frozen=True):
    """From where on something is waste, and what each costs: in seconds, minutes and hours as they are named."""

    compilation_seconds: int = 300
    stage_minutes: int = 60
    flaky_minutes: int = 15
    intervention_minutes: int = 60
    cause_minutes: int = 120
    fix_minutes: int = 120
    proposal_minutes: int = 60
    effort_low_hours: int = 4
    effort_medium_hours: int = 16
    effort_high_hours: int = 40

    def effort_hours(self, effort: Effort) -> int:
        return {
            Effort.LOW: self.effort_low_hours,
            Effort.MEDIUM: self.effort_medium_hours,
            Effort.HIGH: self.effort_high_hours,
        }[effort]


class Completed(Struct, frozen=True):
    """An order was completed; since its creation and its last start, in milliseconds."""

    lead: int
    cycle: int


class Submitted(Struct, frozen=True):
    """A gate judged a sku for the first time, or again."""

    sku_id: str
    first: bool
    passed: bool


class Left(Struct, frozen=True):
    """A sku went on from a stage, after so many milliseconds."""

    stage: str
    after: int
    seq: int


class Ended(Struct, frozen=True):
    """No gate judges this sku any more."""

    sku_id: str


class Lost(Struct, frozen=True):
    """Time was lost: `milliseconds` where a measured time is too long, else as its kind costs (None)."""

    kind: WasteKind
    about: str
    receipts: tuple[int, ...]
    milliseconds: int | None = None


class Cause(Struct, frozen=True):
    """An andon was resolved, and this was its root cause."""

    text: str
    seq: int


Fact = Completed | Submitted | Left | Ended | Lost | Cause
