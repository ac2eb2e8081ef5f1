"""What must be true of the line, in a few dictionaries: what each command comes to, and what it changes.

Written from the rules, not from the code. Orders, skus, andons and root causes in the order in which they came.
"""

from dataclasses import dataclass, field
from typing import Any

from erlmcp.tcps import (
    AbortSku,
    AcknowledgeAndon,
    AddDependency,
    AddWhy,
    AdvanceSku,
    Bucket,
    Cancel,
    Complete,
    CreateWorkOrder,
    Done,
    EscalateAndon,
    FinalizeRootCause,
    Gate,
    PublishSku,
    Pull,
    PullAndon,
    PullNext,
    Refused,
    Release,
    RemoveDependency,
    ResolveAndon,
    SetLimit,
    StartRootCause,
    StartWorkOrder,
    SubmitGate,
    UpdateWorkOrder,
)

BUCKETS = (Bucket.COST, Bucket.FEATURES)  # few, so that they fill up; in the order of their rounds
STAGES = [*map(str, Gate), "marketplace_validation", "publication"]
STARTS = (StartWorkOrder, Pull, PullNext)


@dataclass
class Order:
    bucket: Bucket
    priority: int
    status: str = "queued"
    version: int = 1
    needs: list[str] = field(default_factory=list)
    sku: str | None = None


@dataclass
class Sku:
    order: str
    stage: int = 0
    status: str = "in_production"
    verdicts: dict[str, bool] = field(default_factory=dict)


@dataclass
class Andon:
    order: str
    kind: str
    severity: str
    sku: str | None
    status: str = "open"
    level: int = 0
    cause: str | None = None


@dataclass
class Cause:
    andon: str
    whys: int = 0
    finished: bool = False


def good(command: SubmitGate) -> bool:
    """Whether this evidence passes: the tests' bad evidence is marked by its tool."""
    return not any(one.tool == "bad" for one in command.evidence)


