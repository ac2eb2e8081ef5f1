"""The official conformance suite, from npm, against the fixture app under two workers; and the judge of its results."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.suite import Check, Found, Run, baseline, found_by, judge
from tests.serving import serving

RUNS = baseline()


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of two workers that serve the fixture app."""
    with serving("tests.conformance.everything:app", 2, tmp_path_factory.mktemp("everything")) as url:
        yield url


@pytest.mark.conformance
@pytest.mark.parametrize("run", RUNS, ids=[run.name for run in RUNS])
def test_the_suite_finds_exactly_what_the_baseline_says(run: Run, everything: str, tmp_path: Path) -> None:
    complaints = judge(run, found_by(run, everything, tmp_path))
    assert not complaints, "\n".join(["", *complaints])


def run_with(later: dict[str, tuple[str, ...]], partly: dict[str, dict[str, tuple[str, ...]]], checks: int) -> Run:
    return Run(suite="0", arguments=(), scenarios=2, checks=checks, later=later, partly=partly)


def found(**statuses: str) -> Found:
    """`ping="SUCCESS FAILURE"`: two checks, ping-0 and ping-1."""
    return {
        scenario: [Check(f"{scenario}-{n}", status, "why") for n, status in enumerate(text.split())]
        for scenario, text in statuses.items()
    }


def test_a_run_as_the_baseline_says_has_no_complaints() -> None:
    run = run_with({"issue 9": ("later",)}, {}, checks=1)
    assert judge(run, found(ping="SUCCESS INFO", later="FAILURE SUCCESS")) == []


def test_a_failure_without_an_entry_is_a_complaint() -> None:
    assert judge(run_with({}, {}, checks=1), found(ping="SUCCESS", list="FAILURE")) == ["list: list-0: FAILURE: why"]


@pytest.mark.parametrize("status", ["WARNING", "SKIPPED"])
def test_a_warning_or_a_skip_is_as_bad_as_a_failure(status: str) -> None:
    assert judge(run_with({}, {}, checks=1), found(ping="SUCCESS", list=status)) == [f"list: list-0: {status}: why"]


def test_an_entry_that_passes_is_stale() -> None:
    run = run_with({"issue 9": ("list",)}, {}, checks=1)
    assert judge(run, found(ping="SUCCESS", list="SUCCESS")) == ["list: stale, the baseline says that it fails"]


def test_an_entry_that_did_not_run_is_stale() -> None:
    run = run_with({"issue 9": ("gone",)}, {}, checks=2)
    assert judge(run, found(ping="SUCCESS", list="SUCCESS")) == ["gone: stale, the baseline says that it fails"]


def test_of_a_partly_listed_scenario_only_the_named_checks_may_fail() -> None:
    run = run_with({}, {"list": {"issue 9": ("list-0", "list-1")}}, checks=2)
    assert judge(run, found(ping="SUCCESS", list="FAILURE SUCCESS WARNING")) == [
        "list: list-1: stale, the baseline says that it fails",
        "list: list-2: why",
    ]


def test_a_scenario_that_vanishes_is_counted() -> None:
    assert judge(run_with({}, {}, checks=1), found(ping="SUCCESS")) == ["1 scenarios ran, the baseline says 2"]


def test_a_check_that_vanishes_is_counted() -> None:
    run = run_with({}, {}, checks=3)
    assert judge(run, found(ping="SUCCESS", list="SUCCESS")) == ["2 checks succeeded, the baseline says 3"]
