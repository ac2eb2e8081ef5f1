"""What receipts say to kaizen: a receipt in, facts out. Pure.

It remembers each sku that is not finished: which gates judged it, how its tests went, and when it entered its stage. A
reader that does not begin with the first receipt has to tell it the past of a sku first (`needs`, `learn`).
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from erlmcp.tcps.commands import Gate
from erlmcp.tcps.figures import Evidence, ExitCode, Junit
from erlmcp.tcps.kaizen_waste import Cause, Completed, Ended, Fact, Left, Lost, Submitted, WasteKind
from erlmcp.tcps.moments import moment
from erlmcp.tcps.receipt import Receipt
from erlmcp.tcps.sku import STAGES, Stage, Verdict

__all__ = ["History"]

_STARTS: Final = frozenset({"work_order_start", "work_order_pull", "work_order_pull_next"})
_MOVES: Final = frozenset({"sku_advance", "sku_publish"})
_BY_HAND: Final = frozenset({"work_order_release", "sku_abort"})


class _Sku(Struct, frozen=True):
    id: str
    stage: Stage
    created_at: str
    entered_at: str


class _Order(Struct, frozen=True):
    created_at: str
    started_at: str | None = None
    completed_at: str | None = None


class _Gate(Struct, frozen=True):
    gate: Gate
    verdict: Verdict


class _Inputs(Struct, frozen=True):
    evidence: tuple[Evidence, ...] = ()
    root_cause: str = ""


class _Outputs(Struct, frozen=True):
    work_order: _Order | None = None
    sku: _Sku | None = None
    gate: _Gate | None = None


class _Payload(Struct, frozen=True):
    inputs: _Inputs
    outputs: _Outputs


class _Life:
    """What is known of a sku. `failed`: the tests that failed, with the receipt and the size of that run."""

    __slots__ = ("clean", "entered_at", "failed", "flaky", "last", "over")

    def __init__(self) -> None:
        self.entered_at: str | None = None
        self.last: dict[Gate, tuple[int, bool]] = {}  # the last submission to each gate, and whether it passed
        self.failed: dict[str, tuple[int, int]] = {}
        self.flaky: set[str] = set()
        self.clean: tuple[int, int] | None = None  # the largest complete run: its receipt and its size
        self.over = False  # nothing judges it any more


_decode: Final = msgspec.json.Decoder(_Payload).decode


class History:
    """`compilation`: milliseconds that one may take."""

    def __init__(self, compilation: int) -> None:
        self._compilation: Final = compilation
        self._skus: dict[str, _Life] = {}
        self._readers: Final[Mapping[str, Callable[[Receipt], list[Fact]]]] = MappingProxyType(
            dict.fromkeys(_STARTS, self._started)
            | dict.fromkeys(_MOVES, self._moved)
            | {
                "gate_submit": self._submitted,
                "work_order_complete": self._completed,
                "work_order_cancel": self._ended,
                "andon_resolve": _resolved,
            }
        )

    def needs(self, receipt: Receipt) -> str | None:
        """The sku whose receipts before this one have to be learnt first."""
        sku_id = receipt.sku_id
        if sku_id is None or sku_id in self._skus or receipt.type not in {"gate_submit", *_MOVES}:
            return None
        return sku_id

    def learn(self, receipts: Iterable[Receipt], sku_id: str) -> None:
        """What happened to a sku before, the oldest first."""
        self._skus.setdefault(sku_id, _Life())
        for receipt in receipts:
            self.look(receipt)

    def look(self, receipt: Receipt) -> list[Fact]:
        """What this receipt says."""
        if receipt.type in _BY_HAND:
            by_hand = Lost(WasteKind.MANUAL_INTERVENTION, receipt.type, (receipt.seq,))
            return [by_hand, *self._ended(receipt)]
        read = self._readers.get(receipt.type)
        return [] if read is None else read(receipt)

    def _started(self, receipt: Receipt) -> list[Fact]:
        """A start opens a sku, or goes on with the one there is."""
        sku = _decode(receipt.payload).outputs.sku
        if sku is not None and sku.created_at == receipt.at:
            self._skus.setdefault(sku.id, _Life()).entered_at = sku.entered_at
        return []

    def _ended(self, receipt: Receipt) -> list[Fact]:
        if receipt.sku_id is None or receipt.type == "work_order_release":
            return []
        self._skus.pop(receipt.sku_id, None)
        return [Ended(receipt.sku_id)]

    def _completed(self, receipt: Receipt) -> list[Fact]:
        order, facts = _decode(receipt.payload).outputs.work_order, list[Fact]()
        if order is not None and order.completed_at is not None:
            done = order.completed_at
            facts.append(
                Completed(_between(order.created_at, done), _between(order.started_at or order.created_at, done))
            )
        life = self._skus.get(receipt.sku_id or "")
        if life is not None:  # it may still enter stages
            life.failed, life.last, life.flaky = {}, {}, set()
        return [*facts, Ended(receipt.sku_id)] if receipt.sku_id else facts

    def _moved(self, receipt: Receipt) -> list[Fact]:
        sku = _decode(receipt.payload).outputs.sku
        if sku is None:
            return []
        life = self._skus.setdefault(sku.id, _Life())
        entered, life.entered_at = life.entered_at, sku.entered_at
        if sku.stage is Stage.PUBLICATION:
            self._skus.pop(sku.id)
        if entered is None:
            return []
        left = STAGES[STAGES.index(sku.stage) - 1]
        return [Left(left, _between(entered, sku.entered_at), receipt.seq)]

    def _submitted(self, receipt: Receipt) -> list[Fact]:
        payload = _decode(receipt.payload)
        sku, result, seq = payload.outputs.sku, payload.outputs.gate, receipt.seq
        if sku is None or result is None:
            return []
        life = self._skus.setdefault(sku.id, _Life())
        life.entered_at = sku.entered_at
        passed = result.verdict is Verdict.PASSED
        before = life.last.get(result.gate)
        life.last[result.gate] = (seq, passed)
        facts: list[Fact] = [Submitted(sku.id, before is None, passed)]
        if before is not None and not before[1]:
            facts.append(Lost(WasteKind.FIX_CYCLE, result.gate, (before[0], seq)))
        evidence = payload.inputs.evidence
        if result.gate is Gate.COMPILATION:
            facts += self._compiled(evidence, seq)
        if result.gate is Gate.TEST_EXECUTION:
            facts += _tested(life, [one for one in evidence if isinstance(one, Junit)], seq)
        return facts

    def _compiled(self, evidence: tuple[Evidence, ...], seq: int) -> list[Fact]:
        taken = sum(one.duration_ms for one in evidence if isinstance(one, ExitCode))
        if taken <= self._compilation:
            return []
        return [Lost(WasteKind.SLOW_COMPILATION, Gate.COMPILATION, (seq,), taken - self._compilation)]


def _resolved(receipt: Receipt) -> list[Fact]:
    return [Cause(_decode(receipt.payload).inputs.root_cause, receipt.seq)]


def _tested(life: _Life, reports: list[Junit], seq: int) -> list[Fact]:
    """The tests that both passed and failed, once each.

    A report names the tests that failed: that another one passed is certain only where all that failed are named, none
    was skipped, and no fewer tests were run than in the run in which it failed.
    """
    failed = list(dict.fromkeys(name for one in reports for name in one.failed))
    ran = sum(one.executed for one in reports)
    complete = all(not one.skipped and len(one.failed) >= one.failures + one.errors for one in reports) and ran > 0
    found: list[Fact] = []
    for name in failed:
        if name not in life.failed and life.clean is not None and life.clean[1] >= ran:
            life.flaky.add(name)
            found.append(Lost(WasteKind.FLAKY_TEST, name, (life.clean[0], seq)))
    if complete:
        now = set(failed)
        for name, (before, size) in life.failed.items():
            if name not in now and name not in life.flaky and ran >= size:
                life.flaky.add(name)
                found.append(Lost(WasteKind.FLAKY_TEST, name, (before, seq)))
    for name in failed:
        life.failed.setdefault(name, (seq, ran))
    if complete and (life.clean is None or ran > life.clean[1]):
        life.clean = (seq, ran)
    return found


def _between(one: str, other: str) -> int:
    """Milliseconds from one moment to the other; 0 where a clock went back."""
    delta = moment(other) - moment(one)
    return max(delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000, 0)
