"""What the tests of telemetry watch: exchanges and nodes made by hand."""

from erlmcp.http import Exchange, Request
from erlmcp.telemetry import NodeFacts, WorkerFacts

OPENMETRICS = "application/openmetrics-text; version=1.0.0"  # what Prometheus asks for


def request(method: bytes = b"POST", path: bytes = b"/mcp", headers: dict[bytes, bytes] | None = None) -> Request:
    return Request(method, path, b"", b"localhost", headers or {}, peer="127.0.0.1:40000")


def exchange(
    method: bytes = b"POST", route: str = "/mcp", status: int = 200, *, elapsed: float = 0.0003, framed: bool = True
) -> Exchange:
    asked = request(method, route.encode() or b"/nowhere") if framed else None
    return Exchange(asked, route, status, 230, 1000.0, elapsed)


def node(*workers: WorkerFacts, wanted: int = 1, arbiter_pid: int = 0) -> NodeFacts:
    return NodeFacts(arbiter_pid, wanted, workers)
