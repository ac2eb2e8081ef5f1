"""What watching costs. Bars: metrics 0.5 µs an exchange, access log 0.4 µs on the loop, /health a look at the clock."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from erlmcp._speedups import access_lines
from erlmcp.http import Exchange, Request
from erlmcp.telemetry import (
    About,
    Exposition,
    Health,
    Labels,
    Log,
    LogOptions,
    Metrics,
    NodeFacts,
    Slab,
    WorkerFacts,
    setup,
    shapes,
)
from erlmcp.telemetry.lines import AccessEntry

LABELS = Labels(("/mcp", "/health"), ("tools/call", "tools/list"), ("add",))
ABOUT = About("0.7.0", "compiled")
GET = Request(b"GET", b"/health", b"", b"localhost", {}, peer="127.0.0.1:40000")
EXCHANGE = Exchange(
    Request(b"POST", b"/mcp", b"", b"localhost", {}, peer="127.0.0.1:40000"), "/mcp", 200, 230, 1.0, 3e-4
)


@pytest.fixture
def slab() -> Slab:
    return Slab.private(4, shapes())


@pytest.fixture
def metrics(slab: Slab) -> Metrics:
    return Metrics(slab, 0, LABELS)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    opened = setup(LogOptions(format="json", file=str(tmp_path / "log")))
    yield opened
    opened.close()


def facts() -> NodeFacts:
    return NodeFacts(0, 4, tuple(WorkerFacts(number, os.getpid()) for number in range(4)))


def test_an_exchange_is_counted(benchmark: Any, metrics: Metrics) -> None:
    benchmark(metrics.exchange, EXCHANGE)


def test_a_call_is_counted(benchmark: Any, metrics: Metrics) -> None:
    benchmark(metrics.call, "tools/call", "add", "ok", 3e-4)


def test_an_access_line_is_queued(benchmark: Any, log: Log) -> None:
    benchmark(log.access, EXCHANGE)


def test_a_hundred_access_lines_are_made(benchmark: Any) -> None:
    entry = AccessEntry(1.0, 3e-4, b"POST", b"/mcp", 200, 230, "127.0.0.1:40000", None)
    benchmark(access_lines, [entry] * 100, 0.0, b',"worker":0')


def test_health_is_answered_from_its_cache(benchmark: Any) -> None:
    benchmark(Health(facts, [], ABOUT).health, GET)


def test_a_node_is_scraped(benchmark: Any, slab: Slab, metrics: Metrics) -> None:
    metrics.exchange(EXCHANGE)
    metrics.call("tools/call", "add", "ok", 3e-4)
    benchmark(Exposition(slab, facts, ABOUT).render)
