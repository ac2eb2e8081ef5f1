"""`initialize` and `ping`. The handshake negotiates a version and is forgotten: each later request names its own."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.context import Context
from erlmcp.mcp.identity import Server
from erlmcp.mcp.types import Envelope, InitializeParams
from erlmcp.mcp.versions import HANDSHAKE, NEWEST_HANDSHAKE

__all__ = ["initialize", "negotiate", "ping"]


def negotiate(requested: str) -> str:
    """The version asked for if it opens with a handshake, else the newest that does (2025-11-25, Lifecycle)."""
    return requested if requested in HANDSHAKE.values() else NEWEST_HANDSHAKE


def initialize(server: Server) -> Callable[[InitializeParams, Context], bytes]:
    rest = b'","capabilities":%b,"serverInfo":%b' % (server.capabilities, server.info)
    if server.app.instructions is not None:
        rest += b',"instructions":' + msgspec.json.encode(server.app.instructions)
    strict = server.options.strict_initialize

    def perform(params: InitializeParams, _context: Context) -> bytes:
        requested = params.protocol_version
        if requested is UNSET:
            if strict:
                raise RpcError(INVALID_PARAMS, "params.protocolVersion is missing")
            requested = NEWEST_HANDSHAKE
        return b'"protocolVersion":"' + negotiate(requested).encode() + rest

    return perform


def ping(_server: Server) -> Callable[[Envelope, Context], bytes]:
    return lambda _params, _context: b""
