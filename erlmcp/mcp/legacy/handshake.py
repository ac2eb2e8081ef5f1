"""`initialize` and `ping`. The handshake negotiates a version; a session remembers it, and who calls without a session
names it in each request."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.context import Context
from erlmcp.mcp.identity import Server
from erlmcp.mcp.types import Envelope, InitializeParams
from erlmcp.mcp.versions import HANDSHAKE, NEWEST_HANDSHAKE

__all__ = ["agreed_version", "initialize", "negotiate", "ping"]


def negotiate(requested: str) -> str:
    """The version asked for if it opens with a handshake, else the newest that does (2025-11-25, Lifecycle)."""
    return requested if requested in HANDSHAKE.values() else NEWEST_HANDSHAKE


def agreed_version(params: InitializeParams, *, strict: bool) -> str:
    """The version that an `initialize` settles. Raises RpcError for one that names none, when `strict`."""
    requested = params.protocol_version
    if requested is UNSET:
        if strict:
            raise RpcError(INVALID_PARAMS, "params.protocolVersion is missing")
        return NEWEST_HANDSHAKE
    return negotiate(requested)


def initialize(server: Server) -> Callable[[InitializeParams, Context], bytes]:
    rest = b'","capabilities":%b,"serverInfo":%b' % (server.capabilities, server.info)
    if server.app.instructions is not None:
        rest += b',"instructions":' + msgspec.json.encode(server.app.instructions)
    strict = server.options.strict_initialize
    return lambda params, _context: b'"protocolVersion":"' + agreed_version(params, strict=strict).encode() + rest


def ping(_server: Server) -> Callable[[Envelope, Context], bytes]:
    return lambda _params, _context: b""
