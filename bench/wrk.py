"""wrk: the command line, and what its report says."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

__all__ = ["Load", "Report", "parse", "run"]

LOAD = Path(__file__).resolve().parent.parent / "load"
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}
GRACE = 20  # seconds beyond the measured time after which wrk is given up


class Load(Struct, frozen=True):
    """One kind of request: a script in load/ and its arguments."""

    script: str
    arguments: tuple[str, ...] = ()


class Report(Struct, frozen=True):
    """What one run of wrk found. `failures`: answers that are not 2xx or 3xx, and socket errors."""

    requests: int
    per_second: float
    p50_us: float
    p99_us: float
    failures: int


def run(load: Load, url: str, *, seconds: int, connections: int, prefix: Sequence[str] = ()) -> Report:
    """Run wrk against `url`. `prefix` is put before its command (taskset). RuntimeError when it fails."""
    threads = min(2, connections)
    command = [*prefix, "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["-s", str(LOAD / load.script), url, "--", *load.arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    return parse(done.stdout)


def parse(text: str) -> Report:
    """Read wrk's report. RuntimeError when it is none."""
    count = re.search(r"(\d+) requests in ", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if count is None or rate is None:
        raise RuntimeError(f"this is no report of wrk: {text!r}")
    unanswered = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    failures = (int(unanswered[1]) if unanswered else 0) + (sum(map(int, sockets.groups())) if sockets else 0)
    return Report(int(count[1]), float(rate[1]), _percentile(text, 50), _percentile(text, 99), failures)


def _percentile(text: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)$", text, re.MULTILINE)
    return float(found[1]) * UNITS[found[2]] if found else 0.0
