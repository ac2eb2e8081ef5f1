"""`erlmcp tcps simulate`, `example` and `kaizen` at the command line."""

import json
import sys

import pytest

from erlmcp.cli.grammar import run
from erlmcp.cli.tcps.kaizen import PERIODS
from erlmcp.cli.tcps.simulate import HOME, SCENARIOS
from erlmcp.node.exits import Exit
from erlmcp.tcps import DAYS, simulator
from tests.cli.line_server import line_server


def test_its_words_are_those_of_the_line():
    assert SCENARIOS == simulator.SCENARIOS
    assert tuple(DAYS) == PERIODS


def test_a_simulation_shows_each_event_and_what_it_came_to(capsys):
    assert run(["tcps", "simulate", "gate-failure"]) == 0
    said = capsys.readouterr().out
    assert "gate test_execution FAILED" in said
    assert "REFUSED (line_stopped)" in said
    assert "chain ok" in said


def test_the_export_of_a_simulation_verifies_and_the_same_seed_writes_the_same(tmp_path, capsys):
    for name in ("one", "other"):
        assert run(["tcps", "simulate", "ideal", "--seed", "7", "-o", str(tmp_path / name), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out.split("}\n{")[0] + "}")
    assert told["simulation"]["work_orders"] == {"completed": 5}
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert run(["tcps", "receipt", "verify", str(tmp_path / "one")]) == 0
    assert "unbroken" in capsys.readouterr().out


def test_a_simulation_can_be_slowed_down_to_be_watched(capsys):
    assert run(["tcps", "simulate", "heijunka", "--speed", "1000000"]) == 0
    assert "technical_debt 1" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("simulate", "nothing"), ("simulate", "ideal", "--speed", "fast")])
def test_a_wrong_word_is_a_wrong_word(words, capsys):
    assert run(["tcps", *words]) == 2
    assert "nothing" in (said := capsys.readouterr().err) or "fast" in said


def test_a_database_that_is_there_is_left_alone(tmp_path, capsys):
    assert run(["tcps", "simulate", "heijunka", "--data-dir", str(tmp_path)]) == 0
    assert run(["tcps", "simulate", "heijunka", "--data-dir", str(tmp_path)]) == 4
    assert "name a new directory" in capsys.readouterr().err


def test_a_place_where_nothing_can_be_kept_is_said(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(["tcps", "simulate", "heijunka", "--data-dir", str(tmp_path / "file" / "in")]) == Exit.CANNOT_BOOT
    assert "can not be used" in capsys.readouterr().err


def test_a_terminal_shows_the_board_as_it_changes(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    assert run(["tcps", "simulate", "wip-overflow"]) == 0
    frames = capsys.readouterr().out.split(HOME)[1:]
    assert len(frames) > 40
    rows = [line.split() for frame in frames for line in frame.splitlines() if line.startswith("security ")]
    assert {row[1] for row in rows} == {"0", "1", "2", "3", "4", "5"}
    assert max(len(line) for line in frames[20].splitlines()) <= 90


def test_the_example_tells_a_day_from_the_signal_to_the_published_sku(capsys):
    assert run(["tcps", "example"]) == 0
    said = capsys.readouterr().out
    places = [
        said.index(word) for word in ("# Demand comes in", "# The line says no", "# It is severe", "# And the sku")
    ]
    assert places == sorted(places)


def test_kaizen_is_shown_proposed_and_applied_by_the_server(tmp_path, monkeypatch, capsys):
    with line_server(tmp_path) as server:
        monkeypatch.setenv("ERLMCP_URL", server.url)
        assert run(["tcps", "kaizen", "report"]) == 0
        assert "first pass yield percent" in capsys.readouterr().out
        assert run(["tcps", "kaizen", "report", "--period", "day", "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["report"]["period"] == "day"
        assert run(["tcps", "kaizen", "proposals", "--min-roi", "0.5"]) == 0
        assert "no proposals" in capsys.readouterr().out
        assert run(["tcps", "kaizen", "apply", "KZ-1"]) == 3
        assert "KZ-1" in capsys.readouterr().err
