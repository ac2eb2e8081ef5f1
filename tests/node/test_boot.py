"""What keeps a node from starting: one clear line, the right exit code, nothing left behind."""

import json
import socket
import subprocess
import sys

import pytest

from tests.node.nodes import APP, end, environment, launch, until


def refusal(folder, *arguments: str, source: str = APP, app: str = "probe:app", **environ: str) -> tuple[int, str]:
    """Exit code and the one critical line of a node that can not start."""
    node = launch(folder, *arguments, source=source, app=app, **environ)
    try:
        code = node.wait()
    finally:
        end(node)
    critical = [line for line in node.lines() if line["level"] == "critical"]
    assert len(critical) == 1, node.stderr()
    return code, critical[0]["msg"] + critical[0].get("stacks", "")


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ("nosuch:app", "can not serve: nosuch:app: there is no module 'nosuch' (looked in {} first)"),
        ("probe:ap", "can not serve: probe:ap: module probe has no 'ap'; did you mean probe:app?"),
    ],
)
def test_a_name_that_leads_to_no_app_is_told_in_one_line(folder, app: str, words: str):
    assert refusal(folder, app=app) == (3, words.format(folder))


def test_an_app_that_fails_to_import_shows_its_traceback_once_however_many_workers_there_are(folder):
    code, said = refusal(folder, "--workers", "3", source="import json\njson.loads('nonsense')\n")
    assert code == 3
    assert said.startswith("can not serve: JSONDecodeError: Expecting value: line 1 column 1 (char 0)")
    assert said.count("Traceback (most recent call last)") == 1
    assert "importlib" not in said


def test_a_module_that_the_app_itself_misses_is_named_with_the_line_that_wants_it(folder):
    code, said = refusal(folder, source="import nosuchthing\n")
    assert code == 3
    assert said.startswith("can not serve: ModuleNotFoundError: No module named 'nosuchthing'")
    assert 'probe.py", line 1' in said


LIFESPAN = """
from contextlib import asynccontextmanager
from erlmcp import App

@asynccontextmanager
async def lifespan(app):
    raise ConnectionError("the shop's database is not there")
    yield

app = App("probe", lifespan=lifespan)
"""


def test_an_app_whose_lifespan_does_not_start_is_told_in_one_line(folder):
    code, said = refusal(folder, "--workers", "2", source=LIFESPAN)
    assert code == 3
    assert "ConnectionError: the shop's database is not there" in said


def test_a_taken_port_is_named_with_its_flag(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = refusal(folder, "--port", str(port))
        assert (code, said) == (
            4,
            f"port {port} on 127.0.0.1 is taken by another program; free it or choose another with --port",
        )
        code, said = refusal(folder, "--metrics-port", str(port))
        assert code == 4
        assert said.endswith("choose another with --metrics-port")


@pytest.mark.parametrize("name", ["erlmcp.pid", "control.sock"])
def test_a_data_directory_that_can_not_be_used_is_told_with_its_flag(folder, name: str):
    (folder / "data" / name).mkdir(parents=True)
    code, said = refusal(folder)
    assert code == 7
    assert said.startswith(f"can not use the data directory {folder / 'data'}: {name} in it can not be ")
    assert said.endswith("give another with --data-dir")


def test_an_address_beyond_this_machine_needs_an_explicit_word(folder):
    code, said = refusal(folder, "--host", "0.0.0.0")
    assert code == 2
    assert said.startswith("http.host is 0.0.0.0, which other machines reach, and erlmcp has no access control yet")
    assert "--insecure" in said


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"ERLMCP_HTTP__PRT": "1"}, "env ERLMCP_HTTP__PRT: unknown key http.prt (did you mean http.port?)"),
        ({"ERLMCP_HTTP__PUBLIC_URL": "example.org"}, "env ERLMCP_HTTP__PUBLIC_URL: http.public_url: 'example.org'"),
        ({"ERLMCP_CONFIG": "missing.config"}, "missing.config"),
    ],
)
def test_a_wrong_configuration_is_told_with_its_place_and_code_7(folder, environ, words: str):
    code, said = refusal(folder, **environ)
    assert code == 7
    assert words in said


def test_one_port_for_two_doors_is_a_wrong_configuration_and_no_taken_port(folder):
    code, said = refusal(folder, "--port", "8100", "--metrics-port", "8100")
    assert code == 7
    assert said.startswith("flag --metrics-port: metrics.port is 8100, and so is http.port (flag --port)")


def test_a_wrong_key_in_the_file_is_told_with_its_line(folder):
    (folder / "config").mkdir()
    (folder / "config" / "dev.config").write_text("[http]\nprt = 1\n")
    code, said = refusal(folder)
    assert (code, said) == (7, "config/dev.config:2: unknown key http.prt (did you mean http.port?)")


def test_what_kept_a_node_from_starting_leaves_the_data_directory_free(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refusal(folder, "--port", str(taken.getsockname()[1]))
    node = launch(folder)
    try:
        until(node.runs)
    finally:
        end(node)


def test_a_machine_that_can_not_start_a_process_is_named_as_the_reason(folder):
    script = """
import sys
from erlmcp.node.arbiter import Arbiter, Launch
from erlmcp.node.resolver import Question, resolve
asked = Question({"http.port": 0, "metrics.port": 0, "log.format": "json"}, {})
sys.exit(Arbiter(resolve(asked), Launch(asked, worker=("/nonexistent/worker",))).run())
"""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=30, env=environment(), check=False
    )
    assert ended.returncode == 3
    critical = [line for line in map(json.loads, ended.stderr.splitlines()) if line["level"] == "critical"]
    assert [line["msg"] for line in critical] == [
        "can not serve: worker-1 could not be started: [Errno 2] No such file or directory: '/nonexistent/worker'"
    ]
