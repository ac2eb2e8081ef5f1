"""The twins side by side in one run: pure ÷ compiled, with a gate under each ratio.

    python -m bench.compare [--quick]      exit code 1 when a ratio is below its gate

The units run in this process, straight from the twins' modules; whole requests run in processes of their own, one per
twin and alternating, since a process has one twin behind its door.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from bench.results import keep, table
from bench.units import UNITS, twin
from bench.whole import microseconds

__all__ = ["Row", "compare", "main"]

ROOT = Path(__file__).resolve().parent.parent
WHOLE_GATE = 1.5  # a whole request holds msgspec, the router and the tool, which have no twins
TRIALS = 3


class Row(Struct, frozen=True):
    """One unit on both twins, microseconds."""

    name: str
    pure_us: float
    compiled_us: float
    ratio: float
    gate: float

    @property
    def held(self) -> bool:
        """Whether the compiled twin earns its place."""
        return self.ratio >= self.gate


class _Whole(Struct, frozen=True):
    backend: str
    microseconds: dict[str, float]


def compare(seconds: float) -> list[Row]:
    """Every unit and every whole request; `seconds` for each of them on each twin."""
    rows = []
    for unit in UNITS:
        pure, compiled = (microseconds(twin(unit, compiled=which), seconds) for which in (False, True))
        rows.append(Row(unit.name, pure, compiled, pure / compiled, unit.gate))
    return rows + _whole(seconds)


def _whole(seconds: float) -> list[Row]:
    runs: dict[str, list[_Whole]] = {"pure": [], "compiled": []}
    for _ in range(TRIALS):
        for backend, seen in runs.items():
            seen.append(_run(backend, seconds))
    rows = []
    for name in runs["pure"][0].microseconds:
        pure, compiled = (median(run.microseconds[name] for run in runs[backend]) for backend in ("pure", "compiled"))
        rows.append(Row(f"whole: {name}", pure, compiled, pure / compiled, WHOLE_GATE))
    return rows


def _run(backend: str, seconds: float) -> _Whole:
    switch = {"pure": {"ERLMCP_PURE": "1"}, "compiled": {"ERLMCP_REQUIRE_SPEEDUPS": "1"}}[backend]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ERLMCP_")} | switch
    command = [sys.executable, "-m", "bench.whole", "--seconds", str(seconds)]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"bench.whole failed on the {backend} twins: {run.stderr.decode(errors='replace')}")
    found = msgspec.json.decode(run.stdout, type=_Whole)
    assert found.backend == backend, found.backend
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="bench.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a fifth of the time, as in the test suite")
    quick = parser.parse_args(arguments).quick
    rows = compare(0.05 if quick else 0.5)
    keep("compare", {"rows": rows})
    cells = [
        [row.name, f"{row.pure_us:.2f}", f"{row.compiled_us:.2f}", f"{row.ratio:.1f}", f"{row.gate:g}", _word(row)]
        for row in rows
    ]
    print(table(["unit", "pure µs", "compiled µs", "ratio", "gate", ""], cells))
    return 0 if all(row.held for row in rows) else 1


def _word(row: Row) -> str:
    return "held" if row.held else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
