"""What `/health` of a server says, beside its MCP endpoint: whether the node can be observed."""

import json
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from erlmcp.cli.connecting import with_path

__all__ = ["health"]

PATIENCE: Final = 2.0  # seconds; it answers in milliseconds where there is one
MOST: Final = 256 * 1024  # bytes


def health(url: str) -> dict[str, Any] | None:
    """Its document; None where there is none, as behind a proxy that lets only MCP through."""
    place = urlsplit(with_path(url))._replace(path="/health", query="", fragment="").geturl()
    try:
        direct = build_opener(ProxyHandler({}))  # as the calls before went
        with direct.open(place, timeout=PATIENCE) as answer:
            return _document(answer.read(MOST))
    except HTTPError as fault:  # a node that is degraded says so with 503
        return _document(fault.read(MOST))
    except (OSError, ValueError):
        return None


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(body)
    except ValueError:
        return None
    return told if isinstance(told, dict) and isinstance(told.get("checks"), list) else None
