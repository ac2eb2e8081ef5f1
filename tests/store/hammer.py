"""Run as a program by test_crash: commit batches for ever, and say each number once it is committed."""

import asyncio
import sys
from pathlib import Path

from erlmcp.store import Options, Schema, SqliteOwner
from tests.store.shelf import migrations, queries

BATCH = 7

SCHEMA = Schema(
    (migrations("CREATE TABLE line (batch INTEGER, n INTEGER, text TEXT NOT NULL, PRIMARY KEY (batch, n)) STRICT;"),),
    queries(
        last="SELECT coalesce(max(batch), 0) FROM line",
        add="INSERT INTO line (batch, n, text) VALUES (:batch, :n, :text)",
        batches="SELECT batch, count(*) FROM line GROUP BY batch ORDER BY batch",
    ),
)
#: A WAL that is copied all the time, so that kills find it at every stage.
OPTIONS = Options(checkpoint=64 * 1024, wal_limit=1024 * 1024)


async def main(path: Path) -> None:
    async with SqliteOwner(path, SCHEMA, OPTIONS) as db:
        last = await db.one("last", into=int) or 0
        while True:
            last += 1
            async with db.transaction() as tx:
                for n in range(BATCH):
                    async with tx.savepoint():
                        await tx.run("add", batch=last, n=n, text="x" * 500)
            print(last, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
