"""Any worker: what a client begins at one process it goes on with at another, also while they are killed and rolled.

    python load/anyworker.py [--requests N] [--disturbances N] [--workers N] [--clients N] [--every S]

Starts `erlmcp serve load.wanderer:app` on free ports. Clients make journeys of several requests, each request on a
connection of its own, while every S seconds a worker is killed (-9) or all of them are rolled (SIGHUP). Prints JSON. A
request or stream that a killed worker had in hand is cut off and taken up again by its client: `cut`, no failure.
Anything else that the protocol allows to succeed and does not is one: exit code 1.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from erlmcp.node.control import ask  # noqa: E402 - found through the line above when run as a file
from erlmcp.node.exits import Refusal  # noqa: E402
from load.fresh import Failed, Fresh, Tally  # noqa: E402
from load.journeys import MODERN, Client, Journey  # noqa: E402
from load.older_journeys import OLDER  # noqa: E402

START = 60.0  # seconds
STOP = 60.0
LOOK = 0.05
SHOWN = 20  # failures that are told in words

JOURNEYS: dict[str, Journey] = {**MODERN, **OLDER}


@dataclass
class Plan:
    """What is asked of a run: so many requests and so many disturbances at least. `every`: seconds from one of these,
    when all is well again, to the next."""

    requests: int
    disturbances: int = 6
    workers: int = 4
    clients: int = 16
    every: float = 1.0
    seed: int = 1


@dataclass
class Outcome:
    """What came of it."""

    tally: Tally
    kills: int
    rolls: int
    seconds: float
    exit_code: int | None
    faults: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return vars(self) | {"tally": vars(self.tally)}

    def judge(self, plan: Plan) -> None:
        """Say in words what should not have been."""
        tally = self.tally
        if tally.failures:
            self.faults.append(f"{len(tally.failures)} failures, {tally.failures[:SHOWN]}")
        if tally.requests < plan.requests:
            self.faults.append(f"only {tally.requests} of {plan.requests} requests were made")
        if tally.cut and not self.kills:
            self.faults.append(f"{tally.cut} connections were cut, and nobody was killed")
        if self.kills + self.rolls < plan.disturbances:
            self.faults.append(f"only {self.kills} kills and {self.rolls} rolls of {plan.disturbances}")
        if unmoved := [name for name in tally.journeys if not tally.wandered[name]]:
            self.faults.append(f"no journey came by two processes: {', '.join(unmoved)}")
        if self.exit_code != 0:
            self.faults.append(f"the node ended with {self.exit_code}")


class Disturber:
    """Kills and rolls, one after the other, and waits each time until all workers serve."""

    def __init__(self, arbiter: int, data: Path, plan: Plan) -> None:
        self._arbiter, self._data, self._plan = arbiter, data, plan
        self._chance = random.Random(plan.seed)
        self.killed: set[int] = set()
        self.counts: Counter[str] = Counter()
        self._done = 0

    @property
    def done(self) -> int:
        """How many of both, that are over."""
        return self._done

    async def workers(self) -> set[int]:
        """The processes that serve; empty while nobody answers."""
        try:
            status: dict[str, Any] = json.loads(await asyncio.to_thread(ask, self._data, "status", 5.0))
        except Refusal:
            return set()
        return {worker["pid"] for worker in status["workers"] if worker["state"] == "running"}

    async def all_well(self, without: set[int]) -> set[int]:
        """The workers, once there are as many as should be and none of these is left. TimeoutError."""
        async with asyncio.timeout(START):
            while True:
                found = await self.workers()
                if len(found) == self._plan.workers and not found & without:
                    return found
                await asyncio.sleep(LOOK)

    async def disturb(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._plan.every)
            there = await self.all_well(set())
            if sum(self.counts.values()) % 2:
                self.counts["roll"] += 1
                os.kill(self._arbiter, signal.SIGHUP)
                await self.all_well(there)
            else:
                victim = self._chance.choice(sorted(there))
                self.killed.add(victim)
                self.counts["kill"] += 1
                os.kill(victim, signal.SIGKILL)
                await self.all_well({victim})
            self._done += 1


async def travel(client: Client, plan: Plan, disturber: Disturber) -> None:
    """Journeys of all kinds in turn, each at least once, until enough was asked and enough was disturbed."""
    tally = client.fresh.tally
    names = list(JOURNEYS)
    offset = sum(map(ord, client.name)) % len(names)
    for name in names[offset:] + names[:offset]:
        await go(client, name, JOURNEYS[name])
    while tally.requests < plan.requests or disturber.done < plan.disturbances:
        for name, journey in JOURNEYS.items():
            await go(client, name, journey)


async def go(client: Client, name: str, journey: Journey) -> None:
    """One journey, entered in the books."""
    tally = client.fresh.tally
    try:
        came_by = set(await journey(client))
    except Failed as failure:
        tally.failures.append(f"{name}: {failure}")
    else:
        tally.journeys[name] += 1
        tally.wandered[name] += len(came_by) > 1


async def run(plan: Plan) -> Outcome:
    """The whole experiment."""
    tally, began = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="erlmcp-anyworker-") as folder:
        data = Path(folder) / "data"
        arbiter = await serve(data, plan)
        disturber = Disturber(arbiter.pid, data, plan)
        try:
            await disturber.all_well(set())
            port = await port_of(data)
            clients = [Client(Fresh(port, tally), f"client-{n}", disturber.killed) for n in range(plan.clients)]
            disturbing = asyncio.create_task(disturber.disturb())
            try:
                await asyncio.gather(*(travel(client, plan, disturber) for client in clients))
            finally:
                disturbing.cancel()
            await asyncio.gather(disturbing, return_exceptions=True)
        finally:
            arbiter.terminate()
            code = await asyncio.wait_for(arbiter.wait(), STOP)
    counts = disturber.counts
    outcome = Outcome(tally, counts["kill"], counts["roll"], round(time.monotonic() - began, 1), code)
    outcome.judge(plan)
    return outcome


async def serve(data: Path, plan: Plan) -> asyncio.subprocess.Process:
    """The node."""
    command = ["-m", "erlmcp", "serve", "load.wanderer:app", "--workers", str(plan.workers)]
    command += ["--port", "0", "--metrics-port", "0", "--data-dir", str(data)]
    environment = os.environ | {"ERLMCP_LOG__ACCESS": "false", "ERLMCP_NODE__MAX_RESTARTS": "1000000"}
    environment["ERLMCP_MCP__TASK_LEASE"] = "1"  # seconds until a killed worker's tasks go to another one
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def port_of(data: Path) -> int:
    """Where it serves."""
    status = json.loads(await asyncio.to_thread(ask, data, "status", 5.0))
    return int(status["node"]["addresses"]["http"].rpartition(":")[2])


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000, help="how many at least (default 10000)")
    parser.add_argument("--disturbances", type=int, default=20, help="how many at least (default 20)")
    parser.add_argument("--workers", type=int, default=4, help="worker processes (default 4)")
    parser.add_argument("--clients", type=int, default=16, help="clients at once (default 16)")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between disturbances (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice whom to kill (default 1)")
    plan = Plan(**vars(parser.parse_args()))
    outcome = asyncio.run(run(plan))
    print(json.dumps(outcome.told(), indent=2))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
