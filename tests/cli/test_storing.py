"""`erlmcp migrate`, `backup` and `restore` on a database without its node."""

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from erlmcp.cli.grammar import run
from erlmcp.node.line_state import DATABASE, schema
from erlmcp.store import SqliteOwner

MIGRATIONS = [(step.number, step.name) for component in schema().migrations for step in component.steps]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data"


def erlmcp(*words: str, place: Path) -> int:
    return run([*words, "--data-dir", str(place)])


def test_migrations_are_pending_until_they_are_applied(place: Path, capsys: pytest.CaptureFixture[str]):
    assert erlmcp("migrate", "status", place=place) == 1
    assert capsys.readouterr().out.splitlines()[0].split() == ["tcps", "0001_line", "pending"]
    assert erlmcp("migrate", "up", place=place) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[:3] == ["tcps", "0001_line", "applied"]
    assert erlmcp("migrate", "up", place=place) == 0
    assert capsys.readouterr().out == "nothing was pending\n"
    assert erlmcp("migrate", "status", "--format", "json", place=place) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "erlmcp.cli/1"
    assert [(m["number"], m["name"]) for m in document["migrations"]] == MIGRATIONS


def test_a_backup_is_restored_and_what_was_there_is_kept(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    erlmcp("migrate", "up", place=place)
    copy = tmp_path / "copy.db"
    assert erlmcp("backup", str(copy), place=place) == 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    (place / DATABASE).write_bytes(b"ruined")
    assert erlmcp("migrate", "status", place=place) == 3
    assert "restore a backup (erlmcp restore)" in capsys.readouterr().err
    assert erlmcp("restore", str(copy), place=place) == 0
    assert "what was there before" in capsys.readouterr().out
    assert erlmcp("migrate", "status", place=place) == 0


def test_a_file_that_is_there_is_not_overwritten_by_a_backup(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    erlmcp("migrate", "up", place=place)
    (tmp_path / "mine").write_text("precious")
    assert erlmcp("backup", str(tmp_path / "mine"), place=place) == 4
    assert capsys.readouterr().err == f"error: {tmp_path / 'mine'} is there already: name a new file\n"
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_what_is_not_there_is_named(command: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert erlmcp(command, str(tmp_path / "none.db"), place=place) == 3
    assert "is not there" in capsys.readouterr().err


async def test_nothing_is_changed_under_a_running_node_but_a_backup_is_made(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    async with SqliteOwner(place / DATABASE, schema()):
        assert erlmcp("backup", str(tmp_path / "copy.db"), place=place) == 0
        assert erlmcp("migrate", "status", place=place) == 0
        for words in (["migrate", "up"], ["restore", str(tmp_path / "copy.db")]):
            assert erlmcp(*words, place=place) == 4
            assert "owns it: one node at a time uses a data directory" in capsys.readouterr().err
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM schema_migration").fetchone() == (len(MIGRATIONS),)
