"""Ours over standard streams beside the official Python SDK's server, in one run: figures swing, ratios hold.

    ./scripts/bench stdio [--rounds N]

Rounds go A B A B; medians. `start`: from the start of the process until `initialize` is answered. `round trip`: one
call after the other. `at once`: calls sent in packs of PACK, per call. CPU: user and system time of the server.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from bench.results import keep, table
from bench.servers import ROOT, cpu_seconds

__all__ = ["Figures", "main", "measure"]

CALLS = 2000
PACK = 50
VERSION = "2025-11-25"
HELLO = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
BAR = 10.0  # least ratio of round trips, ours to the SDK's


class Figures(Struct, frozen=True):
    """Of one server in one round, in microseconds; `start` in milliseconds."""

    start: float
    round_trip: float
    at_once: float
    cpu: float


def message(method: str, params: dict[str, object] | None, number: int | None = None) -> bytes:
    """One line."""
    whole = {"jsonrpc": "2.0", "method": method} | ({} if number is None else {"id": number})
    return json.dumps(whole | ({} if params is None else {"params": params})).encode() + b"\n"


def call(number: int) -> bytes:
    return message("tools/call", {"name": "add", "arguments": {"a": number, "b": 1}}, number)


@contextmanager
def piped(command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A server that a client started; it must leave by itself when its input ends."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    try:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        if process.wait(10) != 0:
            raise RuntimeError(f"{command} left with {process.returncode}")
    finally:
        process.kill()


def measure(command: Sequence[str]) -> Figures:
    """One round of one server."""
    begun = time.perf_counter()
    with piped(command) as process:
        source, sink = process.stdin, process.stdout
        assert source is not None
        assert sink is not None

        def exchange(lines: bytes, answers: int) -> None:
            source.write(lines)
            source.flush()
            for _ in range(answers):
                if b'"result"' not in sink.readline():
                    raise RuntimeError(f"{command} does not answer")

        exchange(message("initialize", HELLO, 0), 1)
        started = time.perf_counter() - begun
        source.write(message("notifications/initialized", None))
        exchange(call(1), 1)
        before = cpu_seconds(process.pid)
        single = timed(lambda: [exchange(call(number), 1) for number in range(CALLS)])
        cpu = cpu_seconds(process.pid) - before
        packs = [b"".join(call(number) for number in range(PACK))] * (CALLS // PACK)
        packed = timed(lambda: [exchange(pack, PACK) for pack in packs])
    return Figures(started * 1e3, single / CALLS * 1e6, packed / CALLS * 1e6, cpu / CALLS * 1e6)


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def median(rounds: Sequence[Figures]) -> Figures:
    return Figures(*(statistics.median(getattr(each, name) for each in rounds) for name in Figures.__struct_fields__))


def main(arguments: Sequence[str]) -> int:
    """Print, keep, and say whether the bar was reached."""
    parser = argparse.ArgumentParser(prog="./scripts/bench stdio", description="erlmcp beside the SDK, over pipes.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sdk-python", default=sys.executable, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        os.environ["ERLMCP_NODE__DATA_DIR"] = str(Path(folder) / "data")
        servers = {
            "erlmcp": [sys.executable, "-P", "-m", "erlmcp", "stdio", "bench.app:app"],
            "mcp SDK": [chosen.sdk_python, "-m", "bench.sdk_server"],
        }
        rounds: dict[str, list[Figures]] = {name: [] for name in servers}
        for _ in range(chosen.rounds):
            for name, command in servers.items():
                rounds[name].append(measure(command))
    found = {name: median(each) for name, each in rounds.items()}
    ours, theirs = found["erlmcp"], found["mcp SDK"]
    ratios = [getattr(theirs, name) / getattr(ours, name) for name in Figures.__struct_fields__]
    rows = [
        [name, f"{f.start:.0f}", f"{f.round_trip:.1f}", f"{f.at_once:.1f}", f"{f.cpu:.1f}"] for name, f in found.items()
    ]
    rows.append(["ratio", *(f"{ratio:.1f}" for ratio in ratios)])
    print(table(["server", "start ms", "round trip µs", "at once µs", "CPU µs"], rows))
    keep("stdio", {name: {f: getattr(each, f) for f in Figures.__struct_fields__} for name, each in found.items()})
    return 0 if theirs.round_trip / ours.round_trip >= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
