"""Byte classes and numbers, the single copy that both twins read; and the one error they raise.

The compiled side copies these into C arrays at import, so a number can not drift between the twins.
"""

from typing import Final

__all__ = ["FramingError"]


class FramingError(Exception):
    """The bytes can not be framed: `status` is the HTTP status that says so (jsonrpc: always 400), `reason` one plain sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status: Final = status
        self.reason: Final = reason
