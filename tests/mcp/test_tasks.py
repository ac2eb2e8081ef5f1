"""Tasks (SEP-2663) as a client sees them: begun, looked at, answered, cancelled; and what an author writes for it."""

import asyncio
import re
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from erlmcp import App, Context
from erlmcp.http import Response, Stream
from erlmcp.mcp.task import TaskFault
from tests.mcp.author import until
from tests.mcp.posts import legacy, said
from tests.mcp.task_bench import Bench
from tests.mcp.tasking import EXTENSION, KNOWS, Desk, Problem, accept, frames, request, text_of


@pytest.fixture
async def bench() -> Bench:
    return Bench()


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench.app)


MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_a_call_is_answered_with_a_flat_task_that_is_there_at_once(desk: Desk):
    result = await desk.call("work")
    task = result.pop("taskId")
    assert re.fullmatch("[0-9a-f]{32}", task)
    assert MOMENT.fullmatch(result.pop("createdAt"))
    assert MOMENT.fullmatch(result.pop("lastUpdatedAt"))
    assert result.pop("_meta")
    assert result == {"resultType": "task", "status": "working", "ttlMs": 7_200_000, "pollIntervalMs": 1000}
    found = await desk.get(task)
    assert (found["resultType"], found["taskId"], found["status"]) == ("complete", task, "working")


async def test_a_task_that_is_done_has_the_very_result_of_the_call(bench: Bench, desk: Desk):
    bench.gate.set()
    plain = await desk.ask("tools/call", {}, name="work", arguments={"size": 2})
    assert (await desk.until(await desk.begin("work", size=2)))["result"] == plain
    assert plain["resultType"] == "complete"
    assert plain["structuredContent"] == {"result": "xx"}


async def test_a_tool_s_own_no_completes_the_task(desk: Desk):
    task = await desk.until(await desk.begin("refuse"))
    assert task["status"] == "completed"
    assert task["result"]["isError"] is True
    assert "error" not in task


async def test_a_crash_and_an_error_of_the_protocol_fail_the_task_with_that_error(desk: Desk):
    task = await desk.until(await desk.begin("crash"))
    assert (task["status"], task["error"]) == ("failed", {"code": -32603, "message": "Internal error"})
    assert "result" not in task
    task = await desk.until(await desk.begin("crash", code=-1))
    assert task["error"] == {"code": -1, "message": "an error of its own", "data": {"why": "x"}}
    assert task["statusMessage"] == "an error of its own"


async def test_arguments_that_do_not_fit_are_told_at_once_and_make_no_task(desk: Desk):
    result = await desk.call("work", size="large")
    assert result["resultType"] == "complete"
    assert result["isError"] is True


async def test_a_client_without_the_extension_waits_for_an_optional_task(bench: Bench, desk: Desk):
    bench.gate.set()
    result = await desk.ask("tools/call", {}, name="work", arguments={})
    assert (result["resultType"], result["content"][0]["text"]) == ("complete", "x")


@pytest.mark.parametrize("tool", ["refuse", "later"])
async def test_a_client_without_the_extension_is_refused_where_a_task_is_required(desk: Desk, tool: str):
    with pytest.raises(Problem) as problem:
        await desk.ask("tools/call", {"elicitation": {}}, name=tool, arguments={})
    assert (problem.value.status, problem.value.code) == (400, -32021)
    assert problem.value.data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
async def test_a_client_without_the_extension_may_not_look_at_tasks(desk: Desk, method: str):
    task = await desk.begin("work")
    with pytest.raises(Problem) as problem:
        await desk.ask(method, {}, taskId=task, inputResponses={})
    assert problem.value.code == -32021
    assert problem.value.data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
