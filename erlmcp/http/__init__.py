"""A small, strict HTTP/1.1 server on `asyncio.Protocol` (RFC 9110, RFC 9112). It has never heard of JSON-RPC or MCP."""

from erlmcp.http.guards import Cors, Guard, Origins, host_guard, origin_guard
from erlmcp.http.limits import Options
from erlmcp.http.listener import RESERVED, Listener
from erlmcp.http.message import Exchange, Fields, Handler, Request, Response, Stream, problem
from erlmcp.http.router import Route, Router
from erlmcp.http.sse import COMMENT

__all__ = [
    "COMMENT",
    "RESERVED",
    "Cors",
    "Exchange",
    "Fields",
    "Guard",
    "Handler",
    "Listener",
    "Options",
    "Origins",
    "Request",
    "Response",
    "Route",
    "Router",
    "Stream",
    "host_guard",
    "origin_guard",
    "problem",
]
