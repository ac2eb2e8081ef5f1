"""The production line, written down anew from the specification and replayed from its receipts.

Nothing here comes from `erlmcp`, so that a mistake of the line is not the model's too: tables, limits, routes, what is
pulled next, what stops what, which gate lets what through. Each receipt must be what the rules allow at its place.
"""

import bisect
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]

LIMITS = {"security": 5, "reliability": 5, "cost": 5, "compliance": 5, "features": 10, "technical_debt": 5}
ROUND = ("reliability", "security", "cost", "compliance", "features", "technical_debt")
ROUTES = {"cve": ("security", 10), "refund": ("reliability", 8), "install": ("features", 4)}
PRIORITIES = {"security": 8, "reliability": 6, "cost": 5, "compliance": 6, "features": 4, "technical_debt": 3}
START = ("work_order_start", "work_order_pull", "work_order_pull_next")
OPEN = ("queued", "blocked", "in_progress")
#: type → from, to
MOVES = {
    **dict.fromkeys(START, (("queued",), "in_progress")),
    "work_order_complete": (("in_progress",), "completed"),
    "work_order_release": (("in_progress",), "queued"),
    "work_order_cancel": (OPEN, "cancelled"),
}
STAGES = (
    *("shacl_validation", "compilation", "test_execution", "security_scan", "deterministic_build"),
    *("quality_metrics", "release_verification", "smoke_test", "marketplace_validation", "publication"),
)
UPKEEP = ("tpm_run", "kaizen_propose", "kaizen_apply", "kaizen_measure")  # nothing that is made is changed by these
SMOKE, MARKETPLACE, PUBLICATION = 7, 8, 9
RAISES = {
    "shacl_validation": ("shacl_violation", "critical"),
    "compilation": ("compilation_failure", "critical"),
    "test_execution": ("test_failure", "high"),
    "security_scan": ("security_vulnerability", "critical"),
    "deterministic_build": ("non_determinism", "critical"),
    "quality_metrics": ("quality_gate_failure", "high"),
    "release_verification": ("missing_receipt", "medium"),
}
SHOWN = 5  # faults of a kind that are told in words


