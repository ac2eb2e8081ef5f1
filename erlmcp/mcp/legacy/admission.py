"""Headers and envelope of a request before 2026-07-28 → a Call. Little is asked: these revisions mirror nothing."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET

from erlmcp.jsonrpc import INVALID_REQUEST, METHOD_NOT_FOUND, Request, RpcError
from erlmcp.mcp.admit import malformed, progress_token
from erlmcp.mcp.call import Call, Surface
from erlmcp.mcp.context import Facts
from erlmcp.mcp.errors import HEADER_MISMATCH, shorten
from erlmcp.mcp.types import Envelope
from erlmcp.mcp.versions import HANDSHAKE, UNSTATED

__all__ = ["admit", "check_session", "version_of"]

SESSION_ID: Final = re.compile(rb"[\x21-\x7e]+")
"""Visible ASCII (2025-11-25, Transports, Session Management)."""

_ENVELOPE: Final = msgspec.json.Decoder(Envelope)


def version_of(headers: Mapping[bytes, bytes]) -> str:
    """The revision that a request speaks; without a header, the newest that knew no such header."""
    return HANDSHAKE.get(headers.get(b"mcp-protocol-version", b""), UNSTATED)


def check_session(headers: Mapping[bytes, bytes]) -> None:
    """Raises RpcError for a session id that nobody can have minted. Any other is ignored: we mint none."""
    session = headers.get(b"mcp-session-id")
    if session is not None and not SESSION_ID.fullmatch(session):
        raise RpcError(INVALID_REQUEST, "Mcp-Session-Id must be visible ASCII")


def admit(request: Request, headers: Mapping[bytes, bytes], surfaces: Mapping[str, Surface]) -> Call:
    """Raises RpcError for what can not be performed."""
    check_session(headers)
    version = version_of(headers)
    method = surfaces[version].get(request.method)
    decode = _ENVELOPE.decode if method is None else method.decode
    try:
        params = decode(request.params or b"{}")
    except msgspec.ValidationError as flaw:
        raise malformed(flaw) from None
    _refuse_modern(params, headers)
    if method is None:
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {shorten(request.method)}")
    target: str = getattr(params, method.mirrored) if method.mirrored else ""
    token = UNSET if params.meta is None else params.meta.progress_token
    raw_token = None if token is UNSET else progress_token(token)
    facts = Facts(request.id, version, False, None, raw_token, request.params, request.method)
    return Call(method, params, facts, target)


def _refuse_modern(params: Envelope, headers: Mapping[bytes, bytes]) -> None:
    """A body that names its version is of the modern era, whose header must say the same (streamable-http)."""
    meta = params.meta
    if meta is None or meta.protocol_version is UNSET:
        return
    header = headers.get(b"mcp-protocol-version")
    said = "is missing" if header is None else f"is {header.decode()!r}"
    wanted = shorten(repr(meta.protocol_version))
    message = f"Header mismatch: MCP-Protocol-Version {said}, but the body says {wanted}"
    raise RpcError(HEADER_MISMATCH, message)
