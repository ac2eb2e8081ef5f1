"""`erlmcp tcps` against the app on a real store: what each command does, prints and exits with."""

import importlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from erlmcp.cli.grammar import run
from erlmcp.cli.tcps import tcps
from erlmcp.cli.tcps.grammar import (
    ANDON_STATUSES,
    ANDON_TYPES,
    BUCKETS,
    GATES,
    SEVERITIES,
    SIGNAL_TYPES,
    STATUSES,
)
from erlmcp.cli.tcps.refusals import EXITS, spoken
from erlmcp.tcps import AndonStatus, AndonType, Bucket, Code, Gate, Severity, SignalType, Status
from tests.cli.line_server import Server, line_server


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Tcps = Callable[..., Said]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with line_server(tmp_path) as running:
        yield running


@pytest.fixture
def erlmcp(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tcps:
    """Runs `erlmcp tcps …` against the server."""
    monkeypatch.setenv("ERLMCP_URL", server.url)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def tcps(*words: str) -> Said:
        code = run(["tcps", *words])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return tcps


def made(erlmcp: Tcps, title: str = "Make it", bucket: str = "security", *more: str) -> str:
    """The id of a new order."""
    words = ("--signal-type", "internal", "--title", title, "--bucket", bucket, "--format", "json", *more)
    return str(erlmcp("work-order", "create", *words).json["work_order"]["id"])


def commands(group: click.Group = tcps, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_helps_with_two_or_three_examples(path: tuple[str, ...], capsys) -> None:
    assert run(["tcps", *path, "-h"]) == 0
    examples = capsys.readouterr().out.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert 2 <= len(examples) <= 3
    assert all(" ".join(("erlmcp tcps", *path)) in line for line in examples)
    assert max(map(len, examples)) <= 100


def test_the_words_are_those_of_the_line() -> None:
    assert (tuple(Bucket), tuple(SignalType), tuple(Status)) == (BUCKETS, SIGNAL_TYPES, STATUSES)
    assert (tuple(Gate), tuple(AndonType)) == (GATES, ANDON_TYPES)
    assert (tuple(AndonStatus), tuple(Severity)) == (ANDON_STATUSES, SEVERITIES)
    assert set(Code) <= set(EXITS)


def test_the_help_lists_every_exit_code_of_a_refusal() -> None:
    listed = {int(number) for number in re.findall(r"^ +(\d+)  ", tcps.epilog or "", re.MULTILINE)}
    assert {int(code) for code in EXITS.values()} < listed


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["stats"], "did you mean status?"),
        (["work-order", "compete"], "did you mean complete?"),
        (["kanban", "zzz"], "there are status, set-limit"),
        (["zzz"], "there are andon, example, gate, "),
    ],
)
def test_a_mistyped_command_is_answered_with_the_nearest_one(words: list[str], hint: str, capsys) -> None:
    assert run(["tcps", *words]) == 2
    assert hint in capsys.readouterr().err


def test_a_work_order_goes_through_the_line(erlmcp: Tcps) -> None:
    order = made(erlmcp)
    started = erlmcp("work-order", "start", order, "--assignee", "ada")
    assert (started.code, started.err) == (0, "")
    lines = started.out.splitlines()
    assert lines[0] == f"{order}  Make it"
    facts = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines[1:])
    assert (facts["status"], facts["assignee"], facts["receipt"]) == ("in progress", "ada", "2")
    assert (
        erlmcp("work-order", "release", order, "--reason", "r", "--format", "json").json["work_order"]["status"]
        == "queued"
    )


def test_every_argument_of_create_arrives(erlmcp: Tcps) -> None:
    words = ["--signal-type", "github_issue", "--title", "Fix", "--description", "It loops.", "--source", "issue 1"]
    words += ["--label", "bug", "--label", "high", "--assignee", "ada", "--metadata", '{"ticket": 7}']
    order = erlmcp("work-order", "create", *words, "--format", "json").json["work_order"]
    assert (order["bucket"], order["priority"], order["assignee"]) == ("reliability", 7, "ada")
    assert order["signal"] == {
        "type": "github_issue",
        "source": "issue 1",
        "description": "It loops.",
        "labels": ["bug", "high"],
        "metadata": {"ticket": 7},
    }


@pytest.mark.parametrize(("spelled", "priority"), [("9", 9), ("low", 3)])
def test_a_priority_is_a_number_or_a_word(erlmcp: Tcps, spelled: str, priority: int) -> None:
    order = made(erlmcp, "Make it", "cost", "--priority", spelled)
    assert erlmcp("work-order", "get", order, "--format", "json").json["work_order"]["priority"] == priority


