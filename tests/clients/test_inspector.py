"""MCP Inspector's command line, from npm, in both eras, against four workers."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import npm

pytestmark = pytest.mark.slow  # half a second for each start of Node
ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])
Inspect = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def package() -> npm.Package:
    return npm.install("@modelcontextprotocol/inspector@2.12")


@pytest.fixture
def inspect(package: npm.Package, shop: str, tmp_path: Path) -> Inspect:
    """Runs the Inspector once against the shop; its catalog and settings go to a home of its own."""

    def run(era: str, method: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*package.command("mcp-inspector"), "--cli", shop, "--transport", "http"]
        command += ["--protocol-era", era, "--format", "json", "--quiet", "--method", method, *arguments]
        return npm.run(command, env={**os.environ, "HOME": str(tmp_path)})

    return run


def result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What the Inspector printed, when it was content."""
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)["result"]
    return printed


def complaint(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """The exit code, and the word for it that the Inspector wrote."""
    return done.returncode, json.loads(done.stderr)["error"]["code"]


@ERAS
def test_it_lists_the_tools_and_finds_their_schemas_portable(inspect: Inspect, era: str) -> None:
    listed = result(inspect(era, "tools/list", "--strict"))
    assert [tool["name"] for tool in listed["tools"]] == ["add", "pack", "order", "bake", "brew", "crash"]


@pytest.mark.parametrize("era", ["legacy", "modern", "auto"])
def test_it_calls_a_tool(inspect: Inspect, era: str) -> None:
    answer = result(inspect(era, "tools/call", "--tool-name", "add", "--tool-arg", "a=2", "b=40"))
    assert answer["content"] == [{"type": "text", "text": "42"}]


@ERAS
def test_it_reads_a_resource(inspect: Inspect, era: str) -> None:
    answer = result(inspect(era, "resources/read", "--uri", "shop://orders/7"))
    assert [(c["uri"], c["mimeType"], c["text"]) for c in answer["contents"]] == [
        ("shop://orders/7", "text/plain", "order 7")
    ]


@ERAS
def test_it_gets_a_prompt(inspect: Inspect, era: str) -> None:
    answer = result(inspect(era, "prompts/get", "--prompt-name", "haggle", "--prompt-args", "item=tea"))
    assert answer["messages"][0] == {"role": "user", "content": {"type": "text", "text": "Is tea cheaper tomorrow?"}}


@ERAS
@pytest.mark.parametrize("method", ["resources/list", "resources/templates/list", "prompts/list"])
def test_it_lists_what_else_there_is(inspect: Inspect, era: str, method: str) -> None:
    assert result(inspect(era, method))


@ERAS
def test_a_tool_that_is_not_there_is_missed(inspect: Inspect, era: str) -> None:
    assert complaint(inspect(era, "tools/call", "--tool-name", "steal")) == (5, "tool_not_found")


@ERAS
def test_a_tool_that_says_no_is_told_from_one_that_works(inspect: Inspect, era: str) -> None:
    done = inspect(era, "tools/call", "--tool-name", "order", "--tool-arg", "item=cake")
    assert complaint(done) == (5, "tool_is_error")
    assert json.loads(done.stdout)["result"]["content"] == [{"type": "text", "text": "cake is sold out: order tea"}]


@ERAS
def test_a_resource_that_is_not_there_is_an_error(inspect: Inspect, era: str) -> None:
    assert complaint(inspect(era, "resources/read", "--uri", "shop://cellar")) == (1, "error")


@ERAS
def test_three_hundred_calls_of_ten_at_once_are_all_answered(inspect: Inspect, era: str) -> None:
    load = ("--tool-name", "add", "--tool-arg", "a=2", "b=40", "--load", "--load-requests", "300")
    summary = result(inspect(era, "tools/call", *load))
    assert [summary[count] for count in ("requests", "ok", "toolErrors", "errors")] == [300, 300, 0, 0]
