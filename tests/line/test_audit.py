"""The audit of the process test finds what it is there to find, and nothing in the journal of a real line."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import pytest

from erlmcp.tcps import (
    AbortSku,
    AcknowledgeAndon,
    AddDependency,
    AddWhy,
    AdvanceSku,
    AndonType,
    Bucket,
    Cancel,
    Command,
    Complete,
    CreateWorkOrder,
    File,
    FinalizeRootCause,
    Gate,
    PublishSku,
    Pull,
    PullAndon,
    PullNext,
    Receipt,
    Refused,
    Release,
    RemoveDependency,
    ResolveAndon,
    SetLimit,
    Severity,
    SignalType,
    StartRootCause,
    StartWorkOrder,
    UpdateWorkOrder,
    escalate,
    note_breaches,
)
from load.audit import Audit, Tables, audit, examine
from load.demand import WORDS, Ledger, Outcome
from load.model import LIMITS, STAGES, UPKEEP, Andon, Order, Sku
from tests.tcps.plant import Plant, plant_at
from tests.tcps.plant import json as plain
from tests.tcps.proof import BAD, GOOD, submission

COST = Bucket.COST


def receipt(seq: int, kind: str, inputs: dict[str, Any], outputs: dict[str, Any], second: int = 0) -> dict[str, Any]:
    payload = json.dumps({"inputs": inputs, "outputs": outputs}, sort_keys=True, separators=(",", ":"))
    at = f"2026-03-02T08:00:{second:02}.000Z"
    about = {"sku_id": None, "stage": None, "work_order_id": None, "actor": "local", "id": f"RCPT-{seq}"}
    return {"seq": seq, "type": kind, "at": at, "payload": payload, **about}


class Journal:
    """A line that does what it is told, right or wrong, and chains its receipts as it should."""

    def __init__(self) -> None:
        self.receipts: list[dict[str, Any]] = []
        self.orders: dict[str, Order] = {}
        self.wip = dict.fromkeys(LIMITS, 0)
        self.limits = dict(LIMITS)
        self.ledger = Ledger()
        self.keys: dict[str, int] = {}
        self.skus: dict[str, Sku] = {}
        self.andons: dict[str, Andon] = {}

    def write(self, kind: str, inputs: dict[str, Any], outputs: dict[str, Any], second: int = 0) -> None:
        seq = len(self.receipts) + 1
        self.receipts.append(receipt(seq, kind, inputs, outputs, second))
        if not kind.endswith("_refused"):
            self.ledger.outcomes.append(Outcome(f"key-{seq}", kind, inputs, seq, next(iter(outputs.values()))))
            self.keys[f"key-{seq}"] = seq

    def create(self, name: str, priority: int = 5, second: int = 0) -> None:
        order = self.orders[name] = Order("cost", priority, len(self.receipts) + 1)
        inputs = {"signal_type": "internal", "title": f"mark {name}", "bucket": "cost", "priority": priority}
        self.write("work_order_create", inputs, {"work_order": shown(name, order)}, second)

    def move(self, kind: str, name: str, status: str, second: int = 0, **inputs: Any) -> None:
        order = self.orders[name]
        self.wip["cost"] += (status == "in_progress") - (order.status == "in_progress")
        order.status, order.version = status, order.version + 1
        outputs = {"work_order": shown(name, order)}
        if status == "in_progress":
            order.sku = name.replace("WO", "SKU")
            self.skus.setdefault(order.sku, Sku(name))
            outputs = {"work_order": shown(name, order), "sku": shown_sku(order.sku, self.skus[order.sku])}
        elif status in {"completed", "cancelled"} and order.sku:
            self.skus[order.sku].status = {"completed": "completed", "cancelled": "aborted"}[status]
        self.write(kind, inputs or {"id": name}, outputs, second)

    def start(self, name: str, second: int = 0) -> None:
        self.move("work_order_start", name, "in_progress", second)

    def limit(self, limit: int) -> None:
        self.limits["cost"] = limit
        self.write(
            "kanban_set_limit",
            {"bucket": "cost", "limit": limit},
            {"kanban": {"limit": limit, "current": self.wip["cost"]}},
        )

    def audit(self) -> Audit:
        chain(self.receipts)
        buckets = {bucket: (bucket, wip, self.limits[bucket]) for bucket, wip in self.wip.items()}
        tables = Tables(self.orders, buckets, self.skus, self.andons)
        return examine(self.receipts, self.keys, self.ledger, tables)

    def faults(self) -> dict[str, int]:
        return dict(self.audit().faults)


def shown(name: str, order: Order) -> dict[str, Any]:
    about = {"bucket": order.bucket, "priority": order.priority, "status": order.status, "version": order.version}
    return {"id": name, "blocked_by": [], "sku_id": order.sku, **about}


def shown_sku(name: str, sku: Sku) -> dict[str, Any]:
    return {"id": name, "work_order_id": sku.order, "stage": STAGES[sku.stage], "status": sku.status}


def chain(receipts: list[dict[str, Any]]) -> None:
    """Give whoever has none yet its place in the chain."""
    previous = "0" * 64
    for one in receipts:
        if "hash" not in one:
            one["prev_hash"] = previous
            body = {**one, "payload": json.loads(one["payload"])}
            one["hash"] = sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        previous = one["hash"]


@pytest.fixture
def journal() -> Journal:
    """Six orders wait in a bucket of five slots, the last one the most urgent."""
    made = Journal()
    for number in range(1, 7):
        made.create(f"WO-{number}", 9 if number == 6 else 5)
    return made


class Work:
    """Whoever asks a real line, and writes down what it was told."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.ledger = Ledger()

    async def ask(self, command: Any, files: tuple[File, ...] = ()) -> Any:
        """The answer's objects; a refusal's code."""
        key = f"key-{len(self.ledger.outcomes)}"
        arguments = {name: value for name, value in plain(command).items() if name != "command"}
        self.plant.clock.turn(seconds=1)
        try:
            done = await self.plant.ask(command, key, files=files)
        except Refused as refused:
            self.ledger.outcomes.append(Outcome(key, command.name, arguments, code=refused.code))
            return refused.code
        told = plain(done)
        answer = next(told[word] for word in WORDS if word in told)
        self.ledger.outcomes.append(Outcome(key, command.name, arguments, done.receipt_seq, answer))
        return done

    async def create(self, title: str, **more: Any) -> str:
        made = await self.ask(CreateWorkOrder(SignalType.INTERNAL, title, **more))
        return str(made.work_order.id)

    async def submit(self, sku: str, gate: Gate, figures: Any = None) -> Any:
        return await self.ask(*submission(sku, gate, GOOD[gate] if figures is None else figures))

    async def orders(self) -> None:
        """Queues, slots, limits, and what waits for what."""
        first = [await self.create(f"a {n}", bucket=COST, priority=n) for n in range(1, 8)]
        await self.ask(CreateWorkOrder(SignalType.CVE, "a hole"))
        late = await self.create("late", bucket=COST, priority=10, dependencies=(first[6], first[0]))
        await self.ask(AddDependency(first[2], first[1]))
        await self.ask(RemoveDependency(first[2], first[1]))
        assert await self.ask(AddDependency(first[0], late)) == "circular_dependency"
        await self.ask(UpdateWorkOrder(first[0], 1, priority=9))
        for number in range(7):
            await self.ask(PullNext(f"ana {number}"))
        await self.ask(Pull(COST, "ben"))
        await self.create("pulled", bucket=Bucket.FEATURES)
        await self.ask(Pull(Bucket.FEATURES, "kim"))
        await self.ask(StartWorkOrder(first[1], "eve"))
        await self.ask(Release(first[0], "too hard"))
        await self.ask(Cancel(first[0], "not needed"))
        await self.ask(Cancel(first[5], "not needed either"))
        await self.ask(SetLimit(COST, 1))
        await self.ask(SetLimit(COST, 9))
        await self.ask(PullNext("eva"))

    async def made(self) -> None:
        """From a signal to a published sku, with a failed gate, its root cause, and one who waits for it."""
        order = await self.create("made", bucket=Bucket.RELIABILITY)
        waits = await self.create("waits", bucket=Bucket.RELIABILITY, dependencies=(order,))
        sku = (await self.ask(StartWorkOrder(order, "mia"))).sku.id
        await self.submit(sku, Gate.SHACL_VALIDATION)
        await self.ask(AdvanceSku(sku))
        andon = (await self.submit(sku, Gate.COMPILATION, BAD[Gate.COMPILATION])).andon.id
        await self.submit(sku, Gate.COMPILATION, BAD[Gate.COMPILATION])
        assert await self.ask(AdvanceSku(sku)) == "gate_failed"
        await self.create("stopped", bucket=Bucket.RELIABILITY)
        assert await self.ask(Pull(Bucket.RELIABILITY, "leo")) == "line_stopped"
        await self.why(andon)
        await self.submit(sku, Gate.COMPILATION)
        for stage in [*Gate][2:]:
            await self.ask(AdvanceSku(sku))
            await self.submit(sku, stage)
        assert [one.id for one in (await self.ask(Complete(order))).dependents] == [waits]
        await self.ask(AdvanceSku(sku))
        await self.ask(PublishSku(sku))
        lost = (await self.ask(StartWorkOrder(waits, "tom"))).sku.id
        await self.ask(AbortSku(lost, "a dead end"))

    async def why(self, andon: str) -> None:
        """Five whys, and the end of an andon."""
        assert await self.ask(ResolveAndon(andon, "a", "b", "c")) == "invalid_transition"
        cause = (await self.ask(StartRootCause(andon, f"{andon} stands"))).root_cause.id
        for number in range(1, 6):
            await self.ask(AddWhy(cause, number, f"because {number} of {andon}"))
        await self.ask(FinalizeRootCause(cause, "nobody looked", f"look at {andon}"))
        await self.ask(ResolveAndon(andon, "nobody looked", f"looked at {andon}", "look always"))

    async def called(self) -> None:
        """A cord that is pulled, and what the duties ask for."""
        order = await self.create("watched", bucket=COST, priority=10)
        andon = (await self.ask(PullAndon(order, AndonType.MANUAL, "wait"))).andon.id
        other = (await self.ask(PullAndon(order, AndonType.MANUAL, "wait more", Severity.CRITICAL))).andon.id
        assert await self.ask(PullNext("zoe 1")) != order
        self.plant.clock.turn(seconds=600)
        assert await escalate(self.plant.database, self.plant.coordinator, self.plant.clock(), 180) == 3
        await self.ask(AcknowledgeAndon(andon, "zoe"))
        await self.ask(ResolveAndon(andon, "none", "none", "none at all"))
        await self.why(other)
        self.plant.clock.turn(hours=48)
        assert await note_breaches(self.plant.database, self.plant.coordinator, self.plant.clock()) == 1


