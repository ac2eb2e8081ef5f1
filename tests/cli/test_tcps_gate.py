"""`erlmcp tcps gate`: a command beside the caller, the files it wrote, and what the gate says of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from erlmcp.cli.grammar import run
from erlmcp.cli.tcps.grammar import GATES
from erlmcp.cli.tcps.running import Log
from tests.apps.proofs import SARIF, SBOM, cobertura, junit
from tests.cli.line_server import Server, line_server
from tests.node.nodes import environment, until


class Said(NamedTuple):
    code: int
    out: str
    err: str


class Floor:
    """A sku that was opened, in a folder of its own, and `erlmcp tcps` at its server."""

    def __init__(self, server: Server, capture: pytest.CaptureFixture[str]) -> None:
        self.server, self._capture = server, capture
        order = self.json("work-order", "create", "--signal-type", "internal", "--title", "Make it")["work_order"]
        self.order = order["id"]
        self.sku = self.json("work-order", "start", self.order)["sku"]["id"]

    def tcps(self, *words: str) -> Said:
        code = run(["tcps", *words])
        captured = self._capture.readouterr()
        return Said(code, captured.out, captured.err)

    def json(self, *words: str) -> Any:
        said = self.tcps(*words, "--format", "json")
        assert said.code == 0, said.err
        return json.loads(said.out)

    def gate(self, name: str, *words: str) -> Said:
        return self.tcps("gate", "run", name, "--sku", self.sku, *words)

    def at(self, stage: str) -> None:
        """Take the sku to this stage."""
        Path("spec.json").write_text("{}")
        Path("a").write_text("artifact")
        Path("b").write_text("artifact")
        Path("good.xml").write_text(junit(20))
        Path("good-coverage.xml").write_text(cobertura(10, 9))
        Path("good.sarif").write_text(SARIF)
        Path("good-sbom.json").write_text(SBOM)
        words: dict[str, list[str]] = {
            "shacl_validation": ["--spec", "spec.json", "--schema", "spec.json"],
            "compilation": ["--", "true"],
            "test_execution": ["--junit", "good.xml", "--coverage", "good-coverage.xml"],
            "security_scan": ["--sarif", "good.sarif"],
            "deterministic_build": ["--digests", "a", "b"],
            "quality_metrics": [],
            "release_verification": ["--sbom", "good-sbom.json"],
            "smoke_test": ["--", "true"],
        }
        for name in GATES[: GATES.index(stage)]:
            said = self.gate(name, "--advance", *words[name])
            assert said.code == 0, said.err

    def submitted(self, gate: str) -> int:
        gates = self.json("gate", "status", self.sku)["gates"]
        return int(next(one["submissions"] for one in gates if one["gate"] == gate))


@pytest.fixture
def floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Floor]:
    with line_server(tmp_path) as server:
        monkeypatch.setenv("ERLMCP_URL", server.url)
        monkeypatch.chdir(tmp_path)
        yield Floor(server, capsys)


def shell(script: str) -> tuple[str, ...]:
    return ("--", "sh", "-c", script)


def test_a_sku_goes_through_all_gates_to_its_publication_at_the_command_line(floor: Floor) -> None:
    floor.at("smoke_test")
    assert f"next: run `erlmcp tcps work-order complete {floor.order}`" in floor.gate("smoke_test", "--", "true").err
    assert floor.tcps("work-order", "complete", floor.order).code == 0
    assert floor.json("sku", "advance", floor.sku)["sku"]["stage"] == "marketplace_validation"
    assert floor.json("sku", "publish", floor.sku)["sku"]["status"] == "published"


def test_output_passes_through_and_how_the_command_ended_is_judged(floor: Floor) -> None:
    floor.at("compilation")
    said = floor.gate("compilation", *shell("echo compiling; echo careless >&2; exit 3"))
    assert (said.code, said.out.splitlines()[0], said.err.splitlines()[0]) == (1, "compiling", "careless")
    assert "exit code 3 after" in said.out
    assert "exit_code  3       0         critical" in said.out
    assert f"next: repair it, and submit compilation of {floor.sku} again" in said.err
    assert "erlmcp tcps root-cause start ANDON-" in said.err
    again = floor.gate("compilation", *shell("true"))
    assert again.code == 0
    stopped = floor.tcps("sku", "advance", floor.sku)
    assert (stopped.code, "(line_stopped)" in stopped.err) == (4, True)
    assert "`erlmcp tcps andon get ANDON-" in stopped.err


def test_in_json_the_output_of_the_command_is_kept_apart_from_the_document(floor: Floor) -> None:
    floor.at("compilation")
    said = floor.gate("compilation", "--advance", "--format", "json", "--idempotency-key", "k", *shell("echo made"))
    document = json.loads(said.out)
    assert said.err == "made\n"
    assert (document["gate"]["verdict"], document["sku"]["stage"]) == ("passed", "test_execution")
    assert (document["idempotency_key"], document["command"]["code"]) == ("k", 0)
    assert document["evidence"][0]["kind"] == "exit_code"


def test_the_log_is_kept_with_the_evidence(floor: Floor) -> None:
    floor.at("compilation")
    answer = json.loads(floor.gate("compilation", "--format", "json", *shell("echo here is why; exit 1")).out)
    (digest,) = answer["gate"]["digests"]
    again = floor.json("gate", "status", floor.sku)["gates"][1]
    assert (again["verdict"], len(digest)) == ("failed", 64)


REPORT = ("--junit", "j.xml", "--coverage", "c.xml")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("true", "j.xml: No such file or directory"),
        ("cp good-coverage.xml c.xml; : > j.xml", "is empty"),
        ("cp good-coverage.xml c.xml; head -c 90 good.xml > j.xml", "j.xml: "),
        ("cp good-coverage.xml c.xml; echo '{}' > j.xml", "j.xml: "),
    ],
)
def test_a_file_that_can_not_be_used_is_refused_and_nothing_is_submitted(floor: Floor, script: str, why: str) -> None:
    floor.at("test_execution")
    said = floor.gate("test_execution", *REPORT, *shell(script))
    assert said.code == 65
    assert why in said.err
    assert floor.submitted("test_execution") == 0


def test_a_file_that_the_command_did_not_write_is_stale_unless_that_is_allowed(floor: Floor) -> None:
    floor.at("test_execution")
    Path("j.xml").write_text(junit(20))
    Path("c.xml").write_text(cobertura(10, 9))
    said = floor.gate("test_execution", *REPORT, *shell("cp good-coverage.xml c.xml"))
    assert (said.code, floor.submitted("test_execution")) == (65, 0)
    assert "error: j.xml is older than the command that was to write it" in said.err
    assert "--allow-stale" in said.err
    old = floor.gate("test_execution", *REPORT, *shell("cp good.xml c.xml; touch -d '1 hour ago' j.xml c.xml"))
    assert old.code == 65
    Path("c.xml").write_text(cobertura(10, 9))
    assert floor.gate("test_execution", *REPORT, "--allow-stale", *shell("true")).code == 0


def test_a_gate_that_judges_files_does_not_mind_how_the_command_ended(floor: Floor) -> None:
    floor.at("test_execution")
    said = floor.gate("test_execution", *REPORT, *shell("cp good.xml j.xml; cp good-coverage.xml c.xml; exit 1"))
    assert said.code == 0
    assert "ended with 1; test_execution judges its files" in said.err


def test_the_names_of_failed_tests_are_shown(floor: Floor) -> None:
    floor.at("test_execution")
    Path("j.xml").write_text(junit(20, 12))
    Path("c.xml").write_text(cobertura(10, 9))
    said = floor.gate("test_execution", *REPORT)
    assert said.code == 1
    assert "8 of 20 tests passed, 12 failed, 0 skipped" in said.out
    assert "  -  shop.test_9\n" in said.out
    assert "… and 2 more" in said.out


def test_another_gate_than_the_stages_is_refused_before_anything_runs(floor: Floor) -> None:
    said = floor.gate("compilation", *shell("touch ran"))
    assert (said.code, Path("ran").exists()) == (4, False)
    assert f"`erlmcp tcps gate run shacl_validation --sku {floor.sku}`" in said.err


def test_a_gate_without_evidence_has_not_run(floor: Floor) -> None:
    said = floor.gate("shacl_validation")
    assert (said.code, "(gate_not_run)" in said.err) == (4, True)


def test_two_builds_are_two_files(floor: Floor) -> None:
    floor.at("deterministic_build")
    assert "one file is not two builds" in floor.gate("deterministic_build", "--digests", "a", "a").err
    Path("b").write_text("another")
    said = floor.gate("deterministic_build", "--digests", "a", "b")
    assert (said.code, "they differ" in said.out) == (1, True)


def test_a_command_that_is_not_there_is_a_wrong_argument(floor: Floor) -> None:
    floor.at("compilation")
    said = floor.gate("compilation", "--", "no-such-command")
    assert (said.code, "no-such-command cannot be run: No such file or directory" in said.err) == (2, True)


def test_a_signal_goes_on_to_the_command_and_nothing_is_submitted(floor: Floor, tmp_path: Path) -> None:
    floor.at("compilation")
    script = "trap 'touch stopped; exit 0' TERM; touch up; while :; do sleep 0.05; done"
    words = ["tcps", "gate", "run", "compilation", "--sku", floor.sku, *shell(script)]
    process = subprocess.Popen(
        [sys.executable, "-m", "erlmcp", *words],
        env=environment(ERLMCP_URL=floor.server.url),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(Path("up").exists, "a running command")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, Path("stopped").exists()) == (130, True)
    assert b"was interrupted: nothing was submitted" in err
    assert floor.submitted("compilation") == 0


def test_what_the_command_left_running_does_not_hold_the_gate_up(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    floor.at("compilation")
    monkeypatch.setattr("erlmcp.cli.tcps.running.LINGER", 0.1)
    began = time.monotonic()
    said = floor.gate("compilation", *shell("sleep 30 & echo $! > left"))
    os.kill(int(Path("left").read_text()), signal.SIGKILL)
    assert said.code == 0
    assert time.monotonic() - began < 30


def test_of_a_long_log_the_beginning_and_the_end_are_kept() -> None:
    log = Log(head=4, tail=6)
    for piece in (b"abc", b"defgh", b"ijklmnop"):
        log.add(piece)
    assert log.text() == "abcd\n[6 bytes are left out]\nklmnop"
    whole = Log(head=4, tail=6)
    whole.add(b"abcdefghij")
    assert whole.text() == "abcdefghij"


def test_receipts_of_a_sku_are_listed(floor: Floor) -> None:
    floor.at("compilation")
    types = [each["type"] for each in floor.json("receipt", "list", "--sku-id", floor.sku)["receipts"]]
    assert types == ["sku_advance", "gate_submit", "work_order_start"]


def test_csv_is_a_row_for_each_entry_and_no_formula(floor: Floor) -> None:
    floor.tcps("work-order", "create", "--signal-type", "internal", "--title", "=cmd()")
    head, first, *_ = floor.tcps("work-order", "list", "--format", "csv").out.splitlines()
    assert head.startswith("id,title,description,bucket,priority,status,signal.type,")
    assert ",'=cmd()," in first
    assert floor.tcps("gate", "status", floor.sku, "--format", "csv").out.count("\n") == 9
    assert floor.tcps("andon", "list", "--format", "csv").out == ""


@pytest.mark.parametrize(
    ("words", "begun", "offered"),
    [
        ("tcps", "he", ["heijunka"]),
        ("tcps gate run", "test", ["test_execution"]),
        ("tcps work-order list --status", "can", ["cancelled"]),
    ],
)
def test_a_shell_completes_commands_and_words(words: str, begun: str, offered: list[str]) -> None:
    assert completed(words, begun) == offered


def test_a_shell_completes_the_ids_that_the_server_has(floor: Floor) -> None:
    assert completed("tcps work-order get", "WO-", ERLMCP_URL=floor.server.url) == [floor.order]
    assert completed("tcps gate run compilation --sku", "SKU", ERLMCP_URL=floor.server.url) == [floor.sku]
    assert completed("tcps work-order get", "WO-", ERLMCP_URL="http://127.0.0.1:1/mcp") == []


def completed(words: str, begun: str, **settings: str) -> list[str]:
    """What bash offers for a line that ends so."""
    line = ["erlmcp", *words.split(), begun]
    environ = {"_ERLMCP_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(line), "COMP_CWORD": str(len(line) - 1)}
    erlmcp = Path(sys.executable).parent / "erlmcp"
    said = subprocess.run(
        [erlmcp], env=environment(**environ, **settings), capture_output=True, text=True, timeout=30, check=False
    )
    assert said.stderr == ""
    return [line.partition(",")[2] for line in said.stdout.split()]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", name]) == 0
    assert f"_ERLMCP_COMPLETE={name}_complete" in capsys.readouterr().out
