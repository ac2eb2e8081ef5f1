"""How a client finds out which era its server is of (2026-07-28, Versioning; streamable-http and stdio, Backward
Compatibility): it tries the modern one first, and what is no modern answer is an old server's."""

from typing import Any, Final

import msgspec

from erlmcp.client.call import Call
from erlmcp.client.eras import HANDSHAKE, LATEST, MODERN, PREFIX, Introduction, Legacy, Modern, Server
from erlmcp.client.errors import (
    HEADER_MISMATCH,
    MISSING_CAPABILITY,
    UNSUPPORTED_VERSION,
    Garbled,
    HttpError,
    RpcError,
    TimedOut,
)
from erlmcp.client.results import Json, ServerInfo, decode
from erlmcp.client.session import Session

__all__ = ["MODES", "discover", "open_session"]

MODES: Final = ("auto", "modern", "legacy", *MODERN, *HANDSHAKE)
"""`modern` and `legacy`: the newest of its era; a version of the modern era: without asking the server first."""

PROBE: Final = 5.0
"""Seconds that a server may take to answer the probe over stdio; old ones may say nothing at all."""

_REFUSALS: Final = (401, 403, 407, 429)
_OUTAGES: Final = (502, 503, 504)
"""Statuses that tell nothing of an era: another handshake would meet the same."""


class _Discovered(msgspec.Struct, rename="camel"):
    supported_versions: list[str]
    capabilities: Json = {}
    instructions: str | None = None
    ttl_ms: int = 0
    meta: Json = msgspec.field(default_factory=dict, name="_meta")
    server_info: ServerInfo | None = None


async def open_session(session: Session, mode: str, introduction: Introduction, timeout: float | None) -> Server | None:
    """What the server said of itself; None when it was not asked."""
    if mode in MODERN:
        _be_modern(session, mode, introduction)
        return None
    if mode in {"auto", "modern"}:
        server = await _probe(session, introduction, timeout, alone=mode == "modern")
        if server is not None:
            return server
    version = mode if mode in HANDSHAKE else HANDSHAKE[0]
    era = Legacy(version, introduction, timeout)
    session.era = era
    await era.open(session, exactly=mode in HANDSHAKE)
    return era.server


async def discover(session: Session, call: Call) -> Server:
    """Ask a modern server."""
    raw = await session.request("server/discover", {}, call)
    found = decode(raw, _Discovered, "server/discover")
    info = found.server_info or _info(found.meta.get(PREFIX + "serverInfo"))
    return Server(info, found.capabilities, found.instructions, tuple(found.supported_versions), found.ttl_ms)


async def _probe(session: Session, introduction: Introduction, timeout: float | None, *, alone: bool) -> Server | None:
    """None: the server is of the older era. `alone`: there is nothing to fall back to, so every fault is raised."""
    if not session.transport.repeats and not alone:
        timeout = PROBE if timeout is None else min(timeout, PROBE)
    version = LATEST
    for attempt in range(2):
        _be_modern(session, version, introduction)
        try:
            server = await discover(session, Call(timeout, repeatable=True))
        except (RpcError, HttpError, Garbled, TimedOut) as fault:
            again = _verdict(fault, stdio=not session.transport.repeats)
            if again is None and not alone:
                return None
            if not again or attempt:
                raise
            version = again
            continue
        if any(each in MODERN for each in server.versions):
            return server
        if alone:
            spoken = ", ".join(server.versions)[:200]
            raise RpcError(UNSUPPORTED_VERSION, f"the server speaks {spoken}, the client {', '.join(MODERN)}")
        return None
    raise AssertionError("unreachable")


def _verdict(fault: Exception, *, stdio: bool) -> str | None:
    """What a failed probe says: a modern version to try instead, None for an old server, "" for neither."""
    if isinstance(fault, RpcError) and fault.code == UNSUPPORTED_VERSION:
        supported = _supported(fault.data)
        mutual = [version for version in MODERN if version in supported]
        if mutual:
            return mutual[0]
        return None if any(version in HANDSHAKE for version in supported) else ""
    if isinstance(fault, RpcError):
        return "" if fault.code in {HEADER_MISMATCH, MISSING_CAPABILITY} else None
    if isinstance(fault, HttpError):
        return "" if fault.status < 400 or fault.status in _REFUSALS + _OUTAGES else None
    if isinstance(fault, TimedOut):
        return None if stdio else ""
    return None


def _supported(data: Any) -> list[Any]:
    supported = data.get("supported") if isinstance(data, dict) else None
    return supported if isinstance(supported, list) else []


def _be_modern(session: Session, version: str, introduction: Introduction) -> None:
    session.era = Modern(version, introduction, repeats=session.transport.repeats)
    session.transport.settle(version, modern=True)


def _info(given: Any) -> ServerInfo:
    try:
        return msgspec.convert(given or {}, ServerInfo)
    except msgspec.ValidationError:  # for display only: no reason to refuse a server
        return ServerInfo()
