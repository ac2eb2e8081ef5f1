"""The scrape: what all workers counted, added up, in Prometheus' text format or OpenMetrics.

prometheus_client owns naming and format; the numbers come from the slab through one custom collector, so whichever
worker answers tells the whole node's story. The production line's are read from its views at each scrape.
"""

import sys
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from erlmcp.http import Handler, Request, Response
from erlmcp.telemetry.catalogue import CATALOGUE, EXCHANGES, Metric
from erlmcp.telemetry.line import LOOKED_AT, AskLine, LineFacts
from erlmcp.telemetry.node import About, NodeFacts
from erlmcp.telemetry.process import Process, read_process
from erlmcp.telemetry.slab import Slab

__all__ = ["Exposition", "metrics_handler", "requests_total"]

Sums = dict[tuple[str, ...], list[float]]


class Exposition:
    """The node as prometheus_client sees it. `facts` is asked at every scrape."""

    def __init__(self, slab: Slab, facts: Callable[[], NodeFacts], about: About) -> None:
        self._slab = slab
        self._facts = facts
        python = ".".join(map(str, sys.version_info[:3]))
        self._build = {"version": about.version, "backend": about.backend, "python": python}

    def render(self, accept: str = "", line: LineFacts | None = None) -> tuple[bytes, str]:
        """The exposition in the format that `accept` asks for, and its content type.

        `line`: the production line, where there is one and it can be read.
        """
        encode, content_type = choose_encoder(accept)
        return encode(_Scrape(self._families(line))), content_type

    def _families(self, line: LineFacts | None) -> Iterator[Family]:
        yield InfoMetricFamily("erlmcp_build", "Version and backend of this node.", value=self._build)
        for metric in CATALOGUE:
            yield _family(metric, add_up(self._slab, metric))
        facts = self._facts()
        yield from _load(facts)
        yield from _processes(facts)
        if line is not None:
            yield from _line(line)


class _Scrape(Collector):
    """What an encoder asks for the families of one scrape."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def metrics_handler(exposition: Exposition, line: AskLine | None = None) -> Handler:
    """The HTTP handler of `GET /metrics`. `line` is asked at every scrape."""

    def render(request: Request, facts: LineFacts | None = None) -> Response:
        body, content_type = exposition.render(request.headers.get(b"accept", b"").decode("latin-1"), facts)
        return Response(body=body, content_type=content_type.encode())

    if line is None:
        return render

    async def ask_and_render(request: Request) -> Response:
        return render(request, await line())

    return ask_and_render


def add_up(slab: Slab, metric: Metric) -> Sums:
    """Label values → the row's cells, summed over the slots; the first cell of a histogram is its sum of seconds."""
    sums: Sums = {}
    width = metric.shape.width
    floats_first = metric.kind == "histogram"
    for slot in slab.slots:
        if not slot.readable:
            continue
        for labels, cell in slot.tables()[metric.name].read():
            row = [float(number) for number in slot.cells[cell : cell + width]]
            if floats_first:
                row[0] = slot.floats[cell]
            sums[labels] = [*map(sum, zip(sums[labels], row, strict=True))] if labels in sums else row
    return sums


def requests_total(slab: Slab) -> int:
    """HTTP requests that the node's workers have answered."""
    return int(sum(sum(buckets) for _, *buckets in add_up(slab, EXCHANGES).values()))


def _family(metric: Metric, sums: Sums) -> Family:
    counted = {labels: row for labels, row in sums.items() if any(row) or not metric.labels}
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, (total, *buckets) in sorted(counted.items()):
            histogram.add_metric(labels, [*_cumulative(metric.bounds, buckets)], total)
        return histogram
    counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, (value,) in sorted(counted.items()):
        counter.add_metric(labels if metric.labels else (), value)
    return counter


def _cumulative(bounds: tuple[float, ...], buckets: list[float]) -> Iterator[tuple[str, float]]:
    total = 0.0
    for bound, count in zip((*map(str, bounds), "+Inf"), buckets, strict=True):
        total += count
        yield bound, total


def _load(facts: NodeFacts) -> Iterator[Family]:
    workers = facts.workers
    yield GaugeMetricFamily("erlmcp_workers", "Workers that live.", value=len(workers))
    yield GaugeMetricFamily(
        "erlmcp_workers_wanted", "Workers that the node is told to keep.", value=facts.wanted_workers
    )
    restarts = CounterMetricFamily(
        "erlmcp_worker_restarts", "Starts of a worker in place of one that ended.", labels=("worker",)
    )
    connections = GaugeMetricFamily("erlmcp_open_connections", "HTTP connections that are open.", labels=("worker",))
    in_flight = GaugeMetricFamily(
        "http_server_active_requests", "MCP calls whose answer is not there yet.", labels=("worker",)
    )
    listening = GaugeMetricFamily(
        "erlmcp_open_subscriptions", "Streams of notifications that are open.", labels=("worker",)
    )
    for worker in workers:
        label = (str(worker.number),)
        restarts.add_metric(label, worker.restarts)
        connections.add_metric(label, worker.connections)
        in_flight.add_metric(label, worker.in_flight)
        listening.add_metric(label, worker.listening)
    yield from (restarts, connections, in_flight, listening)


def _processes(facts: NodeFacts) -> Iterator[Family]:
    named = [(f"worker-{worker.number}", read_process(worker.pid)) for worker in facts.workers]
    if facts.line is not None:
        named.insert(0, ("line", read_process(facts.line.pid)))
    if facts.arbiter_pid:
        named.insert(0, ("arbiter", read_process(facts.arbiter_pid)))
    living: list[tuple[str, Process]] = [(name, found) for name, found in named if found is not None]
    resident = GaugeMetricFamily("process_resident_memory_bytes", "Resident memory size in bytes.", labels=("process",))
    cpu = CounterMetricFamily("process_cpu_seconds", "User and system time spent in seconds.", labels=("process",))
    start = GaugeMetricFamily(
        "process_start_time_seconds", "Start of the process, Unix time in seconds.", labels=("process",)
    )
    for name, process in living:
        resident.add_metric((name,), process.resident_bytes)
        cpu.add_metric((name,), process.cpu_seconds)
        start.add_metric((name,), process.started)
    yield from (resident, cpu, start)


def _line(facts: LineFacts) -> Iterator[Family]:
    wip = GaugeMetricFamily("tcps_wip", "Work orders in progress.", labels=("bucket",))
    limit = GaugeMetricFamily("tcps_wip_limit", "Work orders that may be in progress at once.", labels=("bucket",))
    queued = GaugeMetricFamily("tcps_queued", "Work orders that wait.", labels=("bucket",))
    orders = CounterMetricFamily(
        "tcps_work_orders", "Work orders that have come to their end.", labels=("bucket", "outcome")
    )
    for bucket in facts.buckets:
        wip.add_metric((bucket.bucket,), bucket.current)
        limit.add_metric((bucket.bucket,), bucket.limit)
        queued.add_metric((bucket.bucket,), bucket.queued)
        orders.add_metric((bucket.bucket, "completed"), bucket.completed)
        orders.add_metric((bucket.bucket, "cancelled"), bucket.cancelled)
    yield from (wip, limit, queued, orders)
    yield CounterMetricFamily("tcps_receipts", "Receipts in the chain.", value=facts.receipts)
    yield GaugeMetricFamily(
        "tcps_receipt_chain_valid",
        f"Whether the newest {LOOKED_AT} receipts are a whole chain: 1 or 0.",
        value=facts.chain_valid,
    )
