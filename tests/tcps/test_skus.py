"""Skus: opened by a start, judged by gates, moved by advancing, and published by an admin."""

from hashlib import sha256

import pytest

from erlmcp.tcps import (
    GATE_OF,
    NO_RECEIPT,
    SKU_TRANSITIONS,
    STAGES,
    AbortSku,
    AdvanceSku,
    AndonType,
    Bucket,
    Cancel,
    Code,
    Complete,
    Gate,
    PublishSku,
    PullAndon,
    Release,
    Severity,
    SkuStatus,
    Spec,
    Stage,
    StartWorkOrder,
    Status,
    SubmitGate,
    Verdict,
    catch_up,
)
from erlmcp.tcps.figures import ExitCode
from tests.tcps.plant import json, refused
from tests.tcps.proof import BAD, GOOD, proof, submission

FIRST = Stage.SHACL_VALIDATION


async def at(plant, stage, **more):
    """A sku in this stage, whose gate has not run."""
    sku = await plant.start(**more)
    before = STAGES[STAGES.index(stage) - 1]
    if stage is not FIRST:
        await plant.walk(sku.id, before)
        if before not in {Stage.SMOKE_TEST, Stage.MARKETPLACE_VALIDATION}:
            await plant.submit(sku.id, GATE_OF[before])
        await plant.ask(AdvanceSku(sku.id))
    sku = await plant.views.sku(sku.id)
    assert sku.stage is stage
    return sku


async def test_starting_opens_a_sku_in_the_first_stage_in_the_same_receipt(plant):
    order = await plant.create()
    done = await plant.ask(StartWorkOrder(order.id))
    receipt = (await plant.receipts())[-1]
    assert json(receipt)["payload"]["outputs"] == {"work_order": json(done.work_order), "sku": json(done.sku)}
    assert (receipt.sku_id, receipt.stage, receipt.work_order_id) == (done.sku.id, FIRST, order.id)
    assert (done.sku.work_order_id, done.sku.stage, done.sku.status) == (order.id, FIRST, SkuStatus.IN_PRODUCTION)
    assert done.work_order.sku_id == done.sku.id
    assert done.sku.id.startswith("SKU-")


async def test_a_released_order_keeps_its_sku_its_stage_and_its_history(plant):
    sku = await at(plant, Stage.COMPILATION)
    plant.clock.turn(minutes=5)
    await plant.ask(Release(sku.work_order_id, "ana is ill"))
    plant.clock.turn(minutes=5)
    done = await plant.ask(StartWorkOrder(sku.work_order_id))
    assert (done.sku.id, done.sku.stage, done.sku.entered_at) == (sku.id, Stage.COMPILATION, sku.entered_at)
    seen = await plant.views.sku(sku.id)
    told = [(record.stage, record.at[11:16], record.verdict, record.reason) for record in seen.history]
    assert told == [
        (FIRST, "08:00", None, None),
        (FIRST, "08:00", Verdict.PASSED, None),
        (Stage.COMPILATION, "08:00", None, None),
        (Stage.COMPILATION, "08:05", None, "ana is ill"),
        (Stage.COMPILATION, "08:10", None, None),
    ]
    assert [record.receipt_id for record in seen.history] == [receipt.id for receipt in (await plant.receipts())[1:]]


async def test_nobody_makes_what_has_no_slot(plant):
    sku = await at(plant, Stage.COMPILATION)
    await plant.submit(sku.id, Gate.COMPILATION)
    await plant.ask(Release(sku.work_order_id, "why"))
    for call in (plant.submit(sku.id, Gate.COMPILATION), plant.ask(AdvanceSku(sku.id))):
        async with refused(Code.INVALID_TRANSITION, "is queued: nobody makes it now", "work_order_start"):
            await call


