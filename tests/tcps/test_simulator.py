"""The simulator: six scenarios with exact outcomes, and the same receipts for the same seed."""

import asyncio
import json
import os
import subprocess
import sys

import msgspec
import pytest

from erlmcp.tcps import export
from erlmcp.tcps.simulator import SCENARIOS, simulate
from load import kaizen as independent

ALL_GOOD = {"gate_submit": 40, "sku_advance": 40, "sku_publish": 5, "work_order_complete": 5}
#: scenario → receipts by type, refusals, orders, andons, outcome: for every seed
EXACT = {
    "ideal": (
        {**ALL_GOOD, "work_order_create": 5, "work_order_pull_next": 5},
        {},
        {"completed": 5},
        {"open": 1},  # the notice of the cve
        {
            "figures": {
                "defect_rate_percent": "0.00",
                "rework_percent": "0.00",
                "first_pass_yield_percent": "100.00",
                "skus_per_day": "5.00",
                "manual_interventions": "0.00",
            }
        },
    ),
    "gate-failure": (
        {
            "andon_acknowledge": 1,
            "andon_resolve": 1,
            "gate_submit": 9,
            "root_cause_add_why": 5,
            "root_cause_finalize": 1,
            "root_cause_start": 1,
            "sku_advance": 8,
            "sku_publish": 1,
            "work_order_complete": 1,
            "work_order_create": 1,
            "work_order_pull_next": 1,
        },
        {"gate_failed": 1, "line_stopped": 1},
        {"completed": 1},
        {"resolved": 1},
        {
            "violations": ["pass_rate 85.0 %"],
            "advance_after_failure": "gate_failed",
            "advance_while_stopped": "line_stopped",
            "whys": 5,
        },
    ),
    "wip-overflow": (
        {
            "gate_submit": 8,
            "sku_advance": 7,
            "work_order_complete": 1,
            "work_order_create": 12,
            "work_order_pull": 6,
            "work_order_pull_refused": 8,
        },
        {"wip_limit": 8},
        {"queued": 6, "current": 5, "completed": 1},
        {},
        {
            "pulled": 5,
            "refused": 7,
            "most_in_progress": 5,
            "after_one_was_completed": ["", "wip_limit"],
            "level": "critical",
        },
    ),
    "heijunka": (
        {"work_order_create": 18, "work_order_pull_next": 10},
        {},
        {"queued": 8, "current": 10},
        {},
        {
            "scheduled": (ROUND := ["reliability", "security", "cost", "compliance", "features", "technical_debt"])
            + ROUND[:4],
            "pulled": ROUND + ROUND[:4],
            "longest_run": 1,
            "score": 0.8688,
        },
    ),
    "receipt-audit": (
        {
            "gate_submit": 16,
            "sku_advance": 16,
            "sku_publish": 2,
            "work_order_complete": 2,
            "work_order_create": 2,
            "work_order_pull_next": 2,
        },
        {},
        {"completed": 2},
        {},
        {
            "receipts": 40,
            "intact": "ok",
            "caught": {
                "edited": "edited at 10",
                "deleted": "missing at 10",
                "swapped": "missing at 10",
                "duplicated": "out_of_order at 10",
                "truncated": "truncated at 38",
                "rewritten": "rewritten at 40",
            },
        },
    ),
    "kaizen": (
        {
            "gate_submit": 96,
            "kaizen_apply": 2,
            "kaizen_measure": 2,
            "kaizen_propose": 2,
            "sku_advance": 96,
            "sku_publish": 12,
            "work_order_complete": 12,
            "work_order_create": 12,
            "work_order_pull_next": 14,
            "work_order_release": 2,
        },
        {},
        {"completed": 12},
        {},
        {
            "proposed": 2,
            "proposals": [
                {"waste": "manual_intervention", "waste_hours": "2.00", "roi": "0.50"},
                {"waste": "slow_compilation", "waste_hours": "3.00", "roi": "0.19"},
            ],
            "measured": 2,
            "benefits": {"manual_intervention": "measuring 2.00", "slow_compilation": "measuring 3.00"},
        },
    ),
}


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_scenario_comes_to_exactly_this_whatever_the_seed(scenario, seed):
    summary, receipts = await simulate(scenario, seed)
    types, refusals, orders, andons, outcome = EXACT[scenario]
    assert (summary.types, summary.refusals) == (types, refusals)
    assert (summary.work_orders, summary.andons, summary.outcome) == (orders, andons, outcome)
    assert (summary.chain, summary.receipts) == ("ok", len(receipts.splitlines()))


ALONE = """
import asyncio, sys
from erlmcp.tcps.simulator import SCENARIOS, simulate
for scenario in SCENARIOS:
    sys.stdout.buffer.write(asyncio.run(simulate(scenario, 11))[1])
"""


def test_the_same_seed_gives_the_same_receipts_in_other_processes_and_with_other_hashes():
    here = b"".join(asyncio.run(simulate(scenario, 11))[1] for scenario in SCENARIOS)
    for seed in ("1", "2"):
        other = subprocess.run(
            [sys.executable, "-c", ALONE],
            capture_output=True,
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert other.stdout == here


async def test_another_seed_gives_other_receipts():
    assert (await simulate("ideal", 1))[1] != (await simulate("ideal", 2))[1]


async def test_a_store_that_is_there_already_is_left_alone(tmp_path):
    await simulate("heijunka", 1, place=tmp_path / "kept")
    assert (tmp_path / "kept" / "erlmcp.db").exists()
    with pytest.raises(FileExistsError, match="has a database already"):
        await simulate("heijunka", 1, place=tmp_path / "kept")


@pytest.mark.parametrize("scenario", ["ideal", "gate-failure", "kaizen"])
async def test_kaizens_figures_of_a_simulated_line_are_those_of_an_independent_reading(scenario):
    seen = []

    async def watch(floor, event):
        seen[:] = [floor]
        if event.seq and event.seq % 40 == 0:
            await compared(floor)

    async def compared(floor):
        parts = []
        for period in ("day", "week", "month"):
            told = msgspec.to_builtins(await floor.views.kaizen_report(period))
            parts.append((told, period))
        lines: list[bytes] = []
        await export(floor.database, lines.append, 0, (await floor.views.head()).seq)
        receipts = [json.loads(line) for line in b"".join(lines).splitlines()]
        for told, period in parts:
            alone = independent.report(receipts, period, told["until"])
            figures = {one["name"]: {key: one[key] for key in ("value", "met", "week")} for one in told["figures"]}
            assert figures == {
                name: {key: one[key] for key in ("value", "met", "week")} for name, one in alone["figures"].items()
            }
            assert told["waste_hours"] == alone["waste_hours"]

    await simulate(scenario, 3, watch=watch)
    assert seen
