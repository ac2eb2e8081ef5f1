"""A reload under way: read the configuration again, then roll the line, then the workers.

The line comes first (docs/adr/0007): it applies the migrations that new workers build upon. Two cannot own the
database, so its old process leaves before the new one comes, and calls wait meanwhile; a worker's new process serves
before its old one leaves. Whatever goes wrong on the way, the old workers go on with the old configuration, and who
asked is told why. It says what is next; starting, replacing and stopping is the arbiter's.
"""

from typing import TYPE_CHECKING

from erlmcp.node.control import Asker
from erlmcp.node.exits import Refusal
from erlmcp.node.policy import LINE, name_of
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
            self._roll = Roll(arbiter.resolved, sorted(process.number for process in arbiter.fleet.current.values()))
            arbiter.resolved = fresh
            self._next()
        return True

    def _next(self) -> None:
        """The next successor, or the end of the roll."""
        roll, arbiter = self._roll, self._arbiter
        if roll is None or roll.waiting_for is not None or roll.line_leaves:
            return
        number = roll.next({process.id for process in arbiter.fleet.current.values() if not process.leaving})
        if number == LINE:
            arbiter.retire_line()
            roll.line_leaves = True
        elif number is None:
            arbiter.notices.say("info", "the line and the workers were rolled")
            arbiter.notices.adopt(arbiter.resolved.log)
            arbiter.resize(arbiter.resolved.node.workers)
            self.end(None)
        elif arbiter.fleet.full:
            roll.put_back(number)
        else:
            self._succeed(roll, number)

    def _succeed(self, roll: Roll, number: int) -> None:
        """Start the successor of a process."""
        try:
            roll.waiting_for = self._arbiter.spawn(number)
        except OSError as fault:
            self._break_off(roll, number, f"a new {name_of(number)} could not be started: {fault}", {})
            return
        self._arbiter.fleet.others.append(roll.waiting_for)

    def ready(self, worker: Worker) -> None:
        """A worker that is not current serves: the awaited successor takes over."""
        if self._roll is not None and self._roll.waiting_for is worker:
            self._roll.waiting_for = None
            self._arbiter.replace(worker)
            self._next()

    def left(self, worker: Worker, words: str, extra: dict[str, str]) -> None:
        """A process that is not current has ended: a predecessor whose place is free, or the awaited successor."""
        roll = self._roll
        if roll is not None and roll.line_leaves and worker.number == LINE:
            roll.line_leaves = False
            self._succeed(roll, LINE)
        elif roll is not None and roll.waiting_for is worker:
            self._break_off(roll, worker.number, f"the new {worker.id} {words}", extra)
        self._next()

    def _break_off(self, roll: Roll, number: int, why: str, extra: dict[str, str]) -> None:
        self._arbiter.resolved = roll.before
        if number == LINE and not self._arbiter.closing:
            self._arbiter.line_is_gone()
        self.end(f"the roll was broken off, the old workers go on: {why}", extra)

    def end(self, fault: str | None, extra: dict[str, str] | None = None) -> None:
        """Tell who waits, and begin anew if that was asked for. Without effect when none is under way."""
        roll, self._roll = self._roll, None
        if self._arbiter.closing and roll is not None and roll.waiting_for is not None:
            self._adopt_line(roll.waiting_for)
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

    def _adopt_line(self, successor: Worker) -> None:
        """The node stops while a new line comes in: the workers that drain need it, and it goes after them."""
        if successor.number == LINE:
            self._arbiter.fleet.swap(successor)
