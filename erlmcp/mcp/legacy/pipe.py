"""The session of a client that opened with `initialize` on a pipe: it lives in this process and ends with the pipe."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from erlmcp.jsonrpc import INVALID_REQUEST, Reply, Request, RpcError
from erlmcp.mcp.admit import malformed
from erlmcp.mcp.backplane import LocalBus
from erlmcp.mcp.call import Call, Surface
from erlmcp.mcp.context import Context
from erlmcp.mcp.inputs import Answers, InputRequest
from erlmcp.mcp.legacy.admission import admit
from erlmcp.mcp.legacy.backchannel import Backchannel
from erlmcp.mcp.legacy.handshake import agreed_version
from erlmcp.mcp.legacy.requests import CHANGES
from erlmcp.mcp.legacy.session import client_capabilities, client_info, new_agreement
from erlmcp.mcp.legacy.sessions import Session
from erlmcp.mcp.legacy.store import changed
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
        self._surfaces, self._options, self._write = surfaces, options, write
        self._backchannel = Backchannel(LocalBus(), options.ask_timeout)
        self.session: Session | None = None

    @property
    def version(self) -> str:
        return "" if self.session is None else self.session.version

    def admit(self, request: Request) -> Call:
        """Raises RpcError for what can not be performed."""
        session = self.session
        if request.method == "initialize":
            if session is not None:
                raise RpcError(INVALID_REQUEST, "Invalid request: the session is initialized already")
            session = self._opened(request)
        version = NEWEST_HANDSHAKE if session is None else session.version
        call = admit(request, {b"mcp-protocol-version": version.encode()}, self._surfaces, session)
        if request.method == "initialize":
            self.session = session
        elif request.method in CHANGES:
            return Call(replace(call.method, perform=self._change), call.params, call.facts, call.target)
        elif call.method.bounded:
            return Call(replace(call.method, ask=self._ask), call.params, call.facts, call.target)
        return call

    def replied(self, reply: Reply) -> None:
        """The client's answer to a request of ours. One that nobody waits for is dropped."""
        if self.session is not None:
            self._backchannel.route(self.session.key, reply)

    def _ask(self, _context: Context, requests: Mapping[str, InputRequest]) -> Awaitable[Answers]:
        key = "" if self.session is None else self.session.key
        return self._backchannel.ask(key, self._write, requests)

    def _change(self, params: Any, context: Context) -> bytes:
        if self.session is not None:
            self.session.state = changed(self.session.state, CHANGES[context.method](params))
        return b""

    def _opened(self, request: Request) -> Session:
        try:
            params = _INITIALIZE.decode(request.params or b"{}")
        except msgspec.ValidationError as flaw:
            raise malformed(flaw) from None
        version = agreed_version(params, strict=self._options.strict_initialize)
        capabilities, client = client_capabilities(params.capabilities), client_info(params.client_info)
        return Session(new_agreement(version, capabilities, client), "local")
