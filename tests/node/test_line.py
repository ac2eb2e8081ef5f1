"""The line process of a real node: killed, stopped, rolled, with a database in trouble, under an app of one's own."""

import asyncio
import http.client
import json
import os
import signal
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from erlmcp import otp, tcps
from erlmcp.node.control import ask
from erlmcp.node.life import live
from erlmcp.node.line_state import DATABASE, FACTS, LINE_SOCKET
from tests.node.nodes import HEADERS, WITHIN, Node, end, get, launch, running, until

TCPS = "erlmcp.apps.tcps:build"
QUICK = {"ERLMCP_NODE__HEARTBEAT_TIMEOUT": "1", "ERLMCP_NODE__HEARTBEAT_INTERVAL": "0.1"}
MANY = {"ERLMCP_NODE__MAX_RESTARTS": "100"}


@contextmanager
def line(folder: Path, *arguments: str, **environ: str):
    """A node that serves the production line."""
    node = launch(folder, *arguments, source=None, app=TCPS, **environ)
    try:
        until(node.runs, "a running node")
        yield node
    finally:
        end(node)


def use(port: int, tool: str, **arguments: Any) -> tuple[bool, dict[str, Any]]:
    """One tool call on a connection of its own: whether it was refused, and the object that came back."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN)
    try:
        connection.request("POST", "/mcp", json.dumps(body), HEADERS | {"MCP-Protocol-Version": "2025-11-25"})
        answer = connection.getresponse().read()
    finally:
        connection.close()
    result = json.loads(answer if answer.startswith(b"{") else answer.rpartition(b"data: ")[2])["result"]
    return result.get("isError", False), result.get("structuredContent") or {"said": result["content"][0]["text"]}


def create(port: int, title: str, **more: Any) -> tuple[bool, dict[str, Any]]:
    return use(port, "work_order_create", signal_type="internal", title=title, **more)


def pid(node: Node) -> int:
    """The line process, once it serves."""

    def found() -> int:
        process = node.status()["line"]
        return process["pid"] if process and process["state"] == "running" else 0

    return until(found, "a line process")


def successor(node: Node, old: int) -> int:
    return until(lambda: (new := pid(node)) != old and new, "a new line process")


def check(node: Node, name: str) -> tuple[str, str]:
    document = json.loads(get(node.port(), "/health")[1])
    return next((each["status"], each["message"]) for each in document["checks"] if each["name"] == name)


def names(child: dict[str, Any]) -> list[str]:
    return [grandchild["name"] for grandchild in child["children"]]


class Clients:
    """They create orders without pause, each call on a new connection. `steadfast` ones repeat what had no answer."""

    def __init__(self, port: int, *, steadfast: bool, count: int = 4) -> None:
        self._port, self._steadfast = port, steadfast
        self._over = threading.Event()
        self.made: dict[str, str] = {}
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._client, args=(number,), daemon=True) for number in range(count)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        self.more(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(WITHIN)

    def more(self, count: int = 30) -> None:
        before = len(self.made)
        until(lambda: len(self.made) >= before + count, "more orders")

    def _client(self, client: int) -> None:
        for number in range(100_000):
            if self._over.is_set():
                return
            self._create(f"client {client} order {number}")

    def _create(self, title: str) -> None:
        for _ in range(20 if self._steadfast else 1):
            try:
                refused, answer = create(self._port, title, idempotency_key=title)
            except (OSError, http.client.HTTPException) as fault:
                self.failed.append(repr(fault))
                continue
            if not refused:
                self.made[title] = answer["work_order"]["id"]
                return
            self.failed.append(str(answer))


def ledger(node: Node) -> dict[str, int]:
    """Title of each order in the database → how often it is there."""
    with closing(sqlite3.connect(f"file:{node.data / DATABASE}?mode=ro", uri=True)) as database:
        return dict(database.execute("SELECT title, count(*) FROM work_order GROUP BY title").fetchall())


def test_serve_without_an_app_serves_the_production_line_from_a_process_that_owns_the_database(folder):
    with line(folder, "--workers", "2") as node:
        until(lambda: node.status()["line"]["children"], "the tree of the line")
        root = node.status()["line"]["children"][0]
        assert (root["strategy"], names(root)) == (
            "rest_for_one",
            ["database", "sessions", "tasks", "coordinator", "maintenance", "duties", "keys", "hub"],
        )
        worker = until(lambda: node.status()["workers"][0]["children"], "the tree of a worker")[0]
        assert names(worker) == ["line link", "database", "app", "tasks", "doors"]
        assert (node.data / LINE_SOCKET).stat().st_mode & 0o777 == 0o600
        order = create(node.port(), "first")[1]["work_order"]
        seen = [use(node.port(), "work_order_get", id=order["id"])[1] for _ in range(8)]
        assert {each["work_order"]["title"] for each in seen} == {"first"}
        assert check(node, "line") == ("healthy", f"process {pid(node)}")
        assert check(node, "database")[0] == "healthy"


def test_calls_made_while_the_line_is_away_wait_for_it(folder):
    with line(folder) as node:
        old, port = pid(node), node.port()
        os.kill(old, signal.SIGSTOP)
        early = threading.Thread(target=lambda: outcomes.append(create(port, "early", idempotency_key="early")))
        outcomes: list[tuple[bool, dict[str, Any]]] = []
        early.start()
        os.kill(old, signal.SIGKILL)
        until(lambda: check(node, "line")[1] != f"process {old}", "the worker to notice")
        assert create(port, "late")[0] is False
        early.join(WITHIN)
        assert [refused or answer["work_order"]["title"] for refused, answer in outcomes] in ([True], ["early"])
        assert create(port, "early", idempotency_key="early")[0] is False
        assert sorted(ledger(node).items()) == [("early", 1), ("late", 1)]


def test_orders_survive_a_line_that_is_killed_again_and_again_none_is_lost_and_none_is_there_twice(folder):
    with line(folder, "--workers", "2", **MANY) as node:
        with Clients(node.port(), steadfast=True) as clients:
            for _ in range(4):
                old = pid(node)
                os.kill(old, signal.SIGKILL)
                successor(node, old)
                clients.more()
        assert dict.fromkeys(clients.made, 1) == ledger(node)
        assert node.status()["line"]["restarts"] == 4
        assert use(node.port(), "receipt_verify")[1]["chain"] == "ok"


def test_a_line_that_is_away_for_a_moment_is_degraded_and_the_node_stays_ready(folder):
    with line(folder) as node:
        port, old = node.port(), pid(node)
        os.kill(node.process.pid, signal.SIGSTOP)  # so that nobody replaces it for as long as we look
        try:
            os.kill(old, signal.SIGKILL)

            def told() -> dict[str, str]:
                checks = json.loads(get(port, "/health")[1])["checks"]
                return {each["name"]: each["status"] for each in checks}

            until(lambda: told()["line"] == "degraded", "the worker to notice")
            assert told()["database"] == "degraded"
            assert [get(port, path)[0] for path in ("/livez", "/readyz", "/health")] == [200, 200, 200]
        finally:
            os.kill(node.process.pid, signal.SIGCONT)
        until(lambda: told()["line"] == "healthy", "a healthy line")


def test_deaths_of_the_line_count_in_the_budget_of_the_node(folder):
    with line(folder, ERLMCP_NODE__MAX_RESTARTS="1") as node:
        old = pid(node)
        os.kill(old, signal.SIGKILL)
        os.kill(successor(node, old), signal.SIGKILL)
        assert node.wait() == 70
        critical = [line["msg"] for line in node.lines() if line["level"] == "critical"]
        assert critical == ["processes died more than 1 times in 60 s, giving up; the last: line was killed by SIGKILL"]


def test_a_line_that_stands_still_is_noticed_and_replaced(folder):
    with line(folder, **QUICK) as node:
        old = pid(node)
        os.kill(old, signal.SIGSTOP)
        successor(node, old)
        assert "line has not shown a sign of life for 1 s; it is ended" in [each["msg"] for each in node.lines()]
        assert create(node.port(), "after")[0] is False


def test_the_line_leaves_after_the_workers(folder):
    with line(folder, "--workers", "2") as node:
        node.process.send_signal(signal.SIGTERM)
        assert node.wait() == 0
        left = [each["msg"] for each in node.lines() if each["msg"].endswith(" left")]
        assert sorted(left[:2]) == ["worker-1 left", "worker-2 left"]
        assert left[2:] == ["line left"]
        assert not (node.data / LINE_SOCKET).exists()


def test_nothing_is_left_when_the_arbiter_is_killed(folder):
    with line(folder, "--workers", "2") as node:
        processes = [pid(node), *node.pids().values()]
        node.process.kill()
        node.process.wait(WITHIN)
        until(lambda: not any(Path(f"/proc/{process}").exists() for process in processes), "the end of all processes")
        assert not (node.data / LINE_SOCKET).exists()


def test_a_roll_replaces_the_line_first_and_fails_no_call(folder):
    with line(folder, "--workers", "2") as node:
        old, workers = pid(node), node.pids()
        with Clients(node.port(), steadfast=False) as clients:
            assert json.loads(ask(node.data, "reload", WITHIN)) == {"ok": True}
            clients.more()
        assert clients.failed == []
        assert pid(node) != old
        assert not set(node.pids().values()) & set(workers.values())
        assert node.status()["node"]["restarts"] == 0
        serving = [each["msg"] for each in node.lines() if each["msg"].endswith(" serves")]
        assert serving[4:] == ["line serves", "worker-1 serves", "worker-2 serves"]
        assert dict.fromkeys(clients.made, 1) == ledger(node)


def test_facts_are_pushed_to_whoever_subscribes_in_the_order_of_the_chain(folder):
    async def listen(node: Node) -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []
        begun = asyncio.Event()
        link = otp.Link(node.data / LINE_SOCKET, name="test")
        link.subscribe(FACTS, lambda fact: heard.append(json.loads(fact)), begun.set)
        task = asyncio.create_task(link.run(lambda: None))
        async with asyncio.timeout(WITHIN):
            await begun.wait()
            for number in range(5):
                await asyncio.to_thread(create, node.port(), f"order {number}")
            while len(heard) < 5:  # noqa: ASYNC110 - bounded above
                await asyncio.sleep(0.01)
        task.cancel()
        return heard

    with line(folder) as node:
        receipts = asyncio.run(listen(node))
    assert [receipt["seq"] for receipt in receipts] == [1, 2, 3, 4, 5]


# The database


def refusal(folder: Path, **environ: str) -> tuple[int, str]:
    """Exit code and the one critical line of a node that can not start."""
    node = launch(folder, source=None, app=TCPS, **environ)
    try:
        code = node.wait()
    finally:
        end(node)
    critical = [each for each in node.lines() if each["level"] in {"error", "critical"}]
    assert len(critical) == 1, node.stderr()
    return code, critical[0]["msg"]


def test_a_file_that_is_no_database_keeps_a_node_from_starting(folder):
    (folder / "data").mkdir()
    (folder / "data" / DATABASE).write_bytes(b"nonsense" * 1000)
    code, said = refusal(folder)
    assert code == 3
    assert said.startswith(f"can not serve: {folder / 'data' / DATABASE}: file is not a database")
    assert said.endswith("restore a backup (erlmcp restore)")


def test_a_database_of_a_newer_release_keeps_a_node_from_starting(folder):
    with line(folder):
        pass
    with closing(sqlite3.connect(folder / "data" / DATABASE)) as database, database:
        database.execute("INSERT INTO schema_migration VALUES ('tcps', 99, 'later', 'x', '2030-01-01T00:00:00Z')")
    code, said = refusal(folder)
    assert code == 3
    assert "was migrated by a newer release (tcps 0099_later)" in said


def test_pending_migrations_keep_a_node_from_starting_that_may_not_apply_them(folder):
    code, said = refusal(folder, ERLMCP_STORE__MIGRATE="false")
    assert code == 3
    assert "erlmcp migrate up" in said


def damaged(node: Node) -> bytes:
    """Ruin the header of an idle database; returns what was there."""
    until(lambda: (node.data / f"{DATABASE}-wal").stat().st_size == 0, "an empty WAL")
    with (node.data / DATABASE).open("r+b") as file:
        header = file.read(16)
        file.seek(0)
        file.write(b"\0" * 16)
    return header


def test_a_database_that_is_gone_later_is_a_state_that_health_tells_and_it_is_used_again_when_it_is_back(folder):
    with line(folder, ERLMCP_STORE__IDLE="0.1", **QUICK) as node:
        port = node.port()
        create(port, "before")
        header, old = damaged(node), pid(node)
        os.kill(old, signal.SIGKILL)
        until(lambda: check(node, "database")[0] == "unhealthy", "an unhealthy database")
        assert "file is not a database" in check(node, "database")[1]
        assert check(node, "line")[0] == "healthy"
        assert [get(port, path)[0] for path in ("/livez", "/readyz", "/health")] == [200, 503, 503]
        refused, answer = create(port, "meanwhile")
        assert refused
        assert "unavailable" in str(answer)
        with (node.data / DATABASE).open("r+b") as file:
            file.write(header)
        until(lambda: check(node, "database")[0] == "healthy", "a healthy database")
        assert create(port, "after")[0] is False
        assert sorted(ledger(node)) == ["after", "before"]
        assert node.status()["line"]["restarts"] == 1


def test_a_database_that_is_deleted_under_a_node_is_told_and_not_begun_anew_as_if_nothing_had_happened(folder):
    with line(folder, **QUICK) as node:
        port, database = node.port(), node.data / DATABASE
        create(port, "before")
        database.rename(node.data / "elsewhere")
        refused, answer = create(port, "into a file that nobody would ever open again")
        assert refused
        assert "unavailable" in str(answer)
        until(lambda: check(node, "database")[0] == "unhealthy", "an unhealthy database")
        os.kill(pid(node), signal.SIGKILL)
        until(lambda: "is gone: put it back" in check(node, "database")[1], "a line that does not make an empty one")
        assert not database.exists()
        (node.data / "elsewhere").rename(database)
        until(lambda: check(node, "database")[0] == "healthy", "a healthy database")
        assert create(port, "after")[0] is False
        assert sorted(ledger(node)) == ["after", "before"]


def test_a_roll_onto_a_database_that_can_not_be_opened_is_broken_off(folder):
    with line(folder, ERLMCP_STORE__IDLE="0.1", **QUICK) as node:
        create(node.port(), "before")
        header, workers = damaged(node), node.pids()
        answer = json.loads(ask(node.data, "reload", WITHIN))
        assert answer["ok"] is False
        assert answer["error"].startswith("the roll was broken off, the old workers go on: the new line exited with")
        assert "file is not a database" in answer["error"]
        assert node.pids() == workers
        with (node.data / DATABASE).open("r+b") as file:
            file.write(header)
        until(lambda: check(node, "database")[0] == "healthy", "a healthy database")
        assert create(node.port(), "after")[0] is False


# An app of one's own


def test_a_node_with_another_app_has_a_line_process_too_without_the_production_line(folder):
    with running(folder, "--workers", "2", **MANY) as node:
        until(lambda: node.status()["line"]["children"], "the tree of the line")
        assert names(node.status()["line"]["children"][0]) == ["database", "sessions", "tasks", "keys", "hub"]
        assert [check(node, name)[0] for name in ("line", "database")] == ["healthy", "healthy"]
        with closing(sqlite3.connect(f"file:{node.data / DATABASE}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        assert tables == {"schema_migration", "mcp_task", "mcp_session"}
        old = pid(node)
        os.kill(old, signal.SIGKILL)
        successor(node, old)
        until(lambda: check(node, "line")[0] == "healthy", "a healthy line")


def test_a_database_in_trouble_is_no_more_than_degraded_for_an_app_that_does_not_use_it(folder):
    with running(folder, ERLMCP_STORE__IDLE="0.1", **QUICK) as node:
        header, old = damaged(node), pid(node)
        os.kill(old, signal.SIGKILL)
        until(lambda: check(node, "database")[1].endswith("(erlmcp restore)"), "a database in trouble")
        assert check(node, "database")[0] == "degraded"
        assert get(node.port(), "/readyz")[0] == 200
        assert header


def test_the_schema_of_the_line_is_one_component():
    assert [migrations.component for migrations in tcps.schema().migrations] == ["tcps"]


@pytest.mark.parametrize("command", ["worker", "line"])
def test_a_process_of_the_node_can_not_be_started_by_hand(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        live(command, [], lambda _: None)  # type: ignore[arg-type, return-value]
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: erlmcp {command} is started by erlmcp serve")
