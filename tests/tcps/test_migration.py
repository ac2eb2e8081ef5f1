"""A store of a release that had no gates is brought up with everything that was in it."""

import sqlite3
from contextlib import closing

from erlmcp.store import Migrations, Schema, SqliteOwner
from erlmcp.tcps import AddDependency, Code, Complete, Ok, Release, StartWorkOrder, Status, schema
from tests.tcps.plant import QUICK, plant_at, refused

ROWS = """
INSERT INTO kanban (bucket, wip_limit, queued, wip, completed, cancelled) VALUES ('features', 7, 1, 1, 1, 0);
INSERT INTO work_order (seq, id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version,
    created_at, started_at, completed_at, cancelled_at, cancellation_reason, metadata) VALUES
    (1, 'WO-1', 'waits', '', 'features', 4, 'queued', '{"type":"install"}', NULL, NULL, 1, '2026-03-01T08:00:00.000Z',
        NULL, NULL, NULL, NULL, '{"n":1}'),
    (2, 'WO-2', 'is made', '', 'features', 4, 'in_progress', '{"type":"install"}', NULL, 'ana', 2,
        '2026-03-01T08:00:00.000Z', '2026-03-01T09:00:00.000Z', NULL, NULL, NULL, '{}'),
    (3, 'WO-3', 'is done', '', 'features', 4, 'completed', '{"type":"install"}', NULL, 'ana', 3,
        '2026-03-01T08:00:00.000Z', '2026-03-01T09:00:00.000Z', '2026-03-01T10:00:00.000Z', NULL, NULL, '{}');
"""


async def old_store(path):
    """What 0001 made, with three orders in it."""
    (migrations,) = schema().migrations
    async with SqliteOwner(path, Schema((Migrations("tcps", migrations.steps[:1]),)), QUICK):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(ROWS)


async def test_orders_limits_and_counters_are_kept_and_work_goes_on(tmp_path):
    await old_store(tmp_path / "erlmcp.db")
    async with plant_at(tmp_path / "erlmcp.db") as plant:
        orders = {order.id: order for order in (await plant.views.work_orders()).work_orders}
        assert [orders[name].status for name in ("WO-1", "WO-2", "WO-3")] == ["queued", "in_progress", "completed"]
        assert (orders["WO-1"].metadata, orders["WO-1"].dependencies, orders["WO-1"].sku_id) == ({"n": 1}, (), None)
        (features,) = [row for row in await plant.views.kanban() if row.bucket == "features"]
        assert (features.limit, features.queued, features.current, features.blocked) == (7, 1, 1, 0)
        assert (await plant.order(AddDependency("WO-1", "WO-2"))).status is Status.BLOCKED


async def test_an_order_that_was_started_without_a_sku_gets_one_when_it_is_started_again(tmp_path):
    await old_store(tmp_path / "erlmcp.db")
    async with plant_at(tmp_path / "erlmcp.db") as plant:
        async with refused(Code.GATE_NOT_RUN, "work order WO-2 has no sku: no gate has run", "work_order_release"):
            await plant.ask(Complete("WO-2"))
        assert (await plant.ask(Release("WO-2", "for its sku"))).sku is None
        await plant.ask(StartWorkOrder("WO-2"))
        assert (await plant.complete("WO-2")).status is Status.COMPLETED
        assert isinstance(await plant.views.verify(), Ok)
