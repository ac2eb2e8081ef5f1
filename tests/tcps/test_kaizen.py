"""Kaizen: what is measured, what is waste, and what becomes of a proposal."""

import asyncio
import contextlib
import json
import tempfile
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erlmcp import tcps
from erlmcp.tcps import (
    AbortSku,
    AdvanceSku,
    ApplyKaizen,
    Code,
    Complete,
    CreateWorkOrder,
    Gate,
    Junit,
    KaizenPeriod,
    PublishSku,
    Pull,
    Refused,
    Release,
    ResolveAndon,
    SignalType,
    WasteKind,
    kaizen_view,
)
from erlmcp.tcps.moments import stamp
from load import kaizen as independent
from tests.tcps.plant import START, plant_at, refused
from tests.tcps.proof import BAD, GOOD, submission

SLOW = ((tcps.ExitCode, {"code": 0, "duration_ms": 3_900_000}),)
STEPS = st.sampled_from(
    [
        *("new", "pull", "good", "good", "good", "bad", "slow", "flaky", "advance", "advance", "resolve", "release"),
        *("abort", "complete", "publish"),
    ]
)


class Day:
    """A line on which something happens, whatever comes of it."""

    def __init__(self, plant):
        self.plant, self.skus, self.orders = plant, [], []

    async def do(self, step, which, minutes):
        self.plant.clock.turn(minutes=minutes)
        with contextlib.suppress(Refused):
            await self._do(step, which)

    async def _do(self, step, which):
        ask, bucket = self.plant.ask, tcps.Bucket.FEATURES
        if step == "new":
            await ask(CreateWorkOrder(SignalType.INTERNAL, "a thing", bucket=bucket))
        elif step == "pull":
            order = (await ask(Pull(bucket))).work_order
            self.orders.append(order.id)
            self.skus.append((await self.plant.views.work_order(order.id)).sku_id)
        elif step == "resolve":
            (andon, *_) = (await self.plant.views.andons()).andons or [None]
            if andon is not None and andon.status != "resolved":
                if andon.severity in tcps.NEEDS_ROOT_CAUSE and andon.root_cause_id is None:
                    await self.plant.why(andon.id)
                await ask(ResolveAndon(andon.id, f"Nobody  looked {which % 2}", "x", "y"))
        elif self.skus:
            await self._move(step, which % len(self.skus))

    async def _move(self, step, which):
        ask, sku_id, order_id = self.plant.ask, self.skus[which], self.orders[which]
        sku = await self.plant.views.sku(sku_id)
        gate = tcps.GATE_OF.get(sku.stage)
        if step in {"good", "bad", "slow", "flaky"} and gate is not None:
            figures = {"good": GOOD, "bad": GOOD | BAD, "slow": {**GOOD, Gate.COMPILATION: SLOW}}.get(step, GOOD)[gate]
            if step == "flaky" and gate is Gate.TEST_EXECUTION:
                figures = ((Junit, {"tests": 20, "failures": 1, "failed": ("test_a",)}), figures[1])
            command, files = submission(sku_id, gate, figures)
            await ask(command, files=files)
        elif step == "advance":
            await ask(AdvanceSku(sku_id))
        elif step == "release":
            await ask(Release(order_id, "later"))
        elif step == "abort":
            await ask(AbortSku(sku_id, "no"))
        elif step == "complete":
            await ask(Complete(order_id))
        elif step == "publish":
            await ask(PublishSku(sku_id))


async def exported(plant):
    """The receipts, as an export holds them."""
    lines = []
    await tcps.export(plant.database, lines.append, 0, (await plant.views.head()).seq)
    return [json.loads(line) for line in b"".join(lines).splitlines()]


