"""The parent process: binds and keeps the sockets, runs the line and the workers, replaces, rolls and drains them.

It has no event loop, runs no app and knows no protocol: one selector, signals through a socket, and processes. What to
restart and when to give up is decided by `otp.plan`, which also decides for the tasks inside a worker.
"""

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from erlmcp.node.control import Asker, DataDir, open_door
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.fleet import FAST, Fleet
from erlmcp.node.notices import Notices
from erlmcp.node.options import Resolved
from erlmcp.node.policy import LINE, LINE_BUDGET, LINE_NAME, budget, name_of, new_plan, number_of, reason, spec
from erlmcp.node.processes import Worker, death
from erlmcp.node.reception import Reception
from erlmcp.node.reload import Reloading
from erlmcp.node.resolver import RESOLVE, Question
from erlmcp.node.signals import Signals
from erlmcp.node.sockets import bind_doors, origin
from erlmcp.node.status import describe
from erlmcp.node.watch import SourceWatch
from erlmcp.otp import plan
from erlmcp.otp import spec as otp

__all__ = ["LINE_COMMAND", "WORKER", "Arbiter", "Launch"]

WORKER = (sys.executable, "-P", "-m", "erlmcp", "worker")
LINE_COMMAND = (sys.executable, "-P", "-m", "erlmcp", "line")
TICK = 0.25  # seconds between looks at clocks: heartbeats, deadlines
SLEPT = 5.0  # a round this late means that this process itself was stopped: then nobody's silence counts
UNKNOWN = '{"ok":false,"error":"the node does not know this verb; it knows ping, status, stop, reload"}'


@dataclass(frozen=True, slots=True)
class Launch:
    """How this node was started: the question, to ask the resolver again; the commands; what to do once ready."""

    question: Question
    announce: Callable[["Arbiter"], None] = lambda _: None
    watch: str | None = None  # a directory whose Python files roll the workers when they change (--reload)
    worker: tuple[str, ...] = WORKER
    line: tuple[str, ...] = LINE_COMMAND
    resolve: tuple[str, ...] = RESOLVE


