"""Methods that change a session: `logging/setLevel`, `resources/subscribe` and `resources/unsubscribe`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from erlmcp.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, RpcError
from erlmcp.mcp.app import App
from erlmcp.mcp.context import Context
from erlmcp.mcp.identity import Server
from erlmcp.mcp.legacy.store import StateChange
from erlmcp.mcp.tool_error import ResourceNotFound
from erlmcp.mcp.types import Envelope, LogLevel

__all__ = ["CHANGES", "SetLevelParams", "SubscribeParams", "check_watchable", "set_level", "subscribe", "unsubscribe"]

MAX_URI: Final = 2048  # characters: what a session keeps is bounded


class SetLevelParams(Envelope, frozen=True, kw_only=True, gc=False):
    level: LogLevel


class SubscribeParams(Envelope, frozen=True, kw_only=True, gc=False):
    uri: str


CHANGES: Final[Mapping[str, Callable[[Any], StateChange]]] = {
    "logging/setLevel": lambda params: StateChange(level=params.level),
    "resources/subscribe": lambda params: StateChange(watch=params.uri),
    "resources/unsubscribe": lambda params: StateChange(unwatch=params.uri),
}
"""By method, what its parameters change."""


def set_level(server: Server) -> Callable[[SetLevelParams, Context], Awaitable[bytes]]:
    return lambda params, context: _change(server, params, context)


def subscribe(server: Server) -> Callable[[SubscribeParams, Context], Awaitable[bytes]]:
    app = server.app

    def perform(params: SubscribeParams, context: Context) -> Awaitable[bytes]:
        check_watchable(app, params.uri)
        return _change(server, params, context)

    return perform


def unsubscribe(server: Server) -> Callable[[SubscribeParams, Context], Awaitable[bytes]]:
    return lambda params, context: _change(server, params, context)


def check_watchable(app: App, uri: str) -> None:
    """Raises ResourceNotFound, and RpcError for a URI that is too long to be kept."""
    if len(uri) > MAX_URI:
        raise RpcError(INVALID_PARAMS, f"params.uri has {len(uri)} characters; at most {MAX_URI} can be watched")
    if uri not in app.resources and all(template.match(uri) is None for template in app.templates):
        raise ResourceNotFound(uri)


async def _change(server: Server, params: Envelope, context: Context) -> bytes:
    """Raises RpcError where there is no session (any more), SessionsFull, StoreAway."""
    key, store = context.facts.session, server.backplane.sessions
    if not key or store is None:
        raise RpcError(INVALID_REQUEST, f"{context.method} needs a session: initialize, and send its Mcp-Session-Id")
    if not await store.change(key, CHANGES[context.method](params)):
        raise RpcError(INVALID_REQUEST, "the session has ended")
    return b""
