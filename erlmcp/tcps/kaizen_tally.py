"""The tally of a window of time: counts and sums of facts, and the waste among them. Pure.

Its memory grows with the skus that are being judged and with the kinds of waste, which are bounded here; not with the
receipts that it is told of.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from erlmcp.tcps.kaizen_waste import (
    Cause,
    Completed,
    Ended,
    Fact,
    KaizenLimits,
    Left,
    Lost,
    Submitted,
    WasteKind,
)

__all__ = ["CAUSES", "GROUPS", "OTHERS", "PROOFS", "Tally", "Waste", "decimal", "hours"]

PROOFS: Final = 100  # receipts that are named for a waste, the first ones; `count` goes on
GROUPS: Final = 1_000  # wastes of a kind that are told apart, like tests by their names; the others are one
CAUSES: Final = 10_000  # root causes that are remembered, to see whether one comes back
OTHERS: Final = "others"

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE


class Waste(Struct, frozen=True):
    """Time that was lost for one reason: `count` times, `hours` in all. `receipts` prove it, PROOFS at most."""

    kind: WasteKind
    about: str
    count: int
    hours: str
    milliseconds: int
    receipts: tuple[int, ...]


class _Heap:
    """What one waste has come to."""

    __slots__ = ("count", "measured", "receipts")

    def __init__(self) -> None:
        self.count = 0
        self.measured = 0
        self.receipts: dict[int, None] = {}

    def add(self, receipts: Iterable[int], milliseconds: int = 0) -> None:
        self.count += 1
        self.measured += milliseconds
        for seq in receipts:
            if len(self.receipts) < PROOFS:
                self.receipts[seq] = None


class Tally:
    """Of the facts from `since` on and before `until`."""

    def __init__(self, since: str, until: str) -> None:
        self.since: Final = since
        self.until: Final = until
        self.receipts = 0
        self.completed = self.lead = self.cycle = 0
        self.judged = self.defective = 0
        self.submissions = self.repeated = self.first = self.first_passed = 0
        self.interventions = 0
        self._skus: dict[str, bool] = {}  # judged and not finished: whether a gate failed
        self._heaps: dict[tuple[WasteKind, str], _Heap] = {}
        self._groups = dict.fromkeys(WasteKind, 0)
        self._stages: dict[str, _Heap] = {}
        self._causes: dict[bytes, tuple[int, str]] = {}

    def covers(self, at: str) -> bool:
        """Whether a moment is in its window."""
        return self.since <= at < self.until

    def add(self, facts: Iterable[Fact]) -> None:
        """What one receipt says."""
        self.receipts += 1
        for fact in facts:
            match fact:
                case Submitted():
                    self._submitted(fact)
                case Completed(lead, cycle):
                    self.completed += 1
                    self.lead += lead
                    self.cycle += cycle
                case Left(stage, after, seq):
                    self._stages.setdefault(stage, _Heap()).add((seq,), after)
                case Ended(sku_id):
                    self._skus.pop(sku_id, None)
                case Lost():
                    self._lost(fact)
                case Cause():
                    self._cause(fact)

    def _submitted(self, fact: Submitted) -> None:
        self.submissions += 1
        if fact.first:
            self.first += 1
            self.first_passed += fact.passed
        else:
            self.repeated += 1
        failed_before = self._skus.get(fact.sku_id)
        self.judged += failed_before is None
        self.defective += not fact.passed and not failed_before
        self._skus[fact.sku_id] = bool(failed_before) or not fact.passed

    def _lost(self, fact: Lost) -> None:
        self.interventions += fact.kind is WasteKind.MANUAL_INTERVENTION
        self._heap(fact.kind, fact.about).add(fact.receipts, fact.milliseconds or 0)

    def _cause(self, fact: Cause) -> None:
        """The same words, whatever their case and spaces, are the same cause."""
        key = sha256(" ".join(fact.text.split()).casefold().encode()).digest()[:16]
        known = self._causes.get(key)
        if known is not None:
            first, text = known
            self._heap(WasteKind.SAME_ROOT_CAUSE, text).add((first, fact.seq))
        elif len(self._causes) < CAUSES:
            self._causes[key] = (fact.seq, fact.text)

    def _heap(self, kind: WasteKind, about: str) -> _Heap:
        heap = self._heaps.get((kind, about))
        if heap is None:
            if self._groups[kind] >= GROUPS:
                about = OTHERS
            self._groups[kind] += 1
            heap = self._heaps.setdefault((kind, about), _Heap())
        return heap

    def wasted(self, limits: KaizenLimits) -> tuple[Waste, ...]:
        """The waste, the most of it first."""
        costs = costs_of(limits)
        found = [
            _waste(kind, about, heap, heap.measured if costs[kind] is None else heap.count * (costs[kind] or 0))
            for (kind, about), heap in self._heaps.items()
        ]
        most = limits.stage_minutes * _MINUTE
        for stage, heap in self._stages.items():
            if (beyond := heap.measured - heap.count * most) > 0:
                found.append(_waste(WasteKind.SLOW_STAGE, stage, heap, beyond))
        return tuple(sorted(found, key=lambda waste: (-waste.milliseconds, waste.kind, waste.about)))


def costs_of(limits: KaizenLimits) -> Mapping[WasteKind, int | None]:
    """Milliseconds for each time; None: they are measured."""
    return MappingProxyType(
        {
            WasteKind.SLOW_COMPILATION: None,
            WasteKind.SLOW_STAGE: None,
            WasteKind.FLAKY_TEST: limits.flaky_minutes * _MINUTE,
            WasteKind.MANUAL_INTERVENTION: limits.intervention_minutes * _MINUTE,
            WasteKind.SAME_ROOT_CAUSE: limits.cause_minutes * _MINUTE,
            WasteKind.FIX_CYCLE: limits.fix_minutes * _MINUTE,
        }
    )


def decimal(value: Fraction) -> str:
    """With two places, half up (away from 0)."""
    hundredths = (abs(value.numerator) * 200 + value.denominator) // (2 * value.denominator)
    sign = "-" if value < 0 and hundredths else ""
    return f"{sign}{hundredths // 100}.{hundredths % 100:02}"


def hours(milliseconds: int) -> str:
    """Milliseconds as hours."""
    return decimal(Fraction(milliseconds, _HOUR))


def _waste(kind: WasteKind, about: str, heap: _Heap, milliseconds: int) -> Waste:
    return Waste(kind, about, heap.count, hours(milliseconds), milliseconds, tuple(heap.receipts))
