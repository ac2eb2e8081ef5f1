"""Supervision as data: what a supervisor does next, given what happened.

Pure: no event loop, no clock, no task, no process. A shell reports events (`begin`, `started`, `exited`, …) and runs
the actions that come back (`Start`, `Stop`, …): `erlmcp.otp.supervisor` with asyncio tasks, the node's arbiter with OS
processes. Stopping takes time in both: a `Stop` is a request, and the plan goes on when the shell reports the exit.

The rules are those of Erlang/OTP 27 (`supervisor(3)`; EEP-56 for significant children). Every child has a phase (what
it is) and a goal (what it shall be). An event changes goals; `_advance` derives the actions from the difference:

    phase      goal    next action
    DOWN       DOWN    none: ended, ignored or terminated
    DOWN       UP      Start
    STARTING   UP      none: it reports `started` or `exited`
    UP         UP      none: it runs
    STARTING   AGAIN   Stop, then Start (a bystander of one_for_all or rest_for_one)
    UP         AGAIN   Stop, then Start
    STARTING   DOWN    Stop
    UP         DOWN    Stop
    STOPPING   any     none: it reports `exited`

Order: stops go right to left, one at a time; then starts go left to right, one at a time, each when the one before is
up. Children of a running one_for_one plan do not depend on each other, so there nobody waits for a sibling. (OTP's
supervisor is busy meanwhile and makes them wait.) A policy with `together` has no order: OTP's simple_one_for_one. Its
`foundation`, which OTP does not know, keeps the order at boot and at closing: what stands on it starts when it is up,
and it stops when what stands on it is down.
"""

from collections.abc import Callable, Iterable
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from erlmcp.otp.spec import (
    Action,
    AutoShutdown,
    Cause,
    ChildError,
    Closed,
    Closing,
    Policy,
    Ready,
    Reason,
    Restart,
    Spec,
    Start,
    Stop,
    Strategy,
)


class Phase(Enum):
    DOWN = "down"
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"


class Goal(Enum):
    DOWN = "down"
    UP = "up"
    AGAIN = "again"


class Stage(Enum):
    """Where the whole plan is. Only a RUNNING one_for_one plan lets children move independently."""

    NEW = "new"
    BOOTING = "booting"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"


class IfStartFails(Enum):
    """What a failed start means: at boot the end; to a caller a refusal; in a restart another try, which counts."""

    CLOSE = "close"
    DROP = "drop"
    KEEP = "keep"
    RETRY = "retry"


class Child(Struct, frozen=True):
    """A spec and where it stands. `starts` counts its incarnations, the present one included."""

    spec: Spec
    phase: Phase = Phase.DOWN
    goal: Goal = Goal.DOWN
    if_start_fails: IfStartFails = IfStartFails.CLOSE
    starts: int = 0

    @property
    def active(self) -> bool:
        """Running, or on its way to run (again)."""
        return self.phase is not Phase.DOWN or self.goal is not Goal.DOWN


class Plan(Struct, frozen=True):
    """The state: children in start order, and the times of recent restarts, newest first."""

    policy: Policy
    children: tuple[Child, ...]
    stage: Stage = Stage.NEW
    restarts: tuple[float, ...] = ()
    ending: Closed | None = None

    def child(self, child_id: str) -> Child:
        """The child of that id; ChildError when there is none."""
        return self.children[_index(self, child_id)]


Step = tuple[Plan, tuple[Action, ...]]


def new(policy: Policy, specs: Iterable[Spec]) -> Plan:
    """A plan that has not begun. ValueError names the first thing that is wrong with it."""
    plan = Plan(policy, ())
    if policy.intensity < 0 or policy.period <= 0:
        raise ValueError(f"intensity {policy.intensity} must be 0 or more, period {policy.period} more than 0 seconds")
    if policy.together and policy.strategy is not Strategy.ONE_FOR_ONE:
        raise ValueError(f"children of a {policy.strategy.value} plan depend on each other: they cannot start together")
    if policy.foundation < 0 or (policy.foundation and not policy.together):
        raise ValueError(f"foundation {policy.foundation} must be 0 or more, and is for children that start together")
    for spec in specs:
        _check(plan, spec)
        plan = replace(plan, children=(*plan.children, Child(spec)))
    return plan


