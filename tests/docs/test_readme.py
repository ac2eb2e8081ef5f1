"""The README's example is served as it stands there, and the official client calls what it offers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.serving import ROOT, serving

SAMPLES = {"integer": 2, "number": 2.5, "string": "tea", "boolean": True, "array": [], "object": {}}


def example() -> str:
    """The first Python block of the README."""
    block = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert block, "README.md has no ```python block"
    return block[1]


def command() -> tuple[str, str]:
    """The module and the name in the README's `erlmcp serve module:app` for that example."""
    target = re.search(r"erlmcp serve (\w+):(\w+)", (ROOT / "README.md").read_text())
    assert target, "README.md does not say how its example is served (erlmcp serve module:app)"
    return target[1], target[2]


def tools_in(source: str) -> set[str]:
    """The names of the functions that the example decorates with `@app.tool`."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {f.name for f in functions if any(ast.unparse(d).startswith("app.tool") for d in f.decorator_list)}


def arguments_for(schema: dict[str, Any]) -> dict[str, Any]:
    """Something of the right type for each argument that a tool must have."""
    return {name: SAMPLES[schema["properties"][name]["type"]] for name in schema.get("required", ())}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    module, app = command()
    (tmp_path / f"{module}.py").write_text(example())
    with serving(f"{module}:{app}", 2, tmp_path) as url:
        yield url


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_example_of_the_readme_serves_its_tools(server: str, mode: str) -> None:
    async with Client(server, mode=mode, read_timeout_seconds=5) as client:
        listed = (await client.list_tools()).tools
        answers = [await client.call_tool(tool.name, arguments_for(tool.input_schema)) for tool in listed]
    assert {tool.name for tool in listed} == tools_in(example()) != set()
    assert [answer.is_error for answer in answers] == [False] * len(listed)


def test_the_example_of_the_readme_is_about_ten_lines() -> None:
    lines = [line for line in example().splitlines() if line.strip()]
    assert len(lines) <= 12
