"""What is behind which path: the routes of the http door and of the metrics door.

`/health` and the probes stand outside the Host allow-list: a kubelet asks with the pod's address as Host.
"""

from erlmcp.http import Cors, Origins, Route, Router, host_guard, origin_guard
from erlmcp.mcp import Endpoint
from erlmcp.node.sections import HttpOptions
from erlmcp.telemetry import AskLine, Exposition, Health, metrics_handler

__all__ = ["http_router", "metrics_router"]

NOT_FOUND = (
    "There is nothing at this path. MCP clients POST to /mcp; /health, /livez, /readyz and /startupz tell how it goes."
)
NO_METRICS = "There is nothing at this path. The metrics are at /metrics, the health of the node at /health."
EXPOSED = ("Mcp-Session-Id", "Mcp-Protocol-Version", "Retry-After", "WWW-Authenticate")


def http_router(endpoint: Endpoint, health: Health, options: HttpOptions, port: int) -> Router:
    """MCP behind the guards, health before them. `port` is the one that the socket really has."""
    urls = [*options.allowed_origins, *([options.public_url] if options.public_url else [])]
    hosts = [*options.allowed_hosts, *_own_names(options)]
    origins = Origins(urls, hosts)
    cors = Cors(origins, EXPOSED)
    guards = (host_guard(hosts, port), origin_guard(origins))
    return Router(
        [
            Route(b"/mcp", endpoint, (b"POST",), guards, cors=cors),
            Route(b"/mcp", endpoint.other, (b"GET", b"DELETE"), guards, cors=cors),
            Route(b"/health", health.health),
            Route(b"/livez", health.livez),
            Route(b"/readyz", health.readyz),
            Route(b"/startupz", health.startupz),
        ],
        NOT_FOUND,
    )


def metrics_router(exposition: Exposition, health: Health, line: AskLine | None = None) -> Router:
    """What Prometheus scrapes. `line` says how the production line is, where there is one."""
    routes = [Route(b"/metrics", metrics_handler(exposition, line)), Route(b"/health", health.health)]
    return Router(routes, NO_METRICS)


def _own_names(options: HttpOptions) -> list[str]:
    """What this node is asked for by, without being told: the address it listens on, the name of its public URL."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    wild = host in {"", "0.0.0.0", "[::]"}
    public = options.public_url.partition("://")[2].partition("/")[0]
    return [name for name in ("" if wild else host, public) if name]
