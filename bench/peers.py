"""Ours beside its peers, in one run on one machine: absolute figures swing, ratios hold.

    ./scripts/bench peers [--seconds S] [--rounds N] [--only NAME]... [--workers N]

One worker: the servers are started together and pinned to one core, wrk to another; rounds go A B C A B C; medians.
With --workers N nobody is pinned, and no bar applies. CPU µs/request is user and system time of a server's processes.
"""

import argparse
import os
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from bench import servers, wrk
from bench.results import keep, table

__all__ = ["BARS", "CONTESTS", "Contest", "Figures", "Measured", "figures", "main"]

CONNECTIONS = 100


class Contest(Struct, frozen=True):
    """One kind of request: what we answer to, against whom."""

    name: str
    load: wrk.Load
    peer: str | None


CONTESTS = (
    Contest("health", wrk.Load("health.lua"), "nginx"),
    Contest("modern", wrk.Load("tools_call.lua", ("modern",)), "mcp SDK"),
    Contest("legacy", wrk.Load("tools_call.lua", ("legacy",)), "mcp SDK"),
    Contest("async", wrk.Load("tools_call.lua", ("modern", "add_async")), None),
    Contest("threaded", wrk.Load("tools_call.lua", ("modern", "add_threaded")), None),
)
#: contest → least ratio, in requests per second or in CPU time, one worker (issue 2)
BARS = {"health": 0.5, "modern": 25.0}


class Measured(Struct, frozen=True):
    """One round of one server."""

    report: wrk.Report
    cpu_us: float


class Figures(Struct, frozen=True):
    """The medians of a server's rounds."""

    server: str
    contest: str
    per_second: float
    cpu_us: float
    p50_us: float
    p99_us: float
    failures: int


class Ratio(Struct, frozen=True):
    """Ours to the peer's: requests per second (ours ÷ theirs) and CPU per request (theirs ÷ ours)."""

    contest: str
    peer: str
    per_second: float
    cpu: float
    bar: float | None
    held: bool


def figures(server: str, contest: str, rounds: Sequence[Measured]) -> Figures:
    """The medians; failures are added up."""
    reports = [one.report for one in rounds]
    return Figures(
        server=server,
        contest=contest,
        per_second=statistics.median(report.per_second for report in reports),
        cpu_us=statistics.median(one.cpu_us for one in rounds),
        p50_us=statistics.median(report.p50_us for report in reports),
        p99_us=statistics.median(report.p99_us for report in reports),
        failures=sum(report.failures for report in reports),
    )


def ratios(found: Iterable[Figures], contests: Iterable[Contest], *, bars: bool) -> list[Ratio]:
    """Every contest that has both sides."""
    by = {(one.server, one.contest): one for one in found}
    result = []
    for contest in contests:
        ours, theirs = by.get(("erlmcp", contest.name)), by.get((contest.peer or "", contest.name))
        if ours is None or theirs is None:
            continue
        per_second, cpu = ours.per_second / theirs.per_second, theirs.cpu_us / ours.cpu_us
        bar = BARS.get(contest.name) if bars else None
        held = (bar is None or max(per_second, cpu) >= bar) and ours.failures == 0
        result.append(Ratio(contest.name, theirs.server, per_second, cpu, bar, held))
    return result


def measure(server: servers.Running, contest: Contest, seconds: int, prefix: Sequence[str]) -> Measured:
    """One round."""
    before = servers.cpu_seconds(server.pid)
    report = wrk.run(contest.load, server.url, seconds=seconds, connections=CONNECTIONS, prefix=prefix)
    spent = servers.cpu_seconds(server.pid) - before
    return Measured(report, spent / max(report.requests, 1) * 1e6)


