"""What a caller wants of one request besides its answer."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import msgspec

from erlmcp.client.results import Json, Value, decode

__all__ = ["Call", "LogMessage", "OnLog", "OnProgress", "Progress", "heard"]


class Progress(Value, frozen=True):
    """How far the work is; of `total`, where that is known."""

    progress: float
    total: float | None = None
    message: str | None = None


class LogMessage(Value, frozen=True):
    """A server's log message; `data` is any JSON value."""

    level: str
    data: Any = None
    logger: str | None = None


OnProgress: TypeAlias = Callable[[Progress], Awaitable[object] | object]
OnLog: TypeAlias = Callable[[LogMessage], Awaitable[object] | object]


class Call(msgspec.Struct, frozen=True):
    """`timeout`: seconds for each round trip, None for no limit; time that handlers take to answer does not count.

    `repeatable`: whether the request may be sent again when it is unknown whether it was carried out. `capabilities`:
    declared for this request besides the client's own.
    """

    timeout: float | None
    repeatable: bool = False
    on_progress: OnProgress | None = None
    on_log: OnLog | None = None
    meta: Json | None = None
    capabilities: Json | None = None


PLAIN: Final = Call(None)


async def heard(handler: Callable[[Any], Awaitable[object] | object], method: str, params: bytes, type_: type) -> None:
    """Hand a notification to its handler."""
    said = handler(decode(params, type_, method))
    if inspect.isawaitable(said):
        await said
