"""The session of a client that opened with `initialize` on a pipe: it lives in this process and ends with the pipe.

What changes is told on the same pipe, from the end of the handshake on: lists always, resources that it watches.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from erlmcp.jsonrpc import INVALID_REQUEST, Notification, Reply, Request, RpcError
from erlmcp.mcp.admit import malformed
from erlmcp.mcp.app import App
from erlmcp.mcp.backplane import LocalBus
from erlmcp.mcp.call import Call, Surface
from erlmcp.mcp.changes import Change, Changes
from erlmcp.mcp.context import Context
from erlmcp.mcp.facts import LOCAL
from erlmcp.mcp.inputs import Answers, InputRequest
from erlmcp.mcp.legacy.admission import admit
from erlmcp.mcp.legacy.backchannel import Backchannel
from erlmcp.mcp.legacy.handshake import agreed_version
from erlmcp.mcp.legacy.requests import CHANGES, check_watchable
from erlmcp.mcp.legacy.session import client_capabilities, client_info, new_agreement
from erlmcp.mcp.legacy.sessions import Session
from erlmcp.mcp.legacy.standalone import interests_of
from erlmcp.mcp.legacy.store import changed
from erlmcp.mcp.options import Options
from erlmcp.mcp.sink import Sink
from erlmcp.mcp.types import InitializeParams
from erlmcp.mcp.versions import NEWEST_HANDSHAKE

__all__ = ["BEFORE_INITIALIZE", "PipeSession"]

BEFORE_INITIALIZE: Final = frozenset({"initialize", "ping"})
"""What a client may ask before the handshake (2025-11-25, Lifecycle, Initialization)."""

INITIALIZED: Final = "notifications/initialized"

_INITIALIZE: Final = msgspec.json.Decoder(InitializeParams)


class PipeSession:
    """`version` is what the handshake agreed on, empty before it. `write` sends a message, `sink` a notification
    that need not arrive.

    A `changes.Listener`, too.
    """

    def __init__(
        self,
        app: App,
        options: Options,
        surfaces: Mapping[str, Surface],
        changes: Changes,
        write: Callable[[bytes], None],
        sink: Sink,
    ) -> None:
        self._app, self._options, self._surfaces = app, options, surfaces
        self._changes, self._write, self._sink = changes, write, sink
        self._open = False
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

    def noted(self, note: Notification) -> None:
        """A notification of the client. At the end of the handshake it begins to hear of changes."""
        if note.method == INITIALIZED and self.session is not None and not self._open:
            self._open = True
            self._changes.attach(self, interests_of(self.session))

    def hear(self, change: Change) -> None:
        """Something changed."""
        self._sink.emit(change.method, change.params)

    def end(self) -> None:
        """The process leaves, and the pipe with it."""

    def close(self) -> None:
        """Hear of nothing any more."""
        self._changes.detach(self)

    async def _ask(self, context: Context, requests: Mapping[str, InputRequest]) -> Answers:
        key = "" if self.session is None else self.session.key
        with context.waiting():
            return await self._backchannel.ask(key, self._write, requests)

    def _change(self, params: Any, context: Context) -> bytes:
        session = self.session
        if session is not None:
            change = CHANGES[context.method](params)
            if change.watch is not None:
                check_watchable(self._app, change.watch)
            session.state = changed(session.state, change)
            if self._open:
                self._changes.detach(self)
                self._changes.attach(self, interests_of(session))
        return b""

    def _opened(self, request: Request) -> Session:
        try:
            params = _INITIALIZE.decode(request.params or b"{}")
        except msgspec.ValidationError as flaw:
            raise malformed(flaw) from None
        version = agreed_version(params, strict=self._options.strict_initialize)
        capabilities, client = client_capabilities(params.capabilities), client_info(params.client_info)
        return Session(new_agreement(version, capabilities, client), LOCAL)