async def test_a_walk_through_all_gates_ends_in_publication(plant):
    order = await plant.create()
    sku = (await plant.ask(StartWorkOrder(order.id))).sku
    await plant.walk(sku.id)
    done = await plant.ask(Complete(order.id))
    assert (done.work_order.status, done.sku.status, done.sku.stage) == ("completed", "completed", "smoke_test")
    async with refused(Code.INVALID_TRANSITION, "is in smoke_test: it is published from", "sku_advance"):
        await plant.ask(PublishSku(sku.id))
    assert (await plant.ask(AdvanceSku(sku.id))).sku.stage is Stage.MARKETPLACE_VALIDATION
    async with refused(Code.INVALID_TRANSITION, "cannot be advanced", "sku_publish"):
        await plant.ask(AdvanceSku(sku.id))
    done = await plant.ask(PublishSku(sku.id))
    assert (done.sku.stage, done.sku.status) == (Stage.PUBLICATION, SkuStatus.PUBLISHED)
    seen = await plant.views.sku(sku.id)
    entered = [record.stage for record in seen.history if record.verdict is None]
    assert entered == [*STAGES[:8], Stage.SMOKE_TEST, *STAGES[8:]]
    verdicts = [(record.stage, record.verdict) for record in seen.history if record.verdict]
    assert verdicts == [(stage, Verdict.PASSED) for stage in STAGES[:8]]


async def test_an_order_may_also_be_completed_in_marketplace_validation(plant):
    sku = await at(plant, Stage.MARKETPLACE_VALIDATION)
    async with refused(Code.INVALID_TRANSITION, "is in production: it cannot be published", "work_order_complete"):
        await plant.ask(PublishSku(sku.id))
    async with refused(Code.INVALID_TRANSITION, "gate smoke_test cannot judge it now"):
        await plant.submit(sku.id, Gate.SMOKE_TEST)
    done = await plant.ask(Complete(sku.work_order_id))
    assert (done.sku.status, done.sku.stage) == (SkuStatus.COMPLETED, Stage.MARKETPLACE_VALIDATION)
    assert (await plant.ask(PublishSku(sku.id))).sku.status is SkuStatus.PUBLISHED


@pytest.mark.parametrize("stage", STAGES[:8])
async def test_nothing_goes_on_before_its_gate_has_run(plant, stage):
    sku = await at(plant, stage)
    async with refused(Code.GATE_NOT_RUN, f"gate {stage} of sku {sku.id} has not run", "call gate_submit"):
        await plant.ask(AdvanceSku(sku.id))
    async with refused(Code.GATE_NOT_RUN, "has not run"):
        await plant.ask(Complete(sku.work_order_id))


@pytest.mark.parametrize("stage", STAGES[:7])
async def test_an_order_is_not_completed_before_all_gates_have_run(plant, stage):
    sku = await at(plant, stage)
    await plant.submit(sku.id, GATE_OF[stage])
    left = ", ".join(STAGES[STAGES.index(stage) + 1 : 8])
    async with refused(Code.GATE_NOT_RUN, f"is in {stage}: {left} have not run", "sku_advance"):
        await plant.ask(Complete(sku.work_order_id))


@pytest.mark.parametrize("gate", [gate for gate in BAD if gate is not Gate.SMOKE_TEST])
async def test_a_failed_gate_is_recorded_raises_its_andon_and_lets_nothing_through(plant, gate):
    sku = await at(plant, Stage(gate))
    done = await plant.submit(sku.id, gate, *BAD[gate])
    assert (done.gate.verdict, done.andon.stops, done.andon.sku_id) == (Verdict.FAILED, True, sku.id)
    receipt = (await plant.receipts())[-1]
    outputs = json(receipt)["payload"]["outputs"]
    assert (receipt.type, receipt.stage, outputs["gate"]["verdict"]) == ("gate_submit", gate, "failed")
    assert outputs["andon"]["id"] == done.andon.id
    async with refused(Code.GATE_FAILED, f"gate {gate} of sku {sku.id} failed", "gate_submit again"):
        await plant.ask(AdvanceSku(sku.id))
    await plant.submit(sku.id, gate)  # repaired, but nobody has said why
    async with refused(Code.LINE_STOPPED, f"is stopped by andon {done.andon.id}", "andon_resolve"):
        await plant.ask(AdvanceSku(sku.id))