def begin(plan: Plan) -> Step:
    """Start all children."""
    if plan.stage is not Stage.NEW:
        raise ValueError("a plan begins once")
    children = tuple(replace(child, goal=Goal.UP) for child in plan.children)
    return _advance(replace(plan, stage=Stage.BOOTING, children=children))


def started(plan: Plan, child_id: str) -> Step:
    """The child is up. Without effect for a child that is not starting (a stop may have overtaken it)."""
    at = _find(plan, child_id)
    if at is None or plan.children[at].phase is not Phase.STARTING:
        return plan, ()
    return _advance(_with(plan, at, phase=Phase.UP))


def exited(plan: Plan, child_id: str, reason: Reason, now: float) -> Step:
    """The child is gone, asked or not; `now` in monotonic seconds. Without effect if it is unknown or down already."""
    at = _find(plan, child_id)
    if at is None or plan.children[at].phase is Phase.DOWN:
        return plan, ()
    child = plan.children[at]
    plan = _with(plan, at, phase=Phase.DOWN)
    if child.goal is Goal.AGAIN:
        return _advance(_with(plan, at, goal=Goal.UP))
    if child.goal is Goal.DOWN or (child.phase is Phase.STARTING and reason is Reason.IGNORED):
        return _advance(_settle(plan, at))
    if child.phase is Phase.STARTING:
        return _IF_START_FAILS[child.if_start_fails](plan, at, now)
    if _restarts(child.spec.restart, reason):
        return _restart(plan, at, now)
    return _ended(_settle(plan, at), child.spec)


def shutdown(plan: Plan) -> Step:
    """Stop everything, in reverse start order."""
    return _close(plan, Cause.SHUTDOWN)


def add(plan: Plan, spec: Spec) -> Step:
    """Append a child and start it. Should that fail it is dropped again, not restarted. ChildError, ValueError."""
    at = _find(plan, spec.id)
    if at is not None:
        raise ChildError(spec.id, "already_started" if plan.children[at].active else "already_present")
    _check(plan, spec)
    _refuse_closing(plan, spec.id)
    child = Child(spec, goal=Goal.UP, if_start_fails=IfStartFails.DROP)
    return _advance(replace(plan, children=(*plan.children, child)))


def terminate(plan: Plan, child_id: str) -> Step:
    """Stop the child and leave it down (a temporary one is forgotten), also while it is being restarted. ChildError."""
    at = _index(plan, child_id)
    down = _with(plan, at, goal=Goal.DOWN)
    return _advance(_settle(down, at) if plan.children[at].phase is Phase.DOWN else down)


def restart(plan: Plan, child_id: str) -> Step:
    """Start a child that is down; it does not count as a restart. Should that fail it stays down. ChildError."""
    at = _index(plan, child_id)
    _refuse_active(plan.children[at])
    _refuse_closing(plan, child_id)
    return _advance(_with(plan, at, goal=Goal.UP, if_start_fails=IfStartFails.KEEP))


def delete(plan: Plan, child_id: str) -> Step:
    """Forget a child that is down. ChildError."""
    at = _index(plan, child_id)
    _refuse_active(plan.children[at])
    return _without(plan, at), ()


def _restarts(rule: Restart, reason: Reason) -> bool:
    on_purpose = reason in {Reason.NORMAL, Reason.SHUTDOWN}
    return rule is Restart.PERMANENT or (rule is Restart.TRANSIENT and not on_purpose)


