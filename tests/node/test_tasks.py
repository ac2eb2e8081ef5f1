"""Tasks on real nodes: four workers, each request on a connection of its own; processes are killed meanwhile."""

import http.client
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.mcp.tasking import CLOSED, accept, request, text_of
from tests.node.nodes import WITHIN, Node, call, end, launch, running, until

APP = """
import asyncio, os
import msgspec
from erlmcp import App, Context

app = App("probe", version="1")


class Name(msgspec.Struct):
    name: str


@app.tool(inline=True)
def pid() -> int:
    return os.getpid()


@app.tool(task="optional")
async def work(seconds: float, ctx: Context) -> str:
    ctx.progress(0, message=str(os.getpid()))
    await asyncio.sleep(seconds)
    return str(os.getpid())


@app.tool(task="optional")
async def greet(ctx: Context) -> str:
    return f"Hello, {(await ctx.elicit('Who?', Name, key='who')).granted().name}!"


@app.tool(task="optional", restartable=True)
async def again(ctx: Context) -> str:
    ctx.progress(0, message=str(os.getpid()))
    one = (await ctx.elicit("One?", Name, key="one")).granted().name
    two = (await ctx.elicit("Two?", Name, key="two")).granted().name
    return f"{one} {two} {os.getpid()}"
"""
FOUR = ("--workers", "4")
SHORT = {"ERLMCP_MCP__TASK_LEASE": "1.0", "ERLMCP_HTTP__DRAIN": "1.0"}