async def work(plant: Plant) -> Ledger:
    """A bit of everything."""
    work = Work(plant)
    await work.orders()
    await work.made()
    await work.called()
    return work.ledger


async def test_the_journal_of_a_real_line_has_no_faults(tmp_path: Path):
    async with plant_at(tmp_path / "erlmcp.db") as plant:
        ledger = await work(plant)
    found = audit(plant.path, ledger)
    assert (found.faults, found.words) == ({}, [])
    kinds = {receipt.type for receipt in await receipts_of(plant.path)}
    assert {command.__struct_config__.tag for command in get_args(Command)} - {*UPKEEP} <= kinds


async def receipts_of(path: Path) -> list[Receipt]:
    async with plant_at(path) as plant:
        return await plant.receipts()


async def test_a_table_that_is_not_what_the_receipts_say_is_found(tmp_path: Path):
    async with plant_at(tmp_path / "erlmcp.db") as plant:
        ledger = await work(plant)
    with closing(sqlite3.connect(plant.path)) as connection, connection:
        connection.execute("UPDATE work_order SET priority = 10 WHERE seq = 1")
        connection.execute("UPDATE kanban SET wip = 0 WHERE bucket = 'cost'")
    assert audit(plant.path, ledger).faults == {"wrong_tables": 2}


