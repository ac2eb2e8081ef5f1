"""Four workers, thirty-two clients, 20,000 commands, and every second a worker and the line process are killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = 20_000
WITHIN = 400.0  # seconds; bounds a wait: it takes 25 on two quiet cores


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_done_twice_and_no_limit_broken_while_processes_are_killed(tmp_path: Path):
    command = [sys.executable, "load/line.py", "--commands", str(COMMANDS), "--keep", str(tmp_path / "node")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    assert (figures["commands"], figures["clients"], figures["workers"]) == (COMMANDS, 32, 4)
    assert (figures["failures_seen_by_clients"], figures["faults"]) == (0, [])
    wrong = ("missing", "twice", "wip_violations", "illegal_transitions", "moves_past_a_stop", "ungated")
    assert [figures[kind] for kind in wrong] == [0, 0, 0, 0, 0, 0]
    assert {"gate_submit", "andon_resolve", "work_order_complete", "sku_publish"} <= figures["done"].keys()
    assert min(figures["kills"]["worker"], figures["kills"]["line"]) >= 5, "it was over before much was killed"
    assert figures["some_bucket_full"]["of_the_time"] >= 0.6
    assert figures["sent_again"], "no kill met a command on its way"
