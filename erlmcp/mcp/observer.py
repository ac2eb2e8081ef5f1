"""What whoever watches a process's requests is told of each: its method, its target, its outcome and its time.

It does not know at which door a request came in.
"""

import time
from collections.abc import Callable
from typing import Final, TypeAlias

from erlmcp.jsonrpc import RpcError
from erlmcp.mcp.call import Call, Served
from erlmcp.mcp.dispatch import Failure
from erlmcp.mcp.methods import METHODS
from erlmcp.mcp.result import Refused, Unfinished

__all__ = ["Observer", "observe", "observe_refusal"]

Observer: TypeAlias = Callable[[str, str, str, float], object]
"""`on_call(method, target, outcome, elapsed)`: outcome is "ok", "tool_error", "input_required", "task", "cancelled" or
an error's code; seconds. `method` is one that we serve, or empty."""

KNOWN: Final = frozenset(method.name for method in METHODS)


def observe(on_call: Observer | None, call: Call, outcome: bytes | Failure | None, started: float) -> None:
    """A request has its answer; None: it was cancelled. `started` is as `time.perf_counter` has it."""
    if on_call is not None:
        on_call(call.method.name, call.target, _word_for(outcome, call.method), time.perf_counter() - started)


def observe_refusal(on_call: Observer | None, method: str, error: RpcError, started: float) -> None:
    """A request was not admitted."""
    if on_call is not None:
        known = method if method in KNOWN else ""
        on_call(known, "", str(error.code), time.perf_counter() - started)


def _word_for(outcome: bytes | Failure | None, method: Served) -> str:
    """The outcome in the observer's vocabulary. A stream without an end of its own is ended well by its client."""
    if outcome is None:
        return "ok" if method.streams else "cancelled"
    if isinstance(outcome, Failure):
        return str(outcome.error.code)
    if isinstance(outcome, Unfinished):
        return outcome.result_type
    return "tool_error" if isinstance(outcome, Refused) else "ok"
