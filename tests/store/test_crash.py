"""`kill -9` of the writing process: what it had acknowledged is there, and nothing is there by half."""

import asyncio
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from erlmcp.store import SqliteOwner, SqliteReader
from tests.store.hammer import BATCH, OPTIONS, SCHEMA


async def acknowledged(process: Process) -> int:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    return int(line) if line.endswith(b"\n") else 0


async def until_killed(path: Path, batches: int) -> int:
    """Start a writer, kill it after some batches; the last one it acknowledged, ever."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.store.hammer", str(path), stdout=PIPE)
    last = 0
    for _ in range(batches):
        last = await acknowledged(process)
    process.send_signal(signal.SIGKILL)
    while number := await acknowledged(process):
        last = number
    await asyncio.wait_for(process.wait(), 5)
    return last


def check(batches: list[tuple[int, int]], last: int) -> None:
    assert [number for number, _ in batches] == list(range(1, len(batches) + 1))
    assert {size for _, size in batches} == {BATCH}
    assert last <= len(batches) <= last + 1  # one may be committed and not yet acknowledged


@pytest.mark.parametrize("seed", [1, 2])
async def test_everything_acknowledged_outlives_the_kill_of_its_writer(path: Path, seed: int):
    chance = random.Random(seed)
    last = await until_killed(path, 3)
    async with SqliteReader(path, SCHEMA, OPTIONS) as reader:  # stays, over all the deaths
        for _ in range(4):
            check(await reader.all("batches"), last)
            last = await until_killed(path, chance.randint(1, 150))
        check(await reader.all("batches"), last)
    async with SqliteOwner(path, SCHEMA, OPTIONS) as owner:
        check(await owner.all("batches"), last)