async def test_a_second_failure_joins_the_open_andon_and_after_its_end_makes_a_new_one(plant):
    sku = await at(plant, Stage.RELEASE_VERIFICATION)  # medium: no five whys needed
    gate = Gate.RELEASE_VERIFICATION
    first = (await plant.submit(sku.id, gate, *BAD[gate])).andon
    again = (await plant.submit(sku.id, gate, *BAD[gate])).andon
    assert (again.id, again.occurrences) == (first.id, 2)
    await plant.resolve(first.id)
    new = (await plant.submit(sku.id, gate, *BAD[gate])).andon
    assert (new.id == first.id, new.occurrences) == (False, 1)
    await plant.submit(sku.id, gate)
    await plant.resolve(new.id)
    assert (await plant.ask(AdvanceSku(sku.id))).sku.stage is Stage.SMOKE_TEST


async def test_smoke_does_not_block(plant):
    sku = await at(plant, Stage.SMOKE_TEST)
    done = await plant.submit(sku.id, Gate.SMOKE_TEST, *BAD[Gate.SMOKE_TEST])
    assert (done.gate.verdict, done.andon) == (Verdict.FAILED, None)
    assert (await plant.ask(Complete(sku.work_order_id))).sku.status is SkuStatus.COMPLETED


@pytest.mark.parametrize("stage", STAGES[:8])
async def test_only_the_gate_of_the_stage_judges(plant, stage):
    sku = await at(plant, stage)
    for gate in Gate:
        if gate is not GATE_OF[stage]:
            async with refused(Code.INVALID_TRANSITION, f"is in {stage}: gate {gate} cannot judge it now"):
                await plant.submit(sku.id, gate)


async def test_while_stopped_verdicts_are_recorded_and_nothing_moves(plant):
    sku = await at(plant, Stage.COMPILATION)
    await plant.ask(PullAndon(sku.work_order_id, AndonType.MANUAL, "wait", Severity.LOW))
    assert (await plant.submit(sku.id, Gate.COMPILATION)).gate.verdict is Verdict.PASSED
    async with refused(Code.LINE_STOPPED, "low manual: wait"):
        await plant.ask(AdvanceSku(sku.id))


async def test_a_stop_holds_completion_and_publication_but_not_giving_up(plant):
    sku = await at(plant, Stage.SMOKE_TEST)
    await plant.submit(sku.id, Gate.SMOKE_TEST)
    stop = (await plant.ask(PullAndon(sku.work_order_id, AndonType.MANUAL, "wait"))).andon
    async with refused(Code.LINE_STOPPED):
        await plant.ask(Complete(sku.work_order_id))
    await plant.resolve(stop.id)
    await plant.ask(Complete(sku.work_order_id))
    await plant.ask(PullAndon(sku.work_order_id, AndonType.MANUAL, "wait"))
    async with refused(Code.LINE_STOPPED):
        await plant.ask(AdvanceSku(sku.id))
    assert (await plant.ask(AbortSku(sku.id, "no"))).work_order.status is Status.COMPLETED


async def test_quality_holds_what_failed_against_what_was_resolved(plant):
    sku = await at(plant, Stage.SECURITY_SCAN)
    failed = (await plant.submit(sku.id, Gate.SECURITY_SCAN, *BAD[Gate.SECURITY_SCAN])).andon
    await plant.submit(sku.id, Gate.SECURITY_SCAN)
    await plant.resolve(failed.id)
    for gate in (Gate.DETERMINISTIC_BUILD, Gate.QUALITY_METRICS):
        await plant.ask(AdvanceSku(sku.id))
        assert (await plant.submit(sku.id, gate)).gate.verdict is Verdict.PASSED
    plant.tamper(f"UPDATE andon SET status = 'investigating' WHERE id = '{failed.id}'")
    done = await plant.submit(sku.id, Gate.QUALITY_METRICS)
    assert [one.actual for one in done.gate.violations] == ["of a failed security_scan is not resolved"]


