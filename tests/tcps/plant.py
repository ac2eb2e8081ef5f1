"""A small plant for the tests: a real store in a directory, a coordinator on it, its views, and a clock to turn."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from erlmcp import store, tcps
from erlmcp.tcps import (
    Ask,
    Code,
    Command,
    Coordinator,
    CreateWorkOrder,
    Done,
    File,
    Gate,
    Receipt,
    Refused,
    Role,
    Sku,
    Stage,
    Views,
    WorkOrder,
)
from tests.tcps.proof import GOOD, submission, walk

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
QUICK = store.Options(durable=False)


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


class Plant:
    """Everything about one line."""

    def __init__(self, path: Path, options: tcps.Options, clock: Clock) -> None:
        self.path, self.options, self.clock = path, options, clock
        self.facts: list[bytes] = []
        self.database = store.SqliteOwner(path, tcps.schema(), QUICK, clock=clock)
        self.coordinator = Coordinator(self.database, options, publish=self.facts.extend, now=clock)
        self.views = Views(self.database, options, now=clock)

    async def ask(
        self,
        command: Command,
        key: str | None = None,
        actor: str = "local",
        tool: str = "",
        files: tuple[File, ...] = (),
        role: Role = Role.ADMIN,
    ) -> Done:
        ask = Ask(actor, tool or command.name, command, key, files, role)
        return await self.coordinator.execute(ask, timeout=5.0)

    async def order(self, command: Command, key: str | None = None) -> WorkOrder:
        done = await self.ask(command, key)
        assert done.work_order is not None
        return done.work_order

    async def create(self, title: str = "a thing", **more: Any) -> WorkOrder:
        return await self.order(CreateWorkOrder(more.pop("signal_type", tcps.SignalType.INTERNAL), title, **more))

    async def start(self, **more: Any) -> Sku:
        """The sku of a new order that was started."""
        order = await self.create(**more)
        done = await self.ask(tcps.StartWorkOrder(order.id))
        assert done.sku is not None
        return done.sku

    async def submit(self, sku_id: str, gate: Gate, *figures: Any, key: str | None = None) -> Done:
        """Evidence to a gate, with its files; good evidence unless given other."""
        command, files = submission(sku_id, gate, figures or GOOD[gate])
        return await self.ask(command, key, files=files)

    async def walk(self, sku_id: str, to: Stage = Stage.SMOKE_TEST) -> None:
        """Take a sku to this stage with good evidence; in smoke_test, that has run as well."""
        await walk(self.coordinator, await self.views.sku(sku_id), to)

    async def complete(self, order_id: str) -> WorkOrder:
        """Take an order in progress through its gates, and complete it."""
        sku_id = (await self.views.work_order(order_id)).sku_id
        assert sku_id is not None
        await self.walk(sku_id)
        return await self.order(tcps.Complete(order_id))

    async def why(self, andon_id: str) -> str:
        """Five finished whys; the id of the root cause."""
        done = await self.ask(tcps.StartRootCause(andon_id, "it failed"))
        assert done.root_cause is not None
        for number in range(1, 6):
            await self.ask(tcps.AddWhy(done.root_cause.id, number, f"because {number}"))
        await self.ask(tcps.FinalizeRootCause(done.root_cause.id, "nobody looked", "look"))
        return done.root_cause.id

    async def resolve(self, andon_id: str) -> tcps.Andon:
        """The end of an andon, after five whys where it needs them."""
        andon = await self.views.andon(andon_id)
        if andon.severity in tcps.NEEDS_ROOT_CAUSE and andon.root_cause_id is None:
            await self.why(andon_id)
        done = await self.ask(tcps.ResolveAndon(andon_id, "nobody looked", "looked", "look always"))
        assert done.andon is not None
        return done.andon

    async def receipts(self) -> list[Receipt]:
        page = await self.views.receipts(limit=200)
        assert page.next_cursor is None
        return page.receipts[::-1]

    def tamper(self, *statements: str) -> None:
        """What someone with access to the file can do."""
        with closing(sqlite3.connect(self.path, timeout=5)) as connection, connection:
            for statement in statements:
                connection.execute(statement)


@asynccontextmanager
async def running(child: Callable[[Callable[[], None]], Any]) -> AsyncIterator[asyncio.Task[None]]:
    """A child while the block runs; its crash is raised at the start, and is the task's later."""
    ready = asyncio.Event()
    task = asyncio.ensure_future(child(ready.set))
    waiting = asyncio.ensure_future(ready.wait())
    try:
        async with asyncio.timeout(5):
            await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield task
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.wait((task, waiting))
        if not task.cancelled():
            task.exception()


@asynccontextmanager
async def plant_at(path: Path, options: tcps.Options | None = None, clock: Clock | None = None) -> AsyncIterator[Plant]:
    plant = Plant(path, options or tcps.Options(), clock or Clock())
    async with plant.database, running(plant.coordinator.run):
        yield plant


@asynccontextmanager
async def refused(code: Code, message: str = "", next_step: str = "") -> AsyncIterator[None]:
    """The block is refused, with these words among others."""
    with pytest.raises(Refused) as caught:
        yield
    refusal = caught.value
    assert (refusal.code, message in refusal.message, next_step in refusal.next) == (code, True, True), refusal.refusal


def json(value: Any) -> Any:
    """A value as whoever reads its JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(value))
