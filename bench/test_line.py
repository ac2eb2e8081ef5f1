"""What the production line costs: commands until they are durable, so many together, and the board of a long history.

How much sharing a transaction brings is measured by `bench.durable`, which has the gate.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import uvloop

from bench.plant import Client, fill, line
from erlmcp.store import SqliteReader
from erlmcp.tcps import Coordinator, Views, schema

ORDERS = 100_000


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


@pytest.fixture
def coordinator(runner: asyncio.Runner, tmp_path: Path) -> Iterator[Coordinator]:
    stack = AsyncExitStack()
    yield runner.run(stack.enter_async_context(line(tmp_path / "erlmcp.db")))
    runner.run(stack.aclose())


@pytest.fixture
def views(runner: asyncio.Runner, tmp_path: Path) -> Iterator[Views]:
    path, stack = tmp_path / "erlmcp.db", AsyncExitStack()
    runner.run(fill(path, ORDERS))
    runner.run(stack.enter_async_context(line(path)))
    yield Views(runner.run(stack.enter_async_context(SqliteReader(path, schema()))))
    runner.run(stack.aclose())


@pytest.mark.parametrize("together", [1, 8, 64])
def test_durable_commands(
    benchmark: Callable[..., object], runner: asyncio.Runner, coordinator: Coordinator, together: int
) -> None:
    clients = [Client(coordinator, number) for number in range(together)]

    async def step() -> None:
        await asyncio.gather(*(client.step() for client in clients))

    benchmark(lambda: runner.run(step()))


def test_the_board_of_a_hundred_thousand_orders(
    benchmark: Callable[..., object], runner: asyncio.Runner, views: Views
) -> None:
    board = benchmark(lambda: runner.run(views.board()))
    assert sum(bucket.queued + bucket.completed for bucket in board.buckets) > ORDERS // 2
