"""What the comparison with peers makes of wrk's reports; the servers are started by `./scripts/bench peers`."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import wrk
from bench.peers import CONTESTS, Figures, Measured, figures, ratios
from bench.wrk import Report
from load.chaos import Tally

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = """Running 5s test @ http://127.0.0.1:8080
  2 threads and 100 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.21ms    0.91ms  28.01ms   90.12%
    Req/Sec    41.00k     3.01k   48.00k    70.00%
  Latency Distribution
     50%  980.00us
     75%    1.31ms
     90%    1.90ms
     99%    4.25ms
  409876 requests in 5.01s, 160.00MB read
Requests/sec:  81812.57
Transfer/sec:     31.93MB
"""
BAD = GOOD.replace(
    "Requests/sec",
    "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\nRequests/sec",
)


def test_a_report_of_wrk_is_read():
    assert wrk.parse(GOOD) == Report(409876, 81812.57, 980.0, 4250.0, 0)


def test_failures_of_both_kinds_are_counted():
    assert wrk.parse(BAD).failures == 15


def test_what_is_no_report_is_refused():
    with pytest.raises(RuntimeError, match="no report of wrk"):
        wrk.parse("unable to connect")


def measured(per_second: float, cpu_us: float, failures: int = 0) -> Measured:
    return Measured(Report(1000, per_second, 100.0, 200.0, failures), cpu_us)


def test_medians_are_taken_over_the_rounds_and_failures_added_up():
    rounds = [measured(10, 1.0), measured(1000, 3.0, 1), measured(30, 2.0, 1)]
    assert figures("nginx", "health", rounds) == Figures("nginx", "health", 30, 2.0, 100.0, 200.0, 2)


def side(server: str, per_second: float, cpu_us: float, failures: int = 0) -> Figures:
    return figures(server, "health", [measured(per_second, cpu_us, failures)])


@pytest.mark.parametrize(
    ("per_second", "cpu_us", "failures", "held"),
    [(50, 100, 0, True), (49, 100, 0, False), (49, 20, 0, True), (49, 20.5, 0, False), (50, 100, 1, False)],
)
def test_a_bar_holds_in_requests_or_in_cpu_and_without_failures(
    per_second: float, cpu_us: float, failures: int, held: bool
):
    (ratio,) = ratios([side("nginx", 100, 10), side("erlmcp", per_second, cpu_us, failures)], CONTESTS, bars=True)
    assert (ratio.contest, ratio.bar, ratio.held) == ("health", 0.5, held)


def test_a_contest_without_the_other_side_has_no_ratio():
    assert ratios([side("erlmcp", 1, 1)], CONTESTS, bars=True) == []


def test_without_bars_everything_without_failures_holds():
    (ratio,) = ratios([side("nginx", 100, 10), side("erlmcp", 1, 1000)], CONTESTS, bars=False)
    assert (ratio.bar, ratio.held) == (None, True)


@pytest.mark.parametrize(
    "script",
    ["bench.peers", "bench.compare", "bench.whole", "bench.durable", "load.anyworker", "load.chaos", "load.line"],
)
def test_every_tool_explains_itself(script: str):
    done = subprocess.run(
        [sys.executable, "-m", script, "-h"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert "usage:" in done.stdout


@pytest.mark.parametrize(
    ("tally", "fault"),
    [
        (Tally(answered=1, restarts_ms=[999], lost_with_killed_worker=3), None),
        (Tally(restarts_ms=[1001]), "new workers took [1001] ms to serve"),
        (Tally(restarts_ms=[]), "1 of 1 killed workers were not replaced"),
        (Tally(restarts_ms=[10], refused=2), "refused: 2"),
        (Tally(restarts_ms=[10], lost_on_other_workers=1), "lost_on_other_workers: 1"),
        (Tally(restarts_ms=[10], lost_after_one_retry=1), "lost_after_one_retry: 1"),
    ],
)
def test_chaos_forgives_only_what_the_killed_worker_had_in_hand(tally: Tally, fault: str | None):
    assert tally.faults(kills=1, within=1.0) == ([] if fault is None else [fault])
