"""How a request is dressed in each era, and how a conversation is opened.

Modern: each request says who asks, in which version, and what the client can. Legacy: `initialize` said it once.
"""

from typing import Final

import msgspec

from erlmcp.client.call import Call
from erlmcp.client.errors import UNSUPPORTED_VERSION, RpcError
from erlmcp.client.message import Outgoing
from erlmcp.client.repeating import Wanted, repeated
from erlmcp.client.results import Json, ServerInfo, decode
from erlmcp.client.session import Session

__all__ = ["HANDSHAKE", "LATEST", "MODERN", "PREFIX", "Introduction", "Legacy", "Modern", "Server"]

MODERN: Final = ("2026-07-28",)
"""The revisions without a handshake, the newest first."""
HANDSHAKE: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
LATEST: Final = MODERN[0]
PREFIX: Final = "io.modelcontextprotocol/"


class Server(msgspec.Struct, frozen=True):
    """What a server said of itself."""

    info: ServerInfo = ServerInfo()
    capabilities: Json = {}
    instructions: str | None = None
    versions: tuple[str, ...] = ()
    """The revisions it speaks; before 2026-07-28 the one that was agreed on."""
    ttl_ms: int = 0


class Introduction(msgspec.Struct):
    """Who the client is. `log_level`: the least severe messages it wants, None for none."""

    info: Json
    capabilities: Json
    log_level: str | None = None


class Modern:
    """2026-07-28 and later."""

    modern: Final = True

    def __init__(self, version: str, introduction: Introduction, *, repeats: bool) -> None:
        self.version = version
        self.wanted: Wanted = {}
        self._introduction = introduction
        self._repeats = repeats

    def dress(self, method: str, params: Json, id_: int, call: Call) -> Outgoing:
        capabilities = self._introduction.capabilities
        meta: Json = dict(call.meta or {})
        meta[PREFIX + "protocolVersion"] = self.version
        meta[PREFIX + "clientInfo"] = self._introduction.info
        meta[PREFIX + "clientCapabilities"] = _both(capabilities, call.capabilities)
        level = self._introduction.log_level or ("debug" if call.on_log is not None else None)
        if level is not None:
            meta[PREFIX + "logLevel"] = level
        if call.on_progress is not None:
            meta["progressToken"] = id_
        headers = repeated(method, params, self.wanted) if self._repeats else ()
        return Outgoing(id_, method, params | {"_meta": meta}, headers)

    async def reopen(self, session: Session) -> None:  # noqa: ARG002 - an Era
        raise RpcError(UNSUPPORTED_VERSION, "a server of 2026-07-28 has no sessions")


class Legacy:
    """2025-11-25 and before."""

    modern: Final = False

    def __init__(self, version: str, introduction: Introduction, timeout: float | None) -> None:
        """`version`: the one to ask for; what the server answers is the one that is spoken."""
        self.version = version
        self.server = Server()
        self._asked = version
        self._introduction = introduction
        self._timeout = timeout

    def dress(self, method: str, params: Json, id_: int, call: Call) -> Outgoing:
        meta: Json = dict(call.meta or {})
        if call.on_progress is not None:
            meta["progressToken"] = id_
        return Outgoing(id_, method, params | {"_meta": meta} if meta else params)

    async def open(self, session: Session, *, exactly: bool) -> None:
        """The handshake. Raises RpcError when the server speaks none of our versions (`exactly`: not this one)."""
        params = {
            "protocolVersion": self._asked,
            "capabilities": self._introduction.capabilities,
            "clientInfo": self._introduction.info,
        }
        raw = await session.once("initialize", params, Call(self._timeout))
        answer = decode(raw, _Initialized, "initialize")
        version = answer.protocol_version
        if version not in HANDSHAKE or (exactly and version != self._asked):
            wanted = self._asked if exactly else ", ".join(HANDSHAKE)
            raise RpcError(UNSUPPORTED_VERSION, f"the server speaks {version[:40]!r}, the client {wanted}")
        self.version = version
        self.server = Server(answer.server_info, answer.capabilities, answer.instructions, (version,))
        session.transport.settle(version, modern=False)
        await session.tell("notifications/initialized")
        if self._introduction.log_level is not None and "logging" in answer.capabilities:
            await session.once("logging/setLevel", {"level": self._introduction.log_level}, Call(self._timeout))

    async def reopen(self, session: Session) -> None:
        await self.open(session, exactly=True)


class _Initialized(msgspec.Struct, rename="camel"):
    protocol_version: str
    capabilities: Json = {}
    server_info: ServerInfo = ServerInfo()
    instructions: str | None = None


def _both(capabilities: Json, more: Json | None) -> Json:
    """Capabilities with others added, extension by extension."""
    if more is None:
        return capabilities
    extensions = capabilities.get("extensions", {}) | more.get("extensions", {})
    return capabilities | more | ({"extensions": extensions} if extensions else {})
