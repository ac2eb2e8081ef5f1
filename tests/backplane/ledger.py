"""The tasks of a node in one loop: a hub, a database, and processes that share both; their clocks are the test's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from erlmcp.backplane import Ground, LinkBus, NodeTasks, TaskKeeper, for_all, schema
from erlmcp.mcp import App, Backplane, LocalBus, LocalTasks, Options, TaskStore
from erlmcp.store import Options as StoreOptions
from erlmcp.store import SqliteOwner, SqliteReader
from tests.backplane.town import Town, open_town
from tests.mcp.tasking import Desk

SERVICE = "mcp.tasks"
QUICK = StoreOptions(durable=False)


class Clock:
    """Time as the test wants it, in seconds."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Ledger:
    """A line process with its tasks, and the worker processes of its node."""

    def __init__(
        self,
        town: Town,
        owner: SqliteOwner,
        reader: SqliteReader,
        options: Options,
        close_database: Callable[[], Awaitable[None]],
    ) -> None:
        self.town = town
        self.close_database = close_database
        self.clock = Clock()
        self.desks: list[Desk] = []
        self.options = options
        self._owner, self._reader = owner, reader
        self.keeper = self.begin()

    def begin(self) -> TaskKeeper:
        """Another line process on the same database, which knows nothing of the one before."""

        def publish(topic: str, payload: bytes) -> None:
            self.town.hub.publish(topic, for_all(payload))

        ground = Ground(self._owner, publish, self.options)
        self.keeper = TaskKeeper(ground, self.clock, self.clock)
        self.town.services[SERVICE] = self.keeper.serve
        return self.keeper

    async def worker(self, app: App, *, reads: bool = True) -> Desk:
        """One more process."""
        link = await self.town.join()
        tasks = NodeTasks(link, self._reader if reads else None, self.options, self.clock)
        backplane = Backplane(bus=LinkBus(link), tasks=tasks, now=self.clock)
        limits = {name: getattr(self.options, name) for name in self.options.__struct_fields__}
        desk = Desk(app, backplane, **limits)
        self.desks.append(desk)
        return desk

    async def silence(self, seconds: float) -> None:
        """Nobody says anything for so long; then the line looks around."""
        self.clock.now += seconds
        await self.keeper.sweep()


@asynccontextmanager
async def open_ledger(folder: Path, **options: Any) -> AsyncIterator[Ledger]:
    """A node without workers. Renewals are rare: what the test does not say does not happen."""
    chosen = Options(**({"task_lease": 1000.0} | options))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(AsyncExitStack())
        owner = await database.enter_async_context(SqliteOwner(folder / "tasks.db", schema(), QUICK))
        reader = await stack.enter_async_context(SqliteReader(folder / "tasks.db", schema(), QUICK))
        town = await stack.enter_async_context(open_town(folder))
        ledger = Ledger(town, owner, reader, chosen, database.aclose)
        yield ledger
        for desk in ledger.desks:
            await desk.endpoint.tasks.leave(0.0)


@asynccontextmanager
async def open_store(kind: str, folder: Path, heard: list[bytes], **options: Any) -> AsyncIterator[TaskStore]:
    """A store of either kind, whose signals are in `heard`."""
    if kind == "local":
        bus, tasks = LocalBus(), LocalTasks()
        tasks.join(bus, Clock())
        bus.subscribe("mcp.tasks", heard.append)
        yield tasks
        return
    async with open_ledger(folder, **options) as ledger:
        link = await ledger.town.join()
        bus_of_link = LinkBus(link)
        bus_of_link.subscribe("mcp.tasks", heard.append)
        await asyncio.sleep(0)
        yield NodeTasks(link, ledger._reader if kind == "node" else None, ledger.options, ledger.clock)
