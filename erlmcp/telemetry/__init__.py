"""The watcher: metrics, logs, health. Attached by `node` to the hooks of the watched, which do not know it.

The scrape's names load on first use (PEP 562): prometheus_client takes 50 ms to import, and reading the `[log]` section
needs none of it.
"""

from typing import TYPE_CHECKING, Any

from erlmcp.telemetry.catalogue import shapes
from erlmcp.telemetry.health import Check, Health, Probe, workers_probe
from erlmcp.telemetry.line import AskLine, LineFacts, line_facts
from erlmcp.telemetry.log import Log, Logger, setup
from erlmcp.telemetry.metrics import Labels, Metrics
from erlmcp.telemetry.node import About, NodeFacts, WorkerFacts
from erlmcp.telemetry.options import LogOptions, MetricsOptions
from erlmcp.telemetry.slab import SLOT_BYTES, Slab

if TYPE_CHECKING:
    from erlmcp.telemetry.exposition import Exposition, metrics_handler, requests_total

__all__ = [
    "SLOT_BYTES",
    "About",
    "AskLine",
    "Check",
    "Exposition",
    "Health",
    "Labels",
    "LineFacts",
    "Log",
    "LogOptions",
    "Logger",
    "Metrics",
    "MetricsOptions",
    "NodeFacts",
    "Probe",
    "Slab",
    "WorkerFacts",
    "line_facts",
    "metrics_handler",
    "requests_total",
    "setup",
    "shapes",
    "workers_probe",
]


def __getattr__(name: str) -> Any:
    if name in {"Exposition", "metrics_handler", "requests_total"}:
        import erlmcp.telemetry.exposition as scrape  # noqa: PLC0415 - the point of PEP 562

        return getattr(scrape, name)
    raise AttributeError(f"module 'erlmcp.telemetry' has no attribute {name!r}")
