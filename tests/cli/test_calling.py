"""`erlmcp tools`, `call`, `read`, `prompt` and their lists, in both eras and over both transports."""

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from erlmcp.cli.connecting import ERAS
from erlmcp.cli.grammar import run
from erlmcp.cli.showing import tell
from erlmcp.client import MODES
from erlmcp.http import Response
from erlmcp.mcp import Endpoint, Options
from tests.cli.line_server import Server, reply, saying
from tests.clients.shop import app
from tests.serving import ROOT

CHILD = [sys.executable, str(ROOT / "tests" / "client" / "child.py")]


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    app.bind(Options())
    with saying(Endpoint(app, Options())) as server:
        yield server
    app.close()


@pytest.fixture
def cli(shop: Server, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command against the shop; gives its exit code, output and messages."""

    def ask(*words: str) -> tuple[int, str, str]:
        code = run([*words, "--url", shop.url])
        told = capsys.readouterr()
        return code, told.out, told.err

    return ask


def test_the_eras_of_the_flags_are_those_of_the_client() -> None:
    assert ERAS == MODES


@pytest.mark.parametrize("era", ["auto", "modern", "legacy", "2026-07-28", "2025-06-18"])
def test_tools_are_listed_with_what_they_take_in_every_era(cli: Any, era: str) -> None:
    code, out, _ = cli("tools", "--era", era)
    assert code == 0
    assert out.splitlines()[1].split("  ")[0] == "add(a: integer, b: integer) → integer"


def test_what_a_tool_is_stands_below_what_it_takes_however_wide_that_is(cli: Any) -> None:
    lines = cli("tools")[1].splitlines()
    assert lines[0] == "tool"
    assert lines[2].startswith("    ")
    assert lines == [line.rstrip() for line in lines]


def test_what_a_server_says_of_its_tools_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    tell(["tool", "clear()", "    \x1b[2J"])
    assert capsys.readouterr().out == "tool\nclear()\n    \N{REPLACEMENT CHARACTER}[2J\n"


def test_lists_have_a_form_for_programs(cli: Any) -> None:
    document = json.loads(cli("tools", "--format", "json")[1])
    assert document["schema"] == "erlmcp.cli/1"
    assert document["tools"][0]["inputSchema"]["required"] == ["a", "b"]
    assert [json.loads(line)["name"] for line in cli("prompts", "--format", "jsonl")[1].splitlines()] == ["haggle"]
    assert cli("resources", "--format", "markdown")[1].startswith("| uri | type | description |")
    assert "shop://orders/{number}" in cli("resources")[1]


def test_a_tool_is_called_with_pairs_with_json_or_from_standard_input(cli: Any, monkeypatch: Any) -> None:
    assert cli("call", "add", "a=2", "b=40") == (0, "42\n", "")
    assert cli("call", "add", "--json", '{"a": 2, "b": 40}') == (0, "42\n", "")
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 2, "b": 40}'))
    assert cli("call", "add", "-") == (0, "42\n", "")


def test_a_result_has_a_form_for_programs(cli: Any) -> None:
    code, out, _ = cli("call", "pack", "items=tea", "items=pot", "--format", "json")
    document = json.loads(out)
    assert (code, document["isError"]) == (0, False)
    assert document["structuredContent"] == {"weight": 1.0, "items": ["tea", "pot"]}
    code, out, err = cli("call", "order", "item=cake", "--format", "json")
    assert (code, json.loads(out)["isError"], err) == (1, True, "")


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("call", "order", "item=cake"), 1, "error: cake is sold out: order tea"),
        (("call", "crash"), 1, "error: Internal error"),
        (("call", "ad", "a=1"), 3, "error: there is no tool ad; did you mean add?"),
        (("call", "ad"), 3, "error: there is no tool ad; did you mean add?"),
        (("call", "zzzzz"), 3, "error: there is no tool zzzzz; `erlmcp tools` lists what there is"),
        (("call", "add", "a=x", "b=1"), 2, "error: argument a must be of type integer, and 'x' is not"),
        (("call", "add", "--json", "{"), 2, "error: the arguments are no JSON"),
        (("call", "add", "--json", "[]"), 2, "error: the arguments are no JSON object"),
        (("call", "add", "a=1", "--json", "{}"), 2, "not two of them"),
        (("read", "shop://cellar"), 3, "next: `erlmcp resources` lists what there is"),
        (("prompt", "hagle", "item=tea"), 3, "error: there is no prompt hagle; did you mean haggle?"),
        (("tools", "--stdio"), 2, "--stdio and a command belong together"),
        (("tools", "--", "python"), 2, "--stdio and a command belong together"),
        (("tools", "--header", "nonsense"), 2, "write it as 'Name: value'"),
    ],
)
def test_a_no_says_why_and_has_its_exit_code(cli: Any, words: tuple[str, ...], code: int, why: str) -> None:
    at = words.index("--") if "--" in words else len(words)
    left, out, err = cli(*words) if at == len(words) else (run(list(words)), "", why)
    assert (left, out) == (code, "")
    assert why in err


def test_a_resource_is_written_as_it_is(shop: Server, capfdbinary: Any) -> None:
    for uri, content in (("shop://prices", b"tea,2\ncake,3\n"), ("shop://logo", b"\x89PNG\r\n\x1a\n")):
        assert run(["read", uri, "--url", shop.url]) == 0
        sys.stdout.flush()
        assert capfdbinary.readouterr().out == content


def test_a_resource_has_a_form_for_programs(cli: Any) -> None:
    document = json.loads(cli("read", "shop://logo", "--format", "json")[1])
    assert document["contents"] == [{"uri": "shop://logo", "mimeType": "image/png", "blob": "iVBORw0KGgo="}]


def test_a_prompt_is_shown_as_a_conversation(cli: Any) -> None:
    assert cli("prompt", "haggle", "item=tea")[1].splitlines() == [
        "user: Is tea cheaper tomorrow?",
        "assistant: I will ask.",
    ]
    assert json.loads(cli("prompt", "haggle", "item=tea", "--format", "json")[1])["messages"][1]["role"] == "assistant"


@pytest.mark.parametrize("behaviour", ["modern", "legacy"])
def test_a_server_is_started_and_called(behaviour: str, capsys: Any) -> None:
    assert run(["call", "echo", "--json", '{"n": 1}', "--stdio", "--", *CHILD, behaviour]) == 0
    assert capsys.readouterr().out == '{"n": 1}\n'


def test_a_server_that_cannot_be_started_is_unreachable(capsys: Any) -> None:
    assert run(["tools", "--stdio", "--", "no-such-command-anywhere"]) == 6
    assert "cannot be started" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "code", "why"),
    [
        (Response(401, b"{}"), 5, "next: give a token: --header 'Authorization: Bearer ${TOKEN}'"),
        (Response(503, b"{}", headers=((b"retry-after", b"7"),)), 6, "it is too busy; try again in 7 s"),
        (Response(302, b"", headers=((b"location", b"http://x/"),)), 6, "redirects (302) to http://x/"),
        (reply('"error":{"code":-32021,"message":"needs elicitation"}'), 1, "run the command on a terminal"),
    ],
)
def test_a_server_that_refuses_is_told_with_what_to_do(answer: Response, code: int, why: str, capsys: Any) -> None:
    with saying(lambda _: answer) as server:
        assert run(["call", "t", "--url", server.url, "--era", "2026-07-28"]) == code
    assert why in capsys.readouterr().err


def test_a_header_is_sent_and_may_come_from_the_environment(monkeypatch: Any) -> None:
    seen: list[bytes | None] = []

    def note(request: Any) -> Response:
        seen.append(request.headers.get(b"authorization"))
        return Response(401, b"{}")

    monkeypatch.setenv("TOKEN", "secret")
    with saying(note) as server:
        run(["tools", "--url", server.url, "--header", "Authorization: Bearer ${TOKEN}"])
    assert seen == [b"Bearer secret"]


def test_nobody_there_is_unreachable_and_says_how_to_start_one(capsys: Any) -> None:
    assert run(["tools", "--url", "http://127.0.0.1:1"]) == 6
    assert capsys.readouterr().err == (
        "error: no server answers at http://127.0.0.1:1/mcp: Connection refused\n"
        "next: start one with `erlmcp serve`, or name another with --url\n"
    )


def test_the_server_may_be_named_by_the_environment(shop: Server, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("ERLMCP_URL", shop.url)
    assert run(["call", "add", "a=2", "b=40"]) == 0
    assert capsys.readouterr().out == "42\n"


def at_a_terminal(typed: str, *words: str) -> tuple[int, str, str]:
    """Runs a command whose standard input and error are a terminal, and types that."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "erlmcp", *words]
    process = subprocess.Popen(command, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, cwd=ROOT)
    os.close(terminal)
    os.write(controller, typed.encode())
    out, _ = process.communicate(timeout=20)
    shown = b""
    with contextlib.suppress(OSError):  # what Linux says at the end of a terminal
        while piece := os.read(controller, 4096):
            shown += piece
    os.close(controller)
    return process.returncode, out.decode(), shown.decode()


def test_a_question_is_answered_on_a_terminal_field_by_field() -> None:
    asked = ("call", "ask", "--era", "legacy", "--stdio", "--", *CHILD, "legacy")
    code, out, shown = at_a_terminal("ada\nmany\n3\n", *asked)
    assert (code, json.loads(out)) == (0, {"action": "accept", "content": {"name": "ada", "count": 3}})
    assert "who?" in shown
    assert "argument count must be of type integer, and 'many' is not" in shown
    assert "\x1b[2J" not in shown  # the server's message tried to clear the screen


def test_a_question_that_is_left_is_cancelled() -> None:
    asked = ("call", "ask", "--era", "legacy", "--stdio", "--", *CHILD, "legacy")
    code, out, _ = at_a_terminal("\x04", *asked)
    assert (code, json.loads(out)) == (0, {"action": "cancel"})


def test_progress_is_shown_on_a_terminal_and_goes_away() -> None:
    code, out, shown = at_a_terminal("", "call", "progress", "--stdio", "--", *CHILD, "modern")
    assert (code, out) == (0, "done\n")
    assert "\r\x1b[K1" in shown
    assert shown.endswith("\r\x1b[K")
