"""The session of a client that opened with `initialize` on a pipe: it lives in this process and ends with the pipe."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from msgspec import UNSET

from erlmcp.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, Reply, Request, RpcError
from erlmcp.mcp.admit import malformed
from erlmcp.mcp.call import Call, Surface
from erlmcp.mcp.legacy.admission import admit
from erlmcp.mcp.legacy.handshake import negotiate
from erlmcp.mcp.options import Options
from erlmcp.mcp.types import InitializeParams
from erlmcp.mcp.versions import NEWEST_HANDSHAKE

__all__ = ["BEFORE_INITIALIZE", "PipeSession"]

BEFORE_INITIALIZE: Final = frozenset({"initialize", "ping"})
"""What a client may ask before the handshake (2025-11-25, Lifecycle, Initialization)."""

_INITIALIZE: Final = msgspec.json.Decoder(InitializeParams)


class PipeSession:
    """`version` is what the handshake agreed on, empty before it. `write` sends a message."""

    def __init__(self, surfaces: Mapping[str, Surface], options: Options, write: Callable[[bytes], None]) -> None:
        self.version = ""
        self._surfaces, self._options, self._write = surfaces, options, write

    def admit(self, request: Request) -> Call:
        """Raises RpcError for what can not be performed."""
        version = self.version or NEWEST_HANDSHAKE
        if request.method == "initialize":
            if self.version:
                raise RpcError(INVALID_REQUEST, "Invalid request: the session is initialized already")
            version = self._requested(request)
        call = admit(request, {b"mcp-protocol-version": version.encode()}, self._surfaces)
        if request.method == "initialize":
            self.version = version
        return call

    def replied(self, reply: Reply) -> None:
        """The client's answer to a request of ours. One that nobody waits for is dropped."""

    def _requested(self, request: Request) -> str:
        try:
            asked = _INITIALIZE.decode(request.params or b"{}").protocol_version
        except msgspec.ValidationError as flaw:
            raise malformed(flaw) from None
        if asked is UNSET and self._options.strict_initialize:
            raise RpcError(INVALID_PARAMS, "params.protocolVersion is missing")
        return NEWEST_HANDSHAKE if asked is UNSET else negotiate(asked)