class Faults:
    """What is wrong, by kind."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.words: list[str] = []

    def add(self, kind: str, words: str) -> None:
        self.count[kind] += 1
        if self.count[kind] <= SHOWN:
            self.words.append(f"{kind}: {words}")


@dataclass
class Order:
    """A work order as the receipts tell it; `seq` is its age, `blocked_by` what it waits for."""

    bucket: str
    priority: int
    seq: int
    status: str = "queued"
    version: int = 1
    blocked_by: tuple[str, ...] = ()
    sku: str | None = None


@dataclass
class Sku:
    """`verdicts`: the last one of each gate; it is not in the tables in this form, and not compared."""

    order: str
    stage: int = 0
    status: str = "in_production"
    verdicts: dict[str, str] = field(default_factory=dict, compare=False)


@dataclass
class Andon:
    """`whys`: of its root cause; -1: there is none."""

    order: str
    type: str
    severity: str
    stops: bool
    status: str = "open"
    level: int = 0
    sku: str | None = None
    whys: int = field(default=-1, compare=False)
    finalized: bool = field(default=False, compare=False)


class Model:
    """The line, replayed."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.orders: dict[str, Order] = {}
        self.skus: dict[str, Sku] = {}
        self.andons: dict[str, Andon] = {}
        self.limits = dict(LIMITS)
        self.wip = dict.fromkeys(LIMITS, 0)
        self._waiting: dict[str, list[tuple[int, int, str]]] = {bucket: [] for bucket in LIMITS}
        self._stops: dict[str, set[str]] = {}  # order → open stops
        self._critical: dict[str, set[str]] = {bucket: set() for bucket in LIMITS}
        self._causes: dict[str, str] = {}  # root cause → andon
        self._needed: dict[str, set[str]] = {}  # order → those that ever waited for it
        self._pulled: str | None = None  # the bucket

    def full(self, bucket: str) -> bool:
        return self.wip[bucket] >= self.limits[bucket]

    def apply(self, receipt: Fields) -> None:
        """Take the next receipt in."""
        kind, seq, (inputs, outputs) = receipt["type"], receipt["seq"], payload(receipt)
        if kind in UPKEEP:
            return
        if kind.endswith("_refused"):
            self._refused(seq, kind.removesuffix("_refused"), inputs, outputs["refusal"]["code"])
        elif kind == "kanban_set_limit":
            self._limit(seq, inputs["bucket"], inputs["limit"], outputs["kanban"])
        elif kind == "work_order_create":
            self._created(seq, inputs, outputs)
        elif kind in {"gate_submit", "sku_advance", "sku_publish", "sku_abort"}:
            self._moved_sku(seq, kind, inputs, outputs)
        elif kind.startswith(("andon_", "root_cause_", "sla_")):
            self._called(seq, kind, inputs, outputs)
        else:
            self._changed(seq, kind, inputs, outputs)
        for bucket, wip in self.wip.items():
            if not 0 <= wip <= self.limits[bucket]:
                self.faults.add("wip_violations", f"{bucket} has {wip} of {self.limits[bucket]} after receipt {seq}")

    # Orders

    def _created(self, seq: int, inputs: Fields, outputs: Fields) -> None:
        shown, kind = outputs["work_order"], inputs["signal_type"]
        bucket = inputs.get("bucket", "features")
        bucket, priority = ROUTES.get(kind, (bucket, inputs.get("priority", PRIORITIES[bucket])))
        blockers = tuple(one for one in inputs.get("dependencies", ()) if self.orders[one].status != "completed")
        order = Order(bucket, priority, seq, "blocked" if blockers else "queued", 1, blockers)
        if _of(shown, seq) != order or shown["id"] in self.orders:
            self.faults.add("illegal_transitions", f"receipt {seq} creates {shown} of {inputs}")
        self._put(shown["id"], order)
        self._need(shown["id"], blockers)
        if (kind == "cve") != ("andon" in outputs):
            self.faults.add("wrong_outputs", f"receipt {seq}: a notice for a {kind} signal")
        elif kind == "cve":
            notice = Andon(shown["id"], "security_vulnerability", "critical", False)
            self._raised(seq, outputs["andon"], notice)

    def _changed(self, seq: int, kind: str, inputs: Fields, outputs: Fields) -> None:
        shown = outputs["work_order"]
        name = shown["id"]
        order = self.orders.get(name)
        if order is None:
            self.faults.add("illegal_transitions", f"receipt {seq}, {kind}: nobody created {name}")
            return
        asked = self._asked(kind, inputs)
        if asked != name:
            self.faults.add("wrong_orders", f"receipt {seq}, {kind} {inputs}: {name} instead of {asked}")
        before, after = MOVES.get(kind, (OPEN, order.status))
        if order.status not in before:
            self.faults.add("illegal_transitions", f"receipt {seq}, {kind}: {name} was {order.status}")
        self._take(name)
        if kind == "work_order_update":
            order.priority = inputs.get("priority", order.priority)
        elif kind.endswith("_dependency"):
            after = self._depends(kind, order, inputs["depends_on"])
            self._need(name, order.blocked_by)
        elif kind in START:
            self._started(seq, name, order, outputs.get("sku"))
            self._pulled = self._pulled if kind == "work_order_start" else order.bucket
        order.status, order.version = after, order.version + 1
        self._put(name, order)
        if kind in {"work_order_complete", "work_order_cancel"}:
            self._ended(seq, kind, name, outputs)
        if _of(shown, order.seq) != order:
            self.faults.add("wrong_outputs", f"receipt {seq}, {kind}: {shown} instead of {order}")

    def _put(self, name: str, order: Order) -> None:
        self.orders[name] = order
        self.wip[order.bucket] += order.status == "in_progress"
        if order.status == "queued":
            bisect.insort(self._waiting[order.bucket], (-order.priority, order.seq, name))

    def _take(self, name: str) -> None:
        order = self.orders[name]
        self.wip[order.bucket] -= order.status == "in_progress"
        if order.status == "queued":
            self._waiting[order.bucket].remove((-order.priority, order.seq, name))

    def _need(self, name: str, blockers: tuple[str, ...]) -> None:
        for blocker in blockers:
            self._needed.setdefault(blocker, set()).add(name)

    def _depends(self, kind: str, order: Order, other: str) -> str:
        if kind == "work_order_remove_dependency":
            order.blocked_by = tuple(one for one in order.blocked_by if one != other)
        elif self.orders[other].status != "completed":
            order.blocked_by = (*order.blocked_by, other)
        return "blocked" if order.blocked_by else "queued"

    def _started(self, seq: int, name: str, order: Order, shown: Fields | None) -> None:
        if self._stops.get(name) or self._critical[order.bucket]:
            self.faults.add("moves_past_a_stop", f"receipt {seq} starts {name}")
        known = self.skus.get(order.sku or "")
        if known is None or known.status != "in_production":
            known, order.sku = Sku(name), shown["id"] if shown else None
            if order.sku in self.skus:
                self.faults.add("wrong_outputs", f"receipt {seq}: sku {order.sku} was another's")
        if shown is None or (shown["id"], _sku_of(shown)) != (order.sku, known):
            self.faults.add("wrong_outputs", f"receipt {seq}: {shown} instead of {order.sku} {known}")
        self.skus[order.sku or ""] = known

    def _ended(self, seq: int, kind: str, name: str, outputs: Fields) -> None:
        order = self.orders[name]
        sku = self.skus.get(order.sku or "")
        if kind == "work_order_complete":
            if sku is None or not (sku.stage == MARKETPLACE or (sku.stage == SMOKE and "smoke_test" in sku.verdicts)):
                self.faults.add("ungated", f"receipt {seq} completes {name} with {sku}")
            if self._stops.get(name):
                self.faults.add("moves_past_a_stop", f"receipt {seq} completes {name}")
        if sku is not None and sku.status == "in_production":
            sku.status = "completed" if kind == "work_order_complete" else "aborted"
        those = {other: self.orders[other] for other in self._needed.get(name, ())}
        changed = {
            other: waits for other, waits in those.items() if name in waits.blocked_by and waits.status == "blocked"
        }
        for other, waits in changed.items():
            self._take(other)
            if kind == "work_order_complete":
                waits.blocked_by = tuple(one for one in waits.blocked_by if one != name)
            waits.status, waits.version = "blocked" if waits.blocked_by else "queued", waits.version + 1
            self._put(other, waits)
        told = {one["id"]: (one["status"], one["version"]) for one in outputs.get("dependents", ())}
        if told != {other: (waits.status, waits.version) for other, waits in changed.items()}:
            self.faults.add("wrong_outputs", f"receipt {seq}: {told} instead of {changed}")

    def _asked(self, kind: str, inputs: Fields) -> str | None:
        if kind == "work_order_pull":
            return next(iter(self._free([inputs["bucket"]])), (0, 0, None))[2]
        if kind != "work_order_pull_next":
            return str(inputs["id"])
        at = ROUND.index(self._pulled) + 1 if self._pulled else 0
        rounds = ROUND[at:] + ROUND[:at]
        ready = [bucket for bucket in rounds if not self.full(bucket) and not self._critical[bucket]]
        return min(self._free(ready), default=(0, 0, None))[2]

    def _free(self, buckets: Iterable[str]) -> list[tuple[int, int, str]]:
        """Of each bucket the first order that no stop of its own holds: its round, the bucket's place in it, its id."""
        found = []
        for place, bucket in enumerate(buckets):
            for turn, (_, _, name) in enumerate(self._waiting[bucket]):
                if not self._stops.get(name):
                    found.append((turn, place, name))
                    break
        return found

    def _limit(self, seq: int, bucket: str, limit: int, shown: Fields) -> None:
        self.limits[bucket] = limit
        if (shown["limit"], shown["current"]) != (limit, self.wip[bucket]):
            self.faults.add("wrong_outputs", f"receipt {seq}: {shown}, and {bucket} has {self.wip[bucket]} of {limit}")

    def _refused(self, seq: int, kind: str, inputs: Fields, code: str) -> None:
        """Only for want of a slot, and for stops where there is one, is a refusal recorded."""
        if kind == "work_order_pull_next":
            wanted = [bucket for bucket in LIMITS if self._waiting[bucket]]
        else:
            wanted = [inputs["bucket"] if kind == "work_order_pull" else self.orders[inputs["id"]].bucket]
        slots = [bucket for bucket in wanted if not self.full(bucket)]
        if code == "wip_limit":
            wrong = bool(slots) or not wanted
        elif kind == "work_order_start":
            wrong = not slots or not (self._critical[slots[0]] or self._stops.get(inputs["id"]))
        else:
            wrong = not slots or any(not self._critical[bucket] and self._free([bucket]) for bucket in slots)
        if wrong:
            self.faults.add("wrong_refusals", f"receipt {seq}, {kind} {inputs}: {code}, with slots in {slots}")

    # Skus

    def _moved_sku(self, seq: int, kind: str, inputs: Fields, outputs: Fields) -> None:
        shown = outputs["sku"]
        name = shown["id"]
        sku = self.skus.get(name)
        if sku is None or name != inputs.get("sku_id", inputs.get("id")):
            self.faults.add("illegal_transitions", f"receipt {seq}, {kind}: nobody opened {name}")
            return
        order = self.orders[sku.order]
        makes = sku.status == "in_production" and order.status == "in_progress"
        stage = STAGES[sku.stage]
        if kind == "gate_submit":
            self._judged(seq, name, sku, inputs, outputs, allowed=makes and inputs["gate"] == stage)
        elif kind == "sku_abort":
            self._aborted(seq, sku, outputs)
        else:
            passed = sku.verdicts.get(stage) == "passed" or (sku.stage == SMOKE and stage in sku.verdicts)
            moves = (makes or (sku.status == "completed" and sku.stage == SMOKE)) and sku.stage < MARKETPLACE and passed
            publishes = sku.status == "completed" and sku.stage == MARKETPLACE and order.status == "completed"
            if not (publishes if kind == "sku_publish" else moves):
                self.faults.add("ungated", f"receipt {seq}, {kind}: {name} was {sku} {sku.verdicts}")
            if self._stops.get(sku.order):
                self.faults.add("moves_past_a_stop", f"receipt {seq}, {kind} of {name}")
            sku.stage += 1
            sku.status = "published" if kind == "sku_publish" else sku.status
        if _sku_of(shown) != sku:
            self.faults.add("wrong_outputs", f"receipt {seq}, {kind}: {shown} instead of {sku}")

    def _judged(self, seq: int, name: str, sku: Sku, inputs: Fields, outputs: Fields, *, allowed: bool) -> None:
        gate, verdict = inputs["gate"], outputs["gate"]["verdict"]
        if not allowed:
            self.faults.add("illegal_transitions", f"receipt {seq} judges {gate} of {name}: {sku}")
        if not inputs.get("evidence") and gate != "quality_metrics":
            self.faults.add("ungated", f"receipt {seq}: {gate} {verdict} without evidence")
        violations = outputs["gate"].get("violations")
        if (verdict == "failed") != bool(violations) or (verdict == "passed" and _fails(gate, inputs)):
            self.faults.add("wrong_outputs", f"receipt {seq}: {outputs['gate']} of {inputs}")
        sku.verdicts[gate] = verdict
        raises = RAISES.get(gate) if verdict == "failed" else None
        if (raises is None) != ("andon" not in outputs):
            self.faults.add("wrong_outputs", f"receipt {seq}: {gate} {verdict}, and an andon or none")
        if raises is None or "andon" not in outputs:
            return
        same = (raises[0], name)
        stops = self._stops.get(sku.order, ())
        there = [one for one in stops if (self.andons[one].type, self.andons[one].sku) == same]
        if not there:
            self._raised(seq, outputs["andon"], Andon(sku.order, *raises, True, sku=name))
        elif outputs["andon"]["id"] not in there:
            self.faults.add("wrong_outputs", f"receipt {seq} raises {outputs['andon']['id']} beside {there}")

    def _aborted(self, seq: int, sku: Sku, outputs: Fields) -> None:
        order = self.orders[sku.order]
        if sku.status not in {"in_production", "completed"}:
            self.faults.add("illegal_transitions", f"receipt {seq} aborts {sku}")
        sku.status = "aborted"
        if order.status == "in_progress":
            self._take(sku.order)
            order.status, order.version = "queued", order.version + 1
            self._put(sku.order, order)
        if _of(outputs["work_order"], order.seq) != order:
            self.faults.add("wrong_outputs", f"receipt {seq}: {outputs['work_order']} instead of {order}")

    # Andons

    def _called(self, seq: int, kind: str, inputs: Fields, outputs: Fields) -> None:
        shown = outputs["andon"]
        name = shown["id"]
        if kind in {"andon_pull", "sla_breach"}:
            order = self.orders[inputs["work_order_id"]]
            pulled = kind == "andon_pull"
            about = inputs["type"] if pulled else "sla_breach"
            severity = inputs.get("severity") or SEVERITIES[about]
            self._raised(seq, shown, Andon(inputs["work_order_id"], about, severity, pulled, sku=order.sku))
            return
        andon = self.andons.get(name)
        if andon is None or (andon.status == "resolved" and kind.startswith("andon_")):
            self.faults.add("illegal_transitions", f"receipt {seq}, {kind}: {name} was {andon}")
            return
        if kind == "andon_escalate":
            self._escalated(seq, andon, inputs["level"])
        elif kind == "andon_resolve":
            self._resolved(seq, name, andon, inputs)
        elif kind == "andon_acknowledge":
            andon.status = "investigating"
        else:
            self._asked_why(seq, kind, name, andon, inputs, outputs["root_cause"])
        if _andon_of(shown) != andon:
            self.faults.add("wrong_outputs", f"receipt {seq}, {kind}: {shown} instead of {andon}")

    def _raised(self, seq: int, shown: Fields, andon: Andon) -> None:
        name = shown["id"]
        if _andon_of(shown) != andon or name in self.andons:
            self.faults.add("wrong_outputs", f"receipt {seq}: {shown} instead of {andon}")
        self.andons[name] = andon
        if andon.stops:
            self._stops.setdefault(andon.order, set()).add(name)
            if andon.severity == "critical":
                self._critical[self.orders[andon.order].bucket].add(name)

    def _escalated(self, seq: int, andon: Andon, level: int) -> None:
        if andon.status != "open" or level != andon.level + 1 or level > 3:
            self.faults.add("illegal_transitions", f"receipt {seq} escalates {andon} to {level}")
        andon.level = level

    def _resolved(self, seq: int, name: str, andon: Andon, inputs: Fields) -> None:
        told = all(inputs.get(word) for word in ("root_cause", "fix_applied", "prevention_added"))
        if not told or (andon.severity in {"critical", "high"} and not andon.finalized):
            self.faults.add("illegal_transitions", f"receipt {seq} resolves {andon} with {inputs}")
        andon.status = "resolved"
        self._stops.get(andon.order, set()).discard(name)
        self._critical[self.orders[andon.order].bucket].discard(name)

    def _asked_why(self, seq: int, kind: str, name: str, andon: Andon, inputs: Fields, cause: Fields) -> None:
        known = self._causes.setdefault(cause["id"], name)
        allowed = known == name and not andon.finalized
        match kind:
            case "root_cause_start":
                allowed = allowed and andon.whys < 0 and andon.status != "resolved"
                andon.whys, andon.status = 0, "investigating"
            case "root_cause_add_why":
                allowed = allowed and 1 <= inputs["n"] <= andon.whys + 1
                andon.whys = max(andon.whys, inputs["n"])
            case _:
                allowed = allowed and andon.whys == 5
                andon.finalized = True
        if not allowed or len(cause.get("whys", ())) != andon.whys:
            self.faults.add("illegal_transitions", f"receipt {seq}, {kind}: {cause} of {andon}")


