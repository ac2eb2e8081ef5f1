"""`erlmcp inspect`: what it prints for people and machines, and its exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

APP = '''
from erlmcp import App

app = App("shop", version="1.0", title="The shop")


@app.tool
def price(item: str, quantity: int = 1, sizes: list[str] | None = None) -> float:
    """What it costs.

    Args:
        item: which one
        quantity: how many
        sizes: of what size
    """
    return 1.0


@app.resource("shop://hours", mime_type="text/plain")
def hours() -> str:
    """When the shop is open."""
    return "always"


@app.prompt
def praise(item: str, words: int = 5) -> str:
    """Praise it.

    Args:
        item: what
        words: how long
    """
    return item
'''
FAULTY = APP + "\n\napp.tool(lambda: 1, name='drop.all')\n"


def inspect(folder: Path, source: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (folder / "shop.py").write_text(source)
    command = [sys.executable, "-m", "erlmcp", "inspect", "shop:app", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)


def test_a_person_reads_signatures_and_that_there_is_nothing_to_mend(tmp_path: Path) -> None:
    shown = inspect(tmp_path, APP, "--strict")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(
        """shop 1.0  The shop

Tools (1)
  price(item: string, quantity: integer = 1, sizes: [string]|null = null) → number
      What it costs.

Resources (1)
  shop://hours
      When the shop is open.

Prompts (1)
  praise(item, words?)
      Praise it.
"""
    )
    assert shown.stdout.endswith("\nNothing to mend.\n")


@pytest.mark.parametrize(("flags", "code"), [((), 0), (("--strict",), 1)])
def test_what_is_to_mend_is_told_and_with_strict_it_is_the_exit_code(
    tmp_path: Path, flags: tuple[str, ...], code: int
) -> None:
    shown = inspect(tmp_path, FAULTY, *flags)
    assert shown.returncode == code
    assert (
        "  error    tool drop.all has no description, and models choose by it: write a docstring  [description]"
        in shown.stdout
    )
    assert "[destructive]" in shown.stdout


def test_a_machine_reads_one_document(tmp_path: Path) -> None:
    document = json.loads(inspect(tmp_path, FAULTY, "--format", "json").stdout)
    assert document["name"] == "shop"
    assert [tool["name"] for tool in document["tools"]] == ["price", "drop.all"]
    assert document["capabilities"]["2026-07-28"].keys() >= {"tools", "resources", "prompts"}
    assert {"rule": "name", "level": "warning", "where": "tool drop.all"}.items() <= document["findings"][2].items()


def test_a_name_that_leads_nowhere_is_told_in_one_line(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "erlmcp", "inspect", "nosuch:app"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr.startswith("error: nosuch:app: there is no module 'nosuch'")
