"""The any-worker proof, in small: what `load/anyworker.py` does with 10,000 requests, and what it takes for a fault."""

import json
from collections import Counter

import pytest

from load.anyworker import JOURNEYS, Outcome, Plan, run
from load.fresh import Tally

PLAN = Plan(requests=100, disturbances=2)


def seen(tally: Tally | None = None, *, kills: int = 1, rolls: int = 1, exit_code: int = 0) -> list[str]:
    good = Tally(requests=100, cut=3, journeys=Counter(rounds=9), wandered=Counter(rounds=1))
    outcome = Outcome(tally or good, kills, rolls, 1.0, exit_code)
    outcome.judge(PLAN)
    json.dumps(outcome.told())
    return outcome.faults


def test_connections_that_a_killed_worker_cut_are_no_fault():
    assert seen() == []


@pytest.mark.parametrize(
    ("tally", "fault"),
    [
        (Tally(requests=100, failures=["rounds: no"]), "1 failures, ['rounds: no']"),
        (Tally(requests=99), "only 99 of 100 requests were made"),
        (Tally(requests=100, journeys=Counter(rounds=9)), "no journey came by two processes: rounds"),
    ],
)
def test_whatever_did_not_succeed_or_was_not_tried_is_a_fault(tally: Tally, fault: str):
    assert seen(tally) == [fault]


def test_connections_that_are_cut_although_nobody_was_killed_are_a_fault():
    assert seen(kills=0, rolls=2) == ["3 connections were cut, and nobody was killed"]


def test_too_few_disturbances_are_a_fault():
    assert seen(kills=1, rolls=0) == ["only 1 kills and 0 rolls of 2"]


def test_a_node_that_does_not_end_well_is_a_fault():
    assert seen(exit_code=70) == ["the node ended with 70"]


@pytest.mark.slow
async def test_no_request_fails_whichever_worker_it_meets_while_workers_are_killed_and_rolled():
    outcome = await run(Plan(requests=1500, disturbances=4, clients=8, every=0.2))
    assert outcome.faults == []
    assert set(outcome.tally.journeys) == set(JOURNEYS)
