"""Processes of a node, in one loop: a hub, and links to it; the hub can leave and come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from erlmcp.backplane import LinkBus
from erlmcp.mcp import Bus, LocalBus
from erlmcp.otp import Hub, Link, Service
from tests.otp.company import started, stopped, until


class Town:
    """A hub and its links, all running."""

    def __init__(self, folder: Path, services: dict[str, Service] | None = None) -> None:
        self.path = folder / "hub.sock"
        self.services = services or {}
        self.hub = Hub(self.path, self.services)
        self.links: list[Link] = []
        self._hub_task: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """The hub is there, another one than before."""
        self.hub = Hub(self.path, self.services)
        self._hub_task = await started(self.hub.run)

    async def shut(self) -> None:
        """The hub is gone, and every link knows."""
        if self._hub_task is not None:
            self._hub_task.cancel()
            await stopped(self._hub_task)
            self._hub_task = None
        await until(lambda: not any(link.connected for link in self.links))

    async def join(self) -> Link:
        """One more process."""
        link = Link(self.path, name=f"worker-{len(self.links) + 1}")
        self._tasks.append(await started(link.run))
        self.links.append(link)
        return link

    async def together(self) -> None:
        """Every link is connected."""
        await until(lambda: all(link.connected for link in self.links))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            await stopped(task)
        if self._hub_task is not None:
            self._hub_task.cancel()
            await stopped(self._hub_task)


@asynccontextmanager
async def open_town(folder: Path, services: dict[str, Service] | None = None) -> AsyncIterator[Town]:
    """A town with its hub."""
    town = Town(folder, services)
    await town.open()
    try:
        yield town
    finally:
        await town.close()


@asynccontextmanager
async def open_bus(kind: str, folder: Path) -> AsyncIterator[Bus]:
    """A bus of either kind, alone."""
    if kind == "local":
        yield LocalBus()
        return
    async with open_town(folder) as town:
        yield LinkBus(await town.join())
