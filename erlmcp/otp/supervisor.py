"""A supervisor on asyncio: it carries out what `erlmcp.otp.plan` decides, with one task per child.

It knows no strategy and no rule. Events (a child is ready, a task ended, a deadline passed, our own cancellation) go to
the plan; the actions that come back create and cancel tasks, within the same callback: a restart waits for nothing.
A supervisor is itself a child: `run(ready)` is ready when its children are; to cancel it stops them in reverse order.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NoReturn

from erlmcp.otp import plan
from erlmcp.otp.child import ChildSpec, Event, GaveUp, OnEvent, StartFailed
from erlmcp.otp.incarnation import Incarnation
from erlmcp.otp.spec import (
    Action,
    AutoShutdown,
    Cause,
    Closed,
    Closing,
    Policy,
    Ready,
    Reason,
    Restart,
    Start,
    Stop,
    Strategy,
)

logger = logging.getLogger("erlmcp.otp")


class Supervisor:
    """Keeps its children alive. More than `intensity` restarts in `period` seconds, and `run` raises GaveUp.

    ValueError: the children and the policy do not fit together (`plan.new` says how). `on_event` watches: it is called
    on the loop's thread and must not block; an exception of its own is logged, no more.
    """

    def __init__(  # noqa: PLR0913 - a supervisor is written once, as a literal
        self,
        strategy: Strategy,
        intensity: int,
        period: float,
        children: Sequence[ChildSpec] = (),
        *,
        name: str = "root",
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
        together: bool = False,
        on_event: OnEvent | None = None,
    ) -> None:
        self.name = name
        self.policy = Policy(strategy, intensity, period, auto_shutdown, together)
        self.plan = plan.new(self.policy, [child.plain for child in children])
        self._children = tuple(children)
        self._on_event = on_event
        self._specs = {child.id: child for child in children}
        self._live: dict[str, Incarnation] = {}
        self._abandoned: set[asyncio.Task[None]] = set()
        self._actions: deque[Action] = deque()
        self._acting = False
        self._callers: dict[str, asyncio.Future[None]] = {}
        self._last: Incarnation | None = None
        self._closed: asyncio.Future[Closed] | None = None
        self._ready: Callable[[], None] = lambda: None

    def child(self, restart: Restart = Restart.PERMANENT, *, significant: bool = False) -> ChildSpec:
        """The spec of this supervisor as a child of another: it may take as long to stop as its children may."""
        return ChildSpec(self.name, self.run, restart, shutdown=None, significant=significant, start_timeout=None)

    def spec(self, child_id: str) -> ChildSpec:
        """The spec of one of its present children. KeyError when there is none."""
        return self._specs[child_id]

    async def run(self, ready: Callable[[], None]) -> None:
        """Start the children and keep them alive until cancelled; then stop them in reverse order.

        Returns when significant children end it. Raises StartFailed (a first start failed), GaveUp, CancelledError.
        Every run begins with the children of the constructor; a second cancellation kills what still runs.
        """
        if self._closed is not None:
            raise RuntimeError(f"supervisor {self.name} is running already")
        self.plan = plan.new(self.policy, [child.plain for child in self._children])
        self._specs = {child.id: child for child in self._children}
        self._closed, self._ready, self._last = asyncio.get_running_loop().create_future(), ready, None
        try:
            self._take(plan.begin(self.plan))
            ending = await self._until_closed(self._closed)
        finally:
            self._closed = None
            self._take(plan.shutdown(self.plan))
            self._kill_all()
        if ending.cause is not Cause.AUTO_SHUTDOWN:
            self._fail(ending)

    async def start_child(self, spec: ChildSpec) -> None:
        """Add a child and wait until it is ready. Raises ChildError, or StartFailed: then the child is forgotten.

        It lasts as long as this run of the supervisor: a restarted supervisor begins with its own children. The plan
        walks over all its children at each step; for thousands that come and go there is `Pool`.
        """
        step = plan.add(self.plan, spec.plain)
        self._specs[spec.id] = spec
        await self._started(spec.id, step)

    async def restart_child(self, child_id: str) -> None:
        """Start a child that is down, wait until it is ready. Raises ChildError, or StartFailed: then it stays down."""
        await self._started(child_id, plan.restart(self.plan, child_id))

    async def terminate_child(self, child_id: str) -> None:
        """Stop a child and wait until it is gone. It stays down; a temporary one is forgotten. Raises ChildError."""
        self._take(plan.terminate(self.plan, child_id))
        if child_id in self._live:
            await self._live[child_id].ended()

    def delete_child(self, child_id: str) -> None:
        """Forget a child that is down. Raises ChildError."""
        self._take(plan.delete(self.plan, child_id))

    async def _started(self, child_id: str, step: plan.Step) -> None:
        caller = self._callers[child_id] = asyncio.get_running_loop().create_future()
        self._take(step)
        try:
            await caller
        finally:
            self._callers.pop(child_id, None)

    async def _until_closed(self, closed: asyncio.Future[Closed]) -> Closed:
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        cancelled: asyncio.CancelledError | None = None
        while not closed.done():
            try:
                await asyncio.wait([closed])
            except asyncio.CancelledError as error:
                cancelled = error
                self._take(plan.shutdown(self.plan))
                if task and task.cancelling() - before > 1:
                    self._kill_all()
        if cancelled is not None:
            raise cancelled
        return closed.result()

    def _fail(self, ending: Closed) -> NoReturn:
        error = self._last.error if self._last else None
        if ending.cause is Cause.START_FAILED:
            raise StartFailed(f"{self.name}/{ending.id} failed to start: {self._cause()}") from error
        raise GaveUp(f"{self.name} gave up after {self._budget()}: {ending.id}: {self._cause()}") from error

    def _cause(self) -> str:
        return f"it {self._last.describe()}" if self._last else "unknown"

    def _budget(self) -> str:
        restarts = "1 restart" if self.policy.intensity == 1 else f"{self.policy.intensity} restarts"
        return f"more than {restarts} in {self.policy.period:g} s"

    def _take(self, step: plan.Step) -> None:
        """Adopt the plan and carry out its actions, in order also when one of them brings the next event about."""
        self.plan, actions = step
        self._actions.extend(actions)
        if self._acting:
            return
        self._acting = True
        try:
            while self._actions:
                self._act(self._actions.popleft())
        finally:
            self._acting = False
        self._forget()

    def _act(self, action: Action) -> None:
        match action:
            case Start(child_id):
                self._start(child_id)
            case Stop(child_id, within):
                self._live[child_id].stop(within)
            case Ready():
                self._ready()
            case Closing(cause, child_id):
                self._closing(cause, child_id)
            case Closed():
                if self._closed is not None:
                    self._closed.set_result(action)

    def _start(self, child_id: str) -> None:
        child = Incarnation(self._specs[child_id], self._gone, self.plan.child(child_id).starts)
        self._live[child_id] = child
        self._tell(child, "starting")
        child.start(self._up, f"{self.name}/{child_id}")

    def _up(self, child: Incarnation) -> None:
        self._tell(child, "ready")
        self._take(plan.started(self.plan, child.spec.id))
        self._answer(child.spec.id, None)

    def _gone(self, child: Incarnation) -> None:
        del self._live[child.spec.id]
        self._tell(child, "exited", child.reason.value)
        child.log(self.name)
        if child.abandoned:
            self._tell(child, "abandoned")
            self._abandoned.add(child.task)
            child.task.add_done_callback(self._abandoned.discard)
        if not child.asked:
            self._last = child
        step = plan.exited(self.plan, child.spec.id, child.reason, asyncio.get_running_loop().time())
        if not _active(step[0], child.spec.id):
            self._answer(child.spec.id, None if child.reason is Reason.IGNORED else child)
        self._take(step)

    def _answer(self, child_id: str, failed: Incarnation | None) -> None:
        """Tell who asked for this start how it went."""
        caller = self._callers.get(child_id)
        if caller is None or caller.done():
            return
        if failed is None:
            caller.set_result(None)
            return
        error = StartFailed(f"{self.name}/{child_id} failed to start: it {failed.describe()}")
        error.__cause__ = failed.error
        caller.set_exception(error)

    def _forget(self) -> None:
        """Drop the specs that the plan dropped; release who waits for a start that will not be."""
        if len(self._specs) > len(self.plan.children):
            self._specs = {child.spec.id: self._specs[child.spec.id] for child in self.plan.children}
        for child_id, caller in self._callers.items():
            if not caller.done() and not _active(self.plan, child_id):
                caller.set_exception(StartFailed(f"{self.name}/{child_id} was stopped before it started"))

    def _closing(self, cause: Cause, child_id: str) -> None:
        self._emit(Event(self.name, child_id, "closing", cause.value))
        if cause is Cause.GAVE_UP:
            logger.error("%s gives up after %s: %s: %s", self.name, self._budget(), child_id, self._cause())
        elif cause is Cause.START_FAILED:
            logger.error("%s stops: %s failed to start: %s", self.name, child_id, self._cause())

    def _kill_all(self) -> None:
        for child in list(self._live.values()):
            child.kill()

    def _tell(self, child: Incarnation, what: str, reason: str = "") -> None:
        self._emit(Event(self.name, child.spec.id, what, reason, child.number))

    def _emit(self, event: Event) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:
            logger.exception("%s: the observer of events failed at %s", self.name, event)


def _active(state: plan.Plan, child_id: str) -> bool:
    return any(child.active for child in state.children if child.spec.id == child_id)
