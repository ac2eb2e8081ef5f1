"""Several `erlmcp stdio` on one data directory, with a node and without: one runs the line, the others join it."""

import signal
from pathlib import Path
from typing import Any

from erlmcp.node.control import DataDir
from tests.node.nodes import end, launch, until
from tests.node.piped import Piped, piped

TCPS = "erlmcp.apps.tcps:build"
OTHER = """
import asyncio
from erlmcp import App

app = App("other", version="1")

@app.tool(inline=True)
def one() -> int:
    return 1

@app.tool(task="required")
async def two() -> int:
    return 2

@app.tool(task="required")
async def forever() -> int:
    await asyncio.Event().wait()
"""


def create(one: Piped, title: str) -> Any:
    made = one.call("work_order_create", signal_type="internal", title=title, bucket="features")
    return made.get("work_order", made)


def titles(one: Piped) -> set[str]:
    return {order["title"] for order in one.call("work_order_list")["work_orders"]}


def holder(folder: Path) -> int:
    return int((folder / "data" / "erlmcp.pid").read_text().split()[0])


def test_two_that_start_at_once_share_one_line(tmp_path: Path) -> None:
    with piped(tmp_path) as first, piped(tmp_path) as second:
        assert {create(first, "a")["title"], create(second, "b")["title"]} == {"a", "b"}
        assert titles(first) == titles(second) == {"a", "b"}
        assert holder(tmp_path) in {first.process.pid, second.process.pid}
        assert (first.leave(), second.leave()) == (0, 0)


def test_when_the_one_that_runs_the_line_leaves_another_takes_over(tmp_path: Path) -> None:
    with piped(tmp_path) as first:
        create(first, "a")
        with piped(tmp_path) as second:
            create(second, "b")
            assert holder(tmp_path) == first.process.pid
            assert first.leave() == 0
            assert create(second, "c")["title"] == "c"
            assert titles(second) == {"a", "b", "c"}
            assert holder(tmp_path) == second.process.pid
            assert second.leave() == 0


def test_when_it_is_killed_another_takes_over_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    with piped(tmp_path) as first:
        create(first, "a")
        with piped(tmp_path) as second:
            create(second, "b")
            first.process.send_signal(signal.SIGKILL)
            first.process.wait()
            create(second, "c")
            assert titles(second) == {"a", "b", "c"}


def test_who_takes_over_begins_what_the_last_one_had_not_come_to(tmp_path: Path) -> None:
    taken = DataDir(tmp_path / "data", "a test")
    with piped(tmp_path) as one:
        one.says("is not connected")
        assert not (tmp_path / "data" / "erlmcp.db").exists()
        taken.close()
        assert create(one, "a")["title"] == "a"


def test_a_line_that_can_not_be_taken_over_is_tried_again(tmp_path: Path) -> None:
    taken = DataDir(tmp_path / "data", "a test")
    (tmp_path / "data" / "erlmcp.db").write_bytes(b"no database" * 100)
    with piped(tmp_path) as one:
        one.says("is not connected")
        taken.close()
        one.says("the line can not be taken over")
        (tmp_path / "data" / "erlmcp.db").unlink()
        assert create(one, "a")["title"] == "a"


def test_a_task_outlives_the_process_that_ran_it(tmp_path: Path) -> None:
    able = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
    with piped(tmp_path, "probe:app", source=OTHER) as first:
        first.ask("tools/call", {"name": "two"}, **able)
        task = first.message()["result"]["taskId"]

        def done() -> bool:
            first.ask("tasks/get", {"taskId": task}, **able)
            return first.message()["result"]["status"] == "completed"

        until(done, "its end")
        assert first.leave() == 0
    with piped(tmp_path, "probe:app") as second:
        second.ask("tasks/get", {"taskId": task}, **able)
        assert second.message()["result"]["result"]["structuredContent"] == {"result": 2}
        second.ask("tools/call", {"name": "forever"}, **able)
        task = second.message()["result"]["taskId"]
        assert second.leave() == 0
    with piped(tmp_path, "probe:app") as third:
        third.ask("tasks/get", {"taskId": task}, **able)
        assert third.message()["result"]["status"] == "failed"


def test_an_app_without_a_production_line_runs_it_for_the_next_one(tmp_path: Path) -> None:
    with piped(tmp_path, "probe:app", source=OTHER) as first:
        assert first.call("one") == {"result": 1}
        with piped(tmp_path) as second:
            create(second, "a")
            assert holder(tmp_path) == first.process.pid
            assert titles(second) == {"a"}


def test_a_node_has_its_line_joined_and_nobody_takes_its_place(tmp_path: Path) -> None:
    node = launch(tmp_path, source=None, app=TCPS)
    try:
        until(node.runs, "a running node")
        with piped(tmp_path) as one:
            create(one, "a")
            assert holder(tmp_path) == node.process.pid
            end(node)
            waiting = {"signal_type": "internal", "title": "b", "bucket": "features"}
            number = one.ask("tools/call", {"name": "work_order_create", "arguments": waiting})
            node = launch(tmp_path, source=None, app=TCPS)
            until(node.runs, "the node again")
            assert one.message()["id"] == number
            assert titles(one) == {"a", "b"}
            assert holder(tmp_path) == node.process.pid
            assert one.leave() == 0
    finally:
        end(node)


def test_a_node_is_told_who_has_its_directory(tmp_path: Path) -> None:
    with piped(tmp_path) as one:
        create(one, "a")
        node = launch(tmp_path, source=None, app=TCPS)
        assert node.wait() == 4
        assert f"belongs to erlmcp stdio, with pid {one.process.pid}; close the client that started it" in node.stderr()


def test_a_node_without_a_production_line_is_said_to_have_none(tmp_path: Path) -> None:
    node = launch(tmp_path, source=OTHER, app="probe:app")
    try:
        until(node.runs, "a running node")
        with piped(tmp_path) as one:
            one.says("is held for probe:app, without a production line: give another --data-dir")
    finally:
        end(node)