async def test_a_task_that_is_not_there_is_an_invalid_parameter(desk: Desk, method: str):
    with pytest.raises(Problem) as problem:
        await desk.ask(method, taskId="nothing", inputResponses={})
    assert (problem.value.status, problem.value.code) == (400, -32602)
    assert problem.value.data == {"taskId": "nothing"}


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
async def test_mcp_name_must_repeat_the_task(desk: Desk, method: str):
    task = await desk.begin("work")
    given = await desk.answer(request(method, {"taskId": task, "inputResponses": {}}, mcp_name="another"))
    assert isinstance(given, Response)
    assert (given.status, said(given)["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize("method", ["tasks/result", "tasks/list"])
async def test_methods_of_older_tasks_are_not_there(desk: Desk, method: str):
    with pytest.raises(Problem) as problem:
        await desk.ask(method, taskId="x")
    assert (problem.value.status, problem.value.code) == (404, -32601)


async def test_the_extension_is_declared_where_a_tool_may_become_a_task(desk: Desk):
    capabilities = (await desk.ask("server/discover"))["capabilities"]
    assert capabilities["extensions"] == {EXTENSION: {}}
    assert "tasks" not in capabilities
    plain = App("plain")
    plain.tool(lambda: 1, name="one", inline=True)
    other = Desk(plain)
    assert EXTENSION not in (await other.ask("server/discover"))["capabilities"].get("extensions", {})
    with pytest.raises(Problem) as problem:
        await other.ask("tasks/get", taskId="x")
    assert problem.value.code == -32601


async def test_older_clients_have_no_tasks(bench: Bench, desk: Desk):
    bench.gate.set()
    given = await desk.answer(legacy("tools/call", {"name": "work", "task": {"ttl": 1}}))
    assert isinstance(given, Response)
    assert said(given)["result"]["content"][0]["text"] == "x"
    given = await desk.answer(legacy("tools/call", {"name": "refuse"}))
    assert isinstance(given, Response)
    assert said(given)["error"]["code"] == -32021
    given = await desk.answer(legacy("tasks/get", {"taskId": "x"}))
    assert isinstance(given, Response)
    assert said(given)["error"]["code"] == -32601


async def test_the_task_parameter_of_older_revisions_is_ignored(bench: Bench, desk: Desk):
    bench.app.tool(lambda: "plain", name="plain")
    result = await desk.ask("tools/call", name="plain", arguments={}, task={"ttl": 1})
    assert result["resultType"] == "complete"


# Cancelling


async def test_a_cancelled_task_stays_so_and_its_function_is_cancelled(bench: Bench, desk: Desk):
    task = await desk.begin("work")
    ack = await desk.cancel(task)
    assert set(ack) == {"resultType", "_meta"}
    assert (await desk.get(task))["status"] == "cancelled"
    await asyncio.wait_for(bench.cancelled.wait(), 5)
    bench.gate.set()
    assert (await desk.cancel(task))["resultType"] == "complete"
    assert (await desk.get(task))["status"] == "cancelled"


async def test_a_thread_sees_that_its_task_was_cancelled(bench: Bench, desk: Desk):
    began, seen = threading.Event(), threading.Event()

    @bench.app.tool(task="optional")
    def loop(ctx: Context) -> str:
        began.set()
        while not ctx.cancelled:
            pass
        seen.set()
        return "cancelled"

    task = await desk.begin("loop")
    await until(began.is_set)
    await desk.cancel(task)
    await until(seen.is_set)
    assert (await desk.get(task))["status"] == "cancelled"


async def test_a_parked_task_can_be_cancelled_and_asks_nothing_any_more(desk: Desk):
    task = await desk.begin("greet")
    await desk.until(task, "input_required")
    await desk.cancel(task)
    found = await desk.get(task)
    assert found["status"] == "cancelled"
    assert "inputRequests" not in found
    await desk.update(task, input_1=accept(name="too late"))
    assert (await desk.get(task))["status"] == "cancelled"


async def test_a_task_that_is_done_is_cancelled_without_effect(bench: Bench, desk: Desk):
    bench.gate.set()
    task = await desk.begin("work")
    before = await desk.until(task)
    await desk.cancel(task)
    assert await desk.get(task) == before


async def test_a_client_that_leaves_before_it_knows_the_task_leaves_none_running(bench: Bench, desk: Desk):
    answering = desk.endpoint(request("tools/call", {"name": "work", "arguments": {}}))
    assert isinstance(answering, asyncio.Future)
    await asyncio.sleep(0)
    answering.cancel()
    await until(lambda: desk.endpoint.tasks.running == 0)


# Progress


async def test_progress_is_the_task_s_message_and_the_log_is_dropped(bench: Bench, desk: Desk):
    task = await desk.begin("report")
    await desk.seen(task, lambda found: found.get("statusMessage") == "1 of 3")
    bench.gate.set()
    assert (await desk.until(task))["statusMessage"] == "all done"


async def test_a_listener_hears_how_its_tasks_are_and_of_no_others(bench: Bench, desk: Desk):
    task, other = await desk.begin("both"), await desk.begin("work")
    await desk.until(task, "input_required")
    stream = await desk.answer(request("subscriptions/listen", {"notifications": {"taskIds": [task, "nothing"]}}))
    assert isinstance(stream, Stream)
    ack, first = await frames(stream, 2)
    assert ack["params"]["notifications"] == {"taskIds": [task]}
    assert (first["method"], first["params"]["taskId"]) == ("notifications/tasks", task)
    assert set(first["params"]["inputRequests"]) == {"a", "b"}
    await desk.cancel(other)
    await desk.update(task, a=accept(name="Ada"), b=accept(name="Bob"))
    heard = []
    while not heard or heard[-1]["params"]["status"] != "completed":
        heard += await frames(stream, 1)
    assert {each["params"]["taskId"] for each in heard} == {task}
    assert all("io.modelcontextprotocol/subscriptionId" in each["params"]["_meta"] for each in heard)
    last = {key: value for key, value in heard[-1]["params"].items() if key != "_meta"}
    assert last == {key: value for key, value in (await desk.get(task)).items() if key not in {"_meta", "resultType"}}


async def test_a_client_without_the_extension_may_not_listen_for_tasks(desk: Desk):
    given = await desk.answer(request("subscriptions/listen", {"notifications": {"taskIds": ["x"]}}, {}))
    assert isinstance(given, Response)
    assert said(given)["error"]["code"] == -32021


# Limits


async def test_a_worker_runs_as_many_tasks_as_it_may_and_no_more(bench: Bench):
    desk = Desk(bench.app, max_tasks=2)
    await desk.begin("work")
    last = await desk.begin("work")
    with pytest.raises(Problem) as problem:
        await desk.call("work")
    assert (problem.value.status, problem.value.code) == (503, 503)
    await desk.cancel(last)
    await until(lambda: desk.endpoint.tasks.running == 1)
    await desk.begin("work")


@pytest.mark.parametrize("limit", ["max_stored_tasks", "max_principal_tasks"])
async def test_as_many_tasks_are_stored_as_may_be_and_no_more(bench: Bench, limit: str):
    desk = Desk(bench.app, **{limit: 2})
    await desk.cancel(await desk.begin("work"))
    await desk.begin("work")
    with pytest.raises(Problem) as problem:
        await desk.call("work")
    assert problem.value.status == 503
    await until(lambda: desk.endpoint.tasks.running == 1)


async def test_a_task_that_can_not_be_stored_for_good_takes_no_place(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    desk = Desk(bench.app, max_tasks=1)

    async def refuse(*_: Any) -> None:
        raise TaskFault("larger than a frame")

    with monkeypatch.context() as patch:
        patch.setattr(desk.backplane.tasks, "create", refuse)
        with pytest.raises(Problem):
            await desk.call("work")
    assert desk.endpoint.tasks.running == 0
    await desk.begin("work")


@pytest.mark.parametrize(("size", "status"), [(300, "completed"), (800, "failed")])
async def test_a_result_is_as_large_as_it_may_be_and_no_larger(bench: Bench, size: int, status: str):
    bench.gate.set()
    desk = Desk(bench.app, max_task_result=1000)
    task = await desk.until(await desk.begin("work", size=size))
    assert task["status"] == status
    if status == "failed":
        assert "max_task_result allows 1000" in task["error"]["message"]


async def test_a_task_has_a_timeout_of_its_own(bench: Bench):
    desk = Desk(bench.app, tool_timeout=0.01, task_timeout=30.0, task_keep=10.0)
    created = await desk.call("work")
    assert created["ttlMs"] == 40_000
    desk = Desk(bench.app, task_timeout=0.01)
    task = await desk.until(await desk.begin("work"))
    assert task["result"]["isError"] is True
    assert text_of(task) == "timed out after 0.01 s"


async def test_a_task_is_forgotten_when_its_time_is_up_and_not_before(bench: Bench):
    now = [1000.0]
    desk = Desk(bench.app, None, task_timeout=1.0, task_keep=9.0)
    desk.backplane.tasks.join(desk.backplane.bus, lambda: now[0])  # type: ignore[attr-defined]
    desk.endpoint.tasks._now = lambda: now[0]
    bench.gate.set()
    task = await desk.begin("work")
    await desk.until(task)
    now[0] = 1009.9
    assert (await desk.get(task))["ttlMs"] == 10_000
    now[0] = 1010.0
    with pytest.raises(Problem) as problem:
        await desk.get(task)
    assert problem.value.code == -32602


async def test_the_tasks_of_another_principal_are_not_there(bench: Bench, desk: Desk):
    task = await desk.begin("greet")
    await desk.until(task, "input_required")
    stored = desk.backplane.tasks
    kept = await stored.get(task)
    assert kept is not None
    stored._tasks[task] = msgspec.structs.replace(kept, principal="somebody")  # type: ignore[attr-defined]
    attempts: list[Callable[[], Any]] = [
        lambda: desk.get(task),
        lambda: desk.cancel(task),
        lambda: desk.update(task, input_1=accept(name="Eve")),
    ]
    for attempt in attempts:
        with pytest.raises(Problem) as problem:
            await attempt()
        assert problem.value.code == -32602
        assert problem.value.message == f"there is no task {task}, or no more"
    after = await stored.get(task)
    assert after is not None
    assert after.status == "input_required"


# Leaving


async def test_a_process_that_leaves_lets_its_tasks_finish_in_time(bench: Bench, desk: Desk):
    task = await desk.begin("work")
    leaving = asyncio.ensure_future(desk.endpoint.tasks.leave(5.0))
    await asyncio.sleep(0)
    bench.gate.set()
    await asyncio.wait_for(leaving, 5)
    assert (await desk.get(task))["status"] == "completed"


async def test_a_process_that_leaves_fails_what_it_can_not_finish_and_takes_no_more(bench: Bench, desk: Desk):
    task = await desk.begin("work")
    await asyncio.wait_for(desk.endpoint.tasks.leave(0.0), 5)
    found = await desk.get(task)
    assert found["status"] == "failed"
    assert found["statusMessage"] == "the server was stopped while this task ran; call the tool again"
    await asyncio.wait_for(bench.cancelled.wait(), 5)
    with pytest.raises(Problem) as problem:
        await desk.call("work")
    assert problem.value.status == 503


# What authors may say


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"task": "always"}, "task must be never, optional or required, not 'always'"),
        ({"restartable": True}, "restartable is for tasks"),
        ({"task_later": True}, "task_later is for tasks"),
        ({"task": "optional", "inline": True}, "an inline function is done before anybody could look"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], reason: str):
    with pytest.raises(ValueError, match=reason):
        App("x").tool(lambda: 1, name="t", **options)


def test_the_capabilities_of_these_tests_are_whole():
    assert EXTENSION in KNOWS["extensions"]
