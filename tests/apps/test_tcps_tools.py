"""Each tool of the line does what it says: in memory, through the endpoint, on a real coordinator and store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from erlmcp.node.fleet import ABORT_GRACE
from erlmcp.node.options import Options
from erlmcp.otp import Down, Overloaded
from erlmcp.store import SqliteReader
from erlmcp.tcps import Bucket, Views, schema
from tests.apps.plant import Failing, Plant, plant


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Plant]:
    async with plant(tmp_path) as opened:
        yield opened


async def test_a_signal_becomes_a_work_order_with_its_receipt(line: Plant) -> None:
    made = await line.call(
        "work_order_create",
        signal_type="github_issue",
        title="Fix login",
        description="It loops.",
        source="https://example.com/1",
        labels=["bug", "high"],
        assignee="ada",
        metadata={"ticket": 7},
    )
    order = made["work_order"]
    assert (order["bucket"], order["priority"], order["status"], order["assignee"]) == (
        "reliability",
        7,
        "queued",
        "ada",
    )
    assert order["signal"] == {
        "type": "github_issue",
        "source": "https://example.com/1",
        "description": "It loops.",
        "labels": ["bug", "high"],
        "metadata": {"ticket": 7},
    }
    assert made.keys() == {"work_order", "receipt_seq"}
    assert made["receipt_seq"] == 1


@pytest.mark.parametrize(("asked", "given"), [(10, 10), (10.0, 10), ("critical", 10), ("low", 3), (None, 8)])
async def test_a_priority_is_a_number_or_a_word(line: Plant, asked: Any, given: int) -> None:
    order = await line.order(priority=asked)
    assert (await line.call("work_order_get", id=order))["work_order"]["priority"] == given


async def test_what_is_made_is_started_completed_and_seen_so(line: Plant) -> None:
    order = await line.order()
    started = await line.call("work_order_start", id=order, assignee="ada")
    assert (await line.no("work_order_complete", id=order))["code"] == "gate_not_run"
    await line.made(order)
    completed = await line.call("work_order_complete", id=order)
    seen = await line.call("work_order_get", id=order)
    assert (started["work_order"]["status"], started["work_order"]["assignee"]) == ("in_progress", "ada")
    assert (completed["work_order"]["status"], completed["receipt_seq"]) == ("completed", 18)
    assert seen == {"work_order": completed["work_order"] | {"sla": "on_time"}}


async def test_the_sixth_start_in_a_bucket_of_five_slots_is_refused_with_what_to_do(line: Plant) -> None:
    orders = [await line.order(f"Order {number}") for number in range(6)]
    for order in orders[:5]:
        await line.call("work_order_start", id=order)
    assert await line.no("work_order_start", id=orders[5]) == {
        "code": "wip_limit",
        "message": "bucket security has 5 of 5 work orders in progress: no slot is free",
        "next": "call work_order_list with bucket security and status in_progress, and work_order_complete,"
        " work_order_release or work_order_cancel one of those; or call work_order_pull_next to take work from another"
        " bucket",
    }
    (bucket,) = (await line.call("kanban_status", bucket="security"))["buckets"]
    assert (bucket["current"], bucket["available"], bucket["level"]) == (5, 0, "critical")
    (latest,) = (await line.call("receipt_list", limit=1))["receipts"]
    assert latest["type"] == "work_order_start_refused"


async def test_a_pull_takes_the_best_of_its_bucket_and_pull_next_the_best_of_all(line: Plant) -> None:
    small = await line.order("small", "features", priority="low")
    urgent = await line.order("urgent", "features", priority="critical")
    other = await line.order("other", "cost", priority="high")
    pulled = await line.call("work_order_pull", bucket="features", assignee="ada")
    best, last = await line.call("work_order_pull_next"), await line.call("work_order_pull_next", assignee="bob")
    assert [each["work_order"]["id"] for each in (pulled, best, last)] == [urgent, other, small]
    assert (await line.no("work_order_pull_next"))["code"] == "not_found"
    assert (await line.no("work_order_pull", bucket="features"))["code"] == "not_found"


async def test_a_released_order_waits_again_and_a_cancelled_one_never(line: Plant) -> None:
    order = await line.order()
    await line.call("work_order_start", id=order, assignee="ada")
    released = (await line.call("work_order_release", id=order, reason="the vendor sleeps"))["work_order"]
    cancelled = (await line.call("work_order_cancel", id=order, reason="not needed"))["work_order"]
    assert (released["status"], released["assignee"]) == ("queued", None)
    assert (cancelled["status"], cancelled["cancellation_reason"]) == ("cancelled", "not needed")
    assert (await line.no("work_order_start", id=order))["code"] == "invalid_transition"


async def test_an_update_needs_the_version_that_was_read(line: Plant) -> None:
    order = await line.order(assignee="ada")
    changes = {"title": "Make it well", "description": "Really.", "priority": "high", "assignee": ""}
    updated = (await line.call("work_order_update", id=order, version=1, **changes))["work_order"]
    assert {name: updated[name] for name in changes} == changes | {"priority": 7, "assignee": None}
    assert (await line.no("work_order_update", id=order, version=1, title="Late"))["code"] == "conflict"


async def test_lists_are_filtered_and_walked_by_their_cursors(line: Plant) -> None:
    made = [await line.order(f"Order {number}", "cost", assignee="ada") for number in range(3)]
    await line.order("Another")
    which = {"bucket": "cost", "assignee": "ada", "status": "queued"}
    first = await line.call("work_order_list", limit=2, **which)
    rest = await line.call("work_order_list", limit=2, cursor=first["next_cursor"], **which)
    found = [order["id"] for order in first["work_orders"] + rest["work_orders"]]
    assert (found, rest["next_cursor"]) == (made[::-1], None)
    page = await line.call("receipt_list", work_order_id=made[0], type="work_order_create", limit=1)
    assert [receipt["work_order_id"] for receipt in page["receipts"]] == [made[0]]


@pytest.mark.parametrize("tool", ["work_order_list", "receipt_list"])
@pytest.mark.parametrize("limit", [0, 201])
async def test_a_page_has_from_one_to_two_hundred_entries(line: Plant, tool: str, limit: int) -> None:
    assert (await line.no(tool, limit=limit))["code"] == "invalid"
    for most in (1, 200):
        await line.call(tool, limit=most)


async def test_the_limit_of_a_bucket_is_set_within_its_bounds(line: Plant) -> None:
    orders = [await line.order() for _ in range(2)]
    for order in orders:
        await line.call("work_order_start", id=order)
    assert (await line.no("kanban_set_limit", bucket="security", limit=1))["code"] == "conflict"
    assert (await line.no("kanban_set_limit", bucket="security", limit=0))["code"] == "invalid"
    done = await line.call("kanban_set_limit", bucket="security", limit=2)
    assert done["receipt_seq"] == 5
    assert (done["kanban"]["limit"], done["kanban"]["configured_limit"]) == (2, 5)
    status = (await line.call("kanban_status"))["buckets"]
    assert status[0] == done["kanban"]
    assert [bucket["bucket"] for bucket in status] == list(Bucket)


async def test_receipts_come_exactly_as_they_were_hashed(line: Plant) -> None:
    await line.order()
    await line.order()
    receipt = (await line.call("receipt_get", seq=2))["receipt"]
    listed = (await line.call("receipt_list"))["receipts"]
    assert listed[0] == receipt == await line.read("tcps://receipts/2")
    assert receipt["hash"] == line.hash_of(receipt)
    assert receipt["prev_hash"] == listed[1]["hash"]
    verified = await line.call("receipt_verify")
    assert verified == {"chain": "ok", "count": 2, "head": {"seq": 2, "hash": receipt["hash"]}}
    assert (await line.call("receipt_verify", from_seq=2, to_seq=2))["count"] == 1


async def test_an_edited_receipt_is_found_and_is_no_refusal(line: Plant) -> None:
    await line.order()
    await line.order()
    await line.tamper("UPDATE receipt SET actor = 'mallory' WHERE seq = 1")
    broken = await line.call("receipt_verify")
    assert (broken["chain"], broken["seq"], broken["fault"]) == ("broken", 1, "edited")


async def test_the_same_key_gets_the_same_answer_and_other_arguments_a_conflict(line: Plant) -> None:
    asked = {"signal_type": "internal", "title": "Once", "idempotency_key": "k1"}
    first, second = await line.call("work_order_create", **asked), await line.call("work_order_create", **asked)
    assert first == second
    assert (await line.no("work_order_create", **asked | {"title": "Twice"}))["code"] == "conflict"
    assert len((await line.call("work_order_list"))["work_orders"]) == 1


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("work_order_get", {"id": "WO-1"}),
        ("work_order_start", {"id": "WO-1"}),
        ("work_order_complete", {"id": "WO-1"}),
        ("work_order_release", {"id": "WO-1", "reason": "r"}),
        ("work_order_cancel", {"id": "WO-1", "reason": "r"}),
        ("work_order_update", {"id": "WO-1", "version": 1, "title": "t"}),
        ("receipt_get", {"seq": 1}),
    ],
)
async def test_what_is_not_there_is_not_found(line: Plant, tool: str, arguments: dict[str, Any]) -> None:
    assert (await line.no(tool, **arguments))["code"] == "not_found"


async def test_arguments_of_the_wrong_type_are_answered_with_the_choices(line: Plant) -> None:
    result = await line.result("work_order_pull", bucket="urgent")
    assert result["isError"] is True
    assert result["content"][0]["text"] == (
        "argument bucket: invalid enum value 'urgent'; one of "
        '"compliance", "cost", "features", "reliability", "security", "technical_debt"'
    )


@pytest.mark.parametrize(
    ("error", "key", "code", "advice"),
    [
        (Overloaded("the mailbox", 1000), None, "overloaded", "call again in 1 second"),
        (Down("coordinator", "is not running"), "k", "unavailable", "with the same idempotency_key"),
        (Down("coordinator", "is not running"), None, "unavailable", "look whether it was carried out"),
        (TimeoutError(), "k", "timeout", "with the same idempotency_key"),
    ],
)
async def test_a_line_that_cannot_answer_is_a_refusal_that_says_when_to_retry(
    tmp_path: Path, error: Exception, key: str | None, code: str, advice: str
) -> None:
    line = Failing(error)
    closed = SqliteReader(tmp_path / "none.db", schema())
    told = await Plant(line, Views(closed)).no("work_order_pull_next", idempotency_key=key)
    assert (told["code"], told["retry_after_seconds"]) == (code, 1)
    assert advice in told["next"]
    assert [(ask.actor, ask.tool, ask.idempotency_key) for ask in line.asked] == [
        ("local", "work_order_pull_next", key)
    ]


async def test_a_command_waits_longer_than_a_line_that_stands_still_is_left_to_stand(tmp_path: Path) -> None:
    line = Failing(TimeoutError())
    await Plant(line, Views(SqliteReader(tmp_path / "none.db", schema()))).no("work_order_pull_next")
    assert line.waited > Options().heartbeat_timeout + ABORT_GRACE + 5.0


async def test_a_store_that_cannot_be_read_is_a_refusal_that_says_when_to_retry(tmp_path: Path) -> None:
    closed = SqliteReader(tmp_path / "none.db", schema())
    told = await Plant(Failing(TimeoutError()), Views(closed)).no("kanban_status")
    assert (told["code"], told["next"]) == ("unavailable", "call again in 1 second")
    assert str(tmp_path) not in told["message"]
