"""A worker's parts put together: the app behind its endpoint, the doors, and the watchers attached to their hooks.

Here, and nowhere else, telemetry meets what it watches.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from erlmcp import otp
from erlmcp._speedups import BACKEND
from erlmcp.http import Exchange, Listener
from erlmcp.mcp import METHODS, Endpoint
from erlmcp.node.doors import http_router, metrics_router
from erlmcp.node.life import Outfit
from erlmcp.node.link import LineLink
from erlmcp.node.policy import LINE
from erlmcp.node.slab import Row, resident_bytes
from erlmcp.node.tree import APP_GRACE, TASK_GRACE, app_child, count, worker_tree
from erlmcp.telemetry import (
    About,
    Exposition,
    Health,
    Labels,
    Metrics,
    NodeFacts,
    WorkerFacts,
    requests_total,
    shapes,
    workers_probe,
)
from erlmcp.telemetry import Slab as MetricSlab

if TYPE_CHECKING:
    from erlmcp.mcp import App

__all__ = ["Station"]

ORPHAN_GRACE = 5.0  # seconds beyond its drain that a worker without an arbiter may take


class Station:
    """Everything of one worker but its life: `tree` to run, and what changes with its state."""

    def __init__(self, app: "App", line: LineLink, outfit: Outfit) -> None:
        boot, sections, slab, log = outfit.boot, outfit.sections, outfit.slab, outfit.log
        self._app, self._boot, self._slab, self._log = app, boot, slab, log
        self.grace = sections.http.drain + ORPHAN_GRACE
        self._wanted, self._arbiter = sections.node.workers, os.getppid()
        about = About(boot.version, BACKEND, boot.number)
        counters = MetricSlab(slab.metrics, slab.slots, shapes())
        probes = [workers_probe(self.facts), *line.probes()]
        self.health = Health(self.facts, probes, about, requests=lambda: requests_total(counters))
        app.bind(sections.mcp)
        self.metrics = Metrics(counters, boot.slot, _labels(app))
        self.endpoint = Endpoint(app, sections.mcp, self.metrics.call, line.backplane)
        sock = socket.socket(fileno=boot.fds.http)
        router = http_router(self.endpoint, self.health, sections.http, sock.getsockname()[1])
        observe = both(self.metrics.exchange, log.access) if sections.log.access else self.metrics.exchange
        self.http = Listener(sock, router, sections.http, observe)
        self.scrape: Listener | None = None
        if boot.fds.metrics is not None:
            exposition = Exposition(counters, self.facts, about)
            routes = metrics_router(exposition, self.health, line.facts if line.views else None)
            self.scrape = Listener(socket.socket(fileno=boot.fds.metrics), routes, sections.http)
        self._drain, self._draining = sections.http.drain, 0.0
        tasks = otp.ChildSpec("tasks", self._keep_tasks, shutdown=sections.http.drain + TASK_GRACE)
        below = [*line.children(), app_child(app, self._wanted, shutdown=APP_GRACE), tasks]
        self.tree = worker_tree(below, self.http, self.scrape, drain=sections.http.drain)

    async def _keep_tasks(self, ready: Callable[[], None]) -> None:
        """The tasks of MCP that run here: after the doors have closed they have what is left of the drain."""
        loop = asyncio.get_running_loop()
        ready()
        try:
            await loop.create_future()
        finally:
            await self.endpoint.tasks.leave(self._draining + self._drain - loop.time())

    def facts(self) -> NodeFacts:
        """The node as the board shows it."""
        rows = self._slab.board.rows()
        line = next((_facts(row) for row in rows if row.number == LINE), None)
        workers = tuple(_facts(row) for row in rows if row.number != LINE)
        return NodeFacts(self._arbiter, self._wanted, workers, line)

    def ready(self) -> None:
        """The doors are open."""
        self.endpoint.open()
        self.health.ready()
        self._slab.board.put(self._boot.slot, serving=1)

    def drain(self) -> None:
        """The doors are about to close."""
        self.health.drain()
        self.endpoint.drain()
        self._draining = asyncio.get_running_loop().time()
        self._slab.board.put(self._boot.slot, serving=0)

    def orphaned(self, leave: Callable[[], None]) -> None:
        """Drain at once; the line process waits for us."""
        leave()

    def report(self) -> None:
        """Write this worker's load where the others can read it."""
        self._slab.board.put(
            self._boot.slot,
            memory=resident_bytes(),
            children=count(self.children()),
            connections=self.http.connections,
            in_flight=self.endpoint.in_flight,
            listening=self.endpoint.listening,
        )
        self.metrics.lost_lines(self._log.dropped)

    def children(self) -> list[otp.Node]:
        """What runs in this worker, as `erlmcp status` shows it."""
        return [otp.snapshot(self.tree)]

    def close(self) -> None:
        """Release what the app holds."""
        self._app.close()


def both(first: Callable[[Exchange], None], second: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """One observer that is two."""

    def observe(exchange: Exchange) -> None:
        first(exchange)
        second(exchange)

    return observe


def _labels(app: "App") -> Labels:
    routes = ("/mcp", "/health", "/livez", "/readyz", "/startupz")
    return Labels(routes, tuple(method.name for method in METHODS), tuple(tool.key for tool in app.tools))


def _facts(row: Row) -> WorkerFacts:
    return WorkerFacts(
        number=row.number,
        pid=row.pid,
        restarts=row.restarts,
        memory_bytes=row.memory,
        children=row.children,
        connections=row.connections,
        in_flight=row.in_flight,
        listening=row.listening,
        draining=not row.serving,
    )
