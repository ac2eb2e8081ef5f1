"""A running node as its clients and its operator see it."""

import http.client
import json
import os
import subprocess
import sys

from tests.node.nodes import HEADERS, Node, call, environment, get, until


def cli(node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`erlmcp …`, run where the node was started."""
    return subprocess.run(
        [sys.executable, "-m", "erlmcp", *arguments],
        cwd=node.folder,
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(ERLMCP_NODE__DATA_DIR=str(node.data)),
        check=False,
    )


def post(port: int, body: object, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/mcp", json.dumps(body), HEADERS | headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


INITIALIZE = {"jsonrpc": "2.0", "method": "initialize", "params": {}, "id": 1}


def test_a_tool_is_called_and_answered_by_one_of_the_workers(standing: Node):
    assert call(standing.port(), "pid") in standing.pids().values()


def test_the_runbook_s_initialize_is_answered(standing: Node):
    status, _, answer = post(standing.port(), INITIALIZE)
    assert status == 200
    assert json.loads(answer)["result"]["serverInfo"]["name"] == "probe"


def test_other_methods_than_post_are_told_which_one_there_is(standing: Node):
    connection = http.client.HTTPConnection("127.0.0.1", standing.port(), timeout=10)
    connection.request("GET", "/mcp")
    response = connection.getresponse()
    assert (response.status, response.headers["Allow"]) == (405, "POST")
    connection.close()


def test_a_path_with_nothing_behind_it_says_what_there_is(standing: Node):
    status, answer = get(standing.port(), "/")
    assert status == 404
    assert "MCP clients POST to /mcp; /health," in json.loads(answer)["detail"]
    status, answer = get(standing.port("metrics"), "/")
    assert status == 404
    assert "The metrics are at /metrics" in json.loads(answer)["detail"]


def test_a_foreign_host_is_refused_at_the_mcp_door_and_may_ask_for_health(standing: Node):
    port = standing.port()
    assert post(port, INITIALIZE, Host="evil.example")[0] == 421
    for path in ("/health", "/livez", "/readyz", "/startupz"):
        assert get(port, path, Host="10.1.2.3:8080")[0] == 200


def test_a_foreign_origin_is_refused_and_a_local_page_may_read_the_answer(standing: Node):
    port = standing.port()
    assert post(port, INITIALIZE, Origin="https://evil.example")[0] == 403
    status, headers, _ = post(port, INITIALIZE, Origin="http://localhost:5173")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "http://localhost:5173")


def test_health_has_the_runbook_s_shape_and_counts_the_whole_node(standing: Node):
    def document() -> dict:
        return json.loads(get(standing.port(), "/health")[1])

    until(lambda: document()["metrics"]["process_count"] == 1 + 7 + 2 * 9, "all reports")
    health = document()
    assert (health["status"], health["version"]) == ("healthy", "0.7.0")
    assert [(check["name"], check["status"]) for check in health["checks"]] == [
        ("server", "healthy"),
        ("workers", "healthy"),
        ("database", "healthy"),
        ("line", "healthy"),
    ]
    assert health["node"]["pid"] == standing.process.pid
    assert health["metrics"]["memory_total"] > 3 * 10 * 1024 * 1024
    assert health["worker"]["pid"] in standing.pids().values()


def test_metrics_are_summed_over_all_workers(standing: Node):
    def counted() -> float:
        text = get(standing.port("metrics"), "/metrics")[1].decode()
        series = 'erlmcp_tool_calls_total{gen_ai_tool_name="pid",outcome="ok"} '
        found = [line for line in text.splitlines() if line.startswith(series)]
        return float(found[0].rpartition(" ")[2]) if found else 0.0

    before, port, answered = counted(), standing.port(), set()
    for _ in range(40):
        answered.add(call(port, "pid"))
    assert counted() == before + 40
    assert answered <= set(standing.pids().values())


def test_ping_says_pong(standing: Node):
    answer = cli(standing, "ping")
    assert (answer.stdout, answer.stderr, answer.returncode) == ("pong\n", "", 0)


def test_pid_is_the_arbiter_s(standing: Node):
    assert cli(standing, "pid").stdout == f"{standing.process.pid}\n"


def test_status_shows_the_tree_for_people(standing: Node):
    until(lambda: all(worker["children"] for worker in standing.status()["workers"]), "the workers' trees")
    lines = cli(standing, "status").stdout.splitlines()
    assert lines[0].startswith("erlmcp 0.7.0 (")
    assert f"pid {standing.process.pid}" in lines[0]
    assert lines[1].split() == ["http", f"http://127.0.0.1:{standing.port()}"]
    assert [line.split()[1] for line in lines if "─ worker-" in line] == ["worker-1", "worker-2"]
    names = [line.strip("│├└─ ").split("  ")[0].strip() for line in lines[3:]]
    assert names[:7] == ["line", "root", "database", "sessions", "tasks", "keys", "hub"]
    worker = ["worker-1", "root", "line link", "database", "app", "tasks", "doors", "http", "metrics", "worker-2"]
    assert names[7:17] == worker


def test_status_is_one_document_for_machines(standing: Node):
    document = json.loads(cli(standing, "status", "--format", "json").stdout)
    assert document["schema"] == "erlmcp.cli/1"
    assert document["node"]["app"] == "probe:app"
    assert [(worker["id"], worker["state"], worker["restarts"]) for worker in document["workers"]] == [
        ("worker-1", "running", 0),
        ("worker-2", "running", 0),
    ]


def test_with_json_logs_standard_error_is_json_and_nothing_else(standing: Node):
    call(standing.port(), "pid")
    messages = [line["msg"] for line in standing.lines()]
    assert messages.count("the node serves") == 1
    assert standing.stdout() == ""


def test_the_arbiter_s_process_holds_no_event_loop(standing: Node):
    with open(f"/proc/{standing.process.pid}/maps") as maps:
        mapped = maps.read()
    assert "uvloop" not in mapped
    assert "_asyncio" not in mapped


def test_no_secret_can_stand_in_the_process_list(standing: Node):
    for pid in standing.pids().values():
        with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
            words = cmdline.read().rstrip(b"\0").split(b"\0")
        assert words[1:5] == [b"-P", b"-m", b"erlmcp", b"worker"]
        assert words[5].startswith(b"worker-")
        assert words[6] == b"--boot"


def test_workers_inherit_nothing_but_what_they_need(standing: Node):
    """Two doors, the slab, the pair to the arbiter, the stacks, 0 to 2, and what the loop opens for itself."""
    arbiter = {
        os.readlink(f"/proc/{standing.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{standing.process.pid}/fd")
    }
    for pid in standing.pids().values():
        held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        shared = {link for link in held & arbiter if link.startswith("socket:")}
        assert len(shared) == 2
        assert not any("erlmcp.pid" in link for link in held)


def test_a_second_node_on_the_same_data_directory_gets_one_clear_line(standing: Node):
    second = cli(standing, "serve", "probe:app", "--port", "0", "--metrics-port", "0")
    assert second.returncode == 4
    assert second.stderr == (
        f"error: the data directory {standing.data} belongs to the running node with pid {standing.process.pid};"
        " stop it (erlmcp stop) or give another with --data-dir\n"
    )
