"""The processes of a node, line and workers, and the memory they share: started, heard, watched and buried here.

Who shall live is the arbiter's matter; what it says to whom is `processes`'.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping

from erlmcp.node.notices import Notices
from erlmcp.node.options import Options, Resolved
from erlmcp.node.policy import LINE
from erlmcp.node.processes import Birth, Worker, spawn
from erlmcp.node.slab import Slab
from erlmcp.node.sockets import anonymous_file

__all__ = ["FAST", "Fleet"]

ABORT_GRACE = 2.0  # seconds from SIGABRT (write your stacks) to SIGKILL
FAST = 1.0  # what a second SIGTERM leaves


class Fleet:
    """`current` holds the process of each name; `others`, successors that come in and predecessors that go out.

    `commands`: of a worker, and of the line process. `slots`: places for workers; the first place is the line's.
    """

    def __init__(
        self,
        commands: tuple[tuple[str, ...], tuple[str, ...]],
        slots: int,
        selector: selectors.BaseSelector,
        notices: Notices,
        on_ready: Callable[[Worker], None],
    ) -> None:
        self.current: dict[str, Worker] = {}
        self.others: list[Worker] = []
        self.slots = slots
        self._slab_fd = anonymous_file("slab", size=Slab.size(slots + 1))
        self.slab = Slab(self._slab_fd, slots + 1)
        self._commands, self._selector, self._notices, self._on_ready = commands, selector, notices, on_ready

    @property
    def processes(self) -> list[Worker]:
        """Every living process."""
        return [*self.current.values(), *self.others]

    @property
    def full(self) -> bool:
        """Whether every slot is taken, if only by somebody who still drains."""
        return sum(process.number != LINE for process in self.processes) >= self.slots

    def spawn(
        self, number: int, starts: int, resolved: Resolved, doors: Mapping[str, socket.socket], *, first: bool
    ) -> Worker:
        """A new process in a free slot; it belongs to nobody yet. `first`: see `Boot`."""
        taken = {process.slot for process in self.processes}
        places = (LINE,) if number == LINE else range(1, self.slots + 1)
        slot = next(slot for slot in places if slot not in taken)
        restarts, mine = max(starts - 1, 0), {} if number == LINE else doors
        birth = Birth(
            command=self._commands[number == LINE],
            http=mine["http"].fileno() if "http" in mine else None,
            metrics=mine["metrics"].fileno() if "metrics" in mine else None,
            slab=self._slab_fd,
            slots=self.slots + 1,
            version=resolved.version,
            sections=resolved.sections,
            first=first,
        )
        worker = spawn(birth, number, slot, restarts, time.monotonic())
        self.slab.clear(slot)
        self.slab.board.put(slot, pid=worker.pid, number=number, restarts=restarts)
        self._selector.register(worker.pair, selectors.EVENT_READ, lambda _: self._hear(worker))
        return worker

    def step_down(self, name: str) -> Worker:
        """Make the current process of this name one of the others: somebody else is to take its place."""
        old = self.current.pop(name)
        self.others.append(old)
        return old

    def swap(self, successor: Worker) -> Worker | None:
        """Make one of the others current; returns the one whose place it takes, now one of the others."""
        old = self.current.get(successor.id)
        self.others.remove(successor)
        self.current[successor.id] = successor
        if old is not None:
            self.others.append(old)
        return old

    def _hear(self, worker: Worker) -> None:
        was_ready = worker.ready
        if not worker.hear(time.monotonic()):
            self._selector.unregister(worker.pair)
        if worker.ready and not was_ready:
            self._on_ready(worker)

    def check(self, worker: Worker, node: Options, now: float) -> None:
        """Deadlines of one worker: to leave, to boot, to show signs of life."""
        if worker.kill_at is not None and now >= worker.kill_at:
            worker.kill_at = now + FAST
            self._notices.say("warning", f"{worker.id} did not leave in time and is killed", pid=worker.pid)
            worker.signal(signal.SIGKILL)
        if worker.aborted is not None:
            if now - worker.aborted > ABORT_GRACE:
                worker.signal(signal.SIGKILL)
            return
        if not worker.ready and now - worker.born > node.boot_timeout:
            self._abort(worker, now, f"{worker.id} has not begun to serve within {node.boot_timeout:g} s")
        elif worker.ready and node.heartbeat_timeout and now - worker.beat > node.heartbeat_timeout:
            self._abort(worker, now, f"{worker.id} has not shown a sign of life for {node.heartbeat_timeout:g} s")

    def _abort(self, worker: Worker, now: float, why: str) -> None:
        worker.aborted, worker.last_words = now, why
        self._notices.say("error", f"{why}; it is ended", pid=worker.pid)
        worker.signal(signal.SIGABRT)

    def bury(self, worker: Worker, code: int) -> str:
        """Clear up after a process that has ended; returns the stacks that it left, if any."""
        worker.process.returncode = code
        if worker.pair in self._selector.get_map():
            self._hear(worker)  # its last words may still be in the pipe
        if worker.pair in self._selector.get_map():
            self._selector.unregister(worker.pair)
        self.slab.clear(worker.slot)
        if worker in self.others:
            self.others.remove(worker)
        else:
            del self.current[worker.id]
        return worker.bury()

    def close(self) -> None:
        """Give the shared memory back."""
        self.slab.close()
        os.close(self._slab_fd)
