"""Counting exchanges and calls, and the scrape that adds them up."""

import os
import re
import shutil
import subprocess
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from erlmcp.telemetry import Exposition, Labels, Metrics, Slab, WorkerFacts, metrics_handler, requests_total, shapes
from erlmcp.telemetry.catalogue import CALLS, CATALOGUE, HTTP_METHODS, OPERATIONS, TOOLS_MOST
from erlmcp.telemetry.metrics import REMEMBERED, CallRows
from erlmcp.telemetry.node import About
from tests.telemetry.watched import OPENMETRICS, exchange, node, request

LABELS = Labels(routes=("/mcp", "/health"), methods=("tools/call", "tools/list"), tools=("add",))
ABOUT = About("0.7.0", "compiled")


def exposition(slab: Slab) -> Exposition:
    me = WorkerFacts(0, os.getpid(), restarts=2, connections=7, in_flight=1)
    return Exposition(slab, lambda: node(me, wanted=2), ABOUT)


def samples(slab: Slab) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = exposition(slab).render()[0].decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def value(slab: Slab, name: str, **labels: str) -> float | None:
    return samples(slab).get((name, tuple(sorted(labels.items()))))


def requests(slab: Slab, method: str, route: str, status: str) -> float | None:
    name = "http_server_request_duration_seconds_count"
    return value(slab, name, http_request_method=method, http_route=route, http_response_status_code=status)


def test_an_exchange_is_counted_by_method_route_and_status():
    slab = Slab.private(1, shapes())
    metrics = Metrics(slab, 0, LABELS)
    metrics.exchange(exchange())
    metrics.exchange(exchange())
    metrics.exchange(exchange(b"GET", "/health"))
    assert requests(slab, "POST", "/mcp", "200") == 2
    assert requests(slab, "GET", "/health", "200") == 1
    assert requests_total(slab) == 3


@pytest.mark.parametrize(("elapsed", "below"), [(0.0005, 1.0), (0.00051, 0.0)])
def test_a_bucket_holds_what_took_no_longer_than_its_bound(elapsed: float, below: float):
    slab = Slab.private(1, shapes())
    Metrics(slab, 0, LABELS).exchange(exchange(elapsed=elapsed))
    labels = {"http_request_method": "POST", "http_route": "/mcp", "http_response_status_code": "200"}
    assert value(slab, "http_server_request_duration_seconds_bucket", le="0.0005", **labels) == below
    assert value(slab, "http_server_request_duration_seconds_bucket", le="+Inf", **labels) == 1
    assert value(slab, "http_server_request_duration_seconds_sum", **labels) == pytest.approx(elapsed)


def test_workers_are_added_up_whoever_answers():
    slab = Slab.private(3, shapes())
    for slot in range(2):
        Metrics(slab, slot, LABELS).exchange(exchange())
    assert requests(slab, "POST", "/mcp", "200") == 2


def test_a_replaced_worker_keeps_the_counters_of_its_slot():
    slab = Slab.private(1, shapes())
    for _ in range(2):
        metrics = Metrics(slab, 0, LABELS)
        metrics.exchange(exchange())
        metrics.call("tools/call", "add", "ok", 0.001)
    assert requests(slab, "POST", "/mcp", "200") == 2
    assert value(slab, "erlmcp_tool_calls_total", gen_ai_tool_name="add", outcome="ok") == 2


def test_the_workers_of_a_rolled_app_add_up_with_those_of_the_old_one():
    slab = Slab.private(2, shapes())
    Metrics(slab, 0, LABELS).call("tools/call", "add", "ok", 0.001)
    rolled = Metrics(slab, 1, Labels(methods=("tools/call",), tools=("subtract", "add")))
    rolled.call("tools/call", "add", "ok", 0.001)
    rolled.call("tools/call", "subtract", "ok", 0.001)
    assert value(slab, "erlmcp_tool_calls_total", gen_ai_tool_name="add", outcome="ok") == 2
    assert value(slab, "erlmcp_tool_calls_total", gen_ai_tool_name="subtract", outcome="ok") == 1


@pytest.mark.parametrize(
    ("outcome", "counted", "error_type"),
    [
        ("ok", "ok", ""),
        ("input_required", "input_required", ""),
        ("task", "task", ""),
        ("tool_error", "tool_error", "tool_error"),
        ("-32602", "error", "-32602"),
    ],
)
def test_a_call_is_counted_by_tool_and_outcome(outcome: str, counted: str, error_type: str):
    slab = Slab.private(1, shapes())
    Metrics(slab, 0, LABELS).call("tools/call", "add", outcome, 0.001)
    name = "mcp_server_operation_duration_seconds_count"
    assert value(slab, "erlmcp_tool_calls_total", gen_ai_tool_name="add", outcome=counted) == 1
    assert value(slab, name, mcp_method_name="tools/call", error_type=error_type) == 1


def test_an_operation_on_anything_but_a_tool_counts_no_tool():
    slab = Slab.private(1, shapes())
    Metrics(slab, 0, LABELS).call("tools/list", "add", "ok", 0.001)
    assert not [name for name, _ in samples(slab) if name.startswith("erlmcp_tool_calls")]


def test_unframed_and_unannounced_requests_count_as_other():
    slab = Slab.private(1, shapes())
    metrics = Metrics(slab, 0, LABELS)
    metrics.exchange(exchange(route="", status=400, framed=False))
    metrics.exchange(exchange(b"BREW", "/pot", 404))
    metrics.call("no/such", "", "-32601", 0.001)
    assert requests(slab, "other", "other", "400") == 1
    assert requests(slab, "other", "other", "404") == 1
    name = "mcp_server_operation_duration_seconds_count"
    assert value(slab, name, mcp_method_name="other", error_type="-32601") == 1


