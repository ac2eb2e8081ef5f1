"""The floor of a simulation: a real line on a store of its own, a clock that is turned by hand, and who works there.

`watch` is told of everything that happens, in order, and may take its time.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from msgspec import Struct

from erlmcp import store
from erlmcp.tcps import kaizen_view
from erlmcp.tcps.andon import NEEDS_ROOT_CAUSE, Andon
from erlmcp.tcps.commands import (
    AcknowledgeAndon,
    AddWhy,
    AdvanceSku,
    Ask,
    Bucket,
    Command,
    Complete,
    CreateWorkOrder,
    File,
    FinalizeRootCause,
    Gate,
    PublishSku,
    PullNext,
    ResolveAndon,
    SignalType,
    StartRootCause,
)
from erlmcp.tcps.coordinator import Coordinator
from erlmcp.tcps.errors import Refused
from erlmcp.tcps.ids import Ids
from erlmcp.tcps.line import Done
from erlmcp.tcps.options import Options
from erlmcp.tcps.schema import schema
from erlmcp.tcps.simulator.proofs import submission
from erlmcp.tcps.sku import Sku, Stage, Verdict
from erlmcp.tcps.views import Views
from erlmcp.tcps.work_order import WorkOrder

__all__ = ["START", "Event", "Floor", "Watch", "unwatched"]

START: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)  # a Monday
WHYS: Final = (
    "the check was not run before the change",
    "nothing ran it by itself",
    "the job that runs it was switched off",
    "it took too long for every change",
    "it builds the same thing twice",
)


class Event(Struct, frozen=True):
    """One thing that happened: who asked for what, and what it came to. `seq`: 0 if it left no receipt."""

    at: datetime
    actor: str
    command: str
    text: str
    seq: int = 0
    refused: str = ""


Watch = Callable[["Floor", Event], Awaitable[None]]


async def unwatched(floor: "Floor", event: Event) -> None:
    """For a floor that nobody looks at."""


class Floor:
    """`refusals`: how often the line said no, by code."""

    def __init__(self, place: Path, seed: int, watch: Watch = unwatched) -> None:
        self.chance: Final = Random(seed)  # noqa: S311 - the same numbers each time are the point
        self.now = START
        self.options: Final = Options()
        self.refusals: dict[str, int] = {}
        quick = store.Options(durable=False)
        self.database: Final = store.SqliteOwner(place / "erlmcp.db", schema(), quick, clock=self.clock)
        ids = Ids(self.chance.getrandbits)
        self.line: Final = Coordinator(self.database, self.options, now=self.clock, ids=ids)
        self.views: Final = Views(self.database, self.options, now=self.clock)
        self._watch: Final = watch

    def clock(self) -> datetime:
        """The virtual moment."""
        return self.now

    def turn(self, **by: float) -> None:
        """Let time go by, `hours=2`."""
        self.now += timedelta(**by)

    def work(self, least: int, most: int) -> None:
        """Somebody works for some minutes; how many, the seed says."""
        self.turn(minutes=self.chance.randint(least, most))

    async def ask(self, actor: str, command: Command, files: tuple[File, ...] = ()) -> Done:
        """What the line answers. Raises Refused, once it was told."""
        try:
            done = await self.line.execute(Ask(actor, command.name, command, files=files))
        except Refused as refused:
            code = str(refused.code)
            self.refusals[code] = self.refusals.get(code, 0) + 1
            await self._watch(self, Event(self.now, actor, command.name, refused.refusal.message, refused=code))
            raise
        await self._watch(self, Event(self.now, actor, command.name, _words(done), done.receipt_seq))
        return done

    async def refused(self, actor: str, command: Command) -> str:
        """The code of a refusal that has to come; "" if it does not."""
        try:
            await self.ask(actor, command)
        except Refused as refused:
            return str(refused.code)
        return ""

    async def order(self, title: str, bucket: Bucket = Bucket.FEATURES, actor: str = "planner") -> WorkOrder:
        """A new order of this bucket."""
        return _order(await self.ask(actor, CreateWorkOrder(SignalType.INTERNAL, title, bucket=bucket)))

    async def pull(self, actor: str) -> Sku:
        """The sku of the next order."""
        done = await self.ask(actor, PullNext(actor))
        return await self.views.sku(_order(done).sku_id or "")

    async def submit(self, actor: str, sku: Sku, *, good: bool = True, compiled_ms: int = 42_000) -> Done:
        """Have the gate of the sku's stage judged."""
        stage = (await self.views.sku(sku.id)).stage
        command, files = submission(sku.id, Gate(stage), good=good, compiled_ms=compiled_ms)
        return await self.ask(actor, command, files)

    async def through(self, actor: str, sku: Sku, to: Stage = Stage.SMOKE_TEST, *, compiled_ms: int = 42_000) -> None:
        """Take a sku through its gates up to this stage, where it has not been judged yet, unless it is the last."""
        while True:
            here = await self.views.sku(sku.id)
            if here.stage is to and to is not Stage.SMOKE_TEST:
                return
            self.work(1, 4)
            await self.submit(actor, here, compiled_ms=compiled_ms)
            if here.stage is Stage.SMOKE_TEST:
                return
            await self.ask(actor, AdvanceSku(sku.id))

    async def finish(self, actor: str, sku: Sku) -> None:
        """Complete the order of a sku that has been through its gates, and publish it."""
        await self.ask(actor, Complete(sku.work_order_id))
        await self.ask(actor, AdvanceSku(sku.id))
        self.work(1, 4)
        await self.ask("release-manager", PublishSku(sku.id))

    async def resolve(self, actor: str, andon: Andon, cause: str) -> None:
        """Acknowledge it, ask why five times where it needs that, and resolve it."""
        await self.ask(actor, AcknowledgeAndon(andon.id, actor))
        if andon.severity in NEEDS_ROOT_CAUSE:
            done = await self.ask(actor, StartRootCause(andon.id, andon.message))
            cause_id = done.root_cause.id if done.root_cause else ""
            for number, why in enumerate(WHYS, 1):
                self.work(1, 3)
                await self.ask(actor, AddWhy(cause_id, number, why))
            await self.ask(actor, FinalizeRootCause(cause_id, cause, "it runs for every change"))
        await self.ask(actor, ResolveAndon(andon.id, cause, "it was repaired", "it runs for every change"))

    async def propose(self) -> int:
        """The duty that looks for waste; how many proposals it made."""
        return await kaizen_view.propose(self.database, self.line, self.now, self.options)

    async def measure(self) -> int:
        """The duty that measures what was applied; how many it measured."""
        return await kaizen_view.measure(self.database, self.line, self.now, self.options)


def _order(done: Done) -> WorkOrder:
    if done.work_order is None:
        raise LookupError(f"receipt {done.receipt_seq} is about no work order")
    return done.work_order


def _words(done: Done) -> str:
    """What it came to, in a line."""
    said = []
    if done.work_order is not None:
        order = done.work_order
        said.append(f"{order.title} [{order.bucket}] is {order.status.replace('_', ' ')}")
    if done.gate is not None:
        verdict = "passed" if done.gate.verdict is Verdict.PASSED else "FAILED"
        said.append(f"gate {done.gate.gate} {verdict}")
    elif done.sku is not None:
        said.append(f"sku in {done.sku.stage}, {done.sku.status.replace('_', ' ')}")
    if done.andon is not None:
        said.append(f"andon {done.andon.type} {done.andon.severity} is {done.andon.status}")
    return "; ".join(said)
