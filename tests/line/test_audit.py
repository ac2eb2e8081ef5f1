"""The audit of the process test finds what it is there to find, and nothing in the journal of a real line."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from erlmcp.tcps import (
    Bucket,
    Cancel,
    Complete,
    CreateWorkOrder,
    Pull,
    PullNext,
    Refused,
    Release,
    SetLimit,
    SignalType,
    StartWorkOrder,
    UpdateWorkOrder,
)
from load.audit import LIMITS, Audit, Order, audit, examine
from load.demand import Ledger, Outcome
from tests.tcps.plant import Plant, plant_at
from tests.tcps.plant import json as plain

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
        self.write(kind, inputs or {"id": name}, {"work_order": shown(name, order)}, second)

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
        return examine(self.receipts, self.keys, self.ledger, self.orders, buckets)

    def faults(self) -> dict[str, int]:
        return dict(self.audit().faults)


def shown(name: str, order: Order) -> dict[str, Any]:
    about = {"bucket": order.bucket, "priority": order.priority, "status": order.status, "version": order.version}
    return {"id": name, **about}


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


async def work(plant: Plant) -> Ledger:
    """A bit of everything."""
    ledger = Ledger()

    async def ask(command: Any) -> str:
        key = f"key-{len(ledger.outcomes)}"
        arguments = {name: value for name, value in plain(command).items() if name != "command"}
        try:
            done = await plant.ask(command, key)
        except Refused as refused:
            ledger.outcomes.append(Outcome(key, command.name, arguments, code=refused.code))
            return ""
        answer = plain(done.work_order or done.kanban)
        ledger.outcomes.append(Outcome(key, command.name, arguments, done.receipt_seq, answer))
        plant.clock.turn(seconds=1)
        return done.work_order.id if done.work_order else ""

    first = [await ask(CreateWorkOrder(SignalType.INTERNAL, f"a {n}", bucket=COST, priority=n)) for n in range(1, 8)]
    await ask(CreateWorkOrder(SignalType.CVE, "a hole"))
    await ask(UpdateWorkOrder(first[0], 1, priority=9))
    await ask(PullNext("ana"))
    for number in range(6):
        await ask(Pull(COST, f"ben {number}"))
    await ask(StartWorkOrder(first[1], "eve"))
    await ask(Release(first[0], "too hard"))
    await ask(Complete(first[6]))
    await ask(Cancel(first[5], "not needed"))
    await ask(SetLimit(COST, 1))
    await ask(SetLimit(COST, 3))
    await ask(PullNext("eva"))
    return ledger


async def test_the_journal_of_a_real_line_has_no_faults(tmp_path: Path):
    async with plant_at(tmp_path / "erlmcp.db") as plant:
        ledger = await work(plant)
    found = audit(plant.path, ledger)
    assert (found.faults, found.words) == ({}, [])
    assert found.receipts == len(ledger.outcomes) - 1  # a limit below the WIP is a conflict, which leaves no receipt
    assert found.refusals == 2


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


def test_one_order_more_than_the_limit_is_a_violation_until_one_is_completed(journal: Journal):
    for number in range(1, 7):
        journal.start(f"WO-{number}")
    journal.move("work_order_complete", "WO-1", "completed")
    assert journal.faults() == {"wip_violations": 1}


def test_a_limit_below_the_orders_in_progress_is_a_violation(journal: Journal):
    journal.start("WO-1")
    journal.limit(1)
    journal.start("WO-2")
    assert journal.faults() == {"wip_violations": 1}


def test_what_is_completed_cannot_be_started(journal: Journal):
    journal.start("WO-1")
    journal.move("work_order_complete", "WO-1", "completed")
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
    journal.move("work_order_complete", "WO-5", "completed", second=10)
    found = journal.audit()
    assert found.full_time == pytest.approx(0.9)
    assert found.full_receipts == pytest.approx(1 / 11)