async def test_abort_gives_the_slot_back_and_the_next_start_opens_another_sku(plant):
    sku = await at(plant, Stage.COMPILATION, bucket=Bucket.COST)
    done = await plant.ask(AbortSku(sku.id, "a dead end"))
    assert (done.sku.status, done.work_order.status, done.work_order.version) == (SkuStatus.ABORTED, "queued", 3)
    assert (await plant.views.kanban(Bucket.COST))[0].current == 0
    assert (await plant.views.sku(sku.id)).history[-1].reason == "a dead end"
    other = (await plant.ask(StartWorkOrder(sku.work_order_id))).sku
    assert (other.id == sku.id, other.stage) == (False, FIRST)
    await plant.ask(Release(sku.work_order_id, "why"))
    assert (await plant.ask(AbortSku(other.id, "again"))).work_order.status is Status.QUEUED
    third = await plant.ask(StartWorkOrder(sku.work_order_id))
    assert third.work_order.sku_id == third.sku.id not in {sku.id, other.id}
    assert (await plant.views.work_order(sku.work_order_id)).sku_id == third.sku.id


async def test_cancelling_aborts_the_sku(plant):
    sku = await plant.start()
    done = await plant.ask(Cancel(sku.work_order_id, "not needed"))
    assert (done.sku.id, done.sku.status) == (sku.id, SkuStatus.ABORTED)
    seen = await plant.views.sku(sku.id)
    assert (seen.status, seen.history[-1].reason) == (SkuStatus.ABORTED, "not needed")


async def published(plant):
    sku = await at(plant, Stage.MARKETPLACE_VALIDATION)
    await plant.ask(Complete(sku.work_order_id))
    await plant.ask(PublishSku(sku.id))
    return sku


async def completed(plant):
    sku = await at(plant, Stage.MARKETPLACE_VALIDATION)
    await plant.ask(Complete(sku.work_order_id))
    return sku


async def aborted(plant):
    sku = await plant.start()
    await plant.ask(AbortSku(sku.id, "why"))
    return sku


@pytest.mark.parametrize("made", [completed, published, aborted])
@pytest.mark.parametrize("command", [AdvanceSku, PublishSku, lambda sku: AbortSku(sku, "why"), None])
async def test_what_the_table_does_not_allow_is_refused(plant, made, command):
    sku = await made(plant)
    command = command(sku.id) if command else submission(sku.id, Gate.SHACL_VALIDATION, GOOD[Gate.SHACL_VALIDATION])[0]
    status = (await plant.views.sku(sku.id)).status
    if (status, type(command)) in SKU_TRANSITIONS and not isinstance(command, AdvanceSku):
        assert (await plant.ask(command)).sku.status is SKU_TRANSITIONS[status, type(command)]
        return
    async with refused(Code.INVALID_TRANSITION, f"sku {sku.id} is"):
        await plant.ask(command)


async def test_what_is_not_there_is_not_found(plant):
    for command in (AdvanceSku("SKU-1"), PublishSku(""), AbortSku("x", "why"), SubmitGate("SKU-1", Gate.SMOKE_TEST)):
        async with refused(Code.NOT_FOUND, "there is no sku", "work_order_list"):
            await plant.ask(command)


async def test_figures_without_their_file_are_refused_and_a_kept_file_is_given_by_its_digest(plant):
    sku = await plant.start()
    evidence, file = proof(Spec, {"conforms": True, "checked": 1})
    command = SubmitGate(sku.id, Gate.SHACL_VALIDATION, (evidence,))
    async with refused(Code.INVALID, f"the spec evidence with SHA-256 {file.digest} is not kept here", "its content"):
        await plant.ask(command)
    await plant.ask(command, files=(file,))
    await plant.ask(command)  # kept by now, once
    assert await plant.views.evidence(file.digest) == file.content
    async with refused(Code.NOT_FOUND, "there is no evidence with SHA-256"):
        await plant.views.evidence(sha256(b"other").hexdigest())
    receipt = (await plant.receipts())[-1]
    assert json(receipt)["payload"]["outputs"]["gate"]["digests"] == [file.digest]
    assert b"checked" in msg(receipt)
    assert file.content not in msg(receipt)


