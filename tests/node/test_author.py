"""What an author's app has of the whole node: changes that every worker knows, limits over all of them, lifespans."""

import http.client
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.node.nodes import HEADERS, WITHIN, Node, call, running, until

SOURCE = """
import os
from contextlib import asynccontextmanager
from pathlib import Path
from erlmcp import App, Context

@asynccontextmanager
async def lifespan(app):
    Path(f"open-{os.getpid()}").touch()
    yield os.getpid()
    Path(f"open-{os.getpid()}").rename(f"closed-{os.getpid()}")

app = App("probe", version="1", lifespan=lifespan)
NAMES = Path("names")

@app.tool(inline=True)
def pid(ctx: Context[int]) -> int:
    return ctx.lifespan

@app.tool(inline=True)
def change(names: str) -> str:
    NAMES.write_text(names)
    app.tools_changed()
    return names

@app.tool(inline=True)
def add() -> str:
    try:
        app.tool(lambda: 1, name="new")
    except RuntimeError as fault:
        return str(fault)
    return "added"

@app.tool(inline=True, rate_limit="20/h")
def rare() -> int:
    return os.getpid()

@app.provider
def given(given):
    for name in NAMES.read_text().split() if NAMES.exists() else ():
        given.tool(lambda name=name: name, name=name, inline=True, input_schema={"type": "object"})
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running(tmp_path_factory.mktemp("author"), "--workers", "3", source=SOURCE) as node:
        yield node


class Connection:
    """One connection, which stays with its worker."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN)

    def ask(self, method: str, **params: Any) -> tuple[int, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._http.request("POST", "/mcp", body, HEADERS | {"MCP-Protocol-Version": "2025-11-25"})
        response = self._http.getresponse()
        return response.status, json.loads(response.read())

    def pid(self) -> int:
        return int(self.ask("tools/call", name="pid")[1]["result"]["structuredContent"]["result"])

    def names(self) -> list[str]:
        return [tool["name"] for tool in self.ask("tools/list")[1]["result"]["tools"]]

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def connections(node: Node) -> Iterator[list[Connection]]:
    """One to each worker."""
    opened: list[Connection] = []
    found: dict[int, Connection] = {}

    def all_there() -> bool:
        opened.append(Connection(node.port()))
        found.setdefault(opened[-1].pid(), opened[-1])
        return len(found) == 3

    until(all_there, "a connection to each worker")
    yield list(found.values())
    for each in opened:
        each.close()


def knows(connection: Connection, names: list[str]) -> bool:
    return connection.names()[4:] == names


def test_a_change_told_in_one_worker_is_known_by_all(node: Node, connections: list[Connection]) -> None:
    for names in (["users", "orders"], ["orders"], []):
        call(node.port(), "change", names=" ".join(names))
        for each in connections:
            until(partial(knows, each, names), "the change")
        assert [each.ask("tools/call", name=names[0])[0] for each in connections if names] in ([200] * 3, [])


def test_a_tool_cannot_be_added_in_one_worker_alone(connections: list[Connection]) -> None:
    for each in connections:
        told = each.ask("tools/call", name="add")[1]["result"]["structuredContent"]["result"]
        assert told.startswith("new cannot be added or removed: 3 processes serve probe")


def test_a_rate_is_that_of_the_node_whichever_worker_is_asked(connections: list[Connection]) -> None:
    statuses = [connections[number % 3].ask("tools/call", name="rare")[0] for number in range(30)]
    assert statuses == [200] * 20 + [429] * 10


def test_each_worker_opens_its_lifespan_and_closes_it_when_it_leaves(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "2", source=SOURCE) as node:
        assert len(list(tmp_path.glob("open-*"))) == 2
        pids = sorted(node.pids().values())
    assert sorted(int(path.name.removeprefix("closed-")) for path in tmp_path.glob("closed-*")) == pids
