"""Sessions of older clients on real nodes: any worker, over deaths of workers and of the line, rolls and restarts."""

import http.client
import json
import os
import signal
from typing import Any

from tests.node.nodes import HEADERS, WITHIN, Node, end, launch, running, until

APP = """
import asyncio, os
from erlmcp import App, Context

app = App("older", version="1")

@app.tool(inline=True)
def pid() -> int:
    return os.getpid()

@app.tool
async def leave(seconds: float, context: Context) -> int:
    context.close_stream()
    await asyncio.sleep(seconds)
    return os.getpid()

@app.tool
async def who(context: Context) -> str:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    answer = await context.elicit("Who?", schema)
    return answer.content["name"]
"""
BOTH = {"Accept": "application/json, text/event-stream"}
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"elicitation": {}},
    "clientInfo": {"name": "t", "version": "1"},
}


class Session:
    """A client; each request is a connection of its own, and so reaches any worker."""

    def __init__(self, node: Node) -> None:
        self.port, self.id, self._last = node.port(), "", 0
        self.id = self.ask("POST", self.message("initialize", INITIALIZE))[1]["mcp-session-id"]

    def message(self, method: str, params: Any = None) -> Any:
        self._last += 1
        return {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params or {}}

    def ask(self, method: str, body: Any = None, **more: str) -> tuple[int, dict[str, str], bytes]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        session = {"Mcp-Session-Id": self.id} if self.id else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, "/mcp", text, HEADERS | BOTH | session | named)
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def ping(self) -> int:
        return self.ask("POST", self.message("ping"))[0]

    def pid(self) -> int:
        answer = self.ask("POST", self.message("tools/call", {"name": "pid"}))[2]
        return json.loads(answer)["result"]["structuredContent"]["result"]

    def leave(self, seconds: float) -> str:
        """The id of the event that a call begins with, which then goes on by itself."""
        call = self.message("tools/call", {"name": "leave", "arguments": {"seconds": seconds}})
        return self.ask("POST", call)[2].decode().split("\n")[0].removeprefix("id: ")

    def rest(self, last: str) -> Any:
        """The last message of a stream."""
        status, _, body = self.ask("GET", Last_Event_ID=last)
        assert status == 200, body
        return json.loads(body.decode().rstrip().rpartition("data: ")[2])


def on_all_workers(node: Node, session: Session) -> None:
    """Use the session until every worker has seen it."""
    seen: set[int] = set()
    until(lambda: seen.add(session.pid()) or seen >= set(node.pids().values()), "an answer of each worker")


def test_a_session_outlives_workers_the_line_and_the_node_and_an_ended_one_stays_ended(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        session, ended = Session(node), Session(node)
        on_all_workers(node, session)
        on_all_workers(node, ended)
        assert ended.ask("DELETE")[0] == 200
        until(lambda: all(ended.ping() == 404 for _ in range(10)), "the end of a session at each worker")
        worker = node.pids()["worker-1"]
        os.kill(worker, signal.SIGKILL)
        until(lambda: node.pids().get("worker-1") not in {None, worker}, "a new worker")
        on_all_workers(node, session)
        line = node.status()["line"]["pid"]
        os.kill(line, signal.SIGKILL)
        until(lambda: node.status()["line"]["pid"] not in {None, line} and session.ping() == 200, "a new line")
        on_all_workers(node, session)
        assert ended.ping() == 404
    again = launch(folder, "--workers", "2", source=APP)
    try:
        until(again.runs, "the node again")
        session.port = ended.port = again.port()
        on_all_workers(again, session)
        assert ended.ping() == 404
    finally:
        end(again)


def test_a_call_is_resumed_at_any_worker_and_after_a_roll(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        session = Session(node)
        for _ in range(6):
            answer = session.rest(session.leave(0.05))
            assert answer["result"]["structuredContent"]["result"] in node.pids().values()
        last = session.leave(0)
        before = set(node.pids().values())
        node.process.send_signal(signal.SIGHUP)
        until(lambda: len(now := node.pids()) == 2 and not set(now.values()) & before, "new workers")
        until(lambda: len(node.status()["workers"]) == 2, "the old workers' end")
        assert session.rest(last)["result"]["structuredContent"]["result"] in before


def test_a_call_that_died_with_its_worker_ends_with_an_error(folder):
    with running(folder, "--workers", "2", source=APP) as node:
        session = Session(node)
        on_all_workers(node, session)
        last = session.leave(60)
        for pid in node.pids().values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: session.ping() == 200, "new workers")
        answer = session.rest(last)
        assert answer["error"]["code"] == -32603
        assert "has died" in answer["error"]["message"]


def test_an_answer_to_a_question_arrives_wherever_it_is_sent(folder):
    with running(folder, "--workers", "3", source=APP) as node:
        session = Session(node)
        on_all_workers(node, session)
        for _ in range(6):
            connection = http.client.HTTPConnection("127.0.0.1", node.port(), timeout=WITHIN)
            call = session.message("tools/call", {"name": "who"})
            connection.request("POST", "/mcp", json.dumps(call), HEADERS | BOTH | {"Mcp-Session-Id": session.id})
            response = connection.getresponse()
            request = next(json.loads(line[6:]) for line in response if line.startswith(b"data: {"))
            reply = {"jsonrpc": "2.0", "id": request["id"], "result": {"action": "accept", "content": {"name": "Ada"}}}
            assert session.ask("POST", reply)[0] == 202
            answer = next(json.loads(line[6:]) for line in response if line.startswith(b"data: {"))
            assert answer["result"]["structuredContent"] == {"result": "Ada"}
            connection.close()
