"""A production line to measure: the real coordinator on a durable store, and a store in which much has happened."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

from erlmcp.store import SqliteOwner
from erlmcp.tcps import (
    Ask,
    Bucket,
    Cancel,
    Command,
    Coordinator,
    CreateWorkOrder,
    Options,
    SignalType,
    StartWorkOrder,
    schema,
)

__all__ = ["ROOMY", "Client", "fill", "line"]

#: No bucket is ever full: commands are measured, not refusals.
ROOMY = {f"wip_limit_{bucket}": 10_000 for bucket in Bucket}


@asynccontextmanager
async def line(path: Path, batch: int = 256) -> AsyncIterator[Coordinator]:
    """A running coordinator that puts at most `batch` commands into one transaction."""
    async with SqliteOwner(path, schema()) as database:
        coordinator = Coordinator(database, Options(batch=batch, **ROOMY))
        ready = asyncio.Event()
        running = asyncio.create_task(coordinator.run(ready.set))
        await ready.wait()
        try:
            yield coordinator
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


class Client:
    """Creates, starts and cancels one order after the other, each command with an idempotency key of its own."""

    def __init__(self, line: Coordinator, number: int) -> None:
        self._line, self._number = line, number
        self._order = ""
        self.done = 0

    async def step(self) -> None:
        """The next command, until it is durable."""
        command = self._command()
        key = f"client {self._number} command {self.done}"
        done = await self._line.execute(Ask("local", command.name, command, key))
        assert done.work_order is not None
        self._order = done.work_order.id
        self.done += 1

    def _command(self) -> Command:
        match self.done % 3:
            case 0:
                return CreateWorkOrder(SignalType.INTERNAL, "Raise the limit", bucket=[*Bucket][self._number % 6])
            case 1:
                return StartWorkOrder(self._order, "ana")
        return Cancel(self._order, "it was measured")


ORDERS = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :orders)
INSERT INTO work_order (seq, id, title, description, bucket, priority, status, signal, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata)
SELECT n, printf('WO-%016d', n), 'Raise the limit', 'It is too low',
    (SELECT bucket FROM kanban WHERE rowid = n % 6 + 1), n % 10 + 1,
    iif(n > :orders - 30, 'in_progress', iif(n % 4 = 0, 'queued', iif(n % 4 = 1, 'cancelled', 'completed'))),
    '{"type":"internal"}', 'ana', 3, '2026-03-02T08:00:00.000Z', '2026-03-02T08:01:00.000Z', NULL, NULL, NULL, '{}'
FROM number
"""
RECEIPTS = """
INSERT INTO receipt (id, type, at, actor, work_order_id, payload, prev_hash, hash)
SELECT printf('RCPT-%016d', seq), iif(status = 'completed', 'work_order_complete', 'work_order_create'), created_at,
    'local', id, '{"inputs":{},"outputs":{}}', '', ''
FROM work_order ORDER BY seq
"""
COUNTERS = """
UPDATE kanban SET (queued, wip, completed, cancelled) = (SELECT count(*) FILTER (WHERE status = 'queued'),
    count(*) FILTER (WHERE status = 'in_progress'), count(*) FILTER (WHERE status = 'completed'),
    count(*) FILTER (WHERE status = 'cancelled') FROM work_order AS o WHERE o.bucket = kanban.bucket)
"""


async def fill(path: Path, orders: int) -> None:
    """Make a line in which so many orders were made, a quarter of them queued. Its receipts are not a chain."""
    async with line(path):
        pass  # the file and its buckets are there now
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(ORDERS, {"orders": orders})
        connection.execute(RECEIPTS)
        connection.execute(COUNTERS)
