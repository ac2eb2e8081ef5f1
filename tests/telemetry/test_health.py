"""/health in the runbook's shape, and the probes beside it."""

import json
import os
from typing import Any

import pytest

from erlmcp.http import Response
from erlmcp.telemetry import Check, Health, WorkerFacts, workers_probe
from erlmcp.telemetry.health import FRESH, Status
from erlmcp.telemetry.node import About, NodeFacts
from tests.telemetry.watched import node, request

GET = request(b"GET", b"/health")
TWO_WORKERS = (
    WorkerFacts(0, os.getpid(), restarts=1, memory_bytes=1000, children=4, connections=3, in_flight=1),
    WorkerFacts(1, os.getpid(), memory_bytes=500, children=4, connections=2),
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def health(*statuses: Status, clock: Clock | None = None, facts: NodeFacts | None = None) -> Health:
    told = facts or node(*TWO_WORKERS, wanted=2)
    probes = [lambda status=status: Check("database", status, "as told") for status in statuses]
    made = Health(lambda: told, probes, About("0.7.0", "compiled", 1), requests=lambda: 42, clock=clock or Clock())
    made.ready()
    return made


def document(response: Response) -> dict[str, Any]:
    return json.loads(response.body)


def test_the_document_has_the_shape_that_the_runbook_asks_for():
    response = health("healthy").health(GET)
    told = document(response)
    assert response.status == 200
    assert b" " not in response.body.replace(b"as told", b"")
    assert told.pop("uptime_seconds") >= 0
    assert told == {
        "status": "healthy",
        "version": "0.7.0",
        "backend": "compiled",
        "node": {"pid": os.getpid(), "workers": 2},
        "worker": {"number": 1, "pid": os.getpid()},
        "checks": [
            {"name": "server", "status": "healthy", "message": "serving"},
            {"name": "database", "status": "healthy", "message": "as told"},
        ],
        "metrics": {
            "memory_total": 1500,
            "process_count": 10,
            "connections": 5,
            "requests_in_flight": 1,
            "worker_restarts": 1,
            "requests_total": 42,
        },
    }


def test_the_arbiter_counts_in_memory_and_processes():
    told = document(health(facts=node(*TWO_WORKERS, arbiter_pid=os.getppid())).health(GET))
    assert told["node"]["pid"] == os.getppid()
    assert told["metrics"]["memory_total"] > 1500
    assert told["metrics"]["process_count"] == 11


@pytest.mark.parametrize(
    ("statuses", "status", "code"),
    [
        (("healthy", "healthy"), "healthy", 200),
        (("healthy", "degraded"), "degraded", 200),
        (("degraded", "unhealthy"), "unhealthy", 503),
    ],
)
def test_the_worst_check_decides(statuses: tuple[Status, ...], status: str, code: int):
    response = health(*statuses).health(GET)
    assert (document(response)["status"], response.status) == (status, code)


def test_a_document_serves_for_a_second_and_not_longer():
    clock = Clock()
    watched = health("healthy", clock=clock)
    first = watched.health(GET)
    clock.now += FRESH - 0.01
    assert watched.health(GET) is first
    clock.now += 0.01
    assert watched.health(GET) is not first


def test_a_worker_that_drains_says_so_at_once_and_stays_alive():
    watched = health("healthy")
    assert document(watched.health(GET))["status"] == "healthy"
    watched.drain()
    assert document(watched.health(GET))["checks"][0] == {"name": "server", "status": "degraded", "message": "draining"}
    assert watched.readyz(GET).status == 503
    assert b"draining" in watched.readyz(GET).body
    assert watched.livez(GET).status == 200
    assert watched.startupz(GET).status == 200


def test_a_worker_that_starts_is_alive_and_not_ready():
    starting = Health(node, [], About("0.7.0", "pure"))
    assert [probe(GET).status for probe in (starting.livez, starting.startupz, starting.readyz)] == [200, 503, 503]
    assert document(starting.health(GET))["status"] == "degraded"
    starting.ready()
    assert [probe(GET).status for probe in (starting.livez, starting.startupz, starting.readyz)] == [200, 200, 200]


@pytest.mark.parametrize(("status", "ready"), [("degraded", 200), ("unhealthy", 503)])
def test_work_is_not_sent_to_a_worker_that_is_unhealthy(status: Status, ready: int):
    assert health(status).readyz(GET).status == ready
    assert health(status).livez(GET).status == 200


def test_answers_are_not_to_be_cached_on_the_way():
    watched = health("healthy")
    for probe in (watched.health, watched.livez, watched.readyz, watched.startupz):
        assert (b"cache-control", b"no-store") in probe(GET).headers


@pytest.mark.parametrize(("wanted", "status"), [(2, "healthy"), (3, "degraded")])
def test_a_missing_worker_is_degraded(wanted: int, status: str):
    check = workers_probe(lambda: node(*TWO_WORKERS, wanted=wanted))()
    assert check == Check("workers", status, f"2 of {wanted} serve")


def test_a_worker_that_leaves_does_not_count_as_serving():
    leaving = WorkerFacts(1, os.getpid(), draining=True)
    assert workers_probe(lambda: node(TWO_WORKERS[0], leaving, wanted=2))().status == "degraded"
