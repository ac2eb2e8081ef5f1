"""Every metric there is, in one table: name, kind, help, labels, room.

Names and buckets follow the OpenTelemetry semantic conventions where they have one (HTTP: stable; MCP: development,
open-telemetry/semantic-conventions-genai docs/gen-ai/mcp.md), with finer low buckets, since most of our answers take
less than their smallest. Rows are the most label combinations a worker keeps; what comes later counts as `other`, and
so does a label value that was not announced at start: a flood of made-up names makes no series (reliability R-09).
"""

from typing import Literal

from msgspec import Struct

from erlmcp.telemetry.slab import Shape

__all__ = [
    "CALLS",
    "CATALOGUE",
    "EXCHANGES",
    "HTTP_METHODS",
    "LOG_DROPPED",
    "OPERATIONS",
    "OTHER",
    "TOOLS_MOST",
    "Metric",
    "shapes",
]

OTHER = "other"
TOOLS_MOST = 200  # tools that get series of their own, in the order of registration
HTTP_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")

HTTP_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
MCP_BOUNDS = (
    *(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005),
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
)


class Metric(Struct, frozen=True):
    """One family. `bounds` (seconds) make a histogram's buckets; a counter's name is without its `_total`."""

    name: str
    kind: Literal["counter", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    rows: int = 1
    bounds: tuple[float, ...] = ()

    @property
    def shape(self) -> Shape:
        """A histogram's row: its sum (a float), a cell per bucket and one for +Inf. A counter's: itself."""
        return Shape(self.name, self.rows, len(self.bounds) + 2 if self.kind == "histogram" else 1)


EXCHANGES = Metric(
    "http_server_request_duration_seconds",
    "histogram",
    "Time from a request's first byte to its answer's last write, by method, route and status.",
    ("http_request_method", "http_route", "http_response_status_code"),
    rows=50,
    bounds=HTTP_BOUNDS,
)
OPERATIONS = Metric(
    "mcp_server_operation_duration_seconds",
    "histogram",
    "Time of one MCP operation, by method; error_type is a JSON-RPC code or tool_error, empty for success.",
    ("mcp_method_name", "error_type"),
    rows=40,
    bounds=MCP_BOUNDS,
)
CALLS = Metric(
    "erlmcp_tool_calls",
    "counter",
    "Calls of a tool by outcome: ok, input_required (asks back), task, tool_error (said no), error (failed), other.",
    ("gen_ai_tool_name", "outcome"),
    rows=5 * (TOOLS_MOST + 1) + 1,
)
LOG_DROPPED = Metric(
    "erlmcp_log_lines_dropped", "counter", "Log lines lost because the log could not be written fast enough."
)

CATALOGUE = (EXCHANGES, OPERATIONS, CALLS, LOG_DROPPED)


def shapes() -> tuple[Shape, ...]:
    """The layout of a slot."""
    return tuple(metric.shape for metric in CATALOGUE)
