"""Andons: who stops what, who only notices, and how they end."""

from typing import get_args

import pytest

from erlmcp.tcps import (
    ANDON_TRANSITIONS,
    NEEDS_ROOT_CAUSE,
    ROOT_CAUSE_TRANSITIONS,
    SEVERITY,
    AcknowledgeAndon,
    AddWhy,
    AndonFilter,
    AndonStatus,
    AndonType,
    Bucket,
    Cancel,
    Code,
    Command,
    CreateWorkOrder,
    EscalateAndon,
    FinalizeRootCause,
    Gate,
    NoteBreach,
    ProposalKind,
    Pull,
    PullAndon,
    PullNext,
    ResolveAndon,
    RootCauseStatus,
    Severity,
    SignalType,
    StartRootCause,
    StartWorkOrder,
    SubmitGate,
    escalate,
    note_breaches,
)
from erlmcp.tcps.andons import OPEN_STOPS
from erlmcp.tcps.root_cause import AGAINST
from tests.tcps.plant import json, refused
from tests.tcps.proof import BAD


async def cord(plant, **more):
    """A stop of a new order."""
    order = await plant.create(bucket=more.pop("bucket", Bucket.COST))
    done = await plant.ask(PullAndon(order.id, more.pop("type", AndonType.MANUAL), "something is wrong", **more))
    return done.andon


async def outbox(plant):
    rows = await plant.database.all("waiting_notices", many=100)
    return [(event, level) for _, _, event, level, _ in rows]


async def test_whoever_pulls_the_cord_stops_the_order(plant):
    sku = await plant.start(bucket=Bucket.COST)
    done = await plant.ask(PullAndon(sku.work_order_id, AndonType.MANUAL, "no light"), actor="eve")
    andon = done.andon
    assert (andon.type, andon.severity, andon.stops, andon.status) == ("manual", "medium", True, "open")
    assert (andon.work_order_id, andon.sku_id, andon.stage) == (sku.work_order_id, sku.id, sku.stage)
    assert (andon.bucket, andon.message, andon.raised_by) == ("cost", "no light", "eve")
    assert andon.id.startswith("ANDON-")
    receipt = (await plant.receipts())[-1]
    assert (receipt.type, receipt.work_order_id, receipt.sku_id) == ("andon_pull", sku.work_order_id, sku.id)
    assert json(receipt)["payload"]["outputs"] == {"andon": json(andon)}
    assert await plant.views.andon(andon.id) == andon


@pytest.mark.parametrize(("kind", "severity"), SEVERITY.items())
async def test_every_type_has_its_severity_unless_another_is_asked_for(plant, kind, severity):
    assert (await cord(plant, type=kind)).severity is severity
    assert (await cord(plant, type=kind, severity=Severity.LOW)).severity is Severity.LOW


async def test_a_critical_stop_closes_its_bucket_and_no_other(plant):
    stop = await cord(plant, severity=Severity.CRITICAL)
    other, elsewhere = await plant.create(bucket=Bucket.COST), await plant.create("elsewhere", bucket=Bucket.FEATURES)
    for command in (StartWorkOrder(other.id), Pull(Bucket.COST)):
        async with refused(Code.LINE_STOPPED, f"bucket cost is stopped by andon {stop.id}, critical manual"):
            await plant.ask(command)
    assert (await plant.order(PullNext())).id == elsewhere.id
    await plant.resolve(stop.id)
    assert (await plant.order(Pull(Bucket.COST))).id == stop.work_order_id


async def test_another_stop_holds_its_order_alone(plant):
    stop = await cord(plant, severity=Severity.HIGH)
    other = await plant.create(bucket=Bucket.COST)
    async with refused(Code.LINE_STOPPED, f"work order {stop.work_order_id} is stopped by andon {stop.id}"):
        await plant.ask(StartWorkOrder(stop.work_order_id))
    assert (await plant.order(Pull(Bucket.COST))).id == other.id


async def test_a_cve_raises_a_critical_notice_at_once_that_stops_nothing(plant):
    order = await plant.ask(CreateWorkOrder(SignalType.CVE, "a hole", source="CVE-2026-1"))
    notice = order.andon
    assert (notice.type, notice.severity, notice.stops) == ("security_vulnerability", "critical", False)
    assert notice.message == "a vulnerability was reported (CVE-2026-1): a hole"
    assert (await plant.receipts())[-1].type == "work_order_create"
    assert await outbox(plant) == [("raised", 0)]
    assert (await plant.order(PullNext())).id == order.work_order.id
    await plant.complete(order.work_order.id)