SEVERITIES = dict(RAISES.values()) | {"sla_breach": "high", "manual": "medium"}


def payload(receipt: Fields) -> tuple[Fields, Fields]:
    """`inputs` and `outputs`."""
    read = json.loads(receipt["payload"])
    return read["inputs"], read["outputs"]


def _fails(gate: str, inputs: Fields) -> bool:
    """Whether the figures alone fail the gate, with the usual limits."""

    def total(figure: str) -> int:
        return sum(one.get(figure, 0) for one in inputs.get("evidence", ()))

    match gate:
        case "shacl_validation":
            return total("violations") > 0 or total("checked") < 1 or total("conforms") < 1
        case "compilation":
            return total("errors") > 0 or any(one.get("code", 0) for one in inputs["evidence"])
        case "test_execution":
            run = total("tests") - total("skipped")
            failed = total("failures") + total("errors")
            return run < 1 or (run - failed) / run < 0.95 or total("covered") / max(total("lines"), 1) < 0.8
        case "security_scan":
            return total("errors") + total("warnings") > 0
        case "deterministic_build":
            return any(one["first"] != one["second"] for one in inputs["evidence"])
    return False


def _of(shown: Fields, seq: int) -> Order:
    return Order(
        shown["bucket"],
        shown["priority"],
        seq,
        shown["status"],
        shown["version"],
        tuple(shown.get("blocked_by", ())),
        shown.get("sku_id"),
    )


def _sku_of(shown: Fields) -> Sku:
    return Sku(shown["work_order_id"], STAGES.index(shown["stage"]), shown["status"])


def _andon_of(shown: Fields) -> Andon:
    about = (shown["work_order_id"], shown["type"], shown["severity"], shown["stops"])
    return Andon(*about, shown["status"], shown.get("level", 0), shown.get("sku_id"))
