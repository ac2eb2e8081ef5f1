"""Which twins are in use: the compiled ones unless told otherwise, and where they are demanded, nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from erlmcp._speedups import BACKEND
from tests.node.nodes import environment

REQUIRED = "ERLMCP_REQUIRE_SPEEDUPS"
BROKEN = "import sys; sys.modules['erlmcp._speedups._http'] = None; "


def python(code: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    settings = {**environment(), "ERLMCP_PURE": "", **environ}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=30, env=settings, check=False)


def erlmcp(*arguments: str, cwd: Path, before: str = "", **environ: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the command line."""
    code = f"{before}import sys; sys.argv = {['erlmcp', *arguments]}; from erlmcp.cli import main; main()"
    ended = python(code, cwd, **environ)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.skipif(os.environ.get(REQUIRED) != "1", reason=f"{REQUIRED}=1 is for CI")
def test_where_the_extensions_are_required_these_tests_run_on_them():
    assert BACKEND == "compiled"


def test_extensions_that_do_not_load_are_replaced_by_the_pure_twins(tmp_path: Path):
    told = python(f"{BROKEN}import erlmcp._speedups; print(erlmcp._speedups.BACKEND)", tmp_path)
    assert (told.stdout, told.stderr) == ("pure\n", "")


@pytest.mark.parametrize("words", [["--version"], ["config", "check"]])
def test_required_extensions_that_do_not_load_are_told_in_one_line(words: list[str], tmp_path: Path):
    why = f"{REQUIRED}=1, but the compiled extensions do not load: "
    code, _, errors = erlmcp(*words, cwd=tmp_path, before=BROKEN, **{REQUIRED: "1"})
    assert code == 7
    assert errors.startswith(f"error: {why}")
    assert errors.endswith("build them with `python setup.py build_ext --inplace`, or unset it\n")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("words", [["--version"], ["config", "check"], ["serve", "--port", "0"], ["start"]])
def test_to_demand_and_to_forbid_the_extensions_is_a_mistake_told_in_one_line(words: list[str], tmp_path: Path):
    told = erlmcp(*words, cwd=tmp_path, ERLMCP_PURE="1", **{REQUIRED: "1"})
    assert told == (7, "", f"error: {REQUIRED}=1 and ERLMCP_PURE=1 can not both be: unset one of them\n")