async def test_the_first_to_acknowledge_counts_and_another_may_take_over(plant):
    stop = await cord(plant)
    plant.clock.turn(minutes=1)
    first = (await plant.ask(AcknowledgeAndon(stop.id), actor="eve")).andon
    assert (first.status, first.assignee, first.acknowledged_at) == ("investigating", "eve", "2026-03-02T08:01:00.000Z")
    plant.clock.turn(minutes=1)
    second = (await plant.ask(AcknowledgeAndon(stop.id, "ana"), actor="eve")).andon
    assert (second.assignee, second.acknowledged_at) == ("ana", first.acknowledged_at)
    assert await outbox(plant) == [("raised", 0), ("acknowledged", 0)]


@pytest.mark.parametrize("severity", Severity)
async def test_critical_and_high_ones_need_five_finished_whys_to_be_resolved(plant, severity):
    stop = await cord(plant, severity=severity)
    end = ResolveAndon(stop.id, "a cause", "a fix", "a guard")
    if severity in NEEDS_ROOT_CAUSE:
        words = f"andon {stop.id} is {severity}: it cannot be resolved before its five whys are finalized"
        async with refused(Code.INVALID_TRANSITION, words, f"root_cause_start with andon_id {stop.id}"):
            await plant.ask(end)
        cause = (await plant.ask(StartRootCause(stop.id, "why?"))).root_cause
        async with refused(Code.INVALID_TRANSITION, words, f"root_cause_add_why with id {cause.id}"):
            await plant.ask(end)
        for number in range(1, 6):
            await plant.ask(AddWhy(cause.id, number, "because"))
        async with refused(Code.INVALID_TRANSITION, words):
            await plant.ask(end)
        await plant.ask(FinalizeRootCause(cause.id, "a cause", "a guard"))
    done = (await plant.ask(end, actor="ana")).andon
    assert (done.status, done.resolved_by, done.fix_applied) == (AndonStatus.RESOLVED, "ana", "a fix")
    assert (await outbox(plant))[-1] == ("resolved", 0)
    assert (await plant.order(StartWorkOrder(stop.work_order_id))).status == "in_progress"


async def test_each_text_of_a_resolution_must_be_there(plant):
    stop = await cord(plant)
    for texts in (("", "b", "c"), ("a", " ", "c"), ("a", "b", "\n")):
        async with refused(Code.INVALID, "is empty"):
            await plant.ask(ResolveAndon(stop.id, *texts))


async def test_nothing_is_left_to_do_on_what_is_resolved(plant):
    stop = await cord(plant)
    await plant.resolve(stop.id)
    for command in (
        AcknowledgeAndon(stop.id),
        ResolveAndon(stop.id, "a", "b", "c"),
        StartRootCause(stop.id, "why?"),
        EscalateAndon(stop.id, 1),
    ):
        async with refused(Code.INVALID_TRANSITION, f"andon {stop.id} is resolved: it cannot be"):
            await plant.ask(command)


async def test_a_cancelled_order_keeps_its_andons_and_gets_no_more(plant):
    stop = await cord(plant, severity=Severity.CRITICAL)
    await plant.ask(Cancel(stop.work_order_id, "not needed"))
    await plant.create(bucket=Bucket.COST)
    async with refused(Code.LINE_STOPPED):
        await plant.ask(Pull(Bucket.COST))
    async with refused(Code.INVALID_TRANSITION, "is cancelled: there is nothing to stop"):
        await plant.ask(PullAndon(stop.work_order_id, AndonType.MANUAL, "more"))
    await plant.resolve(stop.id)
    await plant.ask(Pull(Bucket.COST))


async def test_fifty_stops_on_one_order_are_enough(plant):
    order = await plant.create()
    for number in range(OPEN_STOPS):
        await plant.ask(PullAndon(order.id, AndonType.MANUAL, f"{number}"))
    async with refused(Code.CONFLICT, f"work order {order.id} has 50 open stops", "andon_list"):
        await plant.ask(PullAndon(order.id, AndonType.MANUAL, "50"))


# Root causes


