"""What the protocol side read about a request, and what can be read out of that when somebody asks.

It does not know what a handler may do: that is `context`.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

__all__ = ["LOCAL", "Facts", "capabilities_of", "client_of", "meta_of"]


LOCAL: Final = "local"
"""Who asks. Until there is access control there is one."""


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What the protocol side read about a request, in both eras of MCP."""

    id: bytes
    """The JSON-RPC id as raw JSON text."""
    protocol_version: str
    modern: bool
    log_level: str | None = None
    """The least severe level the client asked for; None: it wants no log messages."""
    progress_token: bytes | None = None
    """The progress token as raw JSON; None: it wants no progress."""
    params: bytes = b""
    """The request's parameters as raw JSON, empty when absent: what handlers rarely ask for is decoded when they do."""
    method: str = ""
    principal: str = LOCAL
    session: str = ""
    """The session that the request belongs to, before 2026-07-28; empty: none."""
    capabilities: bytes = b""
    """What the session's client declared, as a raw JSON object; since 2026-07-28 each request says so itself."""
    introduction: bytes = b""
    """The `clientInfo` of the session's client, as a raw JSON object; as above."""


class _Envelope(msgspec.Struct, gc=False):
    meta: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="_meta")


class _Introduction(msgspec.Struct):
    client: dict[str, Any] | None = msgspec.field(default=None, name="io.modelcontextprotocol/clientInfo")


class _Declaration(msgspec.Struct):
    capabilities: dict[str, Any] = msgspec.field(default={}, name="io.modelcontextprotocol/clientCapabilities")


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_INTRODUCTION: Final = msgspec.json.Decoder(_Introduction | None)
_DECLARATION: Final = msgspec.json.Decoder(_Declaration | None)
_CAPABILITIES: Final = msgspec.json.Decoder(dict[str, Any])


def meta_of(facts: Facts) -> bytes:
    """The request's `_meta` as raw JSON, empty when absent."""
    return bytes(_ENVELOPE.decode(facts.params).meta) if facts.params else b""


def client_of(facts: Facts) -> dict[str, Any] | None:
    """The `clientInfo` of the session or of the request; None when the client did not tell."""
    if facts.introduction:
        return msgspec.json.decode(facts.introduction, type=dict[str, Any]) or None
    meta = meta_of(facts)
    introduction = _INTRODUCTION.decode(meta) if meta else None
    return introduction.client if introduction else None


def capabilities_of(facts: Facts) -> Mapping[str, Any]:
    """What the client declared, in its session or in the request."""
    if facts.capabilities:
        return _CAPABILITIES.decode(facts.capabilities)
    meta = meta_of(facts)
    declaration = _DECLARATION.decode(meta) if meta else None
    return declaration.capabilities if declaration else {}
