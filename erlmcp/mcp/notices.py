"""What a request tells of itself while it is being served, progress and log messages, as the raw parameters of its
notifications."""

import math
from typing import Final

import msgspec

__all__ = ["LEVELS", "log_message", "progress_made"]

LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""The severities of RFC 5424 §6.2.1 as MCP spells them, the least severe first."""

_RANK: Final = {level: rank for rank, level in enumerate(LEVELS)}


def progress_made(token: bytes, progress: float, total: float | None, message: str | None) -> bytes:
    """The parameters of `notifications/progress`. Raises ValueError for a number that JSON cannot hold."""
    if not (math.isfinite(progress) and (total is None or math.isfinite(total))):
        raise ValueError(f"progress must be a finite number, not {progress} of {total}")
    members = [b'{"progressToken":', token, b',"progress":', msgspec.json.encode(progress)]
    if total is not None:
        members += b',"total":', msgspec.json.encode(total)
    if message is not None:
        members += b',"message":', msgspec.json.encode(message)
    return b"".join((*members, b"}"))


def log_message(asked: str | None, level: str, data: object, logger: str | None) -> bytes | None:
    """The parameters of `notifications/message`; None when the client `asked` for more severe ones, or for none.

    Raises ValueError for a level that is none of LEVELS.
    """
    rank = _RANK.get(level)
    if rank is None:
        raise ValueError(f"unknown log level {level!r}; one of {', '.join(LEVELS)}")
    if asked is None or rank < _RANK[asked]:
        return None
    name = b"" if logger is None else b',"logger":' + msgspec.json.encode(logger)
    return b'{"level":"%b"%b,"data":%b}' % (level.encode(), name, msgspec.json.encode(data))
