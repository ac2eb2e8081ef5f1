"""The guide's files are loaded as they stand there, every call that it shows is made, and its figures are the defaults.

A Python block that begins with `# name.py` goes on in that file, any other in `shop.py`; each line keeps its number, so
that a traceback points into the guide. A block of `mcp` has questions, `> method target …`, and below each what is said
to it, as JSON values: notifications, then the result or the error, without what never varies.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from erlmcp.http import Response, Stream
from erlmcp.mcp import App, Endpoint, Options
from erlmcp.mcp.subscriptions import KEY_LIMIT
from erlmcp.node.options import Options as NodeOptions
from erlmcp.node.sections import HttpOptions
from tests.mcp.posts import events, legacy, modern
from tests.serving import ROOT, serving

GUIDE = (ROOT / "docs" / "GUIDE.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+)\.py\n")
JSON = json.JSONDecoder()
CONSTANT = {"resultType", "ttlMs", "cacheScope"}


class Question(NamedTuple):
    """What a client asks in the guide: a method, whom it is about, and the JSON values that follow on its line."""

    line: int
    method: str
    target: str
    values: list[Any]
    answers: list[Any]


def blocks(language: str) -> Iterator[tuple[int, str]]:
    """The blocks of one language, each with the number of its first line."""
    for found in BLOCK.finditer(GUIDE):
        if found[1] == language:
            yield GUIDE.count("\n", 0, found.start(2)) + 1, found[2]


def files() -> dict[str, str]:
    """Module name → source; blank lines stand for what is not of that file."""
    sources: dict[str, str] = {}
    for line, block in blocks("python"):
        named = FILE.match(block)
        name = named[1] if named else "shop"
        before = sources.get(name, "")
        sources[name] = before + "\n" * (line - 1 - before.count("\n")) + block
    return sources


def json_values(text: str) -> list[Any]:
    found, text = [], text.strip()
    while text:
        value, end = JSON.raw_decode(text)
        found.append(value)
        text = text[end:].lstrip()
    return found


def questions() -> Iterator[Question]:
    for line, block in blocks("mcp"):
        for asked in re.finditer(r"^> (\S+) (\S+)(.*)\n((?:(?!>).*\n)*)", block, re.MULTILINE):
            method, target, rest, told = asked.groups()
            at = line + block.count("\n", 0, asked.start())
            if method == "completion/complete":
                argument, _, rest = rest.strip().partition(" ")
                rest = f'"{argument}" {rest}'
            yield Question(at, method, target, json_values(rest), json_values(told))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide's files as a reader would save them."""
    home = tmp_path_factory.mktemp("guide")
    for name, source in files().items():
        (home / f"{name}.py").write_text(source)
    return home


@pytest.fixture(scope="module")
def modules(folder: Path) -> Iterator[dict[str, ModuleType]]:
    """The guide's files, imported; gone again afterwards, for other tests have a shop as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        for name in files():
            patch.delitem(sys.modules, name, raising=False)
        yield {name: __import__(name) for name in files()}
        for name in files():
            sys.modules.pop(name, None)


@pytest.fixture
def app(modules: dict[str, ModuleType]) -> Iterator[App]:
    app: App = modules["shop"].app
    app.bind(Options())
    yield app
    app.close()


async def said(app: App, request: Any) -> list[dict[str, Any]]:
    """All messages of the answer to a request."""
    answer = Endpoint(app, Options())(request)
    async with asyncio.timeout(5):
        whole = answer if isinstance(answer, Response) else await answer
        if isinstance(whole, Stream):
            return events(b"".join([chunk async for chunk in whole.chunks]))
    return events(whole.body) if whole.content_type == b"text/event-stream" else [json.loads(whole.body)]


def essence(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what never varies, and without what always does, as the guide shows it."""
    if "method" in message:
        return {"method": message["method"], "params": message["params"]}
    if "error" in message:
        return dict(message["error"])
    result = {key: value for key, value in message["result"].items() if key not in CONSTANT}
    assert list(result.pop("_meta")) == ["io.modelcontextprotocol/serverInfo"]
    assert ("inputRequests" in result) == result.pop("requestState", "").startswith("e1.")
    return {key: value for key, value in result.items() if (key, value) != ("isError", False)}


