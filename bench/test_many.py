"""Ten thousand tools: what registering, listing and finding them costs.

The bars are generous, for a busy machine; the figures are what the benchmark prints.
"""

import gc
import tracemalloc
from typing import Any

import pytest

from erlmcp import App
from erlmcp.mcp import Options

MANY = 10_000


def lookup(key: str, limit: int = 10) -> str:
    """Find an entry.

    Args:
        key: what to look for
        limit: how many at most
    """
    return f"{key} {limit}"


def crowd(count: int = MANY) -> App:
    app = App("crowd")
    for number in range(count):
        app.tool(lookup, name=f"tool_{number:05}", inline=True)
    return app


@pytest.fixture(scope="module")
def crowded() -> App:
    app = crowd()
    app.bind(Options())
    return app


def test_register_a_thousand(benchmark: Any) -> None:
    benchmark.group = "10,000 tools: register 1,000"
    benchmark(crowd, 1000)


def test_bind_ten_thousand(benchmark: Any, crowded: App) -> None:
    benchmark.group = "10,000 tools: bind"
    benchmark(crowded.bind, Options())


def test_encode_the_first_page(benchmark: Any, crowded: App) -> None:
    benchmark.group = "10,000 tools: a page of 100, encoded"

    def page() -> bytes:
        crowded.tools._pages.clear()
        return crowded.tools.page(None, 100, True)

    assert benchmark(page).count(b'"name"') == 100


def test_list_the_first_page_again(benchmark: Any, crowded: App) -> None:
    benchmark.group = "10,000 tools: a page of 100, kept"
    assert benchmark(crowded.tools.page, None, 100, True)


def test_find_one(benchmark: Any, crowded: App) -> None:
    benchmark.group = "10,000 tools: find one"
    assert benchmark(crowded.tools.get, "tool_09999") is not None


def test_memory_of_one(benchmark: Any) -> None:
    """Bytes, as `extra_info`; the time is of no interest."""
    gc.collect()
    tracemalloc.start()
    app = crowd(1000)
    benchmark.extra_info["bytes_per_tool"] = tracemalloc.get_traced_memory()[0] // 1000
    tracemalloc.stop()
    assert benchmark(app.tools.get, "tool_00001") is not None
