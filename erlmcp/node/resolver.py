"""Reads and checks the configuration in a process of its own, so that the arbiter's holds no protocol and no app.

At the start and on every reload alike: `erlmcp config resolve` gets a `Question` as JSON on its standard input and
answers with a `Resolved`, or with one line per fault and an exit code.
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.options import Resolved
from erlmcp.node.sockets import anonymous_file

__all__ = ["RESOLVE", "Question", "Resolving", "resolve"]

RESOLVE = (sys.executable, "-P", "-m", "erlmcp", "config", "resolve")
MAX_ANSWER = 8 * 1024 * 1024


class Question(Struct, frozen=True):
    """What the command line said: values by configuration key, how each flag is spelled, and the file to read."""

    flags: dict[str, Any]
    spelled: dict[str, str]
    config: str | None = None


@dataclass(slots=True, eq=False)
class Resolving:
    """A resolver under way. When its process has exited, `result` says what came of it."""

    process: subprocess.Popen[bytes]
    answer: int
    faults: int

    @classmethod
    def start(cls, question: Question, command: tuple[str, ...] = RESOLVE) -> "Resolving":
        """Begin. OSError when the machine has no process, memory or descriptor left for it."""
        with ExitStack() as opened:
            files = []
            for name, content in (("question", msgspec.json.encode(question)), ("resolved", b""), ("faults", b"")):
                files.append(anonymous_file(name, content))
                opened.callback(os.close, files[-1])
            asked, answer, faults = files
            process = subprocess.Popen(command, stdin=asked, stdout=answer, stderr=faults, process_group=0)
            opened.pop_all()
        os.close(asked)
        return cls(process, answer, faults)

    def result(self, code: int) -> Resolved:
        """The configuration; Refusal with the resolver's own words and code when it refused."""
        said = os.pread(self.answer, MAX_ANSWER, 0)
        faults = os.pread(self.faults, MAX_ANSWER, 0).decode(errors="replace").strip()
        os.close(self.answer)
        os.close(self.faults)
        if code != 0:
            known = Exit(code) if code in set(Exit) else Exit.CONFIG
            raise Refusal(known, faults or f"the configuration could not be read (exit code {code})")
        return msgspec.json.decode(said, type=Resolved)


def resolve(question: Question, command: tuple[str, ...] = RESOLVE) -> Resolved:
    """Read the configuration now, waiting for it. Refusal as above, CANNOT_BOOT when no process could be started."""
    try:
        resolving = Resolving.start(question, command)
    except OSError as fault:
        raise Refusal(Exit.CANNOT_BOOT, f"the configuration could not be read: {fault}") from fault
    return resolving.result(resolving.process.wait())
