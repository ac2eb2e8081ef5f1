"""A shell without processes: it obeys a plan and writes down what it was told, so that tests read as a story."""

from collections.abc import Sequence

from erlmcp.otp import Action, Closed, Closing, Policy, Ready, Reason, Restart, Spec, Start, Stop, Strategy, plan

PERMANENT, TRANSIENT, TEMPORARY = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY
UNASKED = [Reason.NORMAL, Reason.SHUTDOWN, Reason.CRASHED, Reason.CANCELLED, Reason.KILLED]


def word(action: Action) -> str:
    match action:
        case Start(child_id):
            return f"+{child_id}"
        case Stop(child_id):
            return f"-{child_id}"
        case Ready():
            return "ready"
        case Closing(cause):
            return f"closing {cause.value}"
        case Closed(cause):
            return f"closed {cause.value}"


class Drive:
    """Every request is met at once, unless the child is named in `slow` (stays starting or stopping until told)."""

    def __init__(self, policy: Policy, specs: Sequence[Spec], slow: str = "") -> None:
        self.now = 1000.0
        self.slow = set(slow.split())
        self.failing: dict[str, int] = {}  # id -> how many of its next starts fail
        self.ignoring: set[str] = set()
        self.story: list[str] = []
        self.plan = plan.new(policy, specs)

    def begin(self) -> list[str]:
        return self.take(plan.begin(self.plan))

    def exit(self, child_id: str, reason: Reason = Reason.CRASHED) -> list[str]:
        return self.take(plan.exited(self.plan, child_id, reason, self.now))

    def up(self, child_id: str) -> list[str]:
        return self.take(plan.started(self.plan, child_id))

    def take(self, step: plan.Step) -> list[str]:
        """Carry a step out to its end; what was done since is returned."""
        before = len(self.story)
        self.plan, actions = step
        todo = list(actions)
        while todo:
            action = todo.pop(0)
            self.story.append(word(action))
            answer = self.answer(action)
            if answer is not None:
                self.plan, more = answer
                todo += more
        return self.story[before:]

    def answer(self, action: Action) -> plan.Step | None:
        match action:
            case Start(child_id) if child_id not in self.slow:
                if child_id in self.ignoring:
                    return plan.exited(self.plan, child_id, Reason.IGNORED, self.now)
                if self.failing.get(child_id):
                    self.failing[child_id] -= 1
                    return plan.exited(self.plan, child_id, Reason.CRASHED, self.now)
                return plan.started(self.plan, child_id)
            case Stop(child_id) if child_id not in self.slow:
                return plan.exited(self.plan, child_id, Reason.CANCELLED, self.now)
        return None

    def running(self) -> str:
        return " ".join(child.spec.id for child in self.plan.children if child.phase is plan.Phase.UP)

    def known(self) -> str:
        return " ".join(child.spec.id for child in self.plan.children)


def specs(*ids: str, restart: Restart = PERMANENT) -> list[Spec]:
    return [Spec(child_id, restart) for child_id in ids]


def begun(
    *children: Spec | str,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    intensity: int = 3,
    period: float = 10.0,
    slow: str = "",
    **more,
) -> Drive:
    """A plan that has begun; a child that is only a name is permanent."""
    drive = Drive(
        Policy(strategy, intensity, period, **more),
        [Spec(child) if isinstance(child, str) else child for child in children],
        slow,
    )
    drive.begin()
    return drive