def test_a_flood_of_made_up_names_makes_no_series_and_no_memory():
    slab = Slab.private(1, shapes())
    metrics = Metrics(slab, 0, LABELS)
    for number in range(10_000):
        metrics.exchange(exchange(b"M%d" % number, f"/r{number}", 404))
        metrics.call("tools/call", f"tool{number}", "-32602", 0.001)
        metrics.call(f"method{number}", "", "-32601", 0.001)
    assert len(samples(slab)) < 200
    assert requests_total(slab) == 10_000
    assert value(slab, "erlmcp_tool_calls_total", gen_ai_tool_name="other", outcome="error") == 10_000


def test_every_possible_combination_stays_below_two_thousand_series():
    slab = Slab.private(1, shapes())
    routes, methods = tuple(f"/r{n}" for n in range(20)), tuple(f"m{n}" for n in range(20))
    metrics = Metrics(slab, 0, Labels(routes=routes, methods=methods))
    for route in routes:
        for method in HTTP_METHODS:
            for status in (200, 400, 404, 405):
                metrics.exchange(exchange(method.encode(), route, status))
    for name in methods:
        for code in range(10):
            metrics.call(name, "", str(code), 0.001)
    assert len(samples(slab)) < 2000
    assert requests_total(slab) == 20 * len(HTTP_METHODS) * 4


def test_codes_of_an_apps_own_invention_do_not_grow_the_look_up():
    slab = Slab.private(1, shapes())
    slab.slots[0].claim()
    tables = slab.slots[0].tables()
    rows = CallRows(tables[OPERATIONS.name], tables[CALLS.name], LABELS)
    for code in range(REMEMBERED + 10):
        rows.learn(("tools/call", "add", str(code)))
    assert len(rows.known) == REMEMBERED


def test_tools_beyond_the_most_share_one_series():
    slab = Slab.private(1, shapes())
    tools = tuple(f"tool{number}" for number in range(TOOLS_MOST + 2))
    metrics = Metrics(slab, 0, Labels(methods=("tools/call",), tools=tools))
    for tool in tools:
        metrics.call("tools/call", tool, "ok", 0.001)
    last = value(slab, "erlmcp_tool_calls_total", gen_ai_tool_name=f"tool{TOOLS_MOST - 1}", outcome="ok")
    assert last == 1
    assert value(slab, "erlmcp_tool_calls_total", gen_ai_tool_name="other", outcome="ok") == 2


def test_lost_log_lines_are_counted_over_the_lives_of_a_worker():
    slab = Slab.private(1, shapes())
    first = Metrics(slab, 0, LABELS)
    first.lost_lines(3)
    first.lost_lines(5)
    Metrics(slab, 0, LABELS).lost_lines(2)
    assert value(slab, "erlmcp_log_lines_dropped_total") == 7


def test_the_node_and_its_processes_are_told_at_the_scrape():
    found = samples(Slab.private(1, shapes()))
    assert found["erlmcp_workers", ()] == 1
    assert found["erlmcp_workers_wanted", ()] == 2
    assert found["erlmcp_worker_restarts_total", (("worker", "0"),)] == 2
    assert found["erlmcp_open_connections", (("worker", "0"),)] == 7
    assert found["http_server_active_requests", (("worker", "0"),)] == 1
    assert found["process_resident_memory_bytes", (("process", "worker-0"),)] > 1024 * 1024
    assert found["process_cpu_seconds_total", (("process", "worker-0"),)] > 0
    assert abs(found["process_start_time_seconds", (("process", "worker-0"),)] - time.time()) < 24 * 3600


def test_the_build_is_told_by_version_and_backend():
    text = exposition(Slab.private(1, shapes())).render()[0].decode()
    assert re.search(
        r'^erlmcp_build_info\{backend="compiled",python="3\.\d+\.\d+",version="0\.7\.0"\} 1\.0$', text, re.M
    )


def test_a_scraper_gets_openmetrics_when_it_asks_for_it_and_text_otherwise():
    slab = Slab.private(1, shapes())
    Metrics(slab, 0, LABELS).exchange(exchange())
    handler = metrics_handler(exposition(slab))
    asked = handler(request(b"GET", b"/metrics", {b"accept": OPENMETRICS.encode()}))
    assert asked.content_type.startswith(b"application/openmetrics-text")
    assert asked.body.endswith(b"# EOF\n")
    assert {family.name for family in parse_openmetrics(asked.body.decode())} >= {metric.name for metric in CATALOGUE}
    plain = handler(request(b"GET", b"/metrics"))
    assert plain.content_type.startswith(b"text/plain")
    assert b"# EOF" not in plain.body


def test_promtool_finds_nothing_to_say_about_the_scrape():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    slab = Slab.private(1, shapes())
    metrics = Metrics(slab, 0, LABELS)
    metrics.exchange(exchange())
    metrics.call("tools/call", "add", "ok", 0.001)
    check = subprocess.run(
        [promtool, "check", "metrics"], input=exposition(slab).render()[0], capture_output=True, timeout=30, check=False
    )
    assert (check.returncode, check.stderr) == (0, b"")


def test_names_carry_base_units_and_no_kind():
    for metric in CATALOGUE:
        assert re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", metric.name)
        assert metric.help.endswith(".")
        assert not metric.name.endswith(("_total", "_milliseconds", "_counter", "_histogram"))
        assert metric.kind != "histogram" or metric.name.endswith("_seconds")