class Model:
    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.skus: dict[str, Sku] = {}
        self.andons: dict[str, Andon] = {}
        self.causes: dict[str, Cause] = {}
        self.limits = {Bucket.COST: 5, Bucket.FEATURES: 10}
        self.pulled: Bucket | None = None

    # What is so

    def wip(self, bucket: Bucket) -> int:
        return sum(order.bucket is bucket and order.status == "in_progress" for order in self.orders.values())

    def full(self, bucket: Bucket) -> bool:
        return self.wip(bucket) >= self.limits[bucket]

    def queue(self, bucket: Bucket) -> list[str]:
        waiting = [name for name, o in self.orders.items() if o.bucket is bucket and o.status == "queued"]
        return sorted(waiting, key=lambda name: -self.orders[name].priority)

    def stopped(self, order: str) -> bool:
        return any(andon.order == order and andon.status != "resolved" for andon in self.andons.values())

    def closed(self, bucket: Bucket) -> bool:
        """A critical stop is open in it."""
        open_ones = (andon for andon in self.andons.values() if andon.status != "resolved")
        return any(a.severity == "critical" and self.orders[a.order].bucket is bucket for a in open_ones)

    def open_needs(self, order: Order) -> list[str]:
        return [name for name in order.needs if self.orders[name].status != "completed"]

    def reaches(self, start: str, end: str) -> bool:
        return start == end or any(self.reaches(name, end) for name in self.orders[start].needs)

    # What a command must come to: a refusal's code, or None

    def expect(self, command: Any) -> str | None:  # noqa: PLR0911 - one case a command
        match command:
            case CreateWorkOrder(dependencies=needs):
                states = [self.orders[name].status if name in self.orders else "" for name in needs]
                wrong = {"": "not_found", "cancelled": "invalid"}
                return next((wrong[state] for state in states if state in wrong), None)
            case SetLimit(bucket, limit):
                return "conflict" if limit < self.wip(bucket) else None
            case Pull(bucket):
                return self.expect_pull([bucket])
            case PullNext():
                return self.expect_pull(BUCKETS)
            case AdvanceSku() | PublishSku() | AbortSku():
                return self.expect_sku(command, self.skus.get(command.id))
            case SubmitGate(sku_id=name):
                return self.expect_submit(command, self.skus.get(name))
            case AcknowledgeAndon() | ResolveAndon() | EscalateAndon():
                return self.expect_andon(command, self.andons.get(command.id))
            case StartRootCause(andon_id=name):
                andon = self.andons.get(name)
                if andon is None or andon.cause:
                    return "conflict" if andon else "not_found"
                return "invalid_transition" if andon.status == "resolved" else None
            case AddWhy() | FinalizeRootCause():
                return self.expect_cause(command, self.causes.get(command.id))
            case PullAndon(work_order_id=name):
                order = self.orders.get(name)
                if order is None or order.status == "cancelled":
                    return "invalid_transition" if order else "not_found"
                return None
        return self.expect_order(command, self.orders.get(command.id))

    def expect_pull(self, buckets: Any) -> str | None:
        waiting = [bucket for bucket in buckets if self.queue(bucket)]
        if not waiting:
            return "not_found"
        slots = [bucket for bucket in waiting if not self.full(bucket)]
        ready = [b for b in slots if not self.closed(b) and not all(map(self.stopped, self.queue(b)))]
        return None if ready else "line_stopped" if slots else "wip_limit"

    def next(self, command: Any) -> str:
        """The order that a pull takes."""
        if isinstance(command, Pull):
            buckets: tuple[Bucket, ...] = (command.bucket,)
        else:
            buckets = BUCKETS[::-1] if self.pulled is Bucket.COST else BUCKETS
        ready = [bucket for bucket in buckets if not self.full(bucket) and not self.closed(bucket)]
        places = [
            (turn, place, name)
            for place, bucket in enumerate(ready)
            for turn, name in enumerate(self.queue(bucket))
            if not self.stopped(name)
        ]
        return min(places)[2]

    def expect_order(self, command: Any, order: Order | None) -> str | None:  # noqa: PLR0911 - one case a command
        if order is None:
            return "not_found"
        waits, made = order.status in {"queued", "blocked"}, order.status == "in_progress"
        match command:
            case UpdateWorkOrder():
                if not (waits or made):
                    return "invalid_transition"
                return "conflict" if command.version != order.version else None
            case StartWorkOrder():
                return self.expect_start(command.id, order)
            case Release():
                return None if made else "invalid_transition"
            case Cancel():
                return None if waits or made else "invalid_transition"
            case Complete():
                return self.expect_complete(command.id, order) if made else "invalid_transition"
        if not waits:
            return "invalid_transition"
        if isinstance(command, RemoveDependency):
            return None if command.depends_on in order.needs else "not_found"
        return self.expect_dependency(command, order)

    def expect_dependency(self, command: AddDependency, order: Order) -> str | None:
        if command.depends_on in order.needs:
            return "conflict"
        other = self.orders.get(command.depends_on)
        if other is None or other.status == "cancelled":
            return "invalid" if other else "not_found"
        return "circular_dependency" if self.reaches(command.depends_on, command.id) else None

    def expect_start(self, name: str, order: Order) -> str | None:
        if order.status != "queued":
            return "blocked_by_dependencies" if order.status == "blocked" else "invalid_transition"
        if self.full(order.bucket):
            return "wip_limit"
        return "line_stopped" if self.stopped(name) or self.closed(order.bucket) else None

    def expect_complete(self, name: str, order: Order) -> str | None:
        sku = self.skus[order.sku or ""]
        stage = STAGES[sku.stage]
        if stage != "marketplace_validation":
            if code := self.unpassed(sku):
                return code
            if stage != "smoke_test":
                return "gate_not_run"
        return "line_stopped" if self.stopped(name) else None

    def unpassed(self, sku: Sku) -> str | None:
        passed = sku.verdicts.get(STAGES[sku.stage])
        if passed is None:
            return "gate_not_run"
        return None if passed or STAGES[sku.stage] == "smoke_test" else "gate_failed"

    def expect_sku(self, command: Any, sku: Sku | None) -> str | None:
        if sku is None:
            return "not_found"
        made, done = sku.status == "in_production", sku.status == "completed"
        if isinstance(command, AbortSku):
            return None if made or done else "invalid_transition"
        if isinstance(command, PublishSku):
            ready = done and STAGES[sku.stage] == "marketplace_validation"
        else:
            held = made and self.orders[sku.order].status == "in_progress"
            smoked = done and STAGES[sku.stage] == "smoke_test"
            ready = STAGES[sku.stage] != "marketplace_validation" and (held or smoked)
        if not ready:
            return "invalid_transition"
        code = self.unpassed(sku) if isinstance(command, AdvanceSku) else None
        return code or ("line_stopped" if self.stopped(sku.order) else None)

    def expect_submit(self, command: SubmitGate, sku: Sku | None) -> str | None:
        if sku is None:
            return "not_found"
        made = sku.status == "in_production" and self.orders[sku.order].status == "in_progress"
        if not made or command.gate != STAGES[sku.stage]:
            return "invalid_transition"
        return None if command.evidence or command.gate == "quality_metrics" else "gate_not_run"

    def expect_andon(self, command: Any, andon: Andon | None) -> str | None:
        if andon is None:
            return "not_found"
        if andon.status == "resolved":
            return "invalid_transition"
        match command:
            case EscalateAndon():
                if andon.status != "open":
                    return "invalid_transition"
                return None if command.level == andon.level + 1 else "conflict"
            case ResolveAndon():
                finished = andon.cause is not None and self.causes[andon.cause].finished
                return None if finished or andon.severity in {"medium", "low"} else "invalid_transition"
        return None

    def expect_cause(self, command: Any, cause: Cause | None) -> str | None:
        if cause is None:
            return "not_found"
        ready = command.n <= cause.whys + 1 if isinstance(command, AddWhy) else cause.whys == 5
        return None if ready and not cause.finished else "invalid_transition"

    # What it changes

    def learn(self, command: Any, outcome: Any) -> None:
        """Take the outcome in, once it is what must be."""
        code = self.expect(command)
        if isinstance(outcome, Refused):
            assert outcome.code == code, (command, outcome.refusal)
            return
        assert isinstance(outcome, Done), outcome
        assert code is None, (command, code)
        self.change(command, outcome)
        self.compare(outcome)

    def change(self, command: Any, done: Done) -> None:
        match command:
            case CreateWorkOrder():
                assert done.work_order is not None
                order = Order(done.work_order.bucket, done.work_order.priority, needs=[*command.dependencies])
                order.status = "blocked" if self.open_needs(order) else "queued"
                self.orders[done.work_order.id] = order
            case SetLimit(bucket, limit):
                self.limits[bucket] = limit
            case AdvanceSku() | PublishSku() | AbortSku() | SubmitGate():
                self.change_sku(command, done)
            case PullAndon() | AcknowledgeAndon() | ResolveAndon() | EscalateAndon():
                self.change_andon(command, done)
            case StartRootCause() | AddWhy() | FinalizeRootCause():
                self.change_cause(command, done)
            case _:
                self.change_order(command, done)

    def change_order(self, command: Any, done: Done) -> None:
        assert done.work_order is not None
        name = command.id if hasattr(command, "id") else self.next(command)
        assert done.work_order.id == name, command
        order = self.orders[name]
        order.version += 1
        match command:
            case UpdateWorkOrder():
                order.priority = command.priority or order.priority
            case AddDependency() | RemoveDependency():
                order.needs += [command.depends_on] if isinstance(command, AddDependency) else []
                if isinstance(command, RemoveDependency):
                    order.needs.remove(command.depends_on)
                order.status = "blocked" if self.open_needs(order) else "queued"
            case Release():
                order.status = "queued"
            case Complete() | Cancel():
                self.end(name, order, completed=isinstance(command, Complete))
            case _:
                self.start(name, order, done, command)

    def start(self, name: str, order: Order, done: Done, command: Any) -> None:
        assert done.sku is not None
        order.status = "in_progress"
        self.pulled = self.pulled if isinstance(command, StartWorkOrder) else order.bucket
        if order.sku is None or self.skus[order.sku].status != "in_production":
            assert done.sku.id not in self.skus
            order.sku = done.sku.id
            self.skus[order.sku] = Sku(name)

    def end(self, name: str, order: Order, *, completed: bool) -> None:
        waiting = [o for o in self.orders.values() if o.status == "blocked" and name in self.open_needs(o)]
        order.status = "completed" if completed else "cancelled"
        sku = self.skus.get(order.sku or "")
        if sku is not None and sku.status == "in_production":
            sku.status = "completed" if completed else "aborted"
        for other in waiting:
            other.version += 1
            other.status = "blocked" if self.open_needs(other) else "queued"

    def change_sku(self, command: Any, done: Done) -> None:
        sku = self.skus[command.sku_id if isinstance(command, SubmitGate) else command.id]
        order = self.orders[sku.order]
        match command:
            case AdvanceSku():
                sku.stage += 1
            case PublishSku():
                sku.stage, sku.status = sku.stage + 1, "published"
            case AbortSku():
                sku.status = "aborted"
                if order.status == "in_progress":
                    order.status, order.version = "queued", order.version + 1
            case SubmitGate(gate=gate):
                sku.verdicts[gate] = good(command)
                assert done.gate is not None
                assert (done.gate.verdict == "passed") is good(command)
                self.raised(command, sku, done)

    def raised(self, command: SubmitGate, sku: Sku, done: Done) -> None:
        if good(command) or command.gate == "smoke_test":
            assert done.andon is None
            return
        assert done.andon is not None
        same = [
            name
            for name, andon in self.andons.items()
            if (andon.sku, andon.kind) == (command.sku_id, done.andon.type) and andon.status != "resolved"
        ]
        if same:
            assert done.andon.id == same[0]
        else:
            assert done.andon.id not in self.andons
            assert done.andon.stops
            made = Andon(sku.order, done.andon.type, done.andon.severity, command.sku_id)
            self.andons[done.andon.id] = made

    def change_andon(self, command: Any, done: Done) -> None:
        assert done.andon is not None
        if isinstance(command, PullAndon):
            sku = self.orders[command.work_order_id].sku
            self.andons[done.andon.id] = Andon(command.work_order_id, command.type, done.andon.severity, sku)
            return
        andon = self.andons[command.id]
        match command:
            case AcknowledgeAndon():
                andon.status = "investigating"
            case EscalateAndon():
                andon.level += 1
            case _:
                andon.status = "resolved"

    def change_cause(self, command: Any, done: Done) -> None:
        assert done.root_cause is not None
        if isinstance(command, StartRootCause):
            andon = self.andons[command.andon_id]
            andon.status, andon.cause = "investigating", done.root_cause.id
            self.causes[done.root_cause.id] = Cause(command.andon_id)
            return
        cause = self.causes[command.id]
        cause.whys = max(cause.whys, command.n) if isinstance(command, AddWhy) else cause.whys
        cause.finished = isinstance(command, FinalizeRootCause)

    # What is shown

    def compare(self, done: Done) -> None:
        """Whatever an answer shows is as it must be now."""
        if (order := done.work_order) is not None:
            kept = self.orders[order.id]
            assert (order.bucket, order.priority, order.status) == (kept.bucket, kept.priority, kept.status)
            assert (order.version, list(order.dependencies)) == (kept.version, kept.needs)
            assert list(order.blocked_by) == self.open_needs(kept)
            assert order.sku_id == kept.sku
        if (sku := done.sku) is not None:
            made = self.skus[sku.id]
            assert (sku.work_order_id, sku.stage, sku.status) == (made.order, STAGES[made.stage], made.status)
        if (andon := done.andon) is not None:
            told = self.andons[andon.id]
            assert (andon.work_order_id, andon.sku_id, andon.type) == (told.order, told.sku, told.kind)
            assert (andon.status, andon.level, andon.root_cause_id) == (told.status, told.level, told.cause)
        if (cause := done.root_cause) is not None:
            known = self.causes[cause.id]
            assert (cause.andon_id, len(cause.whys)) == (known.andon, known.whys)
        for dependent in done.dependents:
            other = self.orders[dependent.id]
            assert (dependent.status, dependent.version) == (other.status, other.version)
