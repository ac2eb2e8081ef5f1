"""Durable commands per second, in shared transactions against one transaction a command; and reads of a long history.

    python -m bench.durable [--quick] [--folder DIR]      exit code 1 when the gate is missed

The same coordinator with `batch` 256 and 1, taking turns in one run, since a disk's speed swings; medians. The database
is in DIR (default: the current folder), so that its disk is measured and not a file system in memory.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import uvloop
from msgspec import Struct

from bench.plant import Client, fill, line
from bench.results import keep, table
from erlmcp.store import SqliteReader
from erlmcp.tcps import Filter, Status, Views, schema

__all__ = ["GATE", "Read", "Throughput", "main"]

CLIENTS = (1, 8, 64)
GATE = 4.0  # at the most clients: shared transactions to single ones (issue 3)
ROUNDS = 5
ORDERS = 100_000
READS = 300


class Throughput(Struct, frozen=True):
    """Durable commands per second of so many clients."""

    clients: int
    shared: float
    single: float
    ratio: float


class Read(Struct, frozen=True):
    """Milliseconds of one view of a line with so many orders."""

    view: str
    orders: int
    p50_ms: float
    p99_ms: float


async def throughput(folder: Path, clients: int, seconds: float) -> Throughput:
    """Both ways in turns, on a database each."""
    found: dict[int, list[float]] = {256: [], 1: []}
    for _ in range(ROUNDS):
        for batch, rates in found.items():
            async with line(folder / f"{clients}-{batch}.db", batch) as coordinator:
                rates.append(await _rate([Client(coordinator, number) for number in range(clients)], seconds))
    shared, single = median(found[256]), median(found[1])
    return Throughput(clients, shared, single, shared / single)


async def _rate(clients: list[Client], seconds: float) -> float:
    started = time.perf_counter()

    async def work(client: Client) -> None:
        while time.perf_counter() - started < seconds:
            await client.step()

    await asyncio.gather(*map(work, clients))
    return sum(client.done for client in clients) / (time.perf_counter() - started)


async def reads(folder: Path, orders: int, count: int) -> list[Read]:
    """The board, the counters and a list, as a worker reads them while the line is there and nobody writes."""
    path = folder / f"{orders}-orders.db"
    await fill(path, orders)
    async with line(path), SqliteReader(path, schema()) as database:
        views = Views(database)
        queued = Filter(status=Status.QUEUED)
        looks = {"board": views.board, "kanban": views.kanban, "50 queued": lambda: views.work_orders(queued)}
        found = []
        for name, look in looks.items():
            times = []
            for _ in range(count):
                started = time.perf_counter()
                await look()
                times.append((time.perf_counter() - started) * 1000)
            times.sort()
            found.append(Read(name, orders, median(times), times[int(count * 0.99)]))
    return found


async def measure(folder: Path, seconds: float) -> tuple[list[Throughput], list[Read]]:
    """Everything; `seconds` for each round of each way."""
    rates = [await throughput(folder, clients, seconds) for clients in CLIENTS]
    return rates, [read for orders in (1000, ORDERS) for read in await reads(folder, orders, READS)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="bench.durable", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a twentieth of the time, as in the test suite")
    parser.add_argument("--folder", type=Path, default=Path(), help="where the databases are made (default .)")
    asked = parser.parse_args(arguments)
    with (
        TemporaryDirectory(prefix=".bench-", dir=asked.folder) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        rates, looks = runner.run(measure(Path(folder), 0.1 if asked.quick else 2.0))
    held = rates[-1].ratio >= GATE
    keep("durable", {"commands_per_second": rates, "reads": looks, "gate": GATE, "held": held})
    cells = [[f"{one.clients}", f"{one.shared:.0f}", f"{one.single:.0f}", f"{one.ratio:.1f}"] for one in rates]
    print(table(["clients", "durable commands/s", "one per transaction", "ratio"], cells))
    cells = [[look.view, f"{look.orders}", f"{look.p50_ms:.2f}", f"{look.p99_ms:.2f}"] for look in looks]
    print(table(["view", "orders", "p50 ms", "p99 ms"], cells))
    print(f"gate: {GATE:g} at {CLIENTS[-1]} clients: {'held' if held else 'MISSED'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