class Arbiter:
    """One node, from the bound sockets to the exit code. `Arbiter(resolved, launch).run()`."""

    def __init__(self, resolved: Resolved, launch: Launch) -> None:
        """Take the data directory and the ports. Refusal when one of them is not to be had."""
        self.resolved, self.launch = resolved, launch
        self.notices = Notices(resolved.log)
        self.started = self._round_at = time.monotonic()
        self.directory = DataDir(Path(resolved.node.data_dir).absolute())
        self.doors: dict[str, socket.socket] = {}
        try:
            self.doors = bind_doors(resolved)
            self._control = open_door(self.directory)
        except Refusal:
            self._close_doors()
            self.directory.close()
            raise
        self.plan = new_plan(resolved)
        self._selector = selectors.DefaultSelector()
        slots = 2 * resolved.node.workers + 2  # a roll needs a second place for each, a growing node some more
        self.fleet = Fleet((launch.worker, launch.line), slots, self._selector, self.notices, self._on_ready)
        self.reloading = Reloading(self)
        self._code: int | None = None
        self._last_death = ""
        self._stillborn: list[str] = []  # not even started; the plan hears of it in the next round, not at once
        self._last_stacks: dict[str, str] = {}
        self._waiting: list[Asker] = []  # for the end
        self._watch = SourceWatch(launch.watch) if launch.watch else None

    # What others may look at

    @property
    def origins(self) -> dict[str, str]:
        """Where the doors are, for a person: `http`, `metrics`."""
        return {name: origin(sock, getattr(self.resolved, name).host) for name, sock in self.doors.items()}

    @property
    def state(self) -> str:
        """starting, running, reloading or stopping."""
        if self.closing:
            return "stopping"
        if self.reloading.under_way:
            return "reloading"
        return "running" if self.plan.stage is plan.Stage.RUNNING else "starting"

    @property
    def closing(self) -> bool:
        return self.plan.stage in {plan.Stage.CLOSING, plan.Stage.CLOSED}

    # The loop

    def run(self) -> int:
        """Serve until told to stop or until it has to give up; returns the exit code, with every port released."""
        signals = self._signals = Signals()
        self._selector.register(signals.wakeup, selectors.EVENT_READ, lambda _: None)
        reception = Reception(self._selector, self._control, self._on_verb)
        self._apply(plan.begin(self.plan))
        while self.plan.stage is not plan.Stage.CLOSED or self.fleet.others:
            for key, _ in self._selector.select(TICK):
                key.data(key.fileobj)
            self._on_signals(signals.take())  # last: who is buried here may have had something to say just now
            now = time.monotonic()
            self._round(now)
            reception.dismiss_late(now)
        reception.close()
        return self._farewell()

    def _farewell(self) -> int:
        self._close_doors()
        self.directory.close()
        self.fleet.close()
        self._selector.close()
        self._signals.close()
        code = self._code if self._code is not None else Exit.OK
        for asker in self._waiting:
            asker.answer('{"ok":true}')
        self.notices.say("info", "the node has stopped", code=int(code))
        return int(code)

    def _round(self, now: float) -> None:
        late = now - self._round_at > SLEPT
        self._round_at = now
        for process in self.fleet.processes:
            if late:
                process.beat = now
            self.fleet.check(process, self.resolved.node, now)
        stillborn, self._stillborn = self._stillborn, []
        for name in stillborn:
            self._apply(plan.exited(self.plan, name, otp.Reason.CRASHED, now))
        if self._watch and not self.closing and self._watch.changed(now):
            self.notices.say("info", "a source file changed, rolling the workers", file=self._watch.last)
            self.reload()

    # What happens

    def _on_signals(self, numbers: list[int]) -> None:
        for number in numbers:
            if number == signal.SIGCHLD:
                self._reap()
            elif number in {signal.SIGTERM, signal.SIGINT}:
                self.stop(interrupted=number == signal.SIGINT)
            elif number == signal.SIGHUP:
                self.reload()
            elif number == signal.SIGUSR1:
                self.notices.reopen()
                for process in self.fleet.processes:
                    process.signal(signal.SIGUSR1)
            elif number in {signal.SIGTTIN, signal.SIGTTOU}:
                self.resize(len(self.plan.children) - 1 + (1 if number == signal.SIGTTIN else -1))

    def _on_verb(self, verb: str, asker: Asker) -> None:
        if verb == "ping":
            asker.answer("pong")
        elif verb == "status":
            asker.answer(describe(self, time.monotonic()))
        elif verb == "reload":
            self.reloading.begin(asker)
        elif verb == "stop":
            self._waiting.append(asker)
            if not self.closing:
                self.stop()
        else:
            asker.answer(UNKNOWN)

    def _on_ready(self, worker: Worker) -> None:
        boot = time.monotonic() - worker.born
        self.notices.say("info", f"{worker.id} serves", pid=worker.pid, boot_seconds=round(boot, 3))
        if self.fleet.current.get(worker.id) is worker:
            self._apply(plan.started(self.plan, worker.id))
        else:
            self.reloading.ready(worker)

    def _reap(self) -> None:
        """Collect every process that has ended. As PID 1 of a container there may be strangers among them."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if self.reloading.resolved(pid, code):
                continue
            for process in [process for process in self.fleet.processes if process.pid == pid]:
                self._on_exit(process, code)

    def _on_exit(self, worker: Worker, code: int) -> None:
        was_current = self.fleet.current.get(worker.id) is worker
        stacks = self.fleet.bury(worker, code)
        asked = worker.leaving and code in {0, -signal.SIGTERM}  # the latter: it had not begun to listen yet
        words = "left" if asked else death(code) + (f": {worker.last_words}" if worker.last_words else "")
        extra = {"stacks": stacks} if stacks else {}
        if not worker.leaving:
            self._last_death = worker.last_words if code == Exit.CANNOT_BOOT else f"{worker.id} {words}"
            self._last_stacks = extra
        if Exit.CANNOT_BOOT in {code, self._code}:
            self.notices.say("debug", f"{worker.id} {words}", pid=worker.pid)  # told once, where it is decided upon
        else:
            self.notices.say("info" if asked else "error", f"{worker.id} {words}", pid=worker.pid, **extra)
        if was_current:
            self._current_left(worker, code)
        else:
            self.reloading.left(worker, words, extra)

    def _current_left(self, worker: Worker, code: int) -> None:
        added = self.plan.child(worker.id).if_start_fails is plan.IfStartFails.DROP
        if code == Exit.CANNOT_BOOT and not self.closing and not added:
            self._code = Exit.CANNOT_BOOT
            gone = plan.exited(
                plan.terminate(self.plan, worker.id)[0], worker.id, otp.Reason.CRASHED, time.monotonic()
            )[0]
            self._apply(plan.shutdown(gone))
            return
        self._apply(plan.exited(self.plan, worker.id, reason(code), time.monotonic()))
        if worker.id in {child.spec.id for child in self.plan.children} and not self.plan.child(worker.id).active:
            self.plan = plan.delete(self.plan, worker.id)[0]

    # What is done about it

    def _apply(self, step: plan.Step) -> None:
        """Carry out what the plan decided."""
        self.plan, actions = step
        for action in actions:
            match action:
                case otp.Start(id):
                    self._start(id)
                case otp.Stop(id) if id in self.fleet.current:
                    self._dismiss(self.fleet.current[id])
                case otp.Stop(id):  # there is nobody to stop: stillborn, or the line between two processes of a roll
                    self._stillborn.append(id)
                case otp.Ready():
                    self.notices.say("info", "the node serves", workers=len(self.fleet.current) - 1, **self.origins)
                    self.launch.announce(self)
                case otp.Closing():
                    self._on_closing(action)

    def _start(self, id: str) -> None:  # noqa: A002 - OTP's word
        try:
            self.fleet.current[id] = self.spawn(number_of(id), first=self.plan.child(id).starts == 1)
        except OSError as fault:
            self._last_death = f"{id} could not be started: {fault}"
            self.notices.say("error", self._last_death)
            self._stillborn.append(id)

    def spawn(self, number: int, *, first: bool = True) -> Worker:
        """A process of this number. `first`: not instead of one that died. OSError when the machine has none left."""
        starts = self.plan.child(name_of(number)).starts
        return self.fleet.spawn(number, starts, self.resolved, self.doors, first=first)

    def stop(self, *, interrupted: bool = False) -> None:
        """Drain and leave; the second time, at once."""
        if not self.closing:
            self._apply(plan.shutdown(self.plan))
            return
        if interrupted and self._code is None:
            self._code = Exit.INTERRUPTED
        for process in self.fleet.processes:
            process.ask_to_leave(time.monotonic() + FAST)

    def _on_closing(self, closing: otp.Closing) -> None:
        node = self.resolved.node
        if closing.cause is otp.Cause.GAVE_UP:
            self._code = Exit.GAVE_UP
            often = f"more than {node.max_restarts} times in {node.max_restart_seconds:g} s"
            self.notices.say("critical", f"processes died {often}, giving up; the last: {self._last_death}")
        elif closing.cause is otp.Cause.START_FAILED or self._code == Exit.CANNOT_BOOT:
            self._code = Exit.CANNOT_BOOT
            self.notices.say("critical", f"can not serve: {self._last_death}", **self._last_stacks)
        else:
            self.notices.say("info", "the node drains")
        self.reloading.end("the node is stopping")
        self._close_doors()
        for process in self.fleet.others:
            self._dismiss(process)

    def _close_doors(self) -> None:
        for sock in self.doors.values():
            sock.close()

    def _dismiss(self, process: Worker) -> None:
        """Ask it to drain and leave, within what the configuration that applies now gives it."""
        process.ask_to_leave(time.monotonic() + (LINE_BUDGET if process.number == LINE else budget(self.resolved)))

    # What a reload asks for

    def reload(self) -> None:
        """Read the configuration again; when sound, replace the line, then the workers one by one."""
        self.reloading.begin()

    def replace(self, successor: Worker) -> None:
        """The new one serves: the old one may drain and leave."""
        old = self.fleet.swap(successor)
        if old is not None:
            self._dismiss(old)
        self._apply(plan.started(self.plan, successor.id))

    def retire_line(self) -> None:
        """Ask the line process to leave. The plan is not told: its successor comes, or `line_is_gone` is called."""
        self._dismiss(self.fleet.step_down(LINE_NAME))

    def line_is_gone(self) -> None:
        """A roll has no line process to go on with: the plan starts one, as if the old one had died."""
        self._apply(plan.exited(self.plan, LINE_NAME, otp.Reason.CRASHED, time.monotonic()))

    def resize(self, count: int) -> None:
        """More or fewer workers, by the plan's own add and terminate."""
        if self.plan.stage is not plan.Stage.RUNNING or not 0 < count < self.fleet.slots:
            return
        known = {child.spec.id for child in self.plan.children} - {LINE_NAME}
        wanted = {name_of(number) for number in range(1, count + 1)}
        for name in sorted(wanted - known):
            self._apply(plan.add(self.plan, spec(name, self.resolved)))
        for name in sorted(known - wanted):
            self._apply(plan.terminate(self.plan, name))
