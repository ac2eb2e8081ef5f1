from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.tcps.plant import Plant, plant_at


@pytest_asyncio.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    async with plant_at(tmp_path / "data" / "erlmcp.db") as plant:
        yield plant