def test_a_full_bucket_is_no_violation(journal: Journal):
    for number in range(1, 6):
        journal.start(f"WO-{number}")
    assert journal.faults() == {}


def test_one_order_more_than_the_limit_is_a_violation_until_one_is_cancelled(journal: Journal):
    for number in range(1, 7):
        journal.start(f"WO-{number}")
    journal.move("work_order_cancel", "WO-1", "cancelled")
    assert journal.faults() == {"wip_violations": 1}


def test_a_limit_below_the_orders_in_progress_is_a_violation(journal: Journal):
    journal.start("WO-1")
    journal.limit(1)
    journal.start("WO-2")
    assert journal.faults() == {"wip_violations": 1}


def test_what_is_cancelled_cannot_be_started(journal: Journal):
    journal.move("work_order_cancel", "WO-1", "cancelled")
    journal.start("WO-1")
    assert journal.faults() == {"illegal_transitions": 1}


@pytest.mark.parametrize(("pulled", "faults"), [("WO-6", {}), ("WO-1", {"wrong_orders": 1})])
@pytest.mark.parametrize(("kind", "inputs"), [("work_order_pull", {"bucket": "cost"}), ("work_order_pull_next", {})])
def test_an_order_pulled_out_of_its_turn_is_found(
    journal: Journal, kind: str, inputs: dict[str, Any], pulled: str, faults: dict[str, int]
):
    journal.move(kind, pulled, "in_progress", assignee="ana", **inputs)
    assert journal.faults() == faults


