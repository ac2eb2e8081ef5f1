"""Answers to the requests of one batch, on their way back together (JSON-RPC 2.0, section 6)."""

from collections.abc import Callable

__all__ = ["Batch"]


class Batch:
    """`size`: how many of its messages get an answer, errors included. The last one sends them all, as one array."""

    def __init__(self, size: int, write: Callable[[bytes], object]) -> None:
        self._missing, self._write = size, write
        self._answers: list[bytes] = []

    def answer(self, message: bytes) -> None:
        """One of them; empty for a request that gets none after all."""
        if message:
            self._answers.append(message)
        self._missing -= 1
        if not self._missing and self._answers:
            self._write(b"[%b]" % b",".join(self._answers))
