"""The benchmarks run as part of the suite: quickly, with their gates, and their figures kept in results/."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.results import RESULTS, table
from bench.units import UNITS

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    pytest.importorskip("erlmcp._speedups._http", reason="the compiled twins are not built")


@pytest.mark.slow
def test_the_compiled_twins_earn_their_place_and_the_figures_are_kept():
    done = run("-m", "bench.compare", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    kept = json.loads((RESULTS / "compare.json").read_text())
    assert [row["name"] for row in kept["rows"]][: len(UNITS)] == [unit.name for unit in UNITS]
    assert all(row["ratio"] >= row["gate"] for row in kept["rows"])


@pytest.mark.slow
def test_every_benchmark_runs_and_the_figures_are_kept():
    result = RESULTS / "benchmark.json"
    result.parent.mkdir(exist_ok=True)
    quick = ["--benchmark-only", "--benchmark-max-time=0.02", "--benchmark-min-rounds=2", "--benchmark-warmup=off"]
    free = ["-o", "addopts=", "--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = run("-m", "pytest", "bench", "-q", *free, *quick, f"--benchmark-json={result}")
    assert done.returncode == 0, done.stdout + done.stderr
    names = {bench["name"] for bench in json.loads(result.read_text())["benchmarks"]}
    assert {"test_whole_request[tools/call, 2026-07-28]", "test_durable_commands[64]"} <= names


@pytest.mark.slow
def test_commands_that_share_a_transaction_earn_their_coordinator_and_the_figures_are_kept(tmp_path: Path):
    done = run("-m", "bench.durable", "--quick", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    kept = json.loads((RESULTS / "durable.json").read_text())
    assert [row["clients"] for row in kept["commands_per_second"]] == [1, 8, 64]
    assert kept["commands_per_second"][-1]["ratio"] >= kept["gate"] == 4
    assert {(row["view"], row["orders"]) for row in kept["reads"]} >= {("board", 1000), ("board", 100_000)}


def test_a_table_puts_words_left_and_numbers_right():
    assert table(["name", "n"], [["a", "1"], ["bcdef", "22"]]) == "name    n\na       1\nbcdef  22\n"