async def test_five_whys_go_one_by_one_and_end_in_proposals(plant):
    sku = await plant.start(bucket=Bucket.COST)
    andon = (await plant.submit(sku.id, Gate.SHACL_VALIDATION, *BAD[Gate.SHACL_VALIDATION])).andon
    done = await plant.ask(StartRootCause(andon.id, "the shape is wrong"), actor="ana")
    cause = done.root_cause
    assert (cause.status, cause.whys, done.andon.status) == (RootCauseStatus.PENDING, (), "investigating")
    assert (done.andon.root_cause_id, done.andon.assignee) == (cause.id, "ana")
    async with refused(Code.INVALID_TRANSITION, "has 0 whys: why 2 is not the next", "with n 1"):
        await plant.ask(AddWhy(cause.id, 2, "because"))
    for number in range(1, 5):
        cause = (await plant.ask(AddWhy(cause.id, number, f"because {number}"))).root_cause
        assert (cause.status, len(cause.whys)) == (RootCauseStatus.IN_PROGRESS, number)
        async with refused(Code.INVALID_TRANSITION, f"has {number} of 5 whys", f"with n {number + 1}"):
            await plant.ask(FinalizeRootCause(cause.id, "a cause", "a guard"))
    await plant.ask(AddWhy(cause.id, 2, "or rather this"))
    await plant.ask(AddWhy(cause.id, 5, "because 5"))
    plant.clock.turn(minutes=1)
    cause = (await plant.ask(FinalizeRootCause(cause.id, "nobody looked", "somebody looks"))).root_cause
    assert cause.whys == ("because 1", "or rather this", "because 3", "because 4", "because 5")
    assert (cause.status, cause.finalized_at) == (RootCauseStatus.FINALIZED, "2026-03-02T08:01:00.000Z")
    assert [proposal.kind for proposal in cause.proposals] == ["specification", "test", "documentation"]
    texts = [proposal.text for proposal in cause.proposals]
    assert texts[0] == "Specify what rules this out: nobody looked"
    assert texts[1] == "Add a test that fails in shacl_validation as long as this is so: because 5"
    receipt = (await plant.receipts())[-1]
    assert (receipt.type, receipt.sku_id) == ("root_cause_finalize", sku.id)
    assert json(receipt)["payload"]["outputs"]["root_cause"] == json(cause)
    assert await plant.views.root_cause(cause.id) == cause
    for command in (AddWhy(cause.id, 1, "x"), FinalizeRootCause(cause.id, "a", "b")):
        async with refused(Code.INVALID_TRANSITION, "is finalized", f"andon_resolve with the id {andon.id}"):
            await plant.ask(command)


async def test_an_andon_has_one_root_cause(plant):
    stop = await cord(plant)
    cause = (await plant.ask(StartRootCause(stop.id, "why?"))).root_cause
    async with refused(Code.CONFLICT, f"andon {stop.id} has root cause {cause.id} already"):
        await plant.ask(StartRootCause(stop.id, "why again?"))


async def test_who_is_not_there_is_not_found(plant):
    for command in (AcknowledgeAndon("ANDON-1"), ResolveAndon("x", "a", "b", "c"), StartRootCause("x", "why?")):
        async with refused(Code.NOT_FOUND, "there is no andon", "andon_list"):
            await plant.ask(command)
    for command in (AddWhy("RC-1", 1, "x"), FinalizeRootCause("RC-1", "a", "b")):
        async with refused(Code.NOT_FOUND, "there is no root cause", "andon_list"):
            await plant.ask(command)
    async with refused(Code.NOT_FOUND, "there is no work order"):
        await plant.ask(PullAndon("WO-1", AndonType.MANUAL, "x"))
    for look in (plant.views.andon, plant.views.root_cause):
        async with refused(Code.NOT_FOUND):
            await look("\ud800")


# Duties


async def test_what_nobody_acknowledges_escalates_three_times_once_each(plant):
    stop, seen = await cord(plant), await cord(plant)
    await plant.ask(AcknowledgeAndon(seen.id))
    told = []
    for seconds in (179.999, 0.001, 179.999, 0.001, 180, 0, 10_000):
        plant.clock.turn(seconds=seconds)
        told.append(await escalate(plant.database, plant.coordinator, plant.clock(), 180))
    assert told == [0, 1, 0, 1, 1, 0, 0]
    assert (await plant.views.andon(stop.id)).level == 3
    assert (await plant.views.andon(seen.id)).level == 0
    assert [row for row in await outbox(plant) if row[0] == "escalated"] == [("escalated", n) for n in (1, 2, 3)]
    receipts = [receipt for receipt in await plant.receipts() if receipt.type == "andon_escalate"]
    assert [(receipt.actor, receipt.work_order_id) for receipt in receipts] == [("duties", stop.work_order_id)] * 3