def params_of(question: Question) -> dict[str, Any]:
    match question.method:
        case "resources/read":
            return {"uri": question.target}
        case "completion/complete":
            argument, value, *settled = question.values
            of = "ref/resource" if "://" in question.target else "ref/prompt"
            ref = {"type": of, "uri" if of == "ref/resource" else "name": question.target}
            context = {"context": {"arguments": settled[0]}} if settled else {}
            return {"ref": ref, "argument": {"name": argument, "value": value}, **context}
    arguments, *more = question.values
    return {"name": question.target, "arguments": arguments, **(more[1] if len(more) > 1 else {})}


async def told(app: App, question: Question) -> list[Any]:
    if question.method in {"inputSchema", "outputSchema"}:
        (listed,) = await said(app, modern("tools/list"))
        return [tool[question.method] for tool in listed["result"]["tools"] if tool["name"] == question.target]
    with_meta = question.method == "tools/call" and len(question.values) > 1
    meta = question.values[1] if with_meta else None
    return [essence(each) for each in await said(app, modern(question.method, params_of(question), meta=meta))]


@pytest.mark.parametrize("question", list(questions()), ids=lambda question: f"line-{question.line}-{question.target}")
async def test_a_call_of_the_guide_is_answered_as_shown(app: App, question: Question) -> None:
    assert await told(app, question) == question.answers


def test_no_question_of_the_guide_is_overlooked() -> None:
    assert len(list(questions())) == len(re.findall(r"^> ", GUIDE, re.MULTILINE)) > 30


def test_the_tests_of_the_guide_pass(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_shop.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert "4 passed" in done.stdout, done.stdout


async def test_the_client_of_the_guide_calls_the_served_shop(folder: Path, modules: dict[str, ModuleType]) -> None:
    with serving("shop:app", 2, folder) as url:
        async with asyncio.timeout(20):  # the official client opens and closes more than one connection
            assert await modules["client"].melons(url) == {"result": 6.0}


async def test_the_older_era_differs_as_the_guide_says(app: App) -> None:
    (greeting,) = await said(app, legacy("initialize", {}))
    (missing,) = await said(app, legacy("resources/read", {"uri": "shop://items/pear"}))
    (listed,) = await said(app, legacy("tools/list"))
    meta = {"progressToken": 1, "io.modelcontextprotocol/logLevel": "info"}
    packing = await said(app, legacy("tools/call", {"name": "pack", "arguments": {"boxes": 1}, "_meta": meta}))
    assert greeting["result"]["capabilities"] == {
        "tools": {"listChanged": True},
        "resources": {"listChanged": True, "subscribe": True},
        "prompts": {"listChanged": True},
        "completions": {},
        "logging": {},
    }
    assert missing["error"]["code"] == -32002
    assert listed["result"].keys() == {"tools"}
    assert [each.get("method", "result") for each in packing] == ["notifications/progress", "result"]


MCP, NODE, HTTP = Options(), NodeOptions(), HttpOptions()


@pytest.mark.parametrize(
    "sentence",
    [
        f"in one of {MCP.threads} threads",
        f"{MCP.thread_queue} calls wait, or {MCP.max_calls:,} calls are under way",
        f"at most {MCP.max_inputs} questions",
        f"at most {MCP.max_request_state >> 10} KiB\n  (`mcp.max_request_state`), for {MCP.input_ttl:g} s",
        f"A call may take {MCP.tool_timeout:g} s",
        f"A task may take {MCP.task_timeout:g} s",
        f"for at least {MCP.task_keep:g} s more",
        f"noticed within {1.5 * MCP.task_lease:g} s (`mcp.task_lease`)",
        f"pages of {MCP.page_size} ",
        f"room for {MCP.max_subscriptions:,} open streams",
        f"one stream for {MCP.max_subscribed:,} URIs of up to {KEY_LIMIT:,} characters",
        f"stands still for {NODE.heartbeat_timeout:g} s",
        f"does not serve within {NODE.boot_timeout:g} s",
        f"({HTTP.drain:g} s, `http.drain`)",
    ],
)
def test_the_figures_of_the_guide_are_the_defaults(sentence: str) -> None:
    assert sentence in GUIDE
