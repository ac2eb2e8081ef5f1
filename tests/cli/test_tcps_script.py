"""`tools/tcps`, and `erlmcp tcps` as a process of its own."""

import contextlib
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from erlmcp.cli.grammar import run
from tests.cli.line_server import line_server
from tests.node.nodes import environment
from tests.serving import ROOT

SCRIPT = ROOT / "tools" / "tcps"
BASE = "/usr/bin:/bin"


def ran(script: Path, *words: str, path: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(PATH=path, **environ),
        check=False,
    )


def stand_in(folder: Path) -> None:
    """An `erlmcp` that says what it was called with, and leaves with 4."""
    folder.mkdir(parents=True)
    (folder / "erlmcp").write_text('#!/bin/sh\nprintf "[%s]" "$@"\nexit 4\n')
    (folder / "erlmcp").chmod(0o755)


def test_the_script_runs_the_erlmcp_on_the_path_and_hands_on_words_and_exit_code(tmp_path: Path) -> None:
    stand_in(tmp_path / "bin")
    said = ran(SCRIPT, "receipt", "list", "--type", "a b", path=f"{tmp_path / 'bin'}:{BASE}", cwd=tmp_path)
    assert (said.returncode, said.stdout) == (4, "[tcps][receipt][list][--type][a b]")


@pytest.mark.parametrize("linked", [False, True])
def test_without_one_on_the_path_the_script_runs_the_one_that_was_built_beside_it(tmp_path: Path, linked: bool) -> None:
    tree = tmp_path / "a tree"
    stand_in(tree / ".venv" / "bin")
    (tree / "tools").mkdir()
    script = tree / "tools" / "tcps"
    shutil.copy(SCRIPT, script)
    if linked:
        (tmp_path / "tcps").symlink_to(script)
        script = tmp_path / "tcps"
    assert ran(script, "status", path=BASE, cwd=tmp_path).stdout == "[tcps][status]"


def test_a_process_of_its_own_shows_the_line_without_colours(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), BASE])
    with line_server(tmp_path) as server:
        said = ran(SCRIPT, "status", "--format", "table", path=path, cwd=tmp_path, ERLMCP_URL=server.url)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("TCPS production line\n")
    assert "\x1b" not in said.stdout


def test_a_url_in_the_environment_is_no_fault_of_the_configuration(tmp_path: Path) -> None:
    erlmcp = Path(sys.executable).parent / "erlmcp"
    said = ran(erlmcp, "config", "check", path=BASE, cwd=tmp_path, ERLMCP_URL="http://127.0.0.1:1/mcp")
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize(
    ("settings", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)],
)
def test_a_terminal_gets_colours_unless_it_wants_none(tmp_path: Path, settings: dict[str, str], coloured: bool) -> None:
    assert ("\x1b[" in on_a_terminal(tmp_path, 100, **settings)) is coloured


def test_a_narrow_terminal_gets_a_table_that_fits(tmp_path: Path) -> None:
    lines = on_a_terminal(tmp_path, 80, NO_COLOR="1").splitlines()
    assert max(map(len, lines)) == 80
    assert lines[-1].endswith("…")


def on_a_terminal(folder: Path, columns: int, **settings: str) -> str:
    """What `work-order list` shows on a terminal of so many columns."""
    title = "a title that is longer than what is left of the line for it, as titles are"
    with line_server(folder) as server:
        run(["tcps", "work-order", "create", "--signal-type", "cve", "--title", title, "--url", server.url])
        ours, theirs = pty.openpty()
        environ = environment(TERM="xterm", COLUMNS=str(columns), ERLMCP_URL=server.url)
        for name in ("NO_COLOR", "FORCE_COLOR"):
            environ.pop(name, None)
        command = [sys.executable, "-m", "erlmcp", "tcps", "work-order", "list"]
        process = subprocess.Popen(command, stdout=theirs, cwd=folder, env=environ | settings)
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the process has closed its end
            while piece := os.read(ours, 65536):
                shown += piece
        os.close(ours)
        assert process.wait(10) == 0
    return shown.decode()