def main() -> int:
    """Exit code: 0 every bar held, 1 one did not, 2 usage."""
    asked = _arguments()
    contests = [contest for contest in CONTESTS if not asked.only or contest.name in asked.only]
    pinned = asked.workers == 1
    cores = sorted(os.sched_getaffinity(0))
    if pinned and len(cores) < 2:
        print("error: two cores are needed, one for the server and one for wrk", file=sys.stderr)
        return 2
    serve, load = ([["taskset", "-c", str(core)] for core in cores[:2]]) if pinned else ([], [])
    with TemporaryDirectory(prefix="erlmcp-bench-") as place, ExitStack() as stack:
        running = _start(stack, Path(place), asked, serve, {contest.peer for contest in contests})
        rounds: dict[tuple[str, str], list[Measured]] = {}
        for number in range(asked.rounds):
            for contest in contests:
                for name in ([contest.peer] if contest.peer in running else []) + ["erlmcp"]:
                    _say(f"round {number + 1} of {asked.rounds}: {contest.name}, {name}")
                    rounds.setdefault((name, contest.name), []).append(
                        measure(running[name], contest, asked.seconds, load)
                    )
        found = [figures(server, contest, measured) for (server, contest), measured in rounds.items()]
        alone = [_alone(server, contest, asked.seconds, load) for server, contest in _pairs(running, contests)]
    compared = ratios(found, contests, bars=pinned)
    _print(found, compared, alone, asked.workers)
    keep(
        "peers" if pinned else f"peers-{asked.workers}-workers", {"servers": found, "ratios": compared, "alone": alone}
    )
    return 0 if all(ratio.held for ratio in compared) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=5, help="length of a round (default 5)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds whose medians count (default 5)")
    parser.add_argument("--only", action="append", choices=[contest.name for contest in CONTESTS], help="one contest")
    parser.add_argument(
        "--workers", type=int, default=1, help="processes of each server; not pinned above 1 (default 1)"
    )
    parser.add_argument("--sdk-python", default=sys.executable, help="the interpreter that has mcp and uvicorn")
    return parser.parse_args()


def _start(
    stack: ExitStack, place: Path, asked: argparse.Namespace, prefix: Sequence[str], peers: set[str | None]
) -> dict[str, servers.Running]:
    ours = stack.enter_context(servers.erlmcp(_folder(place, "erlmcp"), asked.workers, prefix))
    running = {"erlmcp": ours}
    if "nginx" in peers:
        body = urllib.request.urlopen(f"{ours.url}/health", timeout=5).read()
        running["nginx"] = stack.enter_context(servers.nginx(_folder(place, "nginx"), asked.workers, prefix, body))
    if "mcp SDK" in peers:
        running["mcp SDK"] = stack.enter_context(
            servers.sdk(_folder(place, "sdk"), asked.workers, prefix, asked.sdk_python)
        )
    return running


def _folder(place: Path, name: str) -> Path:
    folder = place / name
    folder.mkdir()
    return folder


def _pairs(running: dict[str, servers.Running], contests: list[Contest]) -> list[tuple[servers.Running, Contest]]:
    return [(running[name], contest) for contest in contests for name in (contest.peer, "erlmcp") if name in running]


def _alone(server: servers.Running, contest: Contest, seconds: int, prefix: Sequence[str]) -> dict[str, object]:
    """Latency of a single connection."""
    report = wrk.run(contest.load, server.url, seconds=seconds, connections=1, prefix=prefix)
    return {"server": server.name, "contest": contest.name, "p50_us": report.p50_us, "p99_us": report.p99_us}


def _print(found: list[Figures], compared: list[Ratio], alone: list[dict[str, object]], workers: int) -> None:
    alone_p50 = {(one["server"], one["contest"]): one["p50_us"] for one in alone}
    print(f"\n{workers} worker{'s' * (workers > 1)}, wrk with {CONNECTIONS} connections; medians\n")
    rows = [
        [
            one.contest,
            one.server,
            f"{one.per_second:,.0f}",
            f"{one.cpu_us:,.1f}",
            f"{one.p50_us:,.0f}",
            f"{one.p99_us:,.0f}",
            f"{alone_p50[one.server, one.contest]:,.0f}",
            str(one.failures),
        ]
        for one in sorted(found, key=lambda one: [contest.name for contest in CONTESTS].index(one.contest))
    ]
    head = ["contest", "server", "requests/s", "CPU µs/request", "p50 µs", "p99 µs", "p50 µs alone", "failures"]
    print(table(head, rows))
    verdicts = [
        [
            one.contest,
            one.peer,
            f"{one.per_second:.2f}",
            f"{one.cpu:.2f}",
            "" if one.bar is None else f"{one.bar:g}",
            "held" if one.held else "MISSED",
        ]
        for one in compared
    ]
    print(table(["contest", "erlmcp to", "ratio requests/s", "ratio CPU", "bar", ""], verdicts))


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
