"""What the HTTP headers of an MCP POST may say: media types, and the values that mirror the body.

Pure: from bytes to yes, no or a value. It does not know what any method means.
"""

import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from erlmcp.http import Response
from erlmcp.jsonrpc import INVALID_REQUEST, RpcError, encode_error

__all__ = ["JSON", "USUAL", "acceptable", "is_json", "literal", "refuse_media"]

SENTINEL: Final = (b"=?base64?", b"?=")
"""Case-sensitive and exact (2026-07-28, streamable-http, Value Encoding)."""

JSON: Final = b"application/json"
USUAL: Final = b"application/json, text/event-stream"
"""What the official clients send as Content-Type and Accept."""

KEPT: Final = 128
"""Answers remembered per question; clients send a handful of different values."""

_MEDIA: Final = re.compile(rb'\s*application/json\s*(?:;\s*(?:charset\s*=\s*"?utf-8"?)?\s*)*', re.IGNORECASE)
_NAUGHT: Final = re.compile(rb"0(?:\.0{0,3})?")


def _refusal(status: int, message: str, *headers: tuple[bytes, bytes]) -> Response:
    return Response(status, encode_error(None, RpcError(INVALID_REQUEST, message)), headers=headers)


NOT_JSON: Final = _refusal(415, "Content-Type must be application/json (in UTF-8)", (b"accept", b"application/json"))
ENCODED: Final = _refusal(
    415, "Content-Encoding is not supported: send the body as it is", (b"accept-encoding", b"identity")
)
NOT_ACCEPTABLE: Final = _refusal(
    406, "Accept must list both application/json and text/event-stream, for the server may answer with either"
)


def refuse_media(headers: Mapping[bytes, bytes]) -> Response | None:
    """The answer to a body that we can not read or to a client that can not read our answer; None when all is well."""
    content_type = headers.get(b"content-type", b"")
    if content_type != JSON and not is_json(content_type):
        return NOT_JSON
    coding = headers.get(b"content-encoding")
    if coding is not None and coding.strip().lower() != b"identity":
        return ENCODED
    accept = headers.get(b"accept")
    if accept is not None and accept != USUAL and not acceptable(accept):
        return NOT_ACCEPTABLE
    return None


@lru_cache(KEPT)
def is_json(content_type: bytes) -> bool:
    """Whether a body of this type is JSON in UTF-8: application/json, without a charset or with that one."""
    return _MEDIA.fullmatch(content_type) is not None


@lru_cache(KEPT)
def acceptable(accept: bytes) -> bool:
    """Whether a client that sends this Accept takes both JSON and an event stream (streamable-http, Sending Messages).

    Ranges count, the most specific decides, and q=0 means no (RFC 9110 §12.5.1). An empty value refuses nothing.
    """
    if not accept.strip():
        return True
    weights = dict(_weighted(each) for each in accept.split(b","))
    return _takes(weights, b"application", b"json") and _takes(weights, b"text", b"event-stream")


def _weighted(media_range: bytes) -> tuple[bytes, bool]:
    name, *parameters = (part.strip() for part in media_range.lower().split(b";"))
    refused = any(
        key.strip() == b"q" and _NAUGHT.fullmatch(value.strip())
        for key, _, value in (parameter.partition(b"=") for parameter in parameters)
    )
    return name, not refused


def _takes(weights: Mapping[bytes, bool], kind: bytes, sub: bytes) -> bool:
    for media_range in (kind + b"/" + sub, kind + b"/*", b"*/*"):
        if media_range in weights:
            return weights[media_range]
    return False


def literal(value: bytes) -> str | None:
    """The text that a mirroring header stands for, base64 sentinel undone; None when it is malformed.

    Plain values are visible ASCII, space and tab; encoded ones canonical, padded base64 of UTF-8.
    """
    prefix, suffix = SENTINEL
    if not (value.startswith(prefix) and value.endswith(suffix)) or len(value) < len(prefix) + len(suffix):
        return value.decode("ascii") if value.isascii() else None
    payload = value[len(prefix) : -len(suffix)]
    try:
        text = binascii.a2b_base64(payload, strict_mode=True)
        return text.decode("utf-8") if binascii.b2a_base64(text, newline=False) == payload else None
    except ValueError:  # binascii.Error and UnicodeDecodeError are both
        return None
