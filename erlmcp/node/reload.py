"""A reload under way: read the configuration again, then roll the workers, each new one before its old one.

Whatever goes wrong on the way, the old workers go on with the old configuration, and who asked is told why. It says
what is next; starting, replacing and stopping is the arbiter's.
"""

from typing import TYPE_CHECKING

from erlmcp.node.control import Asker
from erlmcp.node.exits import Refusal
from erlmcp.node.processes import Worker
from erlmcp.node.resolver import Resolving
from erlmcp.node.roll import Roll, refuse_other_place
from erlmcp.node.status import describe_reload

if TYPE_CHECKING:
    from erlmcp.node.arbiter import Arbiter

__all__ = ["Reloading"]


class Reloading:
    """At most one at a time; asked for another meanwhile, it begins anew when it has ended."""

    def __init__(self, arbiter: "Arbiter") -> None:
        self._arbiter = arbiter
        self._resolving: Resolving | None = None
        self._roll: Roll | None = None
        self._again = False
        self._waiting: list[Asker] = []
        self._later: list[Asker] = []  # asked while one was under way: the next is theirs

    @property
    def under_way(self) -> bool:
        return self._resolving is not None or self._roll is not None

    def begin(self, asker: Asker | None = None) -> None:
        """Begin, or note that it was asked for once more; `asker` is told how it ended."""
        busy = self.under_way
        if asker is not None:
            (self._later if busy else self._waiting).append(asker)
        if self._arbiter.closing:
            self.end("the node is stopping")
        elif busy:
            self._again = True
        else:
            self._resolve()

    def _resolve(self) -> None:
        launch = self._arbiter.launch
        try:
            self._resolving = Resolving.start(launch.question, launch.resolve)
        except OSError as fault:
            self.end(f"nothing was reloaded: the configuration could not be read: {fault}")

    def resolved(self, pid: int, code: int) -> bool:
        """Whether this process that has ended was the resolver; if so the roll begins, or it was all for nothing."""
        resolving = self._resolving
        if resolving is None or pid != resolving.process.pid:
            return False
        self._resolving = None
        resolving.process.returncode = code
        arbiter = self._arbiter
        try:
            fresh = resolving.result(code)
            refuse_other_place(arbiter.resolved, fresh, arbiter.fleet.slots)
        except Refusal as refusal:
            self.end(f"nothing was reloaded: {refusal.message}")
            return True
        if not arbiter.closing:
            self._roll = Roll(arbiter.resolved, [worker.number for worker in arbiter.fleet.current.values()])
            arbiter.resolved = fresh
            self._next()
        return True

    def _next(self) -> None:
        """The next successor, or the end of the roll."""
        roll, arbiter = self._roll, self._arbiter
        if roll is None or roll.waiting_for is not None:
            return
        number = roll.next({worker.id for worker in arbiter.fleet.current.values() if not worker.leaving})
        if number is None:
            arbiter.notices.say("info", "the workers were rolled")
            arbiter.notices.adopt(arbiter.resolved.log)
            arbiter.resize(arbiter.resolved.node.workers)
            self.end(None)
        elif arbiter.fleet.full:
            roll.put_back(number)
        else:
            self._succeed(roll, number)

    def _succeed(self, roll: Roll, number: int) -> None:
        """Start the successor of a worker."""
        try:
            roll.waiting_for = self._arbiter.spawn(number)
        except OSError as fault:
            self._break_off(roll, f"a new worker-{number} could not be started: {fault}", {})
            return
        self._arbiter.fleet.others.append(roll.waiting_for)

    def ready(self, worker: Worker) -> None:
        """A worker that is not current serves: the awaited successor takes over."""
        if self._roll is not None and self._roll.waiting_for is worker:
            self._roll.waiting_for = None
            self._arbiter.replace(worker)
            self._next()

    def left(self, worker: Worker, words: str, extra: dict[str, str]) -> None:
        """A worker that is not current has ended: a predecessor whose place is free, or the awaited successor."""
        if self._roll is not None and self._roll.waiting_for is worker:
            self._break_off(self._roll, f"the new {worker.id} {words}", extra)
        self._next()

    def _break_off(self, roll: Roll, why: str, extra: dict[str, str]) -> None:
        self._arbiter.resolved = roll.before
        self.end(f"the roll was broken off, the old workers go on: {why}", extra)

    def end(self, fault: str | None, extra: dict[str, str] | None = None) -> None:
        """Tell who waits, and begin anew if that was asked for. Without effect when none is under way."""
        self._roll = None
        stopping = self._arbiter.closing
        if fault and not stopping:
            self._arbiter.notices.say("error", fault, **(extra or {}))
        answered = [*self._waiting, *(self._later if stopping else ())]
        self._waiting, self._later = [] if stopping else self._later, []
        for asker in answered:
            asker.answer(describe_reload(fault))
        if self._again and not stopping:
            self._again = False
            self._resolve()