@pytest.mark.parametrize("metadata", ["{", "[1]"])
def test_metadata_that_is_no_object_is_a_usage_error(erlmcp: Tcps, metadata: str) -> None:
    said = erlmcp("work-order", "create", "--signal-type", "internal", "--title", "t", "--metadata", metadata)
    assert said.code == 2
    assert "--metadata" in said.err


def test_pull_pull_next_release_cancel_and_update_say_what_became_of_the_order(erlmcp: Tcps) -> None:
    low, high = made(erlmcp, "low", "cost", "--priority", "low"), made(erlmcp, "high", "features", "--priority", "high")
    steps = [
        (["pull", "cost", "--assignee", "ada"], low, "in_progress"),
        (["pull-next"], high, "in_progress"),
        (["release", high, "--reason", "waits"], high, "queued"),
        (["update", high, "--version", "3", "--title", "higher", "--priority", "10"], high, "queued"),
        (["cancel", high, "--reason", "not needed"], high, "cancelled"),
    ]
    for words, order, status in steps:
        said = erlmcp("work-order", *words, "--format", "json").json["work_order"]
        assert (said["id"], said["status"]) == (order, status)
    assert "  reason     not needed\n" in erlmcp("work-order", "get", high).out


def test_a_full_bucket_is_a_conflict_and_says_what_to_do_in_the_words_of_the_command_line(erlmcp: Tcps) -> None:
    orders = [made(erlmcp, f"Order {number}") for number in range(6)]
    for order in orders[:5]:
        assert erlmcp("work-order", "start", order).code == 0
    said = erlmcp("work-order", "start", orders[5])
    assert (said.code, said.out) == (4, "")
    refusal, advice = said.err.splitlines()
    assert refusal == "error: bucket security has 5 of 5 work orders in progress: no slot is free (wip_limit)"
    assert advice.startswith("next: run `erlmcp tcps work-order list` with bucket security and status in_progress")
    assert "work_order_" not in advice


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["work-order", "get", "WO-1"], 3, "(not_found)"),
        (["receipt", "get", "9"], 3, "(not_found)"),
        (["work-order", "pull-next"], 3, "(not_found)"),
        (["kanban", "set-limit", "security", "0"], 2, "(invalid)"),
        (["work-order", "list", "--limit", "201"], 2, "(invalid)"),
        (["work-order", "list", "--cursor", "x"], 2, "(invalid)"),
        (["work-order", "list", "--bucket", "urgent"], 2, "'--bucket'"),
        (["work-order", "release", "WO-1"], 2, "'--reason'"),
        (["work-order", "get", "--url", "ftp://x", "WO-1"], 2, "give one like http://127.0.0.1:8080/mcp"),
    ],
)
def test_a_no_has_an_exit_code_and_a_reason(erlmcp: Tcps, words: list[str], code: int, why: str) -> None:
    said = erlmcp(*words)
    assert (said.code, said.out) == (code, "")
    assert why in said.err


def test_a_stale_version_and_a_wrong_state_are_conflicts(erlmcp: Tcps) -> None:
    order = made(erlmcp)
    assert erlmcp("work-order", "update", order, "--version", "7", "--title", "t").code == 4
    assert erlmcp("work-order", "complete", order).code == 4


def test_a_key_of_ones_own_makes_a_repetition_harmless_and_is_new_each_time_otherwise(erlmcp: Tcps) -> None:
    words = ("work-order", "create", "--signal-type", "internal", "--title", "Once", "--format", "json")
    assert erlmcp(*words, "--idempotency-key", "k").json == erlmcp(*words, "--idempotency-key", "k").json
    assert erlmcp(*words).json["receipt_seq"] == 2
    assert erlmcp(*words).json["receipt_seq"] == 3


def test_lists_are_tables_with_the_newest_first_and_say_how_to_go_on(erlmcp: Tcps) -> None:
    for number in range(3):
        made(erlmcp, f"Order {number}")
    first = erlmcp("work-order", "list", "--limit", "2")
    assert first.out.splitlines()[0].split() == ["id", "status", "bucket", "prio", "sla", "assignee", "title"]
    assert [line.split("  ")[-1] for line in first.out.splitlines()[1:]] == ["Order 2", "Order 1"]
    more = re.fullmatch(r"there is more: add (--cursor) (\S+)\n", first.err)
    assert more
    rest = erlmcp("work-order", "list", "--limit", "2", *more.groups(), "--format", "jsonl")
    assert [json.loads(line)["title"] for line in rest.out.splitlines()] == ["Order 0"]
    assert rest.err == ""
    assert erlmcp("work-order", "list", "--status", "cancelled").out == "no work orders\n"


