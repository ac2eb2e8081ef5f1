"""The official Python client on the production line of four workers, each call on a connection of its own.

So that each call may meet another worker: what one made, the others see at once.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client, MCPError

from tests.serving import serving

MODERN = "2026-07-28"
ERAS = pytest.mark.parametrize("mode", ["legacy", MODERN])
PATIENCE = 20.0  # seconds; bounds a wait
SLOTS = 5


class Floor:
    """Calls the line, each time as somebody new."""

    def __init__(self, url: str, mode: str) -> None:
        self._url = url
        self._mode = mode

    async def result(self, tool: str, **arguments: Any) -> Any:
        async with Client(self._url, mode=self._mode, read_timeout_seconds=PATIENCE) as client:
            return await client.call_tool(tool, arguments)

    async def call(self, tool: str, **arguments: Any) -> Any:
        result = await self.result(tool, **arguments)
        assert not result.is_error, result
        return result.structured_content

    async def read(self, uri: str) -> Any:
        async with Client(self._url, mode=self._mode, read_timeout_seconds=PATIENCE) as client:
            (contents,) = (await client.read_resource(uri)).contents
        return json.loads(contents.text)

    async def order(self, bucket: str, **more: Any) -> str:
        made = await self.call("work_order_create", signal_type="internal", title="Make it", bucket=bucket, **more)
        return str(made["work_order"]["id"])

    async def emptied(self, bucket: str) -> "Floor":
        """Nothing of other tests waits or is made in this bucket."""
        for status in ("queued", "in_progress"):
            left = await self.call("work_order_list", bucket=bucket, status=status, limit=200)
            for order in left["work_orders"]:
                await self.call("work_order_cancel", id=order["id"], reason="another test's")
        return self


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Four workers that serve the line, started once for these tests."""
    with serving("erlmcp.apps.tcps:build", 4, tmp_path_factory.mktemp("line")) as url:
        yield url


@ERAS
async def test_what_one_worker_did_all_others_see_at_once(url: str, mode: str) -> None:
    floor = await Floor(url, mode).emptied("cost")
    for _ in range(8):
        order = await floor.order("cost")
        assert (await floor.call("work_order_get", id=order))["work_order"]["status"] == "queued"
        started = await floor.call("work_order_start", id=order, assignee="ada")
        seen = await floor.call("work_order_get", id=order)
        assert seen["work_order"] == started["work_order"] | {"sla": "on_time"}
        assert (await floor.read("tcps://board"))["in_progress"][-1]["id"] == order
        assert (await floor.call("kanban_status", bucket="cost"))["buckets"][0]["current"] == 1
        cancelled = await floor.call("work_order_cancel", id=order, reason="it was a test")
        assert (await floor.read(f"tcps://work-orders/{order}"))["status"] == "cancelled"
        receipt = await floor.read(f"tcps://receipts/{cancelled['receipt_seq']}")
        assert (receipt["type"], receipt["work_order_id"]) == ("work_order_cancel", order)


@ERAS
async def test_the_sixth_start_in_a_bucket_of_five_is_refused_with_a_reason_to_act_on(url: str, mode: str) -> None:
    floor = await Floor(url, mode).emptied("compliance")
    orders = [await floor.order("compliance") for _ in range(SLOTS + 1)]
    for order in orders[:SLOTS]:
        await floor.call("work_order_start", id=order)
    refused = await floor.result("work_order_start", id=orders[-1])
    assert refused.is_error
    told = refused.structured_content
    assert told["code"] == "wip_limit"
    text = refused.content[0].text
    assert told["message"] in text
    assert told["next"] in text
    # What it says to do is enough to go on.
    assert "work_order_list with bucket compliance and status in_progress" in told["next"]
    listed = await floor.call("work_order_list", bucket="compliance", status="in_progress")
    await floor.call("work_order_release", id=listed["work_orders"][0]["id"], reason="for another one")
    started = await floor.call("work_order_start", id=orders[-1])
    assert started["work_order"]["status"] == "in_progress"


@ERAS
async def test_twelve_at_once_get_five_slots_and_seven_reasons(url: str, mode: str) -> None:
    floor = await Floor(url, mode).emptied("reliability")
    for _ in range(12):
        await floor.order("reliability")
    results = await asyncio.gather(*(floor.result("work_order_pull", bucket="reliability") for _ in range(12)))
    told = Counter(result.structured_content.get("code", "done") for result in results)
    assert told == {"done": SLOTS, "wip_limit": 12 - SLOTS}
    pulled = {r.structured_content["work_order"]["id"] for r in results if not r.is_error}
    assert len(pulled) == SLOTS
    assert (await floor.call("receipt_verify"))["chain"] == "ok"


@ERAS
async def test_the_same_key_on_any_worker_is_carried_out_once(url: str, mode: str) -> None:
    floor = await Floor(url, mode).emptied("features")
    asked = {"signal_type": "install", "title": "Once", "idempotency_key": f"once-{mode}"}
    answers = await asyncio.gather(*(floor.call("work_order_create", **asked) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    listed = await floor.call("work_order_list", bucket="features", status="queued")
    assert [order["title"] for order in listed["work_orders"]] == ["Once"]


@ERAS
async def test_a_list_is_walked_over_the_workers_by_its_cursors(url: str, mode: str) -> None:
    floor = await Floor(url, mode).emptied("technical_debt")
    made = [await floor.order("technical_debt") for _ in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while len(found) < 10:
        page = await floor.call("work_order_list", bucket="technical_debt", status="queued", limit=2, **cursor)
        found += [order["id"] for order in page["work_orders"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == made[::-1]


@ERAS
async def test_what_is_not_there_is_an_error_of_the_resource(url: str, mode: str) -> None:
    async with Client(url, mode=mode, read_timeout_seconds=PATIENCE) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource("tcps://work-orders/WO-1")
    assert refused.value.code == (-32602 if mode == MODERN else -32002)
