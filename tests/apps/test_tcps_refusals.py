"""Every refusal says what was wrong and what to do next: through MCP, one row each."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from erlmcp.tcps import Code
from tests.apps.plant import Plant, plant
from tests.apps.proofs import FAILING, PASSING
from tests.mcp import posts

Asked = tuple[str, dict[str, Any]]
Situation = Callable[[Plant], Awaitable[Asked]]

CASES: list[tuple[Situation, str, str, str]] = []
"""What was done before and is asked then; the code, a part of the message, a part of what to do next."""


def refused(code: str, message: str, next_step: str) -> Callable[[Situation], Situation]:
    def add(situation: Situation) -> Situation:
        CASES.append((situation, code, message, next_step))
        return situation

    return add


async def full(line: Plant) -> str:
    """The id of an order for which there is no slot."""
    *started, last = [await line.order(f"Order {number}") for number in range(6)]
    for order in started:
        await line.call("work_order_start", id=order)
    return last


async def failed(line: Plant) -> tuple[str, dict[str, Any]]:
    """A sku whose tests failed, and the andon."""
    sku = await line.sku(gate="test_execution")
    answer = await line.call("gate_submit", sku_id=sku, gate="test_execution", evidence=FAILING)
    return sku, answer["andon"]


async def order_of(line: Plant, sku: str) -> str:
    return str((await line.call("sku_get", id=sku))["sku"]["work_order_id"])


async def cord(line: Plant, order: str, severity: str = "medium") -> str:
    pulled = await line.call("andon_pull", work_order_id=order, type="manual", message="Smoke", severity=severity)
    return str(pulled["andon"]["id"])


async def cause(line: Plant, whys: int = 0) -> tuple[str, str]:
    """An andon and its root cause, with so many whys."""
    _, andon = await failed(line)
    begun = await line.call("root_cause_start", andon_id=andon["id"], problem="Tests fail")
    for n in range(1, whys + 1):
        await line.call("root_cause_add_why", id=begun["root_cause"]["id"], n=n, text="because")
    return andon["id"], begun["root_cause"]["id"]


@refused("wip_limit", "bucket security has 5 of 5 work orders in progress", "work_order_complete, work_order_release")
async def start_without_a_slot(line: Plant) -> Asked:
    return "work_order_start", {"id": await full(line)}


@refused("wip_limit", "no slot is free", "call work_order_pull_next to take work from another bucket")
async def pull_without_a_slot(line: Plant) -> Asked:
    await full(line)
    return "work_order_pull", {"bucket": "security"}


@refused("wip_limit", "no slot is free", "call work_order_list with bucket security and status in_progress")
async def pull_next_without_a_slot(line: Plant) -> Asked:
    await full(line)
    return "work_order_pull_next", {}


@refused("blocked_by_dependencies", "is blocked by WO-", "work_order_remove_dependency; work_order_pull_next takes")
async def start_what_waits_for_another(line: Plant) -> Asked:
    return "work_order_start", {"id": await line.order(dependencies=[await line.order()])}


@refused("circular_dependency", "WO-", "work_order_remove_dependency")
async def wait_for_each_other(line: Plant) -> Asked:
    first = await line.order()
    second = await line.order(dependencies=[first])
    return "work_order_add_dependency", {"id": first, "depends_on": second}


@refused("not_found", "there is no work order WO-1", "call work_order_list to see the orders and their ids")
async def start_what_is_not_there(line: Plant) -> Asked:
    return "work_order_start", {"id": "WO-1"}


@refused("not_found", "there is no sku SKU-1", "call work_order_list to see the orders and their sku_id")
async def advance_what_is_not_there(line: Plant) -> Asked:
    return "sku_advance", {"id": "SKU-1"}


@refused("not_found", "there is no andon ANDON-1", "call andon_list to see the andons and their ids")
async def resolve_what_is_not_there(line: Plant) -> Asked:
    return "andon_resolve", {"id": "ANDON-1", "root_cause": "r", "fix_applied": "f", "prevention_added": "p"}


@refused("not_found", "there is no root cause RC-1", "call andon_list")
async def why_of_what_is_not_there(line: Plant) -> Asked:
    return "root_cause_add_why", {"id": "RC-1", "n": 1, "text": "because"}


@refused("not_found", "there is no receipt 7: the last one is 0", "call receipt_list")
async def get_a_receipt_to_come(line: Plant) -> Asked:
    return "receipt_get", {"seq": 7}


@refused("not_found", "no work order is queued in any bucket", "work_order_create when there is a signal")
async def pull_from_an_empty_line(line: Plant) -> Asked:
    return "work_order_pull_next", {}


@refused("conflict", "has version 2, not 1", "call work_order_get for")
async def update_what_somebody_changed(line: Plant) -> Asked:
    order = await line.order()
    await line.call("work_order_update", id=order, version=1, title="Other")
    return "work_order_update", {"id": order, "version": 1, "title": "Mine"}


@refused("conflict", "idempotency_key k was used for another call", "call work_order_create with a new idempotency_key")
async def use_a_key_twice(line: Plant) -> Asked:
    await line.order(idempotency_key="k")
    return "work_order_create", {"signal_type": "internal", "title": "Other", "idempotency_key": "k"}


@refused("conflict", "its limit cannot be 4", "call kanban_set_limit with 5 or more")
async def set_a_limit_below_what_is_made(line: Plant) -> Asked:
    await full(line)
    return "kanban_set_limit", {"bucket": "security", "limit": 4}


@refused("conflict", "has root cause RC-", "call root_cause_add_why for RC-")
async def begin_the_whys_twice(line: Plant) -> Asked:
    andon, _ = await cause(line)
    return "root_cause_start", {"andon_id": andon, "problem": "again"}


@refused("line_stopped", "is stopped by andon ANDON-", "call andon_get for ANDON-")
async def advance_while_stopped(line: Plant) -> Asked:
    sku = await line.sku(gate="compilation")
    await line.call("gate_submit", sku_id=sku, gate="compilation", evidence=PASSING["compilation"])
    await cord(line, await order_of(line, sku))
    return "sku_advance", {"id": sku}


@refused("line_stopped", "is stopped by andon ANDON-", "andon_resolve")
async def complete_while_stopped(line: Plant) -> Asked:
    sku = await line.sku(gate="smoke_test")
    await line.call("gate_submit", sku_id=sku, gate="smoke_test", evidence=PASSING["smoke_test"])
    order = await order_of(line, sku)
    await cord(line, order)
    return "work_order_complete", {"id": order}


@refused("line_stopped", "is stopped by andon ANDON-", "andon_resolve")
async def publish_while_stopped(line: Plant) -> Asked:
    sku = await line.sku(gate="smoke_test")
    await line.advance(sku, "smoke_test")
    order = await order_of(line, sku)
    await line.call("work_order_complete", id=order)
    await cord(line, order)
    return "sku_publish", {"id": sku}


@refused("line_stopped", "critical manual: Smoke", "root_cause_start")
async def start_in_a_bucket_with_a_critical_stop(line: Plant) -> Asked:
    await cord(line, await line.order(), "critical")
    return "work_order_start", {"id": await line.order("Another")}


@refused("line_stopped", "bucket security is stopped by andon", "root_cause_start")
async def pull_next_where_all_is_stopped(line: Plant) -> Asked:
    await cord(line, await line.order(), "critical")
    return "work_order_pull_next", {}


@refused("gate_failed", "pass_rate 90.0 %, expected at least 95 %", "call gate_submit")
async def advance_past_a_failed_gate(line: Plant) -> Asked:
    sku, _ = await failed(line)
    return "sku_advance", {"id": sku}


@refused("gate_not_run", "has not run: nothing passes by default", "gate test_execution and its evidence")
async def advance_without_evidence(line: Plant) -> Asked:
    return "sku_advance", {"id": await line.sku(gate="test_execution")}


@refused("gate_not_run", "gate shacl_validation of sku", "call gate_submit with sku_id SKU-")
async def complete_what_was_never_tried(line: Plant) -> Asked:
    return "work_order_complete", {"id": await order_of(line, await line.sku())}


@refused("gate_not_run", "was given no coverage", "call gate_submit for test_execution with evidence of the kind")
async def submit_half_of_the_evidence(line: Plant) -> Asked:
    sku = await line.sku(gate="test_execution")
    return "gate_submit", {"sku_id": sku, "gate": "test_execution", "evidence": FAILING[:1]}


@refused(
    "invalid_transition", "is in shacl_validation: gate smoke_test cannot", "call gate_submit for shacl_validation"
)
async def submit_to_a_gate_to_come(line: Plant) -> Asked:
    return "gate_submit", {"sku_id": await line.sku(), "gate": "smoke_test", "evidence": PASSING["smoke_test"]}


@refused("invalid_transition", "is queued: it cannot be completed", "call work_order_start")
async def complete_what_nobody_makes(line: Plant) -> Asked:
    return "work_order_complete", {"id": await line.order()}


@refused("invalid_transition", "is in production: it cannot be published", "work_order_complete at the end")
async def publish_what_is_not_made(line: Plant) -> Asked:
    return "sku_publish", {"id": await line.sku()}


@refused("invalid_transition", "is in smoke_test: it is published from marketplace_validation", "call sku_advance")
async def publish_from_the_wrong_stage(line: Plant) -> Asked:
    sku = await line.sku(gate="smoke_test")
    await line.call("gate_submit", sku_id=sku, gate="smoke_test", evidence=PASSING["smoke_test"])
    await line.call("work_order_complete", id=await order_of(line, sku))
    return "sku_publish", {"id": sku}


@refused("invalid_transition", "is aborted: it cannot be advanced", "call work_order_start")
async def advance_what_was_given_up(line: Plant) -> Asked:
    sku = await line.sku()
    await line.call("sku_abort", id=sku, reason="hopeless")
    return "sku_advance", {"id": sku}


@refused("invalid_transition", "cannot be resolved before its five whys are finalized", "call root_cause_start with")
async def resolve_without_the_whys(line: Plant) -> Asked:
    _, andon = await failed(line)
    return "andon_resolve", {"id": andon["id"], "root_cause": "r", "fix_applied": "f", "prevention_added": "p"}


@refused("invalid_transition", "has 4 of 5 whys: it cannot be finalized", "call root_cause_add_why with n 5")
async def finish_with_four_whys(line: Plant) -> Asked:
    _, id_ = await cause(line, 4)
    return "root_cause_finalize", {"id": id_, "root_cause": "r", "prevention": "p"}


@refused("invalid_transition", "why 4 is not the next", "call root_cause_add_why with n 3")
async def skip_a_why(line: Plant) -> Asked:
    _, id_ = await cause(line, 2)
    return "root_cause_add_why", {"id": id_, "n": 4, "text": "because"}


@refused("invalid_transition", "is cancelled: there is nothing to stop", "call work_order_list")
async def stop_what_was_cancelled(line: Plant) -> Asked:
    order = await line.order()
    await line.call("work_order_cancel", id=order, reason="r")
    return "andon_pull", {"work_order_id": order, "type": "manual", "message": "m"}


@refused("invalid", "a bucket cannot be asked for with signal_type cve", "call work_order_create without bucket")
async def ask_for_a_bucket_with_a_cve(line: Plant) -> Asked:
    return "work_order_create", {"signal_type": "cve", "title": "t", "bucket": "cost"}


@refused("invalid", "was cancelled: nothing can depend on it", "call again without it")
async def depend_on_what_was_cancelled(line: Plant) -> Asked:
    first = await line.order()
    await line.call("work_order_cancel", id=first, reason="r")
    return "work_order_create", {"signal_type": "internal", "title": "t", "dependencies": [first]}


@refused("invalid", "title is empty", "call again with title of 1 to 200 characters")
async def create_without_a_title(line: Plant) -> Asked:
    return "work_order_create", {"signal_type": "internal", "title": " "}


@refused("invalid", "gate compilation takes exit_code or sarif", "call gate_submit for compilation with exit_code")
async def submit_the_wrong_kind(line: Plant) -> Asked:
    sku = await line.sku(gate="compilation")
    return "gate_submit", {"sku_id": sku, "gate": "compilation", "evidence": PASSING["release_verification"]}


@refused("invalid", "takes no evidence: it judges the sku's own receipts", "with no evidence")
async def bring_evidence_where_none_is_wanted(line: Plant) -> Asked:
    sku = await line.sku(gate="quality_metrics")
    return "gate_submit", {"sku_id": sku, "gate": "quality_metrics", "evidence": FAILING}


@refused("invalid", "n is 6", "call again with a n from 1 to 5")
async def answer_a_sixth_why(line: Plant) -> Asked:
    _, id_ = await cause(line)
    return "root_cause_add_why", {"id": id_, "n": 6, "text": "because"}


@refused("invalid", "size is 0", "call again with a size from 1 to 200")
async def schedule_nothing(line: Plant) -> Asked:
    return "heijunka_schedule", {"size": 0}


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Plant]:
    async with plant(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("situation", "code", "message", "next_step"), [pytest.param(*c, id=c[0].__name__) for c in CASES]
)
async def test_a_refusal_says_what_was_wrong_and_what_to_do_next(
    line: Plant, situation: Situation, code: str, message: str, next_step: str
) -> None:
    tool, arguments = await situation(line)
    before = (await line.call("receipt_list", limit=1))["receipts"][:1]
    told = await line.no(tool, **arguments)
    assert told.keys() == {"code", "message", "next"}
    assert (told["code"], message in told["message"], next_step in told["next"]) == (code, True, True), told
    tools = {each["name"] for each in (await line.ask(posts.modern("tools/list")))["result"]["tools"]}
    named = set(re.findall(r"\b(?:work_order|kanban|sku|gate|andon|root_cause|receipt)_[a-z_]+\b", told["next"]))
    assert named - {"sku_id", "andon_id", "root_cause_id"} <= tools
    assert named or "call again with" in told["next"]
    after = (await line.call("receipt_list", limit=1))["receipts"][:1]
    pulls = {"work_order_start", "work_order_pull", "work_order_pull_next"}
    left = [f"{tool}_refused"] if tool in pulls and code in {"wip_limit", "line_stopped"} else []
    assert [receipt["type"] for receipt in after if receipt not in before] == left


def test_every_code_is_in_the_table_but_the_one_that_needs_access_control() -> None:
    assert {code for _, code, _, _ in CASES} == set(Code) - {Code.FORBIDDEN}