def _restart(plan: Plan, at: int, now: float) -> Step:
    """Count it; mark who restarts, by strategy; beyond the intensity give up (supervisor.erl: add_restart)."""
    policy = plan.policy
    times = (now, *(time for time in plan.restarts if time >= now - policy.period))
    plan = replace(_with(plan, at, goal=Goal.DOWN), restarts=times)
    if len(times) > policy.intensity:
        return _close(plan, Cause.GAVE_UP, plan.children[at].spec.id)
    nobody, everyone = len(plan.children), 0
    first = {Strategy.ONE_FOR_ONE: nobody, Strategy.ONE_FOR_ALL: everyone, Strategy.REST_FOR_ONE: at}[policy.strategy]
    touched = [*plan.children[:first], *(_bystander(child) for child in plan.children[first:])]
    touched[at] = replace(plan.children[at], goal=Goal.UP, if_start_fails=IfStartFails.RETRY)
    return _advance(replace(plan, children=tuple(touched)))


def _bystander(child: Child) -> Child:
    """A sibling that restarts along. One that had ended starts too, as in OTP; a temporary one is stopped for good."""
    if child.phase is not Phase.DOWN:
        goal = Goal.DOWN if child.spec.restart is Restart.TEMPORARY else Goal.AGAIN
        return replace(child, goal=goal, if_start_fails=IfStartFails.RETRY)
    if child.goal is Goal.DOWN:
        return replace(child, goal=Goal.UP, if_start_fails=IfStartFails.RETRY)
    return child


def _ended(plan: Plan, spec: Spec) -> Step:
    """A child is over for good, by itself. Does that end its supervisor? (EEP-56; supervisor.erl, do_auto_shutdown.)"""
    last = not any(child.active and child.spec.significant for child in plan.children)
    if spec.significant and (last or plan.policy.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT):
        return _close(plan, Cause.AUTO_SHUTDOWN, spec.id)
    return _advance(plan)


def _close(plan: Plan, cause: Cause, child_id: str = "") -> Step:
    if plan.stage in {Stage.CLOSING, Stage.CLOSED}:
        return plan, ()
    children = tuple(replace(child, goal=Goal.DOWN) for child in plan.children)
    plan, actions = _advance(replace(plan, stage=Stage.CLOSING, children=children, ending=Closed(cause, child_id)))
    return plan, (Closing(cause, child_id), *actions)


def _advance(plan: Plan) -> Step:
    """The actions that bring the children nearer to their goals, and the plan in which they are under way."""
    running = [at for at, child in enumerate(plan.children) if child.phase in {Phase.STARTING, Phase.UP}]
    stops = [at for at in reversed(running) if plan.children[at].goal is not Goal.UP]
    starts = [at for at, child in enumerate(plan.children) if child.phase is Phase.DOWN and child.goal is Goal.UP]
    if _in_order(plan):
        phases = {child.phase for child in plan.children}
        starts = [] if stops or phases & {Phase.STARTING, Phase.STOPPING} else starts[:1]
        stops = [] if Phase.STOPPING in phases else stops[:1]
    elif plan.policy.foundation and plan.stage is not Stage.RUNNING:
        starts, stops = _upon_foundation(plan, starts, stops)
    actions: list[Action] = []
    for at in stops:
        actions.append(Stop(plan.children[at].spec.id, plan.children[at].spec.shutdown))
        plan = _with(plan, at, phase=Phase.STOPPING)
    for at in starts:
        actions.append(Start(plan.children[at].spec.id))
        plan = _with(plan, at, phase=Phase.STARTING, starts=plan.children[at].starts + 1)
    return _milestone(plan, tuple(actions))


