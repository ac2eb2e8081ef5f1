"""How `erlmcp status` looks, and the last lines of `erlmcp serve`."""

import msgspec

from erlmcp.cli.picture import draw
from erlmcp.cli.serving import banner
from erlmcp.node.options import Options
from tests.node.test_parts import resolved

DOORS = {"name": "doors", "kind": "supervisor", "state": "running", "children": [{"name": "http", "state": "running"}]}
NODE = {
    "pid": 10,
    "version": "0.7.0",
    "backend": "compiled",
    "state": "running",
    "app": "my.server:app",
    "uptime_seconds": 3700.0,
    "restarts": 1,
    "addresses": {"http": "http://127.0.0.1:8080", "metrics": "http://127.0.0.1:9090"},
}


def worker(number: int, **changes: object) -> dict:
    facts = {"id": f"worker-{number}", "pid": 10 + number, "state": "running", "uptime_seconds": 61.0, "restarts": 0}
    return {**facts, "memory": 20 * 1024 * 1024, "connections": 1, "children": [], **changes}


def test_a_node_is_drawn_as_a_tree():
    workers = [worker(1, children=[DOORS]), worker(2, restarts=1, connections=0)]
    document = {"node": NODE, "line": None, "workers": workers}
    assert draw(document) == (
        "erlmcp 0.7.0 (compiled)  running  pid 10  up 1 h 1 min  1 restart  my.server:app\n"
        "   http     http://127.0.0.1:8080\n"
        "   metrics  http://127.0.0.1:9090\n"
        "├─ worker-1   running  pid 11  up 1 min 1 s  0 restarts  1 connection  20 MiB\n"
        "│  └─ doors  running  0 restarts\n"
        "│     └─ http  running  0 restarts\n"
        "└─ worker-2   running  pid 12  up 1 min 1 s  1 restart  0 connections  20 MiB"
    )


def test_the_line_process_comes_first():
    line = worker(0, id="line", pid=10, children=[{"name": "database", "state": "running"}])
    assert draw({"node": {**NODE, "addresses": {}}, "line": line, "workers": [worker(1)]}).splitlines()[1:] == [
        "├─ line       running  pid 10  up 1 min 1 s  0 restarts  1 connection  20 MiB",
        "│  └─ database  running  0 restarts",
        "└─ worker-1   running  pid 11  up 1 min 1 s  0 restarts  1 connection  20 MiB",
    ]


def test_a_node_without_workers_is_drawn_too():
    assert draw({"node": {**NODE, "addresses": {}}, "line": None, "workers": []}).count("\n") == 0


def test_the_last_lines_of_serve_tell_what_to_open_and_how_to_connect():
    text = banner(resolved(app="my.server:app", workers=4), NODE["addresses"])
    assert "serves my.server:app with 4 workers" in text
    assert "http://127.0.0.1:8080/health" in text
    assert "http://127.0.0.1:9090/metrics" in text
    assert "claude mcp add --transport http server http://127.0.0.1:8080/mcp" in text
    assert "npx @modelcontextprotocol/inspector --cli http://127.0.0.1:8080/mcp" in text


def test_the_last_lines_of_serve_name_no_metrics_where_there_is_no_such_door():
    text = banner(resolved(), {"http": "http://127.0.0.1:8080"})
    assert "Health         http://127.0.0.1:8080/health\n\nConnect a client:" in text


def test_the_last_lines_of_serve_name_a_data_directory_that_the_other_commands_would_not_guess():
    assert "with `erlmcp status`, stop it with Ctrl-C or `erlmcp stop`." in banner(resolved(), NODE["addresses"])
    text = banner(resolved(data_dir="/srv/my node"), NODE["addresses"])
    assert "`erlmcp status --data-dir '/srv/my node'`" in text
    assert "`erlmcp stop --data-dir '/srv/my node'`" in text


def test_clients_are_told_the_public_url_where_there_is_one():
    told = msgspec.structs.replace(resolved(), public_url="https://mcp.example.org/", node=Options())
    assert "claude mcp add --transport http tcps https://mcp.example.org/mcp" in banner(told, NODE["addresses"])
