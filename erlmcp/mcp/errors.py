"""The error codes of MCP and the one table that gives each its HTTP status.

A code before commit decides the status; after the commit of a stream the same error is its last event, under 200. What
a tool tells a model (`ToolError`) is no error here: it is a result.
"""

from collections.abc import Mapping
from typing import Final

from erlmcp.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR

__all__ = [
    "HEADER_MISMATCH",
    "MISSING_CLIENT_CAPABILITY",
    "OVERLOADED",
    "RATE_LIMITED",
    "RESOURCE_NOT_FOUND",
    "STATUS",
    "UNSUPPORTED_PROTOCOL_VERSION",
    "shorten",
    "status_of",
]

SHOWN: Final = 200
"""Characters of what a peer sent that a message repeats: enough to recognise it, too few to be worth an attack."""

HEADER_MISMATCH: Final = -32020
MISSING_CLIENT_CAPABILITY: Final = -32021
UNSUPPORTED_PROTOCOL_VERSION: Final = -32022

RESOURCE_NOT_FOUND: Final = -32002
"""Only for versions up to 2025-11-25; 2026-07-28 forbids it and says -32602 instead (basic/index, Error Codes)."""

OVERLOADED: Final = 503
"""Our own code, outside JSON-RPC's reserved range as the specification wants new codes; the number says what it is."""

RATE_LIMITED: Final = 429
"""Likewise: this caller calls more often than it may."""

STATUS: Final[Mapping[int, tuple[int, int]]] = {
    # code: (2026-07-28, up to 2025-11-25)
    PARSE_ERROR: (400, 400),
    INVALID_REQUEST: (400, 400),
    METHOD_NOT_FOUND: (404, 200),
    INVALID_PARAMS: (400, 200),
    INTERNAL_ERROR: (500, 200),
    HEADER_MISMATCH: (400, 400),
    MISSING_CLIENT_CAPABILITY: (400, 200),
    UNSUPPORTED_PROTOCOL_VERSION: (400, 400),
    RESOURCE_NOT_FOUND: (400, 200),
    OVERLOADED: (503, 503),
    RATE_LIMITED: (429, 429),
}
"""Error code → HTTP status in each era. A code that is not here is an app's own, and travels under 200."""


def status_of(code: int, *, modern: bool) -> int:
    """The HTTP status of an answer that carries this error code."""
    statuses = STATUS.get(code)
    if statuses is None:
        return 200
    return statuses[0] if modern else statuses[1]


def shorten(text: str) -> str:
    """What a peer sent, for a message: its beginning when it is long."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
