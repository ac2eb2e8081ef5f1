"""Exit codes, one table for the node and the command line, and the one exception that carries a code.

They follow the table in docs/CONFIGURATION.md; a worker and the arbiter use the same numbers.
"""

from enum import IntEnum
from typing import Final

__all__ = ["Exit", "Refusal"]


class Exit(IntEnum):
    """What a process of ours says when it leaves."""

    OK = 0
    NEGATIVE = 1  # the answer is no: pang, a reload that was refused
    USAGE = 2  # a flag or an argument is wrong
    CANNOT_BOOT = 3  # the app is not there, or it can not be loaded
    NOT_FOUND = 3  # nor is a work order or a receipt
    CONFLICT = 4  # the port or the data directory is another program's; no slot is free for a work order
    UNREACHABLE = 6  # no node answers
    CONFIG = 7  # the configuration is wrong
    GAVE_UP = 70  # workers died more often than node.max_restarts allows
    TIMEOUT = 124  # what was asked for did not end in time
    INTERRUPTED = 130  # Ctrl-C


class Refusal(Exception):
    """A start or a command that can not go on: `message` is one line for a person, `code` the exit code."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message