async def agrees(plant):
    """The report is what the independent one says."""
    receipts = await exported(plant)
    for period in KaizenPeriod:
        told = msgspec.to_builtins(await plant.views.kaizen_report(period))
        alone = independent.report(receipts, period, stamp(plant.clock.now))
        assert told["receipts"] == alone["receipts"]
        figures = {one["name"]: {name: one[name] for name in alone["figures"][one["name"]]} for one in told["figures"]}
        assert figures == alone["figures"]
        wasted = [
            {name: one[name] for name in ("kind", "about", "count", "milliseconds", "receipts")}
            for one in told["waste"]
        ]
        assert [{**one, "receipts": sorted(one["receipts"])} for one in wasted] == alone["waste"]
        assert told["waste_hours"] == alone["waste_hours"]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(STEPS, st.integers(0, 3), st.sampled_from([1, 20, 90, 1500, 9000])), min_size=10, max_size=60)
)
def test_every_figure_and_every_waste_is_what_an_independent_reading_of_the_receipts_gives(steps):
    async def live(path):
        async with plant_at(path) as plant:
            day = Day(plant)
            for step in ("new", "new", "pull", "pull"):
                await day.do(step, 0, 1)
            for step, which, minutes in steps:
                await day.do(step, which, minutes)
            plant.clock.turn(minutes=1)
            await agrees(plant)

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(live(Path(directory) / "erlmcp.db"))


async def a_day(plant, *steps):
    day = Day(plant)
    for step in ("new", "pull", *steps):
        await day.do(step, 0, 10)
    plant.clock.turn(minutes=1)
    return day


def figure(report, name):
    return next(one for one in report.figures if one.name == name)


async def test_an_idle_line_has_no_figures_but_what_it_made_which_is_nothing(plant):
    report = await plant.views.kaizen_report()
    assert [one.value for one in report.figures] == [None, None, None, None, None, "0.00", "0.00"]
    assert (report.waste, report.waste_hours) == ((), "0.00")


async def test_a_sku_that_passes_all_gates_at_once_is_first_pass_and_its_times_are_those_of_its_order(plant):
    await a_day(plant, *("good", "advance") * 7, "good", "complete")
    report = await plant.views.kaizen_report(KaizenPeriod.DAY)
    assert [one.value for one in report.figures] == ["2.83", "2.67", "0.00", "0.00", "100.00", "1.00", "0.00"]
    assert [one.met for one in report.figures] == [False, False, True, True, True, False, None]


async def test_what_failed_before_the_window_is_no_first_submission_in_it(plant):
    day = await a_day(plant, "bad")
    plant.clock.turn(days=2)
    await day.do("good", 0, 1)
    plant.clock.turn(minutes=1)
    report = await plant.views.kaizen_report(KaizenPeriod.DAY)
    assert figure(report, "first_pass_yield_percent").value is None
    assert figure(report, "rework_percent").value == "100.00"
    assert [(waste.kind, waste.about, waste.hours) for waste in report.waste] == [
        (WasteKind.FIX_CYCLE, "shacl_validation", "2.00")
    ]


@pytest.mark.parametrize(("milliseconds", "hours"), [(300_000, []), (300_001, ["0.00"]), (3_900_000, ["1.00"])])
async def test_a_compilation_is_waste_beyond_300_seconds(plant, milliseconds, hours):
    day = await a_day(plant, "good", "advance")
    command, files = submission(
        day.skus[0], Gate.COMPILATION, ((tcps.ExitCode, {"code": 0, "duration_ms": milliseconds}),)
    )
    done = await plant.ask(command, files=files)
    plant.clock.turn(minutes=1)
    report = await plant.views.kaizen_report()
    assert [waste.hours for waste in report.waste] == hours
    assert all(waste.receipts == (done.receipt_seq,) for waste in report.waste)


async def test_a_test_that_passed_and_failed_for_one_sku_is_waste_with_the_receipts_of_both(plant):
    await a_day(plant, "good", "advance", "good", "advance", "flaky", "bad", "flaky")
    report = await plant.views.kaizen_report()
    flaky = [waste for waste in report.waste if waste.kind is WasteKind.FLAKY_TEST]
    assert [(one.about, one.hours, len(one.receipts)) for one in flaky] == [("test_b", "0.25", 2)]


async def test_the_same_root_cause_twice_is_waste_whatever_its_case_and_spaces(plant):
    day = await a_day(plant)
    for cause in ("Nobody looked", "nobody   LOOKED", "another"):
        raised = await plant.ask(tcps.PullAndon(day.orders[0], tcps.AndonType.MANUAL, "stop"))
        await plant.ask(ResolveAndon(raised.andon.id, cause, "x", "y"))
    plant.clock.turn(minutes=1)
    (waste,) = (await plant.views.kaizen_report()).waste
    assert (waste.kind, waste.about, waste.count, waste.hours) == (
        WasteKind.SAME_ROOT_CAUSE,
        "Nobody looked",
        1,
        "2.00",
    )