async def test_a_size_that_is_not_the_file_s_is_refused(plant):
    sku = await plant.start()
    evidence, file = proof(Spec, {"conforms": True, "checked": 1})
    wrong = Spec(digest=file.digest, size=evidence.size + 1, conforms=True, checked=1)
    async with refused(Code.INVALID, f"has {evidence.size} bytes, not {evidence.size + 1}"):
        await plant.ask(SubmitGate(sku.id, Gate.SHACL_VALIDATION, (wrong,)), files=(file,))
    assert await plant.database.one("size_of_file", digest=file.digest) is None  # nothing is kept of a refusal


def msg(receipt):
    return bytes(receipt.payload)


async def test_gate_status_tells_where_each_gate_stands(plant):
    sku = await at(plant, Stage.RELEASE_VERIFICATION)
    gate = Gate.RELEASE_VERIFICATION
    failed = await plant.submit(sku.id, gate, *BAD[gate])
    rows = await plant.views.gate_status(sku.id)
    assert [row.gate for row in rows] == [*Gate]
    assert [row.verdict for row in rows] == [Verdict.PASSED] * 6 + [Verdict.FAILED, Verdict.NOT_RUN]
    assert (rows[6].violations, rows[6].andon_id) == (failed.gate.violations, failed.andon.id)
    assert (rows[6].submissions, rows[6].failures, rows[6].receipt_seq) == (1, 1, failed.receipt_seq)
    async with refused(Code.NOT_FOUND, "there is no sku"):
        await plant.views.gate_status("SKU-1")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("UPDATE receipt SET actor = 'mallory' WHERE seq = 3", "receipt 3 does not give its hash"),
        ("DELETE FROM receipt WHERE seq = 5", "receipt 5 is not in its place: 6 comes instead"),
    ],
)
@pytest.mark.parametrize("verified", [False, True])
async def test_a_release_needs_an_unbroken_chain(plant, harm, words, verified):
    sku = await at(plant, Stage.RELEASE_VERIFICATION)
    if verified:
        await catch_up(plant.database, plant.clock)
        words = words.replace("is not in its place: 6 comes instead", f"of sku {sku.id} is not there")
    plant.tamper(harm)
    done = await plant.submit(sku.id, Gate.RELEASE_VERIFICATION)
    assert done.gate.verdict is Verdict.FAILED
    (violation,) = done.gate.violations
    assert (violation.metric, words in violation.actual) == ("receipt_chain", True), violation
    assert done.andon.type is AndonType.MISSING_RECEIPT


async def test_the_chain_is_verified_from_where_it_was_and_what_was_found_broken_stays_so(plant):
    for _ in range(3):
        await plant.create()
    await catch_up(plant.database, plant.clock)
    assert await plant.database.one("verified") == (3, (await plant.views.head()).hash, None)
    await plant.create()
    plant.tamper("UPDATE receipt SET actor = 'mallory' WHERE seq = 4")
    await catch_up(plant.database, plant.clock)
    seq, _, fault = await plant.database.one("verified")
    assert (seq, fault) == (3, "receipt 4 does not give its hash: it was edited, or is another one that was moved here")
    plant.tamper("UPDATE receipt SET actor = 'local' WHERE seq = 4")
    await catch_up(plant.database, plant.clock)
    assert (await plant.database.one("verified"))[2] == fault
    assert seq > NO_RECEIPT.seq


async def test_one_submission_may_bring_several_files_of_a_kind(plant):
    sku = await at(plant, Stage.COMPILATION)
    done = await plant.submit(
        sku.id, Gate.COMPILATION, (ExitCode, {"code": 0}), (ExitCode, {"code": 1, "command": "b"})
    )
    assert len(done.gate.digests) == 2
    assert [one.actual for one in done.gate.violations] == ["1"]
