"""The one place where a call runs and where what a handler raises becomes an error for the peer.

Three planes: an RpcError is the peer's fault and travels as it is; a refusal (no such resource, no room) gets its era's
code; anything else is a crash, logged once with its traceback and answered without details.
"""

import logging
import math
from typing import Final

import msgspec

from erlmcp.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, RpcError
from erlmcp.mcp.call import Call, Members
from erlmcp.mcp.context import Context
from erlmcp.mcp.errors import OVERLOADED, RATE_LIMITED, RESOURCE_NOT_FOUND
from erlmcp.mcp.limits import RateLimited
from erlmcp.mcp.sink import Sink
from erlmcp.mcp.threads import Overloaded
from erlmcp.mcp.tool_error import ResourceNotFound

__all__ = ["Failure", "failure", "failure_of", "overloaded", "perform"]

_log: Final = logging.getLogger("erlmcp.mcp")


class Failure(msgspec.Struct, frozen=True, gc=False):
    """An error on its way to the peer."""

    error: RpcError
    retry_after: int = 0
    """Whole seconds until another try is worth it; 0: no advice."""


def perform(call: Call, sink: Sink) -> Members | Failure:
    """Run the call. What takes no waiting is done when this returns."""
    try:
        return call.method.perform(call.params, Context(call.facts, sink, call.method.ask))
    except RpcError as error:
        return Failure(_bare(error))
    except Exception as error:  # noqa: BLE001 - failure_of logs it: the one boundary of this plane
        return failure_of(error, call)


def failure_of(error: BaseException, call: Call) -> Failure:
    """What the peer is told of an exception that a handler raised, at once or later."""
    return failure(error, call.method.name, call.target, modern=call.facts.modern)


def failure(error: BaseException, method: str, target: str, *, modern: bool) -> Failure:
    """The same, for who has no call any more."""
    if isinstance(error, RpcError):
        return Failure(_bare(error))
    if isinstance(error, ResourceNotFound):
        code = INVALID_PARAMS if modern else RESOURCE_NOT_FOUND
        uri = target if method == "resources/read" else error.uri  # of a mounted app, its own is another
        return Failure(RpcError(code, "Resource not found", msgspec.json.encode({"uri": uri})))
    if isinstance(error, Overloaded):
        code, word = (RATE_LIMITED, "Rate limited") if isinstance(error, RateLimited) else (OVERLOADED, "Overloaded")
        return Failure(RpcError(code, f"{word}: {error.message}"), max(1, math.ceil(error.retry_after)))
    _log.error("%s %r crashed", method, target, exc_info=error)
    return Failure(RpcError(INTERNAL_ERROR, "Internal error"))


def _bare(error: RpcError) -> RpcError:
    """The same without its past: its traceback holds the frames of this call, which hold the failure that holds it, and
    the collector does not see a ring that a Struct without gc closes."""
    return RpcError(error.code, error.message, error.data, error.id)


def overloaded(in_flight: int) -> Failure:
    """The answer to one call more than a worker takes at once."""
    return Failure(RpcError(OVERLOADED, f"Overloaded: {in_flight} calls are in flight"), retry_after=1)
