"""Exit codes, one table for the node and the command line, and the one exception that carries a code.

`erlmcp -h` and docs/CONFIGURATION.md show the table as it is here; a worker and the arbiter use the same numbers.
"""

from enum import IntEnum
from typing import Final

__all__ = ["MEANINGS", "Exit", "Refusal"]


class Exit(IntEnum):
    """What a process of ours says when it leaves; MEANINGS has it in words."""

    OK = 0
    NEGATIVE = 1
    USAGE = 2
    CANNOT_BOOT = 3
    NOT_FOUND = 3
    CONFLICT = 4
    AUTH = 5
    UNREACHABLE = 6
    CONFIG = 7
    EVIDENCE = 65  # EX_DATAERR of sysexits.h
    GAVE_UP = 70
    TIMEOUT = 124
    INTERRUPTED = 130


MEANINGS: Final = {
    Exit.OK: "done",
    Exit.NEGATIVE: "the answer is no: pang, a reload that was refused, a tool's no, a gate that failed",
    Exit.USAGE: "a flag or an argument is wrong",
    Exit.CANNOT_BOOT: "the app can not be loaded, the database can not be used; no such tool, resource or prompt; "
    "tcps: no such work order, sku, andon or receipt",
    Exit.CONFLICT: "a port or the data directory is taken; tcps: a conflict, like no free slot or a stopped line",
    Exit.AUTH: "the server wants a token, or another one",
    Exit.UNREACHABLE: "no node or server answers",
    Exit.CONFIG: "the configuration is wrong, or names what can not be used",
    Exit.EVIDENCE: "tcps gate: a file of evidence is missing, empty, malformed or stale",
    Exit.GAVE_UP: "workers or the line died more often than node.max_restarts allows",
    Exit.TIMEOUT: "it did not end in time",
    Exit.INTERRUPTED: "interrupted",
}


class Refusal(Exception):
    """A start or a command that can not go on: `message` is one line for a person, `code` the exit code."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message
