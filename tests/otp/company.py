"""Children that do as they are told, and write down what happens to them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from erlmcp.otp import ChildSpec, Event, Pool, Restart, Supervisor


class Company:
    """`story` holds "+a" when a runs, "-a" when it was cancelled, "~a" when it ended by itself."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.events: list[Event] = []
        self.orders: dict[str, asyncio.Future[BaseException | None]] = {}
        self.fails: dict[str, list[BaseException]] = {}

    def child(self, child_id: str, restart: Restart = Restart.PERMANENT, **more) -> ChildSpec:
        return ChildSpec(child_id, self.run_as(child_id), restart, **more)

    def run_as(self, child_id: str):
        async def run(ready: Callable[[], None]) -> None:
            if self.fails.get(child_id):
                raise self.fails[child_id].pop(0)
            order = self.orders[child_id] = asyncio.get_running_loop().create_future()
            self.tell(f"+{child_id}")
            ready()
            try:
                error = await order
            except asyncio.CancelledError:
                self.tell(f"-{child_id}")
                raise
            self.tell(f"~{child_id}")
            if error is not None:
                raise error

        return run

    def tell(self, what: str) -> None:
        self.story.append(what)

    def watch(self, event: Event) -> None:
        self.events.append(event)

    def end(self, child_id: str, error: BaseException | None = None) -> None:
        self.orders[child_id].set_result(error)

    def crash(self, child_id: str, text: str = "boom") -> None:
        self.end(child_id, RuntimeError(text))

    async def until(self, happened: Callable[[], bool]) -> None:
        await until(happened)

    async def tells(self, *story: str) -> None:
        """Wait until the story since the last look is that long, and compare."""
        await self.until(lambda: len(self.story) >= len(story))
        assert tuple(self.story) == story
        self.story.clear()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 - one turn of the loop at a time, and no clock
            await asyncio.sleep(0)


async def started(run: Callable[[Callable[[], None]], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
    """The task of a child that is ready."""
    ready = asyncio.Event()
    task = asyncio.get_running_loop().create_task(run(ready.set))
    async with asyncio.timeout(5):
        await ready.wait()
    return task


async def stopped(task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(5):
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def running(child: Supervisor | Pool) -> AsyncIterator[asyncio.Task[None]]:
    """The child, ready; afterwards it is stopped, and no task is left behind."""
    before = asyncio.all_tasks()
    task = await started(child.run)
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
            await stopped(task)
        assert asyncio.all_tasks() <= before