async def propose(plant):
    return await kaizen_view.propose(plant.database, plant.coordinator, plant.clock.now, plant.options)


async def measure(plant):
    return await kaizen_view.measure(plant.database, plant.coordinator, plant.clock.now, plant.options)


async def test_an_hour_of_waste_in_a_week_becomes_one_proposal_with_an_id_and_a_receipt(plant):
    await a_day(plant, "release")
    assert (await propose(plant), await propose(plant)) == (1, 0)
    (proposal,) = await plant.views.kaizen_proposals()
    assert (proposal.waste, proposal.about) == (WasteKind.MANUAL_INTERVENTION, "work_order_release")
    assert (proposal.state, proposal.effort, proposal.figures.roi) == ("proposed", "low", "0.25")
    receipt = (await plant.receipts())[-1]
    told = json.loads(bytes(receipt.payload))
    assert (receipt.type, receipt.actor, receipt.work_order_id) == ("kaizen_propose", "duties", None)
    assert told["outputs"]["proposal"]["id"] == proposal.id
    assert told["outputs"]["proposal"]["figures"]["waste_hours"] == "1.00"


async def test_less_than_an_hour_is_no_proposal(tmp_path):
    options = tcps.Options(kaizen_intervention_minutes=59)
    async with plant_at(tmp_path / "erlmcp.db", options) as plant:
        await a_day(plant, "release")
        assert await propose(plant) == 0


async def test_a_proposal_that_was_applied_is_measured_each_week_and_kept_while_it_pays(plant):
    day = await a_day(plant, "release")
    await propose(plant)
    (proposal,) = await plant.views.kaizen_proposals()
    done = await plant.ask(ApplyKaizen(proposal.id))
    assert done.proposal.state == "applied"
    plant.clock.turn(days=7)
    plant.clock.now -= timedelta(milliseconds=1)
    assert await measure(plant) == 0
    plant.clock.turn(seconds=1)
    assert await measure(plant) == 1
    (proposal,) = await plant.views.kaizen_proposals()
    assert (proposal.state, proposal.figures.left_hours, proposal.figures.benefit_hours) == (
        "measuring",
        "0.00",
        "1.00",
    )
    await day.do("pull", 0, 1)
    await day.do("release", 0, 1)
    plant.clock.turn(days=7)
    assert await measure(plant) == 1
    (proposal,) = await plant.views.kaizen_proposals()
    assert (proposal.state, proposal.figures.benefit_hours) == ("rejected", "0.00")
    await day.do("pull", 0, 1)
    await day.do("release", 0, 1)
    plant.clock.turn(minutes=1)
    assert await propose(plant) == 1


async def test_what_is_not_proposed_is_not_applied(plant):
    await a_day(plant, "release")
    await propose(plant)
    (proposal,) = await plant.views.kaizen_proposals()
    await plant.ask(ApplyKaizen(proposal.id))
    async with refused(Code.INVALID_TRANSITION, "is applied", "kaizen_proposals"):
        await plant.ask(ApplyKaizen(proposal.id))
    async with refused(Code.NOT_FOUND, "KZ-1", "kaizen_proposals"):
        await plant.ask(ApplyKaizen("KZ-1"))
    assert await plant.views.kaizen_proposals("0.25") != []
    assert await plant.views.kaizen_proposals("0.26") == []
    async with refused(Code.INVALID, "min_roi"):
        await plant.views.kaizen_proposals("nan")


async def test_five_per_cent_better_than_the_week_before_is_on_track(plant):
    await a_day(plant, "release", "pull", "release")
    assert plant.clock.now > START
    plant.clock.turn(days=7)
    day = Day(plant)
    await day.do("pull", 0, 1)
    await day.do("release", 0, 1)
    plant.clock.turn(minutes=1)
    by_hand = figure(await plant.views.kaizen_report(), "manual_interventions")
    assert (by_hand.week, by_hand.before, by_hand.improvement, by_hand.on_track) == ("1.00", "2.00", "50.00", True)
