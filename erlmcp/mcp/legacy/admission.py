"""Envelope of a request before 2026-07-28 → a Call. Little is asked: these revisions mirror nothing in headers."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET

from erlmcp.jsonrpc import METHOD_NOT_FOUND, Request, RpcError
from erlmcp.mcp.admit import malformed, progress_token
from erlmcp.mcp.call import Call, Surface
from erlmcp.mcp.errors import HEADER_MISMATCH, shorten
from erlmcp.mcp.facts import Facts
from erlmcp.mcp.legacy.sessions import Session
from erlmcp.mcp.types import Envelope
from erlmcp.mcp.versions import HANDSHAKE, UNSTATED

__all__ = ["admit", "version_of"]

_ENVELOPE: Final = msgspec.json.Decoder(Envelope)


def version_of(headers: Mapping[bytes, bytes]) -> str:
    """The revision that a request without a session speaks; without a header, the newest that knew no such header."""
    return HANDSHAKE.get(headers.get(b"mcp-protocol-version", b""), UNSTATED)


def admit(
    request: Request, headers: Mapping[bytes, bytes], surfaces: Mapping[str, Surface], session: Session | None
) -> Call:
    """Raises RpcError for what can not be performed. A session's version is the one it agreed on, whatever the header
    says."""
    version = version_of(headers) if session is None else session.agreement.version
    method = surfaces[version].get(request.method)
    decode = _ENVELOPE.decode if method is None else method.decode
    try:
        params = decode(request.params or b"{}")
    except msgspec.ValidationError as flaw:
        raise malformed(flaw) from None
    meta = params.meta
    if meta is not None and meta.protocol_version is not UNSET:
        raise _modern(meta.protocol_version, headers)
    if method is None:
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {shorten(request.method)}")
    target: str = getattr(params, method.mirrored) if method.mirrored else ""
    token = None if meta is None or meta.progress_token is UNSET else progress_token(meta.progress_token)
    if session is None:
        facts = Facts(request.id, version, False, None, token, request.params, request.method)
    else:
        agreement = session.agreement
        facts = Facts(
            request.id,
            version,
            False,
            session.state.level or None,
            token,
            request.params,
            request.method,
            session.principal,
            agreement.key,
            agreement.capabilities,
            agreement.client,
        )
    return Call(method, params, facts, target)


def _modern(version: str, headers: Mapping[bytes, bytes]) -> RpcError:
    """A body that names its version is of the modern era, whose header must say the same (streamable-http)."""
    header = headers.get(b"mcp-protocol-version")
    said = "is missing" if header is None else f"is {header.decode()!r}"
    wanted = shorten(repr(version))
    return RpcError(HEADER_MISMATCH, f"Header mismatch: MCP-Protocol-Version {said}, but the body says {wanted}")
