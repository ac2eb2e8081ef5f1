"""docs/TCPS.md: its tutorial is run and must say what is shown, its tables must be those of the code."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from erlmcp.cli.grammar import run
from erlmcp.cli.tcps import tcps
from erlmcp.cli.tcps.refusals import EXITS, spoken
from erlmcp.tcps import HOURS, STEPS, TAKES, TENTHS, Bucket, Options, TpmWindow
from erlmcp.tcps.evidence import KINDS
from erlmcp.tcps.routing import BUCKET_OF_LABEL, PRIORITY_OF_LABEL, ROUTES
from tests.apps.plant import plant
from tests.cli.line_server import line_server
from tests.mcp import posts
from tests.serving import ROOT

PAGE = (ROOT / "docs" / "TCPS.md").read_text()
ID = re.compile(r"(?:WO|SKU|ANDON|RC)-[0-9A-Z]+")
#: What differs from run to run: times, hashes, cursors, the ids of receipts, the port, and how long a command took.
VARYING = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{3}Z)?|\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b"
    r"|RCPT-\w+|127\.0\.0\.1:\d+|after \d+\.\d s"
)


def steps() -> Iterator[tuple[str, str]]:
    """Each command of the tutorial, and what the page shows below it."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            yield command, output


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    section = PAGE.partition(f"{heading}\n")[2]
    table = re.search(r"^\|.*\n\|[-:| ]+\n((?:\|.*\n)+)", section, re.MULTILINE)
    assert table, heading
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[1].splitlines()]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def carried_out(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a step says. What is not ours is for the shell."""
    if not command.startswith("erlmcp "):
        return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=10).stdout
    run(shlex.split(command)[1:])
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_the_tutorial_says_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    names: dict[str, str] = {}
    with line_server(tmp_path) as server:
        monkeypatch.setenv("ERLMCP_URL", server.url)
        for command, shown in steps():
            said = carried_out(ID.sub(lambda id_: names[id_[0]], command), capsys)
            for ours, theirs in zip(ID.findall(said), ID.findall(shown), strict=False):
                names.setdefault(theirs, ours)
            renamed = ID.sub(lambda id_: names.get(id_[0], id_[0]), shown)
            assert VARYING.sub("…", said) == VARYING.sub("…", renamed), command
    assert len(list(steps())) == PAGE.count("\n$ ") > 10


async def test_the_tools_are_those_of_the_app(tmp_path: Path) -> None:
    async with plant(tmp_path) as line:
        listed = (await line.ask(posts.modern("tools/list")))["result"]["tools"]
        shown = await line.no("work_order_get", id="WO-1")
    found = {}
    for tool in listed:
        schema = tool["inputSchema"]
        arguments = [name for name in schema["properties"] if name != "idempotency_key"]
        found[tool["name"]] = ", ".join(f"`{name}`{'*' * (name in schema['required'])}" for name in arguments) or "none"
    assert {words(name)[0]: arguments for name, arguments, _ in rows("### Tools")} == found
    example = re.search(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert example
    assert msgspec.json.decode(example[1]) == shown


async def test_the_resources_are_those_of_the_app(tmp_path: Path) -> None:
    async with plant(tmp_path) as line:
        fixed = (await line.ask(posts.modern("resources/list")))["result"]["resources"]
        templates = (await line.ask(posts.modern("resources/templates/list")))["result"]["resourceTemplates"]
    uris = [each["uri"] for each in fixed] + [each["uriTemplate"] for each in templates]
    assert [words(uri)[0] for uri, _ in rows("### Resources")] == uris


async def test_the_prompts_are_those_of_the_app(tmp_path: Path) -> None:
    async with plant(tmp_path) as line:
        listed = (await line.ask(posts.modern("prompts/list")))["result"]["prompts"]
    found = {
        each["name"]: ", ".join(f"`{one['name']}`{'*' * one['required']}" for one in each.get("arguments", ()))
        or "none"
        for each in listed
    }
    assert {words(name)[0]: arguments for name, arguments, _ in rows("### Prompts")} == found


def test_the_kinds_of_evidence_are_those_that_the_gates_take() -> None:
    shown = {words(kind)[0]: words(gates) for kind, _, gates in rows("### Evidence")}
    assert list(shown) == list(KINDS)
    assert shown == {
        kind: [gate for gate, takes in TAKES.items() if any(kind in kinds for kinds in takes)] for kind in KINDS
    }


def test_the_codes_and_their_exit_codes_are_those_of_the_command_line() -> None:
    assert {words(code)[0]: int(exit_) for code, _, exit_ in rows("### Codes of refusals")} == EXITS


def test_the_commands_are_those_of_the_command_line() -> None:
    shown = {
        words(command)[0]: (words(tool) or [""])[0] for command, tool in rows("## For people and scripts: erlmcp tcps")
    }
    assert shown.keys() == {" ".join(("erlmcp tcps", *path)) for path in _commands(tcps)}
    several = {
        "erlmcp tcps status",
        "erlmcp tcps gate run",
        "erlmcp tcps receipt export",
        "erlmcp tcps receipt checkpoint",
        "erlmcp tcps simulate",
        "erlmcp tcps example",
    }
    assert all(f"`{command}`" == spoken(tool) for command, tool in shown.items() if command not in several)


def test_the_exit_codes_are_those_of_the_help() -> None:
    listed = dict(re.findall(r"^ +(\d+)  (.*)$", tcps.epilog or "", re.MULTILINE))
    assert re.findall(r"^\| (\d+) \| (.*) \|$", PAGE.partition("| exit code | meaning |")[2], re.MULTILINE) == list(
        listed.items()
    )


def test_the_buckets_are_those_of_the_options() -> None:
    options = Options()
    shown = {words(bucket)[0]: rest for bucket, *rest in rows("### Buckets")}
    assert shown == {
        bucket: [
            str(options.sla_hours(bucket) or "none"),
            str(options.wip_limit(bucket)),
            str(options.default_priority(bucket)),
        ]
        for bucket in Bucket
    }


def test_the_routes_are_those_of_the_line() -> None:
    shown = {words(signal)[0]: (bucket, priority) for signal, bucket, priority in rows("### Routing")}
    assert {signal: shown[signal] for signal in ROUTES} == {
        signal: (f"`{bucket}`", str(priority)) for signal, (bucket, priority) in ROUTES.items()
    }
    buckets, priorities = shown["github_issue"]
    assert re.findall(r"(\w+) → `(\w+)`", buckets) == list(BUCKET_OF_LABEL.items())
    assert dict(re.findall(r"(\w+) (\d)", priorities)) == {
        **{label: str(priority) for label, priority in PRIORITY_OF_LABEL.items()},
        "none": "3",
    }


def test_the_maintenance_is_that_of_the_line() -> None:
    shown = {words(window)[0]: (int(hours), words(done)) for window, hours, done in rows("### Maintenance (TPM)")}
    assert shown == {window: (HOURS[window], list(STEPS[window])) for window in TpmWindow}
    table = PAGE.partition("| severity | takes off |\n")[2]
    assert dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|$", table, re.MULTILINE)) == {
        weight: f"{tenths / 10:g}" for weight, tenths in TENTHS.items()
    }


def _commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, *path, name)
        else:
            yield (*path, name)
