"""A plant with its maintenance: a notary, an upkeep, and the line that stands before the coordinator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from erlmcp import tcps
from erlmcp.tcps import Ask, Done, Maintenance, Notary, Place, Premises, RunTpm, TpmRun, TpmWindow, Upkeep
from tests.tcps.plant import Plant, running


class Kept:
    """`plant.ask` goes to the coordinator, `ask` here to the line with its maintenance."""

    def __init__(self, plant: Plant, folder: Path, **options: Any) -> None:
        self.plant, self.folder = plant, folder
        self.premises = Premises(folder / "checkpoint.key", folder, folder / "shelf")
        self.notary = Notary(plant.database, self.premises, now=plant.clock)
        self.options = tcps.Options(**options)
        self.peers = {"connections": 2, "commands_waiting": 0}
        place = Place(folder / "backups", tcps.schema(), lambda: self.peers)
        self.upkeep = Upkeep(plant.database, self.notary, place, self.options, now=plant.clock)
        self.line = Maintenance(plant.coordinator, plant.database, self.upkeep, now=plant.clock)

    async def ask(self, command: tcps.Command, key: str | None = None) -> Done:
        return await self.line.execute(Ask("local", command.name, command, key), timeout=10.0)

    async def maintain(self, window: TpmWindow = TpmWindow.DAILY, *, force: bool = False) -> TpmRun:
        done = await self.ask(RunTpm(window, force))
        assert done.tpm_run is not None
        return done.tpm_run

    async def create(self, count: int = 1) -> None:
        for number in range(count):
            await self.plant.create(f"thing {number}")


@asynccontextmanager
async def kept_at(plant: Plant, folder: Path, **options: Any) -> AsyncIterator[Kept]:
    kept = Kept(plant, folder, **options)
    async with running(kept.line.run):
        yield kept
