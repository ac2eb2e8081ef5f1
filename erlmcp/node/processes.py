"""A worker, or the line, as the arbiter sees it: a process, a pair of sockets, a slot, and when it was last heard of.

It starts, signals and listens; it decides nothing (`otp.plan` and the arbiter do).
"""

import os
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from typing import Any

import msgspec

from erlmcp.node.boot import BEAT, LAST_WORDS, READY, TREE, Boot, Fds
from erlmcp.node.policy import name_of
from erlmcp.node.sockets import anonymous_file

__all__ = ["Birth", "Worker", "death", "spawn"]

MAX_SAID = 64 * 1024  # bytes a worker may say without a line end before it counts as noise
MAX_STACKS = 256 * 1024


@dataclass(frozen=True, slots=True)
class Birth:
    """What a process is started with: the command, the sockets (None: it has no door), the slab, the configuration."""

    command: tuple[str, ...]
    http: int | None
    metrics: int | None
    slab: int
    slots: int
    version: str
    sections: msgspec.Raw
    first: bool


@dataclass(slots=True, eq=False)
class Worker:
    """A living process. Times are monotonic seconds."""

    id: str
    number: int
    slot: int
    process: subprocess.Popen[bytes]
    pair: socket.socket
    stacks: int
    born: float
    beat: float
    ready: bool = False
    leaving: bool = False
    aborted: float | None = None
    kill_at: float | None = None
    last_words: str = ""
    tree: Any = None
    _said: bytes = field(default=b"", repr=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: int) -> None:
        """Send a signal; a process that is already gone has nothing to hear."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def ask_to_leave(self, kill_at: float | None) -> None:
        """SIGTERM: drain and leave; SIGKILL when `kill_at` has come."""
        self.leaving = True
        self.kill_at = kill_at
        self.signal(signal.SIGTERM)

    def hear(self, now: float) -> bool:
        """Take what it has said. False: it has closed its end."""
        try:
            data = self.pair.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        *lines, rest = (self._said + data).split(b"\n")
        self._said = rest[-MAX_SAID:]
        for line in lines:
            self._take(line, now)
        return bool(data)

    def _take(self, line: bytes, now: float) -> None:
        self.beat = now
        if line == READY:
            self.ready = True
        elif line.startswith(TREE):
            self.tree = _decoded(line[len(TREE) :])
        elif line.startswith(LAST_WORDS):
            self.last_words = line[len(LAST_WORDS) :].decode(errors="replace")
        elif line != BEAT:
            self.last_words = f"said something unknown: {line[:80]!r}"

    def bury(self) -> str:
        """Close what belonged to it; returns the stacks that a fatal signal left, if one did."""
        self.pair.close()
        stacks = os.pread(self.stacks, MAX_STACKS, 0).decode(errors="replace")
        os.close(self.stacks)
        return stacks


def spawn(birth: Birth, number: int, slot: int, restarts: int, now: float) -> Worker:
    """Start one process. It is a process group of its own: Ctrl-C is for the arbiter, which then drains in order.

    OSError when the machine has no process, memory or descriptor left for it.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process, stacks = _execute(birth, (number, slot, restarts), theirs)
        except OSError:
            ours.close()
            raise
    ours.setblocking(False)
    return Worker(name_of(number), number, slot, process, ours, stacks, born=now, beat=now)


def _execute(birth: Birth, place: tuple[int, int, int], theirs: socket.socket) -> tuple["subprocess.Popen[bytes]", int]:
    """The process and the file for its stacks."""
    number, slot, restarts = place
    stacks = anonymous_file(f"stacks-{number}")
    fds = Fds(http=birth.http, metrics=birth.metrics, slab=birth.slab, arbiter=theirs.fileno(), stacks=stacks)
    boot = Boot(birth.version, number, restarts, slot, birth.slots, fds, birth.sections, birth.first)
    order = anonymous_file(f"boot-{number}", msgspec.json.encode(boot))
    try:
        process = subprocess.Popen(
            [*birth.command, name_of(number), "--boot", str(order)],
            stdin=subprocess.DEVNULL,
            pass_fds=[order, *(fd for fd in msgspec.structs.astuple(fds) if fd is not None)],
            process_group=0,
        )
    except OSError:
        os.close(stacks)
        raise
    finally:
        os.close(order)
    return process, stacks


def _decoded(text: bytes) -> Any:
    """What a worker says of itself, which an app inside it may have garbled."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def death(code: int) -> str:
    """How a process ended, for a person: `exited with code 1`, `was killed by SIGKILL`."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
