"""The trace that a request belongs to, as its client tells (W3C Trace Context, SEP-414). It starts no spans."""

import re
from typing import Final

import msgspec

__all__ = ["Trace", "trace_of"]

_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
"""W3C Trace Context §3.2; versions above 00 may say more."""

STATE_LIMIT: Final = 512
"""Characters that everybody passes on (§3.3.1.5); a longer tracestate is dropped, as the document lets us."""

BAGGAGE_LIMIT: Final = 8192
"""Bytes that everybody passes on (W3C Baggage §3.3.2)."""


class Trace(msgspec.Struct, frozen=True):
    """Where a request stands in its client's trace."""

    trace_id: str
    """32 hexadecimal digits."""
    parent_id: str
    """The client's span, 16 hexadecimal digits."""
    sampled: bool
    traceparent: str
    """All of it as it came, to pass on."""
    tracestate: str = ""
    baggage: str = ""


class _Meta(msgspec.Struct, gc=False):
    traceparent: msgspec.Raw = msgspec.Raw(b"")
    tracestate: msgspec.Raw = msgspec.Raw(b"")
    baggage: msgspec.Raw = msgspec.Raw(b"")


_META: Final = msgspec.json.Decoder(_Meta | None)


def trace_of(meta: bytes) -> Trace | None:
    """The trace that a request's `_meta` (raw JSON, or empty) names; None without one, or for a malformed one."""
    told = _META.decode(meta) if meta else None
    if told is None:
        return None
    parent = _text(told.traceparent)
    match = _TRACEPARENT.fullmatch(parent)
    if match is None or (parent.startswith("00") and match[4]):
        return None
    state, baggage = _text(told.tracestate), _text(told.baggage)
    return Trace(
        match[1],
        match[2],
        bool(int(match[3], 16) & 1),
        parent,
        state if len(state) <= STATE_LIMIT else "",
        baggage if len(baggage.encode()) <= BAGGAGE_LIMIT else "",
    )


def _text(raw: msgspec.Raw) -> str:
    """A string of visible ASCII, else nothing: it goes into headers of others."""
    text = msgspec.json.decode(raw) if bytes(raw).startswith(b'"') else ""
    return text if text.isascii() and text.isprintable() else ""