@pytest.mark.parametrize(("started", "faults"), [(5, {}), (4, {"wrong_refusals": 3})])
def test_a_refusal_with_a_free_slot_is_found(journal: Journal, started: int, faults: dict[str, int]):
    for number in range(1, started + 1):
        journal.start(f"WO-{number}")
    no = {"refusal": {"code": "wip_limit"}}
    journal.write("work_order_start_refused", {"id": "WO-6"}, no)
    journal.write("work_order_pull_refused", {"bucket": "cost"}, no)
    journal.write("work_order_pull_next_refused", {}, no)
    assert journal.faults() == faults


def test_an_acknowledged_command_without_its_receipt_is_missing(journal: Journal):
    journal.ledger.outcomes.append(Outcome("key-7", "work_order_start", {"id": "WO-1"}, 7, {"id": "WO-1"}))
    journal.keys["key-7"] = 7
    assert journal.faults() == {"missing": 1}


@pytest.mark.parametrize(
    "told", [{"tool": "work_order_cancel"}, {"arguments": {"title": "mine"}}, {"answer": {"id": "WO-2"}}]
)
def test_a_receipt_of_something_else_proves_nothing(journal: Journal, told: dict[str, Any]):
    first = journal.ledger.outcomes[0]
    kept = {"key": first.key, "tool": first.tool, "arguments": first.arguments, "answer": first.answer} | told
    journal.ledger.outcomes[0] = Outcome(receipt_seq=1, **kept)
    assert journal.faults() == {"missing": 1}


def test_a_command_carried_out_twice_is_found(journal: Journal):
    for order in ("WO-6", "WO-1"):
        journal.move("work_order_pull", order, "in_progress", bucket="cost", assignee="ana")
    del journal.ledger.outcomes[-2]
    assert journal.faults() == {"twice": 1, "unacknowledged": 1}


def test_one_receipt_for_two_commands_is_found(journal: Journal):
    first = journal.ledger.outcomes[0]
    journal.ledger.outcomes.append(Outcome("another", first.tool, first.arguments, 1, first.answer))
    assert journal.faults() == {"twice": 1, "wrong_keys": 1}


def test_a_key_that_is_not_kept_is_found(journal: Journal):
    del journal.keys["key-3"]
    assert journal.faults() == {"wrong_keys": 1}


@pytest.mark.parametrize(
    "tamper",
    [
        lambda receipts: receipts[2].update(actor="mallory"),
        lambda receipts: receipts[2].update(prev_hash="0" * 64),
        lambda receipts: receipts[2].update(seq=9),
    ],
    ids=["edited", "unlinked", "moved"],
)
def test_a_broken_chain_is_found(journal: Journal, tamper: Callable[[list[dict[str, Any]]], None]):
    chain(journal.receipts)
    tamper(journal.receipts)
    assert journal.audit().faults["broken_chain"] >= 1


def test_a_removed_receipt_is_found(journal: Journal):
    chain(journal.receipts)
    del journal.receipts[2]
    assert {"broken_chain", "missing"} <= journal.audit().faults.keys()


def test_the_time_in_which_some_bucket_is_full_is_measured():
    journal = Journal()
    for number in range(1, 6):
        journal.create(f"WO-{number}")
    for number in range(1, 5):
        journal.start(f"WO-{number}")
    journal.start("WO-5", second=1)
    journal.move("work_order_cancel", "WO-5", "cancelled", second=10)
    found = journal.audit()
    assert found.full_time == pytest.approx(0.9)
    assert found.full_receipts == pytest.approx(1 / 11)
