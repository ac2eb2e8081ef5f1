"""The model that replays the line's receipts finds what no line may do, and lets pass what it may."""

import json
from typing import Any

import pytest

from load.model import STAGES, Faults, Fields, Model


class Journal:
    """Receipts as somebody could write them, right or wrong, replayed one by one."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.model = Model(self.faults)
        self.seq = 0

    def write(self, kind: str, inputs: Fields, **outputs: Any) -> None:
        self.seq += 1
        text = json.dumps({"inputs": inputs, "outputs": outputs})
        self.model.apply({"seq": self.seq, "type": kind, "payload": text})

    def found(self) -> dict[str, int]:
        return dict(self.faults.count)

    def create(self, name: str, needs: tuple[str, ...] = (), **more: Any) -> None:
        inputs = {"signal_type": "internal", "title": name, "bucket": "cost", "priority": 5, "dependencies": needs}
        waits = tuple(one for one in needs if self.model.orders[one].status != "completed")
        status = "blocked" if waits else "queued"
        order = {"id": name, "bucket": "cost", "priority": 5, "status": status, "version": 1, "blocked_by": waits}
        self.write("work_order_create", inputs | more, work_order=order)

    def shown(self, name: str, status: str) -> Fields:
        order = self.model.orders[name]
        about = {"bucket": "cost", "priority": order.priority, "blocked_by": order.blocked_by, "sku_id": order.sku}
        return {"id": name, "status": status, "version": order.version + 1, **about}

    def start(self, name: str, kind: str = "work_order_start", **inputs: Any) -> None:
        sku = name.replace("WO", "SKU")
        order = self.shown(name, "in_progress") | {"sku_id": sku}
        self.write(kind, inputs or {"id": name}, work_order=order, sku=self.sku(sku, name))

    @staticmethod
    def sku(name: str, order: str, stage: int = 0, status: str = "in_production") -> Fields:
        return {"id": name, "work_order_id": order, "stage": STAGES[stage], "status": status}

    def complete(self, name: str, stage: int, **outputs: Any) -> None:
        sku = self.sku(name.replace("WO", "SKU"), name, stage, "completed")
        order = self.shown(name, "completed")
        self.write("work_order_complete", {"id": name}, work_order=order, sku=sku, **outputs)

    def advance(self, name: str, to: int) -> None:
        self.write("sku_advance", {"id": name}, sku=self.sku(name, name.replace("SKU", "WO"), to))

    def submit(self, name: str, gate: str, evidence: list[Fields], verdict: str = "passed", **outputs: Any) -> None:
        stage = self.model.skus[name].stage
        violations = [{"metric": "x"}] if verdict == "failed" else []
        result = {"gate": gate, "verdict": verdict, "violations": violations}
        inputs = {"sku_id": name, "gate": gate, "evidence": evidence}
        sku = self.sku(name, name.replace("SKU", "WO"), stage)
        self.write("gate_submit", inputs, sku=sku, gate=result, **outputs)

    def walk(self, name: str, to: int) -> None:
        for stage in range(self.model.skus[name].stage, to):
            self.submit(name, STAGES[stage], GOOD[STAGES[stage]])
            self.advance(name, stage + 1)

    def cord(self, name: str, order: str, severity: str = "medium", **more: Any) -> None:
        andon = self.andon(name, order, severity, **more)
        inputs = {"work_order_id": order, "type": "manual", "message": "stop", "severity": severity}
        self.write("andon_pull", inputs, andon=andon)

    def andon(self, name: str, order: str, severity: str = "medium", **more: Any) -> Fields:
        about = {"id": name, "work_order_id": order, "type": "manual", "severity": severity, "stops": True}
        return {**about, "status": "open", "sku_id": self.model.orders[order].sku} | more

    def resolve(self, name: str, severity: str = "medium") -> None:
        texts = {"root_cause": "a", "fix_applied": "b", "prevention_added": "c"}
        order = self.model.andons[name].order
        andon = self.andon(name, order, severity, status="resolved", sku_id=self.model.andons[name].sku)
        self.write("andon_resolve", {"id": name, **texts}, andon=andon)


GOOD: dict[str, list[Fields]] = {
    "shacl_validation": [{"conforms": True, "checked": 1}],
    "compilation": [{"code": 0}],
    "test_execution": [{"tests": 20, "failures": 1}, {"lines": 10, "covered": 8}],
    "security_scan": [{"notes": 1}],
    "deterministic_build": [{"first": "a", "second": "a"}],
    "quality_metrics": [],
    "release_verification": [{"components": 1}],
    "smoke_test": [{"code": 1}],
}
BAD: dict[str, list[Fields]] = {
    "shacl_validation": [{"conforms": True, "checked": 1, "violations": 1}],
    "compilation": [{"code": 1}],
    "test_execution": [{"tests": 20, "failures": 2}, {"lines": 10, "covered": 8}],
    "security_scan": [{"warnings": 1}],
    "deterministic_build": [{"first": "a", "second": "b"}],
}


@pytest.fixture
def journal() -> Journal:
    """Three orders wait, and one of them is being made."""
    made = Journal()
    for name in ("WO-1", "WO-2", "WO-3"):
        made.create(name)
    made.start("WO-1")
    return made


def test_the_whole_way_of_a_sku_is_no_fault(journal: Journal):
    journal.walk("SKU-1", 7)
    journal.submit("SKU-1", "smoke_test", GOOD["smoke_test"])
    journal.complete("WO-1", 7)
    journal.write("sku_advance", {"id": "SKU-1"}, sku=journal.sku("SKU-1", "WO-1", 8, "completed"))
    journal.write("sku_publish", {"id": "SKU-1"}, sku=journal.sku("SKU-1", "WO-1", 9, "published"))
    assert journal.found() == {}


@pytest.mark.parametrize("stage", range(8))
def test_an_order_that_is_completed_before_its_gates_have_run_is_found(journal: Journal, stage: int):
    journal.walk("SKU-1", stage)
    journal.complete("WO-1", stage)
    assert journal.found() == {"ungated": 1}


@pytest.mark.parametrize("stage", range(8))
def test_a_stage_entered_without_a_verdict_is_found(journal: Journal, stage: int):
    journal.walk("SKU-1", stage)
    journal.advance("SKU-1", stage + 1)
    assert journal.found() == {"ungated": 1}


def test_a_stage_that_is_left_out_is_found(journal: Journal):
    journal.submit("SKU-1", STAGES[0], GOOD[STAGES[0]])
    journal.advance("SKU-1", 2)
    assert journal.found() == {"wrong_outputs": 1}


def test_a_gate_that_passed_without_evidence_is_found(journal: Journal):
    journal.submit("SKU-1", "shacl_validation", [])
    assert journal.found()["ungated"] == 1


@pytest.mark.parametrize("gate", BAD)
def test_a_gate_that_passed_with_figures_that_fail_is_found(journal: Journal, gate: str):
    journal.walk("SKU-1", STAGES.index(gate))
    journal.submit("SKU-1", gate, BAD[gate])
    assert journal.found() == {"wrong_outputs": 1}


def test_a_failed_gate_without_its_andon_is_found(journal: Journal):
    journal.submit("SKU-1", "shacl_validation", BAD["shacl_validation"], "failed")
    assert journal.found() == {"wrong_outputs": 1}


def test_another_gate_s_verdict_and_one_without_a_slot_are_found(journal: Journal):
    journal.submit("SKU-1", "compilation", GOOD["compilation"])
    journal.write("work_order_release", {"id": "WO-1", "reason": "x"}, work_order=journal.shown("WO-1", "queued"))
    journal.submit("SKU-1", "shacl_validation", GOOD["shacl_validation"])
    assert journal.found() == {"illegal_transitions": 2}


def test_publishing_what_is_not_completed_is_found(journal: Journal):
    journal.walk("SKU-1", 8)
    journal.write("sku_publish", {"id": "SKU-1"}, sku=journal.sku("SKU-1", "WO-1", 9, "published"))
    assert journal.found() == {"ungated": 1}


def test_whatever_moves_past_a_stop_is_found(journal: Journal):
    journal.submit("SKU-1", STAGES[0], GOOD[STAGES[0]])
    journal.cord("ANDON-1", "WO-1")
    journal.advance("SKU-1", 1)
    journal.cord("ANDON-2", "WO-2")
    journal.start("WO-2")
    journal.start("WO-3")
    assert journal.found() == {"moves_past_a_stop": 2}


def test_a_start_in_a_bucket_with_a_critical_stop_is_found_until_it_is_resolved(journal: Journal):
    journal.cord("ANDON-1", "WO-1", "critical")
    journal.start("WO-2")
    assert journal.found() == {"moves_past_a_stop": 1}
    cause = {"id": "RC-1", "whys": []}
    about = {"status": "investigating", "severity": "critical"}
    journal.write(
        "root_cause_start", {"andon_id": "ANDON-1"}, root_cause=cause, andon=journal.andon("ANDON-1", "WO-1", **about)
    )
    for n in range(1, 6):
        told = {"root_cause": {"id": "RC-1", "whys": ["x"] * n}, "andon": journal.andon("ANDON-1", "WO-1", **about)}
        journal.write("root_cause_add_why", {"id": "RC-1", "n": n, "text": "x"}, **told)
    journal.write("root_cause_finalize", {"id": "RC-1"}, **told)
    journal.resolve("ANDON-1", "critical")
    journal.start("WO-3")
    assert journal.found() == {"moves_past_a_stop": 1}


@pytest.mark.parametrize(("severity", "faults"), [("medium", {}), ("high", {"illegal_transitions": 1})])
def test_an_andon_resolved_without_the_whys_that_it_needs_is_found(journal: Journal, severity: str, faults: Any):
    journal.cord("ANDON-1", "WO-1", severity)
    journal.resolve("ANDON-1", severity)
    assert journal.found() == faults


def test_a_level_told_twice_is_found(journal: Journal):
    journal.cord("ANDON-1", "WO-1")
    for _ in range(2):
        journal.write("andon_escalate", {"id": "ANDON-1", "level": 1}, andon=journal.andon("ANDON-1", "WO-1", level=1))
    assert journal.found() == {"illegal_transitions": 1}


def test_an_order_that_is_started_before_what_it_needs_is_found(journal: Journal):
    journal.create("WO-4", needs=("WO-1", "WO-2"))
    journal.start("WO-4")
    assert journal.found()["illegal_transitions"] == 1


@pytest.mark.parametrize(("told", "faults"), [(True, {}), (False, {"wrong_outputs": 1})])
def test_an_order_that_was_freed_in_secret_is_found(journal: Journal, told: bool, faults: Any):
    journal.create("WO-4", needs=("WO-1",))
    journal.walk("SKU-1", 8)
    freed = [{"id": "WO-4", "status": "queued", "version": 2}]
    journal.complete("WO-1", 8, dependents=freed if told else [])
    assert journal.found() == faults


@pytest.mark.parametrize(
    ("code", "stops", "faults"),
    [
        ("line_stopped", [("ANDON-1", "WO-2", "critical")], {}),
        ("line_stopped", [("ANDON-1", "WO-2", "high"), ("ANDON-2", "WO-3", "low")], {}),
        ("line_stopped", [("ANDON-1", "WO-2", "high")], {"wrong_refusals": 2}),
        ("line_stopped", [], {"wrong_refusals": 2}),
        ("wip_limit", [("ANDON-1", "WO-2", "critical")], {"wrong_refusals": 2}),
    ],
)
def test_a_pull_refused_for_another_reason_than_there_is_is_found(
    journal: Journal, code: str, stops: list[tuple[str, str, str]], faults: Any
):
    for stop in stops:
        journal.cord(*stop)
    journal.write("work_order_pull_refused", {"bucket": "cost"}, refusal={"code": code})
    journal.write("work_order_pull_next_refused", {}, refusal={"code": code})
    assert journal.found() == faults


def test_rounds_of_pulls_go_on_after_the_bucket_last_pulled():
    journal = Journal()
    for name, bucket in (("WO-1", "reliability"), ("WO-2", "reliability"), ("WO-3", "cost")):
        order = {"id": name, "bucket": bucket, "priority": 5, "status": "queued", "version": 1}
        inputs = {"signal_type": "internal", "title": name, "bucket": bucket, "priority": 5}
        journal.write("work_order_create", inputs, work_order=order)
    for name, bucket in (("WO-1", "reliability"), ("WO-2", "reliability")):
        sku = name.replace("WO", "SKU")
        order = {"id": name, "bucket": bucket, "priority": 5, "status": "in_progress", "version": 2, "sku_id": sku}
        journal.write("work_order_pull_next", {}, work_order=order, sku=journal.sku(sku, name))
    assert journal.found() == {"wrong_orders": 1}
