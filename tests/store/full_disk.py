"""Run as a program by test_opening on a small disk: fill it, and say how the store took it."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from erlmcp.store import SqliteOwner, StoreError
from tests.store.shelf import SCHEMA, put, things


def hog(place: Path, leave: int) -> None:
    """Fill the disk with another program's file, but for `leave` bytes."""
    with suppress(OSError), (place / "hog").open("wb", buffering=0) as file:
        while file.write(bytes(4096)) == 4096:
            pass
    size = (place / "hog").stat().st_size
    with (place / "hog").open("r+b") as file:
        file.truncate(max(0, size - leave))


async def main(place: Path) -> None:
    path = place / "data" / "erlmcp.db"
    async with SqliteOwner(path, SCHEMA) as db:
        await put(db, "before")
        hog(place, leave=128 * 1024)
        try:
            async with db.transaction() as tx:
                await tx.run("fill", rows=5000, bytes=200)
        except StoreError as error:
            print("refused at work:", type(error).__name__)
        print("kept:", await things(db))
        (place / "hog").unlink()
        await put(db, "after")
        print("after:", await db.one("count", into=int))
    hog(place, leave=0)
    try:
        async with SqliteOwner(path, SCHEMA):
            pass
    except StoreError as error:
        print("at start:", type(error).__name__)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
