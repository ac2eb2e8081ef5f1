"""Headers and envelope of a 2026-07-28 request → a Call, or the error of the first rung that does not hold.

Pure. The era is decided before (`streamable`), media types too (`headers`); whether the tool, prompt or resource exists
is the handler's question. The order of the rungs is what the official suite expects (basic/index, _meta;
streamable-http, Server Validation): a client that contradicts itself is told so before it is told that its version is
unknown.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from erlmcp.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, Request, RpcError
from erlmcp.mcp.call import Call, Served, Surface
from erlmcp.mcp.errors import HEADER_MISMATCH, UNSUPPORTED_PROTOCOL_VERSION, shorten
from erlmcp.mcp.facts import Facts
from erlmcp.mcp.headers import literal
from erlmcp.mcp.mirror import check_param_headers
from erlmcp.mcp.types import PREFIX, Envelope, Meta
from erlmcp.mcp.versions import MODERN, SUPPORTED

__all__ = [
    "BARE",
    "LADDER",
    "Arrival",
    "admit",
    "agrees",
    "check_version",
    "climb",
    "malformed",
    "progress_token",
]

ROUTING: Final = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")
"""Headers that others route by; two of one would let them read another value than we do."""

BARE: Final[Mapping[bytes, bytes]] = {}
"""The headers of a message that came without any, as over stdio; there the envelope speaks alone."""

_ENVELOPE: Final = msgspec.json.Decoder(Envelope)


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """What the ladder looks at."""

    headers: Mapping[bytes, bytes]
    repeated: tuple[bytes, ...]
    method: str
    meta: Meta | None
    mirrored: str | None = None
    """The value that Mcp-Name must repeat, when the method and the body have one."""


Rung: TypeAlias = Callable[[Arrival], RpcError | None]


def routing_headers_come_once(arrival: Arrival) -> RpcError | None:
    for name in ROUTING:
        if name in arrival.repeated:
            return RpcError(HEADER_MISMATCH, f"Header mismatch: {name.decode()} is there more than once")
    return None


def envelope_is_complete(arrival: Arrival) -> RpcError | None:
    meta = arrival.meta
    if meta is not None and meta.protocol_version is not UNSET and meta.client_capabilities is not UNSET:
        return None
    unknown = check_version(arrival.headers.get(b"mcp-protocol-version"))
    if unknown is not None:  # most likely an old client of a version that nobody speaks; it needs to know which we do
        return unknown
    if meta is None:
        return RpcError(INVALID_PARAMS, f"params._meta is missing; it must carry {PREFIX}protocolVersion")
    missing = "protocolVersion" if meta.protocol_version is UNSET else "clientCapabilities"
    return RpcError(INVALID_PARAMS, f"params._meta is missing {PREFIX}{missing}")


def version_header_repeats_the_envelope(arrival: Arrival) -> RpcError | None:
    version = arrival.meta.protocol_version if arrival.meta is not None else None
    return _compare("MCP-Protocol-Version", arrival.headers.get(b"mcp-protocol-version"), version)


def method_header_repeats_the_body(arrival: Arrival) -> RpcError | None:
    return _compare("Mcp-Method", arrival.headers.get(b"mcp-method"), arrival.method)


def name_header_repeats_the_body(arrival: Arrival) -> RpcError | None:
    if arrival.mirrored is None:
        return None
    header = arrival.headers.get(b"mcp-name")
    if header is None:
        return _compare("Mcp-Name", None, arrival.mirrored)
    name = literal(header)
    if name is None:
        return RpcError(HEADER_MISMATCH, "Header mismatch: Mcp-Name is neither visible ASCII nor valid =?base64?…?=")
    if name != arrival.mirrored:
        return _differs("Mcp-Name", name, arrival.mirrored)
    return None


def version_is_spoken(arrival: Arrival) -> RpcError | None:
    return check_version(arrival.headers.get(b"mcp-protocol-version"))


def version_of_the_envelope_is_spoken(arrival: Arrival) -> RpcError | None:
    version = arrival.meta.protocol_version if arrival.meta is not None else UNSET
    return None if version is UNSET else check_version(version.encode())


LADDER: Final[tuple[Rung, ...]] = (
    routing_headers_come_once,
    envelope_is_complete,
    version_header_repeats_the_envelope,
    method_header_repeats_the_body,
    name_header_repeats_the_body,
    version_is_spoken,
)
"""Then: the method exists (-32601), its parameters have their types (-32602), and Mcp-Param-* repeat the arguments that
their tool wants repeated (-32020)."""


SHORT_LADDER: Final[tuple[Rung, ...]] = (envelope_is_complete, version_of_the_envelope_is_spoken)
"""Where there are no headers."""


def admit(request: Request, headers: Mapping[bytes, bytes], repeated: tuple[bytes, ...], surface: Surface) -> Call:
    """Climb the ladder. Raises RpcError at the first rung that does not hold. `headers` may be BARE."""
    method = surface.get(request.method)
    if method is None:
        climb(Arrival(headers, repeated, request.method, _meta_alone(request)))
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {shorten(request.method)}")
    try:
        params = method.decode(request.params or b"{}")
    except msgspec.ValidationError as flaw:
        climb(Arrival(headers, repeated, request.method, _meta_alone(request)))
        raise malformed(flaw) from None
    mirrored: str | None = getattr(params, method.mirrored) if method.mirrored else None
    meta = params.meta
    if meta is None or repeated or not agrees(headers, method, meta, mirrored):
        climb(Arrival(headers, repeated, request.method, meta, mirrored))
    if method.param_headers and headers is not BARE and (wanted := method.param_headers.get(mirrored or "")):
        check_param_headers(wanted, bytes(getattr(params, "arguments", UNSET) or b"{}"), headers, repeated)
    assert meta is not None  # noqa: S101 - for the type checker: `envelope_is_complete` has seen to it
    level, token = meta.log_level, meta.progress_token
    facts = Facts(
        request.id,
        meta.protocol_version,  # type: ignore[arg-type]  # as above; a check in words costs more than the Struct
        True,
        None if level is UNSET else level,
        None if token is UNSET else progress_token(token),
        request.params,
        request.method,
    )
    return Call(method, params, facts, mirrored or "")


def agrees(headers: Mapping[bytes, bytes], method: Served, meta: Meta, mirrored: str | None) -> bool:
    """Whether every rung holds, seen at a glance: a third of the ladder's time, for the usual request.

    It may say no to what the ladder lets pass (a header in base64, say), never yes to what the ladder refuses.
    """
    try:
        return (
            headers[b"mcp-method"] == method.header
            and MODERN[headers[b"mcp-protocol-version"]] == meta.protocol_version
            and meta.client_capabilities is not UNSET
            and (
                mirrored is None
                or (headers[b"mcp-name"] == mirrored.encode() and "=?" not in mirrored and mirrored.isascii())
            )
        )
    except KeyError:  # a header is missing, or the version unknown
        return False


def climb(arrival: Arrival) -> None:
    """Raises the error of the first rung that does not hold."""
    for rung in SHORT_LADDER if arrival.headers is BARE else LADDER:
        fault = rung(arrival)
        if fault is not None:
            raise fault


def check_version(header: bytes | None) -> RpcError | None:
    """Whether the modern era speaks this version; None when it does, or when the header is not there."""
    if header is None or header in MODERN:
        return None
    data = msgspec.json.encode({"supported": SUPPORTED, "requested": header.decode("latin-1")})
    return RpcError(UNSUPPORTED_PROTOCOL_VERSION, "Unsupported protocol version", data)


def malformed(flaw: msgspec.ValidationError) -> RpcError:
    """The error for parameters that are not of their type; msgspec's text says what and where."""
    return RpcError(INVALID_PARAMS, f"Invalid params: {_placed(str(flaw))}")


