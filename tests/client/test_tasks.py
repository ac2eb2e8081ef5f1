"""Calls that become tasks (the extension of 2026-07-28), against a scripted server."""

from typing import Any

import pytest

from erlmcp.client import RpcError, TaskCancelled, TimedOut, ToolFailed
from tests.client.peer import Said, Seen, answer
from tests.client.test_http import connected

TASK = {"taskId": "t1", "createdAt": "2026-07-28T00:00:00Z", "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": None}
CREATED = {"resultType": "task", "status": "working", "pollIntervalMs": 1, **TASK}
DONE = {"status": "completed", "result": {"content": [{"type": "text", "text": "done"}]}}
EXTENSION = "io.modelcontextprotocol/tasks"


def going(*states: dict[str, Any]) -> Any:
    """A server whose task is so, look by look; the last one stays."""
    left = list(states)

    def script(seen: Seen) -> Said:
        if seen.rpc == "tools/call":
            return answer(seen, CREATED)
        if seen.rpc == "tasks/get":
            state = left.pop(0) if len(left) > 1 else left[0]
            return answer(seen, {"resultType": "complete", "pollIntervalMs": 1, **TASK, **state})
        return answer(seen, {"resultType": "complete"})

    return script


async def test_a_call_waits_for_its_task_where_the_client_takes_them() -> None:
    async with connected(going({"status": "working"}, DONE), tasks=True) as (client, one):
        assert (await client.call_tool("slow")).text == "done"
    assert one.asked == ["tools/call", "tasks/get", "tasks/get"]
    declared = [seen.message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] for seen in one.seen]
    assert declared == [{"extensions": {EXTENSION: {}}}] * 3
    assert [seen.headers.get("mcp-name") for seen in one.seen] == ["slow", "t1", "t1"]


async def test_a_handle_tells_and_stops() -> None:
    async with connected(going({"status": "working", "statusMessage": "half"}, {"status": "cancelled"})) as (
        client,
        one,
    ):
        task = await client.start_tool("slow")
        assert (task.id, task.over) == ("t1", False)
        state = await task.refresh()
        assert state is not None
        assert state.status_message == "half"
        await task.cancel()
        with pytest.raises(TaskCancelled, match="task t1 of tool slow was cancelled"):
            await task.result()
    assert one.asked == ["tools/call", "tasks/get", "tasks/cancel", "tasks/get"]


async def test_a_call_that_became_no_task_is_over_from_the_start() -> None:
    async with connected(lambda seen: answer(seen, DONE["result"])) as (client, one):
        task = await client.start_tool("quick")
        assert (task.id, task.over, (await task.result()).text) == (None, True, "done")
        await task.cancel()
        assert await task.refresh() is None
    assert one.asked == ["tools/call"]


async def test_what_a_task_asks_is_answered_once() -> None:
    asked = {
        "status": "input_required",
        "inputRequests": {"who": {"method": "elicitation/create", "params": {"message": "?"}}},
    }
    async with connected(going(asked, asked, DONE), tasks=True, elicit=lambda _: {"name": "Ada"}) as (client, one):
        assert (await client.call_tool("slow")).text == "done"
    (update,) = (seen.message["params"] for seen in one.seen if seen.rpc == "tasks/update")
    assert update["inputResponses"] == {"who": {"action": "accept", "content": {"name": "Ada"}}}
    assert update["taskId"] == "t1"


@pytest.mark.parametrize(
    ("state", "kind", "why"),
    [
        ({"status": "failed", "error": {"code": 7, "message": "broken"}}, RpcError, r"broken \(7\)"),
        ({"status": "failed", "statusMessage": "no more tea"}, RpcError, "task t1 failed: no more tea"),
        ({"status": "completed"}, RpcError, "task t1 failed"),
        ({"status": "completed", "result": {"isError": True, "content": []}}, ToolFailed, "tool slow"),
    ],
)
async def test_a_task_without_a_result_is_raised(state: Any, kind: Any, why: str) -> None:
    async with connected(going(state), tasks=True) as (client, _):
        with pytest.raises(kind, match=why):
            await client.call_tool("slow")


async def test_a_task_that_is_late_goes_on() -> None:
    async with connected(going({"status": "working"})) as (client, one):
        task = await client.start_tool("slow")
        with pytest.raises(TimedOut, match=r"task t1 is not over after 0\.05 s; it goes on"):
            await task.result(timeout=0.05)
    assert "tasks/cancel" not in one.asked
