"""Is it well? `/health` in the runbook's shape, and the three probes of a container platform.

A probe is a function without waiting: who has to ask something slow asks it elsewhere and lets the probe tell the last
answer. `/health` is put together at most once a second and its Response object reused, so that it costs a look at the
clock. It does not know what it watches: the node gives probes and facts.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from erlmcp.http import Request, Response, problem
from erlmcp.telemetry.node import About, NodeFacts
from erlmcp.telemetry.process import read_process

__all__ = ["Check", "Health", "Probe", "workers_probe"]

Status = Literal["healthy", "degraded", "unhealthy"]
ORDER: tuple[Status, ...] = ("healthy", "degraded", "unhealthy")
FRESH = 1.0  # seconds for which one /health document serves (reference: the runbook's `wrk` must not reach the checks)
NO_STORE = ((b"cache-control", b"no-store"),)


class Check(Struct, frozen=True):
    """One line of the runbook's `.checks[]`."""

    name: str
    status: Status
    message: str


Probe = Callable[[], Check]


class _Document(Struct, frozen=True):
    """The body of `/health`; `.metrics.memory_total` and `.checks[].name` are the runbook's names."""

    status: Status
    version: str
    backend: str
    uptime_seconds: int
    node: dict[str, int]
    worker: dict[str, int]
    checks: list[Check]
    metrics: dict[str, int]


class Health:
    """The health of the node as one worker tells it.

    `facts` describes the node, `requests` counts the HTTP requests it has answered; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        facts: Callable[[], NodeFacts],
        probes: Sequence[Probe],
        about: About,
        *,
        requests: Callable[[], int] = int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._facts = facts
        self._probes = tuple(probes)
        self._about = about
        self._requests = requests
        self._clock = clock
        self._until = float("-inf")
        self._response = Response(503)
        self._state: Literal["starting", "ready", "draining"] = "starting"

    def ready(self) -> None:
        """The worker serves: `/startupz` and `/readyz` say so from now on."""
        self._enter("ready")

    def drain(self) -> None:
        """The worker leaves: `/readyz` answers 503, so that no new work is sent here."""
        self._enter("draining")

    def health(self, _request: Request) -> Response:
        """`GET /health`: 200 when healthy or degraded, 503 when unhealthy."""
        now = self._clock()
        if now >= self._until:
            self._response = self._examine()
            self._until = now + FRESH
        return self._response

    def livez(self, _request: Request) -> Response:
        """`GET /livez`: the loop turns, nothing else is asked."""
        return ALIVE

    def readyz(self, request: Request) -> Response:
        """`GET /readyz`: 503 before the start is done, while draining and when unhealthy."""
        if self._state != "ready":
            return problem(503, f"this worker is {self._state}", NO_STORE)
        return ALIVE if self.health(request).status == 200 else problem(503, "unhealthy: see /health", NO_STORE)

    def startupz(self, _request: Request) -> Response:
        """`GET /startupz`: 503 until the start is done, 200 from then on."""
        return problem(503, "this worker is starting", NO_STORE) if self._state == "starting" else ALIVE

    def _enter(self, state: Literal["ready", "draining"]) -> None:
        self._state = state
        self._until = float("-inf")

    def _examine(self) -> Response:
        facts = self._facts()
        checks = [self._lifecycle(), *(probe() for probe in self._probes)]
        status = max((check.status for check in checks), key=ORDER.index)
        body = msgspec.json.encode(self._document(status, checks, facts))
        return Response(503 if status == "unhealthy" else 200, body, headers=NO_STORE)

    def _lifecycle(self) -> Check:
        if self._state == "ready":
            return Check("server", "healthy", "serving")
        return Check("server", "degraded", self._state)

    def _document(self, status: Status, checks: list[Check], facts: NodeFacts) -> _Document:
        first = read_process(facts.arbiter_pid or os.getpid())
        arbiter = first if facts.arbiter_pid else None
        uptime = time.time() - first.started if first is not None else 0.0
        return _Document(
            status=status,
            version=self._about.version,
            backend=self._about.backend,
            uptime_seconds=max(0, int(uptime)),
            node={"pid": facts.arbiter_pid or os.getpid(), "workers": len(facts.workers)},
            worker={"number": self._about.worker, "pid": os.getpid()},
            checks=checks,
            metrics=_metrics(facts, arbiter.resident_bytes if arbiter else 0) | {"requests_total": self._requests()},
        )


ALIVE = Response(200, b'{"status":"healthy"}', headers=NO_STORE)


def _metrics(facts: NodeFacts, arbiter_bytes: int) -> dict[str, int]:
    """The node's numbers: bytes; processes as Erlang counts them (arbiter, line, workers, supervised children)."""
    workers = facts.workers
    return {
        "memory_total": arbiter_bytes + sum(process.memory_bytes for process in facts.processes),
        "process_count": bool(arbiter_bytes) + sum(1 + process.children for process in facts.processes),
        "connections": sum(worker.connections for worker in workers),
        "requests_in_flight": sum(worker.in_flight for worker in workers),
        "worker_restarts": sum(worker.restarts for worker in workers),
    }


def workers_probe(facts: Callable[[], NodeFacts]) -> Probe:
    """Are there as many workers as there should be? Fewer is degraded: the arbiter is at work on it."""

    def check() -> Check:
        node = facts()
        alive, wanted = sum(not worker.draining for worker in node.workers), node.wanted_workers
        status: Status = "healthy" if alive >= wanted else "degraded"
        return Check("workers", status, f"{alive} of {wanted} serve")

    return check
