"""Outcome of a call → HTTP answer: the JSON-RPC frame of its era, and the status that the one table gives an error."""

from typing import Final

from erlmcp.http import Response
from erlmcp.jsonrpc import encode_error, encode_result
from erlmcp.mcp.call import Call
from erlmcp.mcp.dispatch import Failure
from erlmcp.mcp.errors import status_of
from erlmcp.mcp.identity import join_result
from erlmcp.mcp.stream import EventStream

__all__ = ["STREAM_HEADERS", "encode", "refuse", "respond"]

STREAM_HEADERS: Final = ((b"x-accel-buffering", b"no"), (b"cache-control", b"no-cache"))
"""Proxies must not hold events back (streamable-http, Receiving Messages)."""


def encode(call: Call, outcome: bytes | Failure) -> bytes:
    """The JSON-RPC message that answers a call."""
    if isinstance(outcome, bytes):
        return encode_result(call.facts.id, join_result(outcome, call.method.tail))
    return encode_error(call.facts.id, outcome.error)


def respond(call: Call, outcome: bytes | Failure, stream: EventStream | None) -> Response:
    """The whole answer to a call that is done. What it has emitted comes with it, as a short stream of events."""
    if stream is not None and not stream.empty:
        stream.end(encode(call, outcome))
        return Response(200, stream.drain(), b"text/event-stream", STREAM_HEADERS)
    if isinstance(outcome, bytes):
        return Response(200, encode(call, outcome))
    return refuse(call.facts.id, outcome, modern=call.facts.modern)


def refuse(id: bytes | None, failure: Failure, *, modern: bool) -> Response:  # noqa: A002 - JSON-RPC's word
    """An error as an HTTP answer."""
    status = status_of(failure.error.code, modern=modern)
    advice = ((b"retry-after", b"%d" % failure.retry_after),) if failure.retry_after else ()
    return Response(status, encode_error(id, failure.error), headers=advice)