def _upon_foundation(plan: Plan, starts: list[int], stops: list[int]) -> tuple[list[int], list[int]]:
    """Those that may start and stop now, while the foundation comes before the others, or goes after them."""
    size = plan.policy.foundation
    ground, above = plan.children[:size], plan.children[size:]
    phases = {child.phase for child in ground}
    if not phases <= {Phase.UP}:
        starts = [] if Phase.STARTING in phases or Phase.STOPPING in phases else [at for at in starts if at < size][:1]
    if any(child.phase is not Phase.DOWN for child in above):
        stops = [at for at in stops if at >= size]
    else:
        stops = [] if Phase.STOPPING in phases else stops[:1]
    return starts, stops


def _in_order(plan: Plan) -> bool:
    independent = plan.policy.strategy is Strategy.ONE_FOR_ONE and (plan.stage is Stage.RUNNING or plan.policy.together)
    return not independent


def _milestone(plan: Plan, actions: tuple[Action, ...]) -> Step:
    """Has the boot, or the closing, come to its end with this step?"""
    if plan.stage is Stage.BOOTING and all((child.phase, child.goal) in SETTLED for child in plan.children):
        return replace(plan, stage=Stage.RUNNING), (*actions, Ready())
    if plan.stage is Stage.CLOSING and plan.ending and all(child.phase is Phase.DOWN for child in plan.children):
        return replace(plan, stage=Stage.CLOSED), (*actions, plan.ending)
    return plan, actions


def _settle(plan: Plan, at: int) -> Plan:
    """The child stays down; a temporary one is forgotten."""
    if plan.children[at].spec.restart is Restart.TEMPORARY:
        return _without(plan, at)
    return _with(plan, at, goal=Goal.DOWN)


def _check(plan: Plan, spec: Spec) -> None:
    if not spec.id:
        raise ValueError("a child needs an id")
    if any(child.spec.id == spec.id for child in plan.children):
        raise ValueError(f"two children are called {spec.id!r}")
    if spec.shutdown is not None and not spec.shutdown >= 0:
        raise ValueError(f"child {spec.id!r}: shutdown {spec.shutdown} must be None or 0 seconds or more")
    if spec.significant and spec.restart is Restart.PERMANENT:
        raise ValueError(f"child {spec.id!r} is significant but permanent: its end cannot mean anything, it has none")
    if spec.significant and plan.policy.auto_shutdown is AutoShutdown.NEVER:
        raise ValueError(f"child {spec.id!r} is significant, but auto_shutdown is never")


def _refuse_active(child: Child) -> None:
    if child.active:
        raise ChildError(child.spec.id, "restarting" if child.phase is Phase.DOWN else "running")


def _refuse_closing(plan: Plan, child_id: str) -> None:
    if plan.stage not in {Stage.BOOTING, Stage.RUNNING}:
        raise ChildError(child_id, "supervisor_not_running")


def _find(plan: Plan, child_id: str) -> int | None:
    return next((at for at, child in enumerate(plan.children) if child.spec.id == child_id), None)


def _index(plan: Plan, child_id: str) -> int:
    at = _find(plan, child_id)
    if at is None:
        raise ChildError(child_id, "not_found")
    return at


def _with(plan: Plan, at: int, **changes: object) -> Plan:
    child = replace(plan.children[at], **changes)
    return replace(plan, children=(*plan.children[:at], child, *plan.children[at + 1 :]))


def _without(plan: Plan, at: int) -> Plan:
    return replace(plan, children=(*plan.children[:at], *plan.children[at + 1 :]))


SETTLED = {(Phase.UP, Goal.UP), (Phase.DOWN, Goal.DOWN)}

_IF_START_FAILS: dict[IfStartFails, Callable[[Plan, int, float], Step]] = {
    IfStartFails.CLOSE: lambda plan, at, _now: _close(plan, Cause.START_FAILED, plan.children[at].spec.id),
    IfStartFails.DROP: lambda plan, at, _now: _advance(_without(plan, at)),
    IfStartFails.KEEP: lambda plan, at, _now: _advance(_with(plan, at, goal=Goal.DOWN)),
    IfStartFails.RETRY: _restart,
}