def progress_token(token: msgspec.Raw) -> bytes:
    """The token as raw JSON; raises RpcError when it is neither string nor integer."""
    raw = bytes(token)
    if raw.startswith(b'"') or raw.lstrip(b"-").isdigit():
        return raw
    raise RpcError(INVALID_PARAMS, "params._meta.progressToken must be a string or an integer")


def _compare(name: str, header: bytes | None, body: str | UnsetType | None) -> RpcError | None:
    if header is None:
        return RpcError(HEADER_MISMATCH, f"Header mismatch: {name} is missing")
    if not isinstance(body, str) or header != body.encode():
        return _differs(name, header.decode("latin-1"), body)
    return None


def _differs(name: str, header: str, body: object) -> RpcError:
    said, wanted = shorten(repr(header)), shorten(repr(body))
    return RpcError(HEADER_MISMATCH, f"Header mismatch: {name} is {said}, but the body says {wanted}")


def _placed(flaw: str) -> str:
    """What msgspec says, from the beginning, and where."""
    what, where, place = flaw.partition(" - at `$")
    return f"{shorten(what)} - at `params{shorten(place)}" if where else shorten(flaw)


def _meta_alone(request: Request) -> Meta | None:
    """Only the envelope, of a request that is refused for something else anyway, if not for its envelope."""
    try:
        return _ENVELOPE.decode(request.params or b"{}").meta
    except msgspec.ValidationError as flaw:
        raise malformed(flaw) from None