def test_json_is_one_document_with_a_versioned_envelope(erlmcp: Tcps) -> None:
    made(erlmcp)
    document = erlmcp("work-order", "list", "--format", "json").json
    assert document.keys() == {"schema", "work_orders", "next_cursor"}
    assert document["schema"] == "erlmcp.cli/1"


def test_markdown_is_a_table_whose_cells_cannot_be_broken(erlmcp: Tcps) -> None:
    made(erlmcp, "a | b *c*", "features")
    head, rule, row = erlmcp("work-order", "list", "--format", "markdown").out.splitlines()
    assert (head.count(" | "), rule.count("---")) == (6, 7)
    assert row.endswith(r"|  | a \| b \*c\* |")


def test_the_kanban_shows_the_buckets_and_a_limit_that_was_set(erlmcp: Tcps) -> None:
    done = erlmcp("kanban", "set-limit", "security", "3")
    assert (done.code, done.out.splitlines()[-1]) == (0, "receipt 1")
    head, *rows = erlmcp("kanban", "status").out.splitlines()
    assert head.endswith("done  cancelled  configured")
    assert rows[0].split() == ["security", "0", "3", "3", "0", "normal", "0", "0", "0", "5"]
    assert [row.split()[0] for row in rows] == list(BUCKETS)
    assert len(erlmcp("kanban", "status", "cost").out.splitlines()) == 2


def test_receipts_are_listed_shown_and_verified(erlmcp: Tcps, server: Server) -> None:
    order = made(erlmcp)
    erlmcp("work-order", "start", order)
    listed = erlmcp("receipt", "list", "--work-order-id", order, "--type", "work_order_start").out.splitlines()
    assert len(listed) == 2
    assert f"work_order_start  {order}  local" in listed[1]
    shown = erlmcp("receipt", "get", "2")
    assert shown.out.startswith("receipt 2  work_order_start\n")
    assert '"command": "work_order_start"' in shown.out
    verified = erlmcp("receipt", "verify", "--from-seq", "1", "--to-seq", "2")
    assert (verified.code, verified.out.splitlines()[1].strip()) == (0, "chain  unbroken, 2 of 2 verified")
    server.tamper("UPDATE receipt SET actor = 'mallory' WHERE seq = 1")
    broken = erlmcp("receipt", "verify")
    assert (broken.code, broken.err) == (1, "")
    assert "broken, at receipt 1: " in broken.out
    assert erlmcp("status").code == 1


def test_status_shows_the_server_the_kanban_the_orders_and_the_chain(erlmcp: Tcps, server: Server) -> None:
    erlmcp("work-order", "start", made(erlmcp))
    made(erlmcp)
    said = erlmcp("status")
    assert said.code == 0
    facts, table = said.out.split("\n\n")
    assert facts.splitlines() == [
        "TCPS production line",
        f"  server         {server.url}",
        "  version        0.7.0",
        "  work orders    1 queued, 1 in progress, 0 completed, 0 cancelled",
        "  quality gates  8 configured",
        "  andon system   operational, 0 open, 0 investigating",
        "  observability  unknown: there is no /health beside the endpoint",
        "  receipts       unbroken, 3 of 3 verified",
    ]
    assert table.splitlines()[1].split() == ["security", "1", "5", "4", "20", "normal", "1", "0", "0"]
    document = erlmcp("status", "--format", "json").json
    assert document["server"] == {
        "url": server.url,
        "name": "tcps",
        "title": "TCPS production line",
        "version": "0.7.0",
    }
    assert document["work_orders"] == {"queued": 1, "in_progress": 1, "completed": 0, "cancelled": 0}
    assert (document["receipts"]["chain"], len(document["buckets"])) == ("ok", 6)


@pytest.mark.parametrize(
    ("last", "code", "told"), [(2, 0, "unbroken, 2 of 3 verified"), (3, 1, "broken, at receipt 1: ")]
)
def test_status_verifies_so_many_of_the_newest_receipts(
    erlmcp: Tcps, server: Server, monkeypatch: pytest.MonkeyPatch, last: int, code: int, told: str
) -> None:
    for _ in range(3):
        made(erlmcp)
    server.tamper("UPDATE receipt SET actor = 'mallory' WHERE seq = 1")
    monkeypatch.setattr(importlib.import_module("erlmcp.cli.tcps.status"), "LAST", last)
    said = erlmcp("status")
    assert said.code == code
    assert told in said.out


def test_advice_is_given_in_the_words_of_the_command_line() -> None:
    assert spoken(
        "call work_order_pull_next with a new idempotency_key, or kanban_set_limit; work_order_fly stays"
    ) == (
        "run `erlmcp tcps work-order pull-next` with a new --idempotency-key, or `erlmcp tcps kanban set-limit`;"
        " work_order_fly stays"
    )