def ask(port: int, method: str, **params: Any) -> dict[str, Any]:
    """The result of one request, at whichever worker takes its connection."""
    asked = request(method, params)
    headers = {key.decode(): value.decode() for key, value in asked.headers.items() if key != b"host"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN)
    try:
        connection.request("POST", "/mcp", asked.body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
    finally:
        connection.close()
    assert response.status == 200, answer
    result: dict[str, Any] = answer["result"]
    return result


def begin(port: int, tool: str, **arguments: Any) -> str:
    task: str = ask(port, "tools/call", name=tool, arguments=arguments)["taskId"]
    return task


def seen(port: int, task: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The task once it is so."""

    def look() -> dict[str, Any] | None:
        found = ask(port, "tasks/get", taskId=task)
        return found if fits(found) else None

    found: dict[str, Any] = until(look, f"task {task}")
    return found


def parked(port: int, task: str, key: str) -> None:
    seen(port, task, lambda found: set(found.get("inputRequests", {})) == {key})


def runner(port: int, task: str) -> int:
    """The process that runs it, as the tool says."""
    return int(seen(port, task, lambda found: "statusMessage" in found)["statusMessage"])


def answer(port: int, task: str, **names: str) -> None:
    answers = {key: accept(name=name) for key, name in names.items()}
    ask(port, "tasks/update", taskId=task, inputResponses=answers)


def closed(port: int, task: str) -> dict[str, Any]:
    return seen(port, task, lambda found: found["status"] in CLOSED)


def kill_all(node: Node) -> None:
    """As if the machine had lost its power: every process of the node is gone at once."""
    line = node.status()["line"]["pid"]
    pids = [node.process.pid, line, *node.pids().values()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    node.process.wait(WITHIN)
    until(lambda: not any(alive(pid) for pid in pids[1:]), "the end of all processes")


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_any_worker_serves_any_request_about_a_task(folder):
    with running(folder, *FOUR, source=APP) as node:
        port = node.port()
        workers = {call(port, "pid") for _ in range(50)}
        assert len(workers) > 1
        tasks = [begin(port, "greet") for _ in range(30)]
        for number, task in enumerate(tasks):
            parked(port, task, "who")
            if number % 3:
                answer(port, task, who=f"number {number}")
            else:
                ask(port, "tasks/cancel", taskId=task)
        for number, task in enumerate(tasks):
            found = closed(port, task)
            if number % 3:
                assert text_of(found) == f"Hello, number {number}!"
            else:
                assert found["status"] == "cancelled"


def test_of_a_killed_worker_one_task_fails_and_another_begins_again_elsewhere(folder):
    with running(folder, *FOUR, source=APP, **SHORT) as node:
        port = node.port()
        plain, other = begin(port, "work", seconds=600), begin(port, "again")
        parked(port, other, "one")
        answer(port, other, one="Ada")
        parked(port, other, "two")
        victims = {runner(port, plain), runner(port, other)}
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        found = closed(port, plain)
        assert found["status"] == "failed"
        assert found["statusMessage"] == "the worker that ran this task is gone; call the tool again"
        seen(port, other, lambda found: int(found["statusMessage"]) not in victims)
        parked(port, other, "two")
        answer(port, other, two="Bob")
        assert text_of(closed(port, other)).startswith("Ada Bob ")


def test_results_and_tasks_survive_a_loss_of_power(folder):
    node = launch(folder, *FOUR, source=APP, **SHORT)
    try:
        until(node.runs, "a running node")
        port = node.port()
        done, plain, other = begin(port, "work", seconds=0), begin(port, "work", seconds=600), begin(port, "again")
        result = closed(port, done)
        parked(port, other, "one")
        answer(port, other, one="Ada")
        parked(port, other, "two")
        kill_all(node)
        node = launch(folder, *FOUR, source=APP, **SHORT)
        until(node.runs, "the node again")
        port = node.port()
        assert ask(port, "tasks/get", taskId=done) == result
        assert closed(port, plain)["status"] == "failed"
        seen(port, other, lambda found: found["statusMessage"] in {str(pid) for pid in node.pids().values()})
        parked(port, other, "two")
        answer(port, other, two="Bob")
        assert text_of(closed(port, other)).startswith("Ada Bob ")
    finally:
        end(node)


def test_a_node_that_is_stopped_and_started_goes_on_with_what_may_begin_again(folder):
    node = launch(folder, *FOUR, source=APP, **SHORT)
    try:
        until(node.runs, "a running node")
        port = node.port()
        short, plain, other = begin(port, "work", seconds=0.3), begin(port, "work", seconds=600), begin(port, "again")
        parked(port, other, "one")
        node.process.send_signal(signal.SIGTERM)
        assert node.wait() == 0
        node = launch(folder, *FOUR, source=APP, **SHORT)
        until(node.runs, "the node again")
        port = node.port()
        assert ask(port, "tasks/get", taskId=short)["status"] == "completed"  # it had the drain to finish
        assert ask(port, "tasks/get", taskId=plain)["statusMessage"].startswith("the server was stopped while")
        seen(port, other, lambda found: found["statusMessage"] in {str(pid) for pid in node.pids().values()})
        answer(port, other, one="Ada")
        parked(port, other, "two")
        answer(port, other, two="Bob")
        assert text_of(closed(port, other)).startswith("Ada Bob ")
    finally:
        end(node)


def test_a_rolling_reload_moves_a_parked_task_to_a_new_worker(folder):
    with running(folder, "--workers", "2", source=APP, **SHORT) as node:
        port = node.port()
        task = begin(port, "again")
        parked(port, task, "one")
        old = set(node.pids().values())
        node.process.send_signal(signal.SIGHUP)
        until(lambda: len(node.pids()) == 2 and not old & set(node.pids().values()), "new workers")
        seen(port, task, lambda found: int(found["statusMessage"]) not in old)
        answer(port, task, one="Ada")
        parked(port, task, "two")
        answer(port, task, two="Bob")
        assert text_of(closed(port, task)).startswith("Ada Bob ")


def test_a_task_goes_on_over_the_death_of_the_line_process(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        port = node.port()
        task, short = begin(port, "greet"), begin(port, "work", seconds=0.2)
        parked(port, task, "who")
        os.kill(node.status()["line"]["pid"], signal.SIGKILL)
        answer(port, task, who="Ada")
        assert text_of(closed(port, task)) == "Hello, Ada!"
        assert closed(port, short)["status"] == "completed"
