"""What a call of an actor in another process costs. Both ends are in this one process and loop, so a time is the CPU of
both sides together. Bar: 60 µs a call."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import uvloop

from erlmcp.otp import Hub, Link

PAYLOAD = b"x" * 300  # about a command with its title


async def _echo(payload: bytes, _seconds: float) -> bytes:
    return payload


class Pair:
    """A hub and a link that are connected; `calls(n)` makes n calls that share each turn of the loop."""

    def __init__(self, path: Path) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.link = Link(path)
        self._tasks: list[asyncio.Task[None]] = []
        self._runner.run(self._start(Hub(path, {"echo": _echo})))

    async def _start(self, hub: Hub) -> None:
        for child in (hub.run, self.link.run):
            ready = asyncio.Event()
            self._tasks.append(asyncio.create_task(child(ready.set)))
            await ready.wait()

    def calls(self, count: int) -> None:
        """Make them and wait for all answers."""
        self._runner.run(self._call(count))

    async def _call(self, count: int) -> None:
        await asyncio.gather(*(self.link.call("echo", PAYLOAD) for _ in range(count)))

    def close(self) -> None:
        """Stop both, the link first."""
        self._runner.run(self._stop())
        self._runner.close()

    async def _stop(self) -> None:
        for task in reversed(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path / "hub.sock")
    yield pair
    pair.close()


@pytest.mark.parametrize("together", [1, 8, 64, 256])
def test_remote_call(benchmark: Callable[..., object], pair: Pair, together: int) -> None:
    benchmark(pair.calls, together)


def test_a_remote_call_costs_less_than_60_us_of_both_sides(pair: Pair) -> None:
    pair.calls(64)
    began = time.process_time()
    for _ in range(20):
        pair.calls(64)
    assert (time.process_time() - began) / (20 * 64) < 60e-6
