"""Tasks that ask their client: parked until the answers come, and calls that ask in rounds before they become one."""

import asyncio
from typing import Any

import pytest

from erlmcp import Context
from tests.mcp.task_bench import Bench, Name
from tests.mcp.tasking import EXTENSION, Desk, Problem, accept, text_of


@pytest.fixture
async def bench() -> Bench:
    return Bench()


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench.app)


async def test_a_question_parks_the_task_until_it_is_answered(desk: Desk):
    task = await desk.begin("greet")
    found = await desk.until(task, "input_required")
    ((key, asked),) = found["inputRequests"].items()
    assert asked["method"] == "elicitation/create"
    assert asked["params"]["message"] == "Who?"
    ack = await desk.update(task, **{key: accept(name="Ada")})
    assert set(ack) == {"resultType", "_meta"}
    assert ack["resultType"] == "complete"
    assert text_of(await desk.until(task)) == "Hello, Ada!"


async def test_several_questions_are_answered_one_by_one(desk: Desk):
    task = await desk.begin("both")
    assert set((await desk.until(task, "input_required"))["inputRequests"]) == {"a", "b"}
    await desk.update(task, a=accept(name="Ada"))
    found = await desk.get(task)
    assert (found["status"], set(found["inputRequests"])) == ("input_required", {"b"})
    await desk.update(task, a=accept(name="Eve"), nonsense={}, b=accept(name="Bob"))
    assert text_of(await desk.until(task)) == "Ada Bob"


async def test_an_answer_that_is_none_is_asked_for_again_under_another_key(desk: Desk):
    task = await desk.begin("both")
    await desk.until(task, "input_required")
    await desk.update(task, a={"action": "accept", "content": {"name": 7}}, b=accept(name="Bob"))
    found = await desk.until(task, "input_required")
    assert set(found["inputRequests"]) == {"a-2"}
    await desk.update(task, **{"a-2": accept(name="Ada")})
    assert text_of(await desk.until(task)) == "Ada Bob"


@pytest.mark.parametrize("raw", [None, [], "x", 1])
async def test_an_answer_is_an_object(desk: Desk, raw: Any):
    task = await desk.begin("greet")
    await desk.until(task, "input_required")
    with pytest.raises(Problem) as problem:
        await desk.update(task, input_1=raw)
    assert problem.value.code == -32602
    assert "inputResponses.input_1 must be an object" in problem.value.message


async def test_a_client_that_can_not_be_asked_fails_the_task(desk: Desk):
    result = await desk.ask("tools/call", {"extensions": {EXTENSION: {}}}, name="greet", arguments={})
    task = await desk.until(result["taskId"])
    assert task["error"]["code"] == -32021
    assert task["error"]["data"] == {"requiredCapabilities": {"elicitation": {"form": {}}}}


async def test_a_question_that_nobody_waits_for_any_more_is_withdrawn(bench: Bench, desk: Desk):
    @bench.app.tool(task="optional")
    async def impatient(ctx: Context) -> str:
        asking = asyncio.ensure_future(ctx.elicit("Who?", Name))
        await bench.gate.wait()
        asking.cancel()
        await asyncio.wait([asking])
        return (await ctx.elicit("Really, who?", Name)).granted().name

    task = await desk.begin("impatient")
    await desk.until(task, "input_required")
    bench.gate.set()
    await desk.seen(task, lambda found: set(found.get("inputRequests", {})) == {"input_2"})
    await desk.update(task, input_1=accept(name="too late"), input_2=accept(name="Ada"))
    assert text_of(await desk.until(task)) == "Ada"


async def test_a_thread_asks_as_well(bench: Bench, desk: Desk):
    @bench.app.tool(task="optional")
    def blocking(ctx: Context) -> str:
        return ctx.wait(ctx.elicit("Who?", Name)).granted().name

    task = await desk.begin("blocking")
    await desk.until(task, "input_required")
    await desk.update(task, input_1=accept(name="Ada"))
    assert text_of(await desk.until(task)) == "Ada"


# Rounds first, then a task


async def test_questions_come_in_rounds_until_the_function_becomes_a_task(bench: Bench, desk: Desk):
    asked = await desk.call("later")
    assert asked["resultType"] == "input_required"
    assert "taskId" not in asked
    created = await desk.ask(
        "tools/call",
        name="later",
        arguments={},
        inputResponses={"who": accept(name="Ada")},
        requestState=asked["requestState"],
    )
    assert created["resultType"] == "task"
    assert not {"requestState", "inputRequests"} & set(created)
    bench.gate.set()
    task = created["taskId"]
    assert text_of(await desk.until(task)) == f"Ada as {task}"


async def test_a_function_that_never_becomes_a_task_is_answered_as_any_other(bench: Bench, desk: Desk):
    @bench.app.tool(task="optional", task_later=True)
    async def quick(ctx: Context) -> str:
        return str(ctx.task_id)

    result = await desk.call("quick")
    assert (result["resultType"], result["content"][0]["text"]) == ("complete", "None")


async def test_become_task_does_nothing_for_a_client_without_tasks(bench: Bench, desk: Desk):
    @bench.app.tool(task="optional", task_later=True)
    async def either(ctx: Context) -> str:
        await ctx.become_task()
        return str(ctx.task_id)

    result = await desk.ask("tools/call", {}, name="either", arguments={})
    assert result["content"][0]["text"] == "None"
