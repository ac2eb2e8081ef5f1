"""`notifications/cancelled`: which request it is about, and how the ids of requests are compared.

It does not know what is cancelled, nor how.
"""

from typing import Final

import msgspec

__all__ = ["CANCELLED", "cancelled_request", "canonical"]

CANCELLED: Final = "notifications/cancelled"


class _Cancelled(msgspec.Struct, gc=False):
    request: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="requestId")


_CANCELLED: Final = msgspec.json.Decoder(_Cancelled)


def cancelled_request(params: bytes) -> bytes:
    """The raw id of the request, in its one spelling; empty for an invalid notification, which is ignored
    (utilities/cancellation, Error Handling)."""
    try:
        return canonical(bytes(_CANCELLED.decode(params or b"{}").request))
    except msgspec.ValidationError:
        return b""


def canonical(raw: bytes) -> bytes:
    """A raw id in its one spelling: a string may be escaped in many."""
    return msgspec.json.encode(msgspec.json.decode(raw, type=str)) if b"\\" in raw and raw.startswith(b'"') else raw
