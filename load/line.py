"""kill -9 of workers and of the line process under load: is anything that was acknowledged lost, or done twice?

    python load/line.py [--commands N] [--clients N] [--workers N] [--every S] [--seed N] [--keep DIR]

Starts `erlmcp serve` with the production line on free ports and lets clients bring commands to their outcome (see
load/demand.py), while every S seconds one worker, and half an interval later the line process, is killed. Then the node
is stopped and its journal is held against what the clients were told (see load/audit.py). Prints JSON; exit code 1 when
anything is wrong, and also when no bucket was full for 60 % of the time, since then nothing was tested.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from erlmcp.node.control import ask  # noqa: E402 - found through the line above when run as a file
from erlmcp.node.exits import Refusal  # noqa: E402
from load.audit import Audit, audit  # noqa: E402
from load.demand import Demand, Ledger, Wire, call  # noqa: E402

WRONG = ("missing", "twice", "wip_violations", "illegal_transitions", "moves_past_a_stop", "ungated")  # told if 0, too
FULL = 0.6  # the least share of the time in which some bucket is full; stops and releases empty some now and then
START = 60.0  # seconds
STOP = 60.0
MANY = "1000000"  # restarts that the arbiter allows


class Target:
    """The node that is fired at."""

    def __init__(self, data: Path, every: float, seed: int) -> None:
        self._data, self._every = data, every
        self._chance = random.Random(seed)
        self.kills: Counter[str] = Counter()

    async def status(self) -> dict[str, Any]:
        """What `erlmcp status` shows; empty while nobody answers."""
        try:
            return json.loads(await asyncio.to_thread(ask, self._data, "status", 5.0))
        except Refusal:
            return {}

    async def fire(self) -> None:
        """Kill a worker, then the line, and so on until cancelled."""
        while True:
            await asyncio.sleep(self._every / 2)
            status = await self.status()
            self._kill("worker", [worker for worker in status.get("workers", []) if worker["state"] == "running"])
            await asyncio.sleep(self._every / 2)
            line = (await self.status()).get("line")
            self._kill("line", [line] if line and line["state"] == "running" else [])

    def _kill(self, kind: str, processes: list[dict[str, Any]]) -> None:
        if not processes:
            self.kills[f"{kind} was not up"] += 1
            return
        try:
            os.kill(self._chance.choice(processes)["pid"], signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[kind] += 1


async def run(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The whole experiment: its figures, and `faults` in words."""
    data = folder / "data"
    target = Target(data, asked.every, asked.seed)
    with (folder / "log").open("wb") as log:
        arbiter = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "erlmcp", "serve", "--workers", str(asked.workers), "--port", "0"),
            *("--metrics-port", "0", "--data-dir", str(data)),
            cwd=ROOT,
            env=_environment(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
        try:
            port = await _port(target, arbiter)
            demand = Demand(port, asked.clients, asked.commands, asked.seed)
            started = time.monotonic()
            firing = asyncio.create_task(target.fire())
            try:
                await demand.run()
            finally:
                firing.cancel()
                await asyncio.wait((firing,))
            took = time.monotonic() - started
            verified = await _verified(port)
        finally:
            if arbiter.returncode is None:
                arbiter.terminate()
            code = await asyncio.wait_for(arbiter.wait(), STOP)
    found = await asyncio.to_thread(audit, data / "erlmcp.db", demand.ledger)
    faults = _faults(found, demand.ledger, verified)
    if code:
        faults.append(f"the node exited with {code}")
    return _figures(asked, took, target, demand.ledger, found) | {"verify": verified, "faults": faults}


async def _port(target: Target, arbiter: asyncio.subprocess.Process) -> int:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and arbiter.returncode is None:
        status = await target.status()
        if status and status["node"]["state"] == "running":
            return int(status["node"]["addresses"]["http"].rpartition(":")[2])
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the node did not start: exit code {arbiter.returncode}")


async def _verified(port: int) -> dict[str, Any]:
    """What the node itself says of its chain, once it is whole again."""
    wire = Wire(port, fresh=True)
    body = b""
    for _ in range(100):
        try:
            _, body = await wire.post(call("receipt_verify", {}))
            result = json.loads(body)["result"]
        except (OSError, TimeoutError, KeyError):
            await asyncio.sleep(0.1)
            continue
        if not result["isError"]:
            return dict(result["structuredContent"])
        await asyncio.sleep(0.1)
    return {"chain": "unknown", "answer": body.decode(errors="replace")}


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key == "ERLMCP_PURE" or not key.startswith("ERLMCP_")}
    settings = {"NODE__MAX_RESTARTS": MANY, "NODE__HEARTBEAT_INTERVAL": "0.5", "LOG__FORMAT": "json"}
    settings |= {"LOG__ACCESS": "false"}
    return kept | {f"ERLMCP_{key}": value for key, value in settings.items()}


def _faults(found: Audit, ledger: Ledger, verified: dict[str, Any]) -> list[str]:
    """What should not be, in words."""
    faults = [f"{count} {kind}" for kind, count in found.faults.items()] + found.words
    if ledger.failures:
        faults += [f"{len(ledger.failures)} failures seen by clients", *ledger.failures[:5]]
    if verified.get("chain") != "ok" or verified.get("count") != found.receipts:
        faults.append(f"receipt_verify says {verified} of {found.receipts} receipts")
    if found.full_time < FULL:
        faults.append(f"some bucket was full for {found.full_time:.1%} of the time only: this was no test")
    return faults


def _figures(asked: argparse.Namespace, took: float, target: Target, ledger: Ledger, found: Audit) -> dict[str, Any]:
    seconds = sorted(ledger.seconds)
    done = Counter(outcome.tool for outcome in ledger.outcomes if outcome.receipt_seq)
    codes = Counter(outcome.code for outcome in ledger.outcomes if outcome.code)
    return {
        "commands": len(ledger.outcomes),
        "acknowledged": done.total(),
        "done": dict(done),
        "refused": dict(codes),
        "clients": asked.clients,
        "workers": asked.workers,
        "seconds": round(took, 1),
        "commands_per_second": round(len(ledger.outcomes) / took),
        "kills": dict(target.kills),
        "sent_again": dict(ledger.retries),
        "failures_seen_by_clients": len(ledger.failures),
        "outcome_ms": {
            "p50": round(statistics.median(seconds) * 1000, 1),
            "p99": round(seconds[int(len(seconds) * 0.99)] * 1000),
            "max": round(seconds[-1] * 1000),
        },
        "receipts": found.receipts,
        "receipts_of_refusals": found.refusals,
        "some_bucket_full": {
            "of_the_time": round(found.full_time, 4),
            "of_the_receipts": round(found.full_receipts, 4),
        },
        **{kind: found.faults[kind] for kind in WRONG},
    }


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=50_000, help="commands to bring to an outcome (default 50000)")
    parser.add_argument("--clients", type=int, default=32, help="clients at once (default 32)")
    parser.add_argument("--workers", type=int, default=4, help="worker processes (default 4)")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two kills of each kind (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="of what clients do and who is killed (default 1)")
    parser.add_argument("--keep", type=Path, help="an empty folder to leave the database and the log in")
    asked = parser.parse_args()
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
        figures = asyncio.run(run(asked, asked.keep))
    else:
        with tempfile.TemporaryDirectory(prefix="erlmcp-line-") as folder:
            figures = asyncio.run(run(asked, Path(folder)))
    print(json.dumps(figures, indent=2))
    return 1 if figures["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
