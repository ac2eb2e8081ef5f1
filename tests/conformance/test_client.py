"""The official suite's client scenarios, from npm, against `erlmcp.Client`."""

import sys
from pathlib import Path

import msgspec
import pytest

from tests.conformance.suite import CLIENT_BASELINE, Run, baseline, found_of_client, judge

RUNS = baseline(CLIENT_BASELINE)
COMMAND = f"{sys.executable} -m tests.conformance.client"

ALONE = "sse-retry"
"""It measures half a second: among the dozens of clients that the suite starts at once it would measure the machine."""


@pytest.mark.conformance
@pytest.mark.parametrize("run", RUNS, ids=[run.name for run in RUNS])
def test_the_suite_finds_exactly_what_the_baseline_says_of_the_client(run: Run, tmp_path: Path) -> None:
    found = found_of_client(run, COMMAND, tmp_path / "all")
    if ALONE in found:
        alone = msgspec.structs.replace(run, arguments=("--scenario", ALONE))
        found |= found_of_client(alone, COMMAND, tmp_path / "alone")
    complaints = judge(run, found)
    assert not complaints, "\n".join(["", *complaints])
