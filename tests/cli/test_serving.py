"""`erlmcp serve` and `erlmcp start` as a person meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node.nodes import APP, WITHIN, Node, call, end, environment, launch, until


def erlmcp(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "erlmcp", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, env=environment(), check=False)


def test_serve_ends_its_start_with_what_to_open_and_how_to_connect(tmp_path: Path):
    node = launch(tmp_path, "--log-format", "human")
    try:
        until(node.runs, "a running node")
        until(node.stdout, "the closing lines")
        port = node.port()
        assert f"claude mcp add --transport http probe http://127.0.0.1:{port}/mcp" in node.stdout()
        assert f"http://127.0.0.1:{port}/health" in node.stdout()
    finally:
        end(node)
    assert node.process.returncode == 0


def piped(folder: Path, redirect: str, stdout: int) -> Node:
    """A node that a shell starts with such redirections."""
    (folder / "probe.py").write_text(APP)
    serve = [sys.executable, "-m", "erlmcp", "serve", "probe:app", "--port", "0", "--metrics-port", "0"]
    command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *serve, "--data-dir", "data", "--log-format", "human"]
    with (folder / "stderr").open("wb") as stderr:
        return Node(subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=stderr, env=environment()), folder)


@pytest.mark.parametrize("redirect", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_node_that_was_started_with_closed_streams_serves_and_opens_no_socket_in_their_place(tmp_path, redirect: str):
    node = piped(tmp_path, redirect, subprocess.DEVNULL)
    try:
        until(node.runs, "a running node")
        assert isinstance(call(node.port(), "pid"), int)
        shown = {fd: os.readlink(f"/proc/{node.process.pid}/fd/{fd}") for fd in range(3)}
        assert not [fd for fd, link in shown.items() if link.startswith(("socket:", "anon_inode:"))]
    finally:
        end(node)
    assert node.process.returncode == 0
    assert "Traceback" not in node.stderr()


def test_nobody_reads_the_closing_lines_and_the_node_serves_all_the_same(tmp_path: Path):
    reader, writer = os.pipe()
    os.close(reader)
    node = piped(tmp_path, "", writer)
    os.close(writer)
    try:
        until(node.runs, "a running node")
        assert isinstance(call(node.port(), "pid"), int)
    finally:
        end(node)
    assert node.process.returncode == 0
    assert "the node has stopped" in node.stderr()
    assert "BrokenPipeError" not in node.stderr()


def test_the_pure_twins_serve_with_one_warning(tmp_path: Path):
    node = launch(tmp_path, "--workers", "2", ERLMCP_PURE="1")
    try:
        until(node.runs, "a running node")
        assert isinstance(call(node.port(), "pid"), int)
        assert node.status()["node"]["backend"] == "pure"
    finally:
        end(node)
    warnings = [line["msg"] for line in node.lines() if line["level"] == "warning"]
    assert len(warnings) == 1
    assert warnings[0].startswith("the pure-Python twins serve, several times slower")


def test_flags_go_before_the_environment_and_that_before_the_file(tmp_path: Path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "dev.config").write_text("[node]\nworkers = 3\nheartbeat_timeout = 7.0\n")
    node = launch(tmp_path, "--workers", "1", ERLMCP_NODE__WORKERS="2", ERLMCP_NODE__MAX_RESTARTS="4")
    try:
        until(node.runs, "a running node")
        assert len(node.status()["workers"]) == 1
    finally:
        end(node)


def test_start_returns_when_the_node_serves_and_stop_when_it_has_gone(tmp_path: Path):
    (tmp_path / "probe.py").write_text(APP)
    started = erlmcp("start", "probe:app", "--port", "0", "--metrics-port", "0", "--timeout", "50", cwd=tmp_path)
    try:
        assert (started.stderr, started.returncode) == ("", 0)
        document = json.loads(erlmcp("status", "--format", "json", cwd=tmp_path).stdout)
        assert started.stdout == f"started, pid {document['node']['pid']}\n"
        port = int(document["node"]["addresses"]["http"].rpartition(":")[2])
        assert isinstance(call(port, "pid"), int)
    finally:
        stopped = erlmcp("stop", "--timeout", str(WITHIN), cwd=tmp_path)
    assert (stopped.stdout, stopped.returncode) == ("stopped\n", 0)
    assert erlmcp("ping", cwd=tmp_path).returncode == 1


@pytest.mark.parametrize("shape", ["human", "json"])
def test_start_says_why_a_node_does_not_start(tmp_path: Path, shape: str):
    failed = erlmcp("start", "nosuch:app", "--port", "0", "--metrics-port", "0", "--log-format", shape, cwd=tmp_path)
    assert failed.returncode == 3
    assert failed.stderr == (
        f"error: can not serve: nosuch:app: there is no module 'nosuch' (looked in {tmp_path} first)\n"
    )


@pytest.mark.parametrize(
    ("directory", "words"),
    [("file", "can not use the data directory file: it is a file"), ("odd", "can not write to odd/erlmcp.log")],
)
def test_start_tells_in_one_line_what_is_wrong_with_the_data_directory(tmp_path: Path, directory: str, words: str):
    (tmp_path / "file").write_text("")
    (tmp_path / "odd" / "erlmcp.log").mkdir(parents=True)
    failed = erlmcp("start", "--data-dir", directory, cwd=tmp_path)
    assert failed.returncode == 7
    assert failed.stderr.startswith(f"error: {words}")
    assert failed.stderr.count("\n") == 1


def test_start_refuses_a_wrong_configuration_as_serve_does(tmp_path: Path):
    failed = erlmcp("start", "--host", "0.0.0.0", cwd=tmp_path)
    assert failed.returncode == 2
    assert "--insecure" in failed.stderr
