"""What a type checker sees of the decorators."""

from pathlib import Path

import pytest
from mypy import api

SOURCE = """
from erlmcp import App, Context

app = App("typed", version="1.0", cache_scope="public")

@app.tool
def add(a: int, b: int) -> int:
    return a + b

@app.tool(title="Later", timeout=5, annotations={"readOnlyHint": True})
async def later(ctx: Context, a: int) -> str:
    await ctx.progress(1, 2, "half")
    await ctx.info({"a": a})
    return str(a)

@app.resource("user://{id}", mime_type="text/plain")
def user(id: int) -> str:
    return str(id)

@app.prompt
def ask(topic: str) -> list[str]:
    return [topic]

@app.completion(prompt="ask", argument="topic")
def topics(value: str) -> list[str]:
    return [value]

reveal_type(add)
reveal_type(later)
reveal_type(user)
reveal_type(ask)
reveal_type(topics)
add("1", 2)
app.tool(titel="x")
"""

SEEN = [
    'Revealed type is "def (a: int, b: int) -> int"',
    'Revealed type is "def (ctx: erlmcp.mcp.context.Context[Any], a: int) -> typing.Coroutine[Any, Any, str]"',
    'Revealed type is "def (id: int) -> str"',
    'Revealed type is "def (topic: str) -> list[str]"',
    'Revealed type is "def (value: str) -> list[str]"',
    'Argument 1 to "add" has incompatible type "str"; expected "int"',
]


@pytest.mark.slow
def test_a_decorated_function_keeps_its_type_and_mistakes_are_seen(tmp_path: Path):
    source = tmp_path / "typed.py"
    source.write_text(SOURCE)
    cache = ["--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent"]
    told, errors, _ = api.run(["--strict", *cache, str(source)])
    assert errors == ""
    lines = [line.partition(": ")[2].partition(": ")[2].replace("builtins.", "") for line in told.splitlines()]
    assert [line.rpartition("  [")[0] or line for line in lines[: len(SEEN)]] == SEEN
    assert any("titel" in line for line in lines[len(SEEN) :])
