"""A store of tasks, wherever it is: each sentence holds in memory, and for a worker with and without a reader."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from erlmcp.mcp import Options, Overloaded, Task, TaskFault, TaskStore
from erlmcp.mcp.task import ANSWERS_LIMIT, INPUT_LIMIT, Adopt, Answer, Ask, Cancel, Posed, Release, Settle, Tell
from erlmcp.mcp.task_store import read_signal
from tests.backplane.ledger import open_store
from tests.otp.company import until

pytestmark = [pytest.mark.both_loops, pytest.mark.parametrize("kind", ["local", "node", "node without a reader"])]

NOW = 1_000_000_000
TASK = Task("t", "tool", NOW, NOW, 60_000, 1000, owner="me")
ERROR = b'{"code":1,"message":"m"}'


async def put(store: TaskStore, **members: Any) -> Task:
    task = replace(TASK, **members)
    await store.create(task, Options())
    return task


async def test_what_was_created_is_there_as_it_was(kind: str, tmp_path: Path):
    async with open_store(kind, tmp_path, []) as store:
        task = await put(store, params=b'{"a":1}', version="2026-07-28", principal="me")
        assert await store.get("t") == task
        assert await store.get("u") is None


async def test_a_change_is_there_when_it_is_answered_and_is_told(kind: str, tmp_path: Path):
    heard: list[bytes] = []
    async with open_store(kind, tmp_path, heard) as store:
        await put(store)
        after = await store.change(Tell("t", "me", "half"))
        assert after is not None
        assert (after.message, after.revision) == ("half", 1)
        assert await store.get("t") == after
        await until(lambda: bool(heard))
        assert [(told.id, told.owner, told.open, told.revision) for told in map(read_signal, heard)] == [
            ("t", "me", True, 1)
        ]


async def test_a_change_without_effect_is_answered_and_not_told(kind: str, tmp_path: Path):
    heard: list[bytes] = []
    async with open_store(kind, tmp_path, heard) as store:
        task = await put(store)
        assert await store.change(Tell("t", "somebody else", "half")) == task
        await store.change(Cancel("t", "local"))
        closed = await store.get("t")
        assert await store.change(Settle("t", "me", b"{}")) == closed
        await until(lambda: len(heard) >= 1)
        assert len(heard) == 1


async def test_a_client_s_change_reaches_only_a_task_of_its_own(kind: str, tmp_path: Path):
    async with open_store(kind, tmp_path, []) as store:
        await put(store)
        assert await store.change(Cancel("t", "somebody else")) is None
        assert await store.change(Answer("t", "somebody else", {})) is None
        assert await store.change(Cancel("u", "local")) is None
        found = await store.get("t")
        assert found is not None
        assert found.status == "working"


async def test_a_whole_life(kind: str, tmp_path: Path):
    async with open_store(kind, tmp_path, []) as store:
        await put(store, params=b"{}")
        questions = {"a": Posed(b"1", "roots/list", b"{}"), "b": Posed(b"2", "roots/list", b"{}")}
        asked = await store.change(Ask("t", "me", questions))
        assert asked is not None
        assert asked.status == "input_required"
        answered = await store.change(Answer("t", "local", {"a": b'{"roots":[]}', "z": b"{}"}))
        assert answered is not None
        assert (answered.status, answered.inputs["a"].answer) == ("input_required", b'{"roots":[]}')
        released = await store.change(Release("t", "me", ERROR, "left"))
        assert released is not None
        assert (released.owner, released.status) == ("", "input_required")
        first, second = await asyncio.gather(store.change(Adopt("t", "x")), store.change(Adopt("t", "y")))
        assert first is not None
        assert second is not None
        assert first.owner == second.owner
        assert first.owner in {"x", "y"}
        done = await store.change(Settle("t", first.owner, b'{"content":[]}'))
        assert done is not None
        assert (done.status, done.result, done.inputs, done.params) == ("completed", b'{"content":[]}', {}, b"")


async def test_concurrent_answers_are_all_there(kind: str, tmp_path: Path):
    async with open_store(kind, tmp_path, []) as store:
        await put(store)
        keys = [f"k{number}" for number in range(20)]
        await store.change(Ask("t", "me", {key: Posed(key.encode(), "m", b"{}") for key in keys}))
        await asyncio.gather(*(store.change(Answer("t", "local", {key: b"{}"})) for key in keys))
        found = await store.get("t")
        assert found is not None
        assert found.status == "working"
        assert all(each.answer == b"{}" for each in found.inputs.values())
        assert found.revision == 21


async def test_a_task_whose_time_is_up_is_not_there(kind: str, tmp_path: Path):
    async with open_store(kind, tmp_path, []) as store:
        await put(store, id="late", ttl=0)
        await put(store, id="in time", ttl=1)
        assert await store.get("late") is None
        assert await store.change(Cancel("late", "local")) is None
        assert await store.get("in time") is not None


@pytest.mark.parametrize("principal", [False, True], ids=["of all", "of one principal"])
async def test_as_many_are_kept_as_may_be_and_no_more(kind: str, tmp_path: Path, principal: bool):
    limits: dict[str, Any] = {"max_principal_tasks" if principal else "max_stored_tasks": 2}
    async with open_store(kind, tmp_path, [], **limits) as store:
        chosen = Options(**limits)
        for name in ("a", "b"):
            await store.create(replace(TASK, id=name), chosen)
        with pytest.raises(Overloaded):
            await store.create(replace(TASK, id="c"), chosen)
        assert await store.get("c") is None
        if principal:
            await store.create(replace(TASK, id="d", principal="somebody else"), chosen)


async def refused(store: TaskStore, change: Any, why: str) -> None:
    with pytest.raises(TaskFault) as fault:
        await store.change(change)
    assert why in fault.value.message


async def test_a_task_asks_as_many_questions_as_it_may_and_no_more(kind: str, tmp_path: Path):
    async with open_store(kind, tmp_path, []) as store:
        await put(store)
        posed = {f"k{n}": Posed(b"%d" % n, "m", b"{}") for n in range(INPUT_LIMIT)}
        asked = await store.change(Ask("t", "me", posed))
        await refused(
            store, Ask("t", "me", {"one more": Posed(b"x", "m", b"{}")}), f"a task may ask {INPUT_LIMIT} questions"
        )
        assert await store.get("t") == asked


async def test_the_answers_to_a_task_are_as_large_as_they_may_be_and_no_larger(kind: str, tmp_path: Path):
    async with open_store(kind, tmp_path, []) as store:
        await put(store)
        await store.change(Ask("t", "me", {key: Posed(key.encode(), "m", b"{}") for key in "ab"}))
        most = b'{"a":"%b"}' % (b"x" * (ANSWERS_LIMIT - 8))
        await refused(store, Answer("t", "local", {"a": most + b" "}), f"{ANSWERS_LIMIT} is the most")
        after = await store.change(Answer("t", "local", {"a": most}))
        assert after is not None
        assert after.inputs["a"].answer == most
        await refused(store, Answer("t", "local", {"b": b"{}"}), f"{ANSWERS_LIMIT} is the most")
