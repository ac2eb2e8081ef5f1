"""No receipt, it did not happen: what each command leaves in the chain."""

from hashlib import sha256

import msgspec
import pytest

from erlmcp.tcps import (
    NO_RECEIPT,
    Bucket,
    Cancel,
    Code,
    Command,
    Complete,
    CreateWorkOrder,
    Head,
    Pull,
    PullNext,
    Release,
    SetLimit,
    SignalType,
    StartWorkOrder,
    UpdateWorkOrder,
    verify,
)
from erlmcp.tcps.canonical import canonical
from tests.tcps.plant import json, plant_at, refused


async def test_every_command_that_changes_anything_leaves_exactly_one_receipt(plant):
    order = await plant.create(bucket=Bucket.COST)
    other = await plant.create(bucket=Bucket.COST)
    steps = [
        UpdateWorkOrder(order.id, 1, title="new"),
        StartWorkOrder(order.id),
        Release(order.id, "why"),
        Pull(Bucket.COST),
        Cancel(order.id, "why"),
        PullNext(),
        Cancel(other.id, "why"),
        SetLimit(Bucket.COST, 6),
    ]
    done = [await plant.ask(step) for step in steps]
    receipts = await plant.receipts()
    assert [(receipt.seq, receipt.type, receipt.work_order_id) for receipt in receipts] == [
        (1, "work_order_create", order.id),
        (2, "work_order_create", other.id),
        (3, "work_order_update", order.id),
        (4, "work_order_start", order.id),
        (5, "work_order_release", order.id),
        (6, "work_order_pull", order.id),
        (7, "work_order_cancel", order.id),
        (8, "work_order_pull_next", other.id),
        (9, "work_order_cancel", other.id),
        (10, "kanban_set_limit", None),
    ]
    assert [answer.receipt_seq for answer in done] == [3, 4, 5, 6, 7, 8, 9, 10]


async def test_a_receipt_has_the_command_and_the_object_after_it_under_its_word(plant):
    done = await plant.ask(CreateWorkOrder(SignalType.REFUND, "Äpfel 😀"), actor="ana")
    limit = await plant.ask(SetLimit(Bucket.COST, 7))
    first, second = await plant.receipts()
    assert json(first) == {
        "actor": "ana",
        "at": "2026-03-02T08:00:00.000Z",
        "hash": first.hash,
        "id": first.id,
        "payload": {
            "inputs": {"command": "work_order_create", "signal_type": "refund", "title": "Äpfel 😀"},
            "outputs": {"work_order": json(done.work_order)},
        },
        "prev_hash": "0" * 64,
        "seq": 1,
        "sku_id": None,
        "stage": None,
        "type": "work_order_create",
        "work_order_id": done.work_order.id,
    }
    assert json(second)["payload"]["outputs"] == {"kanban": json(limit.kanban)}
    assert second.prev_hash == first.hash
    assert first.id.startswith("RCPT-")
    assert first.id < second.id


async def test_the_hash_is_of_the_canonical_json_of_every_other_field(plant):
    await plant.create("Äpfel", metadata={"\U0001f600": 1, "\ufb33": 2}, description="line\nbreak")
    (receipt,) = await plant.receipts()
    body = json(receipt)
    stated = body.pop("hash")
    assert sha256(canonical(body)).hexdigest() == stated
    assert canonical(json(receipt)) == msgspec.json.encode(receipt)  # it is given exactly as it was hashed


async def test_the_command_can_be_read_back_from_its_receipt(plant):
    command = CreateWorkOrder(
        SignalType.INTERNAL, "x", bucket=Bucket.COST, priority=3, labels=("a",), metadata={"n": 1}
    )
    await plant.ask(command)
    (receipt,) = await plant.receipts()
    assert msgspec.convert(json(receipt)["payload"]["inputs"], Command) == command


async def test_a_pull_refused_for_wip_leaves_a_receipt_and_changes_nothing_else(plant):
    await plant.ask(SetLimit(Bucket.COST, 1))
    first = await plant.create(bucket=Bucket.COST)
    second = await plant.create(bucket=Bucket.COST)
    await plant.ask(StartWorkOrder(first.id))
    before = await plant.views.kanban()
    for command in (StartWorkOrder(second.id), Pull(Bucket.COST), PullNext()):
        async with refused(Code.WIP_LIMIT):
            await plant.ask(command, "key")
    refusals = (await plant.receipts())[4:]
    assert [(receipt.type, receipt.work_order_id) for receipt in refusals] == [
        ("work_order_start_refused", second.id),
        ("work_order_pull_refused", None),
        ("work_order_pull_next_refused", None),
    ]
    outputs = json(refusals[0])["payload"]["outputs"]
    assert outputs["refusal"]["code"] == "wip_limit"
    assert outputs["refusal"]["message"] == "bucket cost has 1 of 1 work orders in progress: no slot is free"
    assert await plant.views.kanban() == before
    assert (await plant.views.work_order(second.id)).version == 1


async def test_other_refusals_leave_none(plant):
    order = await plant.create()
    for command in (
        Complete(order.id),
        UpdateWorkOrder(order.id, 9, title="x"),
        Cancel("WO-1", "x"),
        Pull(Bucket.COST),
    ):
        with pytest.raises(Exception, match=r"is queued|has version|no work order"):
            await plant.ask(command)
    assert len(await plant.receipts()) == 1


async def test_the_chain_is_whole_and_goes_on_after_a_restart(tmp_path):
    for _ in range(3):
        async with plant_at(tmp_path / "erlmcp.db") as plant:
            await plant.create()
            receipts = await plant.receipts()
    assert [receipt.seq for receipt in receipts] == [1, 2, 3]
    result = verify(receipts)
    assert (result.count, result.head) == (3, Head(3, receipts[-1].hash))


async def test_facts_are_the_receipts_in_their_order_once_committed(plant):
    for _ in range(3):
        await plant.create()
    assert plant.facts == [msgspec.json.encode(receipt) for receipt in await plant.receipts()]


def test_no_receipts_are_a_whole_chain():
    assert verify([]).head == NO_RECEIPT