async def test_after_a_long_night_the_levels_follow_one_by_one(plant):
    stop = await cord(plant)
    plant.clock.turn(hours=9)
    assert [await escalate(plant.database, plant.coordinator, plant.clock(), 180) for _ in range(4)] == [1, 1, 1, 0]
    async with refused(Code.CONFLICT, "is at level 3: level 1 is not the next"):
        await plant.ask(EscalateAndon(stop.id, 1))


async def test_a_breached_security_order_raises_one_notice_once(plant):
    late = await plant.create(bucket=Bucket.SECURITY)
    made = await plant.start(bucket=Bucket.SECURITY)
    done = await plant.start(bucket=Bucket.SECURITY)
    await plant.complete(done.work_order_id)
    await plant.create(bucket=Bucket.RELIABILITY)
    plant.clock.turn(hours=24)
    assert await note_breaches(plant.database, plant.coordinator, plant.clock()) == 0
    plant.clock.turn(milliseconds=1)
    assert await note_breaches(plant.database, plant.coordinator, plant.clock()) == 2
    assert await note_breaches(plant.database, plant.coordinator, plant.clock()) == 0
    notices = (await plant.views.andons(AndonFilter(status=AndonStatus.OPEN))).andons
    assert {notice.work_order_id for notice in notices} == {late.id, made.work_order_id}
    assert {(notice.type, notice.severity, notice.stops) for notice in notices} == {("sla_breach", "high", False)}
    assert (await plant.order(StartWorkOrder(late.id))).status == "in_progress"
    for notice in notices:
        await plant.resolve(notice.id)
    plant.clock.turn(hours=100)
    assert await note_breaches(plant.database, plant.coordinator, plant.clock()) == 0  # reliability is late, too
    async with refused(Code.CONFLICT, "is no open security order that is overdue"):
        await plant.ask(NoteBreach(late.id))


# Tables


def test_the_tables_name_every_command_on_andons_and_root_causes():
    called = {command for command in get_args(Command) if command.__struct_config__.tag.startswith("andon_")}
    assert called | {SubmitGate, NoteBreach, StartRootCause, CreateWorkOrder} == {
        command for _, command in ANDON_TRANSITIONS
    }
    asked = {command for command in get_args(Command) if command.__struct_config__.tag.startswith("root_cause_")}
    assert asked == {command for _, command in ROOT_CAUSE_TRANSITIONS}
    assert AGAINST.keys() == set(AndonType)
    assert {kind for kinds in AGAINST.values() for kind in kinds} == set(ProposalKind)


async def test_andons_are_listed_newest_first_by_status_order_and_sku(plant):
    sku = await plant.start()
    stops = [await cord(plant) for _ in range(3)]
    own = (await plant.ask(PullAndon(sku.work_order_id, AndonType.MANUAL, "own"))).andon
    await plant.ask(AcknowledgeAndon(stops[1].id))
    everything = [own.id, *(stop.id for stop in stops[::-1])]
    for which, expected in (
        (AndonFilter(), everything),
        (AndonFilter(status=AndonStatus.OPEN), [own.id, stops[2].id, stops[0].id]),
        (AndonFilter(status=AndonStatus.INVESTIGATING), [stops[1].id]),
        (AndonFilter(sku_id=sku.id), [own.id]),
        (AndonFilter(sku_id=sku.id, status=AndonStatus.RESOLVED), []),
        (AndonFilter(work_order_id=stops[0].work_order_id), [stops[0].id]),
        (AndonFilter(work_order_id=sku.work_order_id, sku_id=sku.id, status=AndonStatus.OPEN), [own.id]),
        (AndonFilter(work_order_id="\ud800"), []),
    ):
        found, cursor = [], None
        while True:
            page = await plant.views.andons(which, limit=2, cursor=cursor)
            found += [andon.id for andon in page.andons]
            if (cursor := page.next_cursor) is None:
                break
        assert found == expected
    for wrong in (0, 201):
        async with refused(Code.INVALID, "limit is"):
            await plant.views.andons(limit=wrong)
