"""Whole requests, bytes to bytes, through guards, metrics and access log, on the twin that serves in this process.

The bar is 4 µs for a tools/call on a quiet core (reference: performance.md §8, 12).
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from bench.line import Line
from bench.whole import REQUESTS
from erlmcp._speedups import BACKEND


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with asyncio.Runner() as runner:

        async def make() -> Line:
            return Line()

        made = runner.run(make())
        yield made
        made.close()


@pytest.mark.parametrize("name", REQUESTS)
def test_whole_request(benchmark: Any, line: Line, name: str) -> None:
    benchmark.group = f"whole: {name}"
    benchmark.extra_info["backend"] = BACKEND
    answer = benchmark(line.answer, REQUESTS[name])
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_sixteen_pipelined_calls(benchmark: Any, line: Line) -> None:
    benchmark.group = "whole: 16 pipelined calls"
    answer = benchmark(line.answer, REQUESTS["tools/call, 2026-07-28"] * 16)
    assert answer.count(b"HTTP/1.1 200 ") == 16
