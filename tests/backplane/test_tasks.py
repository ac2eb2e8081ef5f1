"""Tasks over the processes of a node: begun at one, looked at and answered at others, taken from the dead."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from erlmcp import App, Context
from erlmcp.backplane import for_all
from erlmcp.http import Stream
from erlmcp.mcp import TASK_TOPIC, Elicit, TaskSignal, encode_signal
from erlmcp.mcp.task import LOSSES
from tests.backplane.ledger import Ledger, open_ledger
from tests.mcp.tasking import Desk, Problem, accept, frames, request, text_of
from tests.otp.company import until


class Name(msgspec.Struct):
    name: str


def shop(place: str, gate: asyncio.Event | None = None) -> App:
    """The app as one process has it; what it says names the process."""
    app = App("shop")

    @app.tool(task="optional")
    async def work(ctx: Context) -> str:
        await (gate or asyncio.Event()).wait()
        return place

    @app.tool(task="optional", restartable=True)
    async def again(word: str, ctx: Context) -> str:
        one = await ctx.elicit("One?", Name, key="one")
        two = await ctx.elicit("Two?", Name, key="two")
        return f"{word} {one.granted().name} {two.granted().name} at {place} for {ctx.task_id}"

    @app.tool(task="optional", restartable=True)
    async def stubborn() -> str:
        await asyncio.Event().wait()
        return place

    @app.tool(task="required", restartable=True, task_later=True)
    async def later(ctx: Context) -> str:
        first = await ctx.elicit("First?", Name, key="first")
        await ctx.become_task()
        second = await ctx.elicit("Second?", Name, key="second")
        return f"{first.granted().name} {second.granted().name} at {place}"

    @app.tool(task="optional")
    async def both(ctx: Context) -> str:
        answers = await ctx.ask({key: Elicit(f"{key}?", Name) for key in "ab"})
        return " ".join(answers[key].granted().name for key in "ab")

    return app


def die(desk: Desk) -> None:
    """The process is gone as by kill -9: it says nothing any more, and hears nothing."""
    for run in desk.endpoint.tasks._runs.values():
        assert run.work is not None
        run.stopped = True
        run.work.cancel()
    desk.endpoint.tasks._runs.clear()
    desk.endpoint.tasks._leaving = True


async def all_have_heard(node: Ledger, desks: list[Desk]) -> None:
    """Whatever the line has said until now has come to these, and they have done what they do about it."""
    heard: list[bytes] = []
    for desk in desks:
        desk.backplane.bus.subscribe(TASK_TOPIC, heard.append)  # after the desk's own: it is told before
    last = encode_signal(TaskSignal("of nobody", "", False, 0))
    node.town.hub.publish(TASK_TOPIC, for_all(last))
    await until(lambda: heard.count(last) == len(desks))
    await until(lambda: not any(desk.endpoint.tasks._asides for desk in desks))


async def test_any_process_looks_at_a_task_answers_it_and_cancels_it(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        one, two = await node.worker(shop("one")), await node.worker(shop("two"))
        three = await node.worker(shop("three"), reads=False)
        task = await one.begin("both")
        assert (await two.get(task))["status"] in {"working", "input_required"}
        await three.until(task, "input_required")
        await two.update(task, a=accept(name="Ada"))
        assert set((await three.get(task))["inputRequests"]) == {"b"}
        await three.update(task, b=accept(name="Bob"))
        assert text_of(await two.until(task)) == "Ada Bob"
        task = await one.begin("work")
        await two.cancel(task)
        assert (await three.get(task))["status"] == "cancelled"
        await until(lambda: one.endpoint.tasks.running == 0)


async def test_a_listener_at_any_process_hears_of_a_task_at_another(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        one, two = await node.worker(shop("one")), await node.worker(shop("two"))
        task = await one.begin("both")
        await one.until(task, "input_required")
        stream = await two.answer(request("subscriptions/listen", {"notifications": {"taskIds": [task]}}))
        assert isinstance(stream, Stream)
        await frames(stream, 2)
        await one.cancel(task)
        (heard,) = await frames(stream, 1)
        assert (heard["method"], heard["params"]["status"]) == ("notifications/tasks", "cancelled")


async def test_the_task_of_a_process_that_is_gone_fails_and_says_why(tmp_path: Path):
    async with open_ledger(tmp_path, task_lease=1000.0) as node:
        one, two = await node.worker(shop("one")), await node.worker(shop("two"))
        task = await one.begin("work")
        die(one)
        await node.silence(999.0)
        assert (await two.get(task))["status"] == "working"
        await node.silence(2.0)
        found = await two.get(task)
        assert found["status"] == "failed"
        assert found["statusMessage"] == "the worker that ran this task is gone; call the tool again"
        assert found["error"]["code"] == -32603


async def test_a_task_that_may_begins_again_elsewhere_with_the_answers_so_far(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        one, two = await node.worker(shop("one")), await node.worker(shop("two"))
        task = await one.begin("again", word="so")
        await one.until(task, "input_required")
        await two.update(task, one=accept(name="Ada"))
        await two.seen(task, lambda found: set(found.get("inputRequests", {})) == {"two"})
        die(one)
        await node.silence(1001.0)
        await until(lambda: two.endpoint.tasks.running == 1)
        assert set((await two.until(task, "input_required"))["inputRequests"]) == {"two"}
        await two.update(task, two=accept(name="Bob"))
        assert text_of(await two.until(task)) == f"so Ada Bob at two for {task}"


async def test_what_was_answered_in_rounds_before_the_task_is_known_where_it_begins_again(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        one, two = await node.worker(shop("one")), await node.worker(shop("two"))
        asked = await one.call("later")
        created = await one.ask(
            "tools/call",
            name="later",
            arguments={},
            inputResponses={"first": accept(name="Ada")},
            requestState=asked["requestState"],
        )
        task = created["taskId"]
        await one.until(task, "input_required")
        die(one)
        await node.silence(1001.0)
        await until(lambda: two.endpoint.tasks.running == 1)
        await two.update(task, second=accept(name="Bob"))
        assert text_of(await two.until(task)) == "Ada Bob at two"


async def test_of_all_processes_one_takes_the_task(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        one = await node.worker(shop("one"))
        others = [await node.worker(shop(str(number))) for number in range(3)]
        task = await one.begin("stubborn")
        die(one)
        await node.silence(1001.0)
        await until(lambda: sum(each.endpoint.tasks.running for each in others) == 1)
        await node.silence(1.0)
        await all_have_heard(node, others)
        assert sum(each.endpoint.tasks.running for each in others) == 1
        await others[0].cancel(task)
        await until(lambda: sum(each.endpoint.tasks.running for each in others) == 0)


async def test_a_task_that_nobody_can_take_fails_after_a_while(tmp_path: Path):
    async with open_ledger(tmp_path, task_lease=1000.0, task_timeout=100_000.0) as node:
        one, two = await node.worker(shop("one")), await node.worker(App("without that tool"))
        other = await node.worker(shop("other"))
        other.endpoint.tasks._leaving = True
        task = await one.begin("stubborn")
        die(one)
        await node.silence(1001.0)
        await node.silence(60.0)
        assert (await other.get(task))["status"] == "working"
        await node.silence(1.0)
        found = await other.get(task)
        assert (found["status"], two.endpoint.tasks.running) == ("failed", 0)
        assert found["statusMessage"] == "no worker could take this task up again; call the tool again"


async def test_a_task_that_loses_every_worker_fails(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        workers = [await node.worker(shop(str(number))) for number in range(LOSSES + 1)]
        task = await workers[0].begin("stubborn")
        for _ in range(LOSSES):
            await until(lambda: any(each.endpoint.tasks.running for each in workers))
            die(next(each for each in workers if each.endpoint.tasks.running))
            await node.silence(1001.0)
        found = await workers[-1].until(task)
        assert (found["status"], found["statusMessage"][:10]) == ("failed", "the worker")


async def test_a_process_that_was_only_silent_can_not_settle_what_was_taken_from_it(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        gate = asyncio.Event()
        one, two = await node.worker(shop("one", gate)), await node.worker(shop("two"))
        task = await one.begin("work")
        await node.silence(1001.0)
        await until(lambda: one.endpoint.tasks.running == 0)
        gate.set()
        assert (await two.get(task))["status"] == "failed"


async def test_a_process_that_renews_keeps_its_tasks(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        one = await node.worker(shop("one"))
        task = await one.begin("work")
        for _ in range(4):
            await one.backplane.tasks.renew(one.backplane.bus.address)
            await node.silence(900.0)
        assert (await one.get(task))["status"] == "working"


async def test_a_process_that_leaves_hands_its_tasks_over_at_once(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        one, two = await node.worker(shop("one")), await node.worker(shop("two"))
        task, plain = await one.begin("again", word="so"), await one.begin("work")
        await one.until(task, "input_required")
        await one.endpoint.tasks.leave(0.0)
        await until(lambda: two.endpoint.tasks.running == 1)
        assert (await two.get(plain))["statusMessage"].startswith("the server was stopped")
        await two.until(task, "input_required")
        await two.update(task, one=accept(name="Ada"))
        await two.seen(task, lambda found: set(found.get("inputRequests", {})) == {"two"})
        await two.update(task, two=accept(name="Bob"))
        assert text_of(await two.until(task)).startswith("so Ada Bob at two")


async def test_a_new_line_process_knows_the_tasks_and_gives_their_workers_time(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        gate = asyncio.Event()
        one, two = await node.worker(shop("one", gate)), await node.worker(shop("two"))
        task = await one.begin("work")
        await node.town.shut()
        node.clock.now += 5000.0
        node.begin()
        await node.town.open()
        await node.town.together()
        await node.silence(0.0)
        assert (await two.get(task))["status"] == "working"
        gate.set()
        assert text_of(await two.until(task)) == "one"


async def test_what_comes_to_pass_while_the_line_is_away_is_stored_when_it_is_back(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        gate = asyncio.Event()
        one, two = await node.worker(shop("one", gate)), await node.worker(shop("two"))
        task = await one.begin("work")
        await node.town.shut()
        gate.set()
        node.begin()
        await node.town.open()
        assert text_of(await two.until(task)) == "one"


async def test_an_answer_that_came_while_its_process_was_cut_off_is_heard_when_it_is_back(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        one = await node.worker(shop("one"))
        task = await one.begin("both")
        await one.until(task, "input_required")
        await node.town.shut()
        keeper = node.begin()
        answers = {key: msgspec.json.encode(accept(name=key)) for key in "ab"}
        answer = {"type": "Answer", "id": task, "principal": "local", "answers": answers}
        await keeper.serve(msgspec.msgpack.encode(answer), 1.0)
        await node.town.open()
        assert text_of(await one.until(task)) == "a b"


async def test_expired_tasks_are_forgotten_and_what_runs_of_them_is_stopped(tmp_path: Path):
    async with open_ledger(tmp_path, task_timeout=10.0, task_keep=10.0, max_stored_tasks=1) as node:
        one = await node.worker(shop("one"))
        task = await one.begin("work")
        await node.silence(19.0)
        with pytest.raises(Problem) as problem:
            await one.begin("work")
        assert problem.value.status == 503
        await node.silence(1.0)
        with pytest.raises(Problem) as problem:
            await one.get(task)
        assert problem.value.code == -32602
        await until(lambda: one.endpoint.tasks.running == 0)
        await one.begin("work")


async def test_while_the_database_is_down_a_call_is_refused_and_nothing_is_answered_that_is_not_stored(tmp_path: Path):
    async with open_ledger(tmp_path) as node:
        one = await node.worker(shop("one"))
        await node.close_database()
        with pytest.raises(Problem) as problem:
            await one.begin("work")
        assert (problem.value.status, problem.value.code) == (503, 503)


def test_what_is_stored_can_be_read_by_a_release_that_knows_more(tmp_path: Path):
    later: dict[str, Any] = {"id": "t", "tool": "x", "created": 1, "updated": 1, "ttl": 1, "poll": 1, "news": True}
    from erlmcp.mcp import Task  # noqa: PLC0415 - the one use

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(later), type=Task).id == "t"
