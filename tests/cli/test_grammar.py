"""The command line without a node: help, version, mistakes, exit codes, the configuration commands."""

import json
import platform
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from erlmcp._speedups import BACKEND
from erlmcp.cli import serving
from erlmcp.cli.grammar import COMMANDS, EPILOG, run
from erlmcp.node.exits import Exit
from tests.node.nodes import environment

HELPS = [[], *([name] for name in COMMANDS), ["config", "check"], ["config", "show"]]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file and no variable of the developer's configures a test."""
    monkeypatch.chdir(tmp_path)
    for name in ("ERLMCP_ENV", "ERLMCP_CONFIG", "ERLMCP_NODE__DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


def erlmcp(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "erlmcp", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(**environ),
        check=False,
    )


def test_version_names_the_backend_and_the_interpreter(capsys):
    assert run(["--version"]) == 0
    expected = f"erlmcp 0.7.0 ({BACKEND}, {platform.python_implementation()} {platform.python_version()})\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("words", HELPS, ids=lambda words: " ".join(words) or "erlmcp")
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_helps_with_two_or_three_examples(words: list[str], flag: str, capsys):
    assert run([*words, flag]) == 0
    examples = capsys.readouterr().out.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert 2 <= len(examples) <= 3
    assert all("erlmcp" in line for line in examples)


def test_the_help_cuts_no_command_s_line_short(capsys):
    assert run(["-h"]) == 0
    lines = capsys.readouterr().out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert not [line for line in lines if line.endswith("...")]


def test_the_help_lists_every_exit_code():
    listed = {int(number) for number in re.findall(r"^ +(\d+)  ", EPILOG, re.MULTILINE)}
    assert listed == {int(code) for code in Exit}


def test_a_mistyped_command_is_answered_with_the_nearest_one(capsys):
    assert run(["stats"]) == 2
    assert "there is no command 'stats'; did you mean status?" in capsys.readouterr().err


def test_a_command_like_no_other_is_answered_with_where_to_look(capsys):
    assert run(["zzz"]) == 2
    assert "there is no command 'zzz'; erlmcp -h lists them" in capsys.readouterr().err


def test_a_mistyped_flag_is_answered_with_the_nearest_one(capsys):
    assert run(["serve", "--prot", "1"]) == 2
    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--port", "65536"],
        ["serve", "--workers", "0"],
        ["status", "x"],
        ["stop", "--timeout", "nan"],
        ["stop", "--timeout", "inf"],
        ["reload", "--timeout", "1e300"],
        ["start", "--timeout", "0"],
        ["serve", "\udcff:app"],
        ["serve", "--allowed-host", "\udcff"],
        ["serve", "--config", "\udcff"],
    ],
)
def test_a_wrong_value_is_a_usage_error(arguments: list[str]):
    assert run(arguments) == 2


def test_without_a_node_ping_says_pang(tmp_path: Path):
    answer = erlmcp("ping", cwd=tmp_path)
    assert (answer.stdout, answer.stderr, answer.returncode) == ("pang\n", "", 1)


@pytest.mark.parametrize("command", ["status", "stop", "reload", "pid"])
def test_without_a_node_the_other_commands_say_where_they_looked(command: str, capsys):
    assert run([command]) == 6
    line = "error: no node runs in .erlmcp: No such file or directory; is --data-dir right?\n"
    assert capsys.readouterr().err == line


def test_the_data_directory_is_found_by_flag_environment_and_file(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "dev.config").write_text("[node]\ndata_dir = 'by-file'\n")
    run(["pid"])
    monkeypatch.setenv("ERLMCP_NODE__DATA_DIR", "by-environment")
    run(["pid"])
    run(["pid", "--data-dir", "by-flag"])
    assert re.findall(r"in (\S+):", capsys.readouterr().err) == ["by-file", "by-environment", "by-flag"]


def test_config_check_is_silent_when_all_is_well(capsys):
    assert run(["config", "check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_config_check_tells_every_mistake_with_its_place(tmp_path: Path, capsys):
    (tmp_path / "bad.config").write_text("[http]\nport = 'x'\nprt = 1\n")
    assert run(["config", "check", "--config", "bad.config"]) == 7
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "bad.config:2: http.port" in lines[0] + lines[1]
    assert "bad.config:3: unknown key http.prt (did you mean http.port?)" in lines[0] + lines[1]


def test_config_show_tells_where_each_value_comes_from(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "my.config").write_text("[node]\nworkers = 3\n")
    monkeypatch.setenv("ERLMCP_HTTP__PORT", "8081")
    assert run(["config", "show", "--origin", "--format", "json", "--config", "my.config"]) == 0
    document = json.loads(capsys.readouterr().out)
    rows = {row["key"]: (row["value"], row["origin"]) for row in document["values"]}
    assert document["schema"] == "erlmcp.cli/1"
    assert rows["node.workers"] == (3, "my.config:2")
    assert rows["http.port"] == (8081, "env ERLMCP_HTTP__PORT")
    assert rows["metrics.port"] == (9090, "default")


def test_flags_go_by_their_keys_and_only_when_given():
    given = {"app": "a:b", "port": 1, "workers": None, "allowed_host": (), "insecure": None, "config": "f"}
    asked = serving.question(given)
    assert (asked.flags, asked.config) == ({"node.app": "a:b", "http.port": 1}, "f")
    assert asked.spelled["http.allowed_hosts"] == "--allowed-host"


def test_every_flag_of_serve_has_a_key():
    own = {"config", "watch"}
    assert {parameter.name for parameter in serving.serve.params} - own == set(serving.KEYS)


@pytest.mark.parametrize("boot", [[], ["--boot"], ["--boot", "x"], ["--boot", "99"], ["--boot", "0"]], ids=" ".join)
def test_a_worker_started_by_hand_says_whose_it_is(boot: list[str], tmp_path: Path):
    answer = erlmcp("worker", *boot, cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (
        2,
        "error: erlmcp worker is started by erlmcp serve, which hands it its sockets\n",
    )


def loaded_by(words: list[str], place: Path) -> set[str]:
    """The words that a command prints, and the modules that it leaves loaded."""
    script = f"import sys\nfrom erlmcp.cli.grammar import run\nrun({words!r})\nprint(*sys.modules)"
    command = [sys.executable, "-c", script]
    return set(
        subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=30, check=True).stdout.split()
    )


def test_a_command_of_the_line_loads_no_other_one(tmp_path: Path):
    loaded = loaded_by(["tcps", "sku", "-h"], tmp_path)
    assert "erlmcp.cli.tcps.sku" in loaded
    assert not loaded & {f"erlmcp.cli.tcps.{name}" for name in ("gate", "receipt", "simulate", "status")}
    assert not loaded & {"urllib.request", "erlmcp.client", "erlmcp.tcps", "erlmcp.store"}


def test_ping_loads_neither_the_options_nor_an_event_loop(tmp_path: Path):
    loaded = loaded_by(["ping", "--data-dir", "x"], tmp_path)
    assert "pang" in loaded
    assert not loaded & {"asyncio", "msgspec", "erlmcp.http", "erlmcp.mcp", "erlmcp.telemetry", "erlmcp.config"}


@pytest.mark.slow
def test_ping_answers_an_exec_probe_in_well_under_a_tenth_of_a_second_of_processor_time(tmp_path: Path):
    """Processor time, not the wall clock: the machine may be busy. The best of five: what it costs."""
    best = 1.0
    for _ in range(5):
        before = children()
        erlmcp("ping", "--data-dir", "x", cwd=tmp_path)
        best = min(best, children() - before)
    assert best < 0.1


def children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
