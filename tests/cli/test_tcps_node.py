"""`erlmcp tcps` and a real node: several workers, a line process that is killed, a node that has gone."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from erlmcp.cli.grammar import run
from tests.node.nodes import Node, end, launch, until

PULL = ["tcps", "work-order", "pull-next", "--idempotency-key", "one"]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """Two workers that serve the line; the commands of the test find it by ERLMCP_URL."""
    started = launch(tmp_path, "--workers", "2", source=None, app="erlmcp.apps.tcps:build")
    try:
        until(started.runs, "a running node")
        monkeypatch.setenv("ERLMCP_URL", f"http://127.0.0.1:{started.port()}/mcp")
        yield started
    finally:
        end(started)


def create() -> int:
    return run(["tcps", "work-order", "create", "--signal-type", "cve", "--title", "Patch it"])


def test_status_of_a_new_node_is_whole_and_empty(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tcps", "status", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["work_orders"] == {"queued": 0, "in_progress": 0, "completed": 0, "cancelled": 0}
    assert document["receipts"] == {"chain": "ok", "count": 0, "head": {"seq": 0, "hash": "0" * 64}}


def test_status_tells_what_the_runbook_verifies(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    assert create() == 0
    capsys.readouterr()
    assert run(["tcps", "status"]) == 0
    told = capsys.readouterr().out
    assert "  quality gates  8 configured\n" in told
    assert "  andon system   operational, 1 open, 0 investigating\n" in told
    assert "  observability  enabled, /health says healthy\n" in told


def test_the_limits_that_are_configured_seed_the_line_and_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = launch(tmp_path, source=None, app="erlmcp.apps.tcps:build", ERLMCP_TCPS__WIP_LIMIT_COST="2")
    try:
        until(started.runs, "a running node")
        monkeypatch.setenv("ERLMCP_URL", f"http://127.0.0.1:{started.port()}/mcp")
        run(["tcps", "kanban", "set-limit", "cost", "3"])
        run(["tcps", "kanban", "status", "cost", "--format", "jsonl"])
    finally:
        end(started)
    bucket = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (bucket["limit"], bucket["configured_limit"]) == (3, 2)


def test_a_command_goes_through_although_the_line_process_was_killed(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert create() == 0
    os.kill(node.status()["line"]["pid"], signal.SIGKILL)
    said = run(PULL)
    if said == 6:  # the call was on its way when the process died
        assert "(unavailable)" in capsys.readouterr().err
        said = run(PULL)
    assert said == 0
    assert run(["tcps", "receipt", "verify"]) == 0
    assert "unbroken, 2 of 2 verified" in capsys.readouterr().out


def test_a_node_that_has_gone_is_unreachable(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    end(node)
    assert create() == 6
    assert "start one with `erlmcp serve`" in capsys.readouterr().err


def test_receipts_leave_a_node_and_are_verified_without_it(node: Node, tmp_path: Path) -> None:
    for _ in range(3):
        assert create() == 0
    assert run(["tcps", "tpm", "run", "quarterly"]) == 0
    place = str(tmp_path / "head.json")
    assert run(["tcps", "receipt", "checkpoint", "-o", place]) == 0
    data = next(tmp_path.rglob("erlmcp.db")).parent
    beside, served = tmp_path / "beside.jsonl", tmp_path / "served.jsonl"
    assert run(["tcps", "receipt", "export", "-o", str(beside), "--data-dir", str(data)]) == 0
    assert run(["tcps", "receipt", "export", "-o", str(served)]) == 0
    assert beside.read_bytes() == served.read_bytes()
    assert [path.suffix for path in (data / "backups").iterdir()] == [".db"]
    key = str(data / "checkpoint.pub")
    end(node)
    verify = ["tcps", "receipt", "verify", str(served), "--checkpoint", place, "--key", key]
    assert run(verify) == 0
    served.write_bytes(b"".join(beside.read_bytes().splitlines(keepends=True)[:2]))
    assert run(verify) == 1
