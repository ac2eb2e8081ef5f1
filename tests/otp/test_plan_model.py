"""What holds for every plan, whatever happens: a machine that answers as slowly and as badly as it likes."""

from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from erlmcp.otp import (
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
    plan,
)

REASONS = st.sampled_from(Reason)
PICK = st.integers(0, 99)


def policies() -> st.SearchStrategy[Policy]:
    made = st.builds(
        Policy,
        st.sampled_from(Strategy),
        intensity=st.integers(0, 4),
        period=st.sampled_from([1.0, 5.0]),
        auto_shutdown=st.sampled_from(AutoShutdown),
        together=st.booleans(),
    )
    return made.filter(lambda policy: policy.strategy is Strategy.ONE_FOR_ONE or not policy.together)


def spec_of(number: int, restart: Restart, significant: bool, policy: Policy) -> Spec:
    may = restart is not Restart.PERMANENT and policy.auto_shutdown is not AutoShutdown.NEVER
    return Spec(f"c{number}", restart, significant=significant and may)


class AnyPlan(RuleBasedStateMachine):
    """`live` is the truth about the children: id -> starting, up or stopping. It is kept from the actions alone."""

    @initialize(
        policy=policies(),
        children=st.lists(st.tuples(st.sampled_from(Restart), st.booleans()), min_size=1, max_size=5),
        boots=st.integers(0, 5),
    )
    def begin(self, policy, children, boots):
        self.policy = policy
        self.now = 0.0
        self.live: dict[str, str] = {}
        self.born = len(children)
        self.counted: list[float] = []
        self.story: list[object] = []
        self.plan = plan.new(policy, [spec_of(n, *child, policy) for n, child in enumerate(children)])
        self.take(plan.begin(self.plan))
        while boots and self.of("starting"):
            self.becomes_ready(0)

    def take(self, step: plan.Step) -> None:
        before, (self.plan, actions) = self.plan, step
        for action in actions:
            self.check(before, action)
            self.story.append(action)

    def check(self, before: plan.Plan, action: object) -> None:
        assert not any(isinstance(told, Closed) for told in self.story), "something follows the end"
        match action:
            case Start(child_id):
                assert child_id not in self.live, "two incarnations of one child"
                assert not any(isinstance(told, Closing) for told in self.story), "a start while closing"
                if self.ordered(before):
                    assert not self.of("starting", "stopping"), "a start that did not wait"
                    self.check_left_is_up(child_id)
                self.live[child_id] = "starting"
            case Stop(child_id):
                assert self.live[child_id] in {"starting", "up"}, "a stop of a child that is not running"
                if self.ordered(before):
                    assert not self.of("stopping"), "a stop that did not wait"
                    self.check_right_may_stay(child_id)
                self.live[child_id] = "stopping"
            case Closing():
                assert not any(isinstance(told, Closing) for told in self.story)
            case Closed():
                assert not self.live, "closed with children running"
            case Ready():
                assert not any(isinstance(told, Ready) for told in self.story)
                assert not self.of("starting", "stopping")

    def ordered(self, before: plan.Plan) -> bool:
        """Did this step begin in a plan whose children wait for each other?"""
        if self.policy.strategy is not Strategy.ONE_FOR_ONE:
            return True
        return (
            self.plan.stage is not plan.Stage.RUNNING
            and before.stage is not plan.Stage.RUNNING
            and not (self.policy.together)
        )

    def check_left_is_up(self, child_id: str) -> None:
        for child in self.plan.children:
            if child.spec.id == child_id:
                return
            assert child.goal is plan.Goal.DOWN or self.live.get(child.spec.id) == "up", "a start out of order"

    def check_right_may_stay(self, child_id: str) -> None:
        for child in reversed(self.plan.children):
            if child.spec.id == child_id:
                return
            assert child.goal is plan.Goal.UP or child.spec.id not in self.live, "a stop out of order"

    def of(self, *states: str) -> list[str]:
        return sorted(child_id for child_id, state in self.live.items() if state in states)

    def exit(self, child_id: str, reason: Reason) -> None:
        before, was = self.plan, self.live.pop(child_id)
        step = plan.exited(before, child_id, reason, self.now)
        if before.child(child_id).goal is plan.Goal.UP:
            self.check_decision(before.child(child_id), was, reason, step[0])
        if before.child(child_id).goal is plan.Goal.AGAIN:
            assert step[0].child(child_id).goal is plan.Goal.UP, "a bystander that does not come back"
        self.check_touched(before, step[0], child_id)
        self.take(step)

    def check_decision(self, child: plan.Child, was: str, reason: Reason, after: plan.Plan) -> None:
        """Unasked, a child is gone: who restarts, what counts, what ends the plan; told a second time, plainly."""
        failed = was == "starting" and reason is not Reason.IGNORED
        abnormal = reason not in {Reason.NORMAL, Reason.SHUTDOWN}
        if was == "up":
            rule = child.spec.restart
            restarts = rule is Restart.PERMANENT or (rule is Restart.TRANSIENT and abnormal)
        else:
            restarts = failed and child.if_start_fails is plan.IfStartFails.RETRY
        if restarts:
            self.counted.append(self.now)
            recent = [time for time in self.counted if time >= self.now - self.policy.period]
            assert (after.ending == Closed(Cause.GAVE_UP, child.spec.id)) is (len(recent) > self.policy.intensity)
            return
        if failed:
            fatal = child.if_start_fails is plan.IfStartFails.CLOSE
            assert after.ending == (Closed(Cause.START_FAILED, child.spec.id) if fatal else None)
            return
        others = [other for other in after.children if other.spec.significant and other.active]
        ends = was == "up" and child.spec.significant
        ends = ends and (self.policy.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT or not others)
        assert after.ending == (Closed(Cause.AUTO_SHUTDOWN, child.spec.id) if ends else None)
        assert all(other.spec.id != child.spec.id or not other.active for other in after.children)

    def check_touched(self, before: plan.Plan, after: plan.Plan, child_id: str) -> None:
        """Whose goal may the exit of one child change, while the plan goes on? By strategy, those and no others."""
        if after.stage in {plan.Stage.CLOSING, plan.Stage.CLOSED}:
            return
        at = before.children.index(before.child(child_id))
        spared = {Strategy.ONE_FOR_ONE: len(before.children), Strategy.REST_FOR_ONE: at, Strategy.ONE_FOR_ALL: 0}
        goals = {child.spec.id: child.goal for child in after.children}
        for child in before.children[: spared[self.policy.strategy]]:
            assert child.spec.id == child_id or goals[child.spec.id] is child.goal, "an innocent sibling is touched"
        if after.restarts != before.restarts:
            for child in before.children[spared[self.policy.strategy] :]:
                assert child.spec.id == child_id or goals[child.spec.id] is self.fate(child), "a bystander is forgotten"

    def fate(self, bystander: plan.Child) -> plan.Goal:
        """What the restart of a sibling means to a child that the strategy touches."""
        if bystander.spec.id not in self.live:
            return plan.Goal.UP
        return plan.Goal.DOWN if bystander.spec.restart is Restart.TEMPORARY else plan.Goal.AGAIN

    @precondition(lambda self: self.of("starting"))
    @rule(pick=PICK)
    def becomes_ready(self, pick):
        starting = self.of("starting")
        child_id = starting[pick % len(starting)]
        self.live[child_id] = "up"
        self.take(plan.started(self.plan, child_id))

    @precondition(lambda self: self.of("starting", "stopping"))
    @rule(n=st.integers(1, 6))
    def settles(self, n):
        """A quiet time, in which everybody does as they are told."""
        for _ in range(n):
            if self.of("starting"):
                self.becomes_ready(0)
            elif self.of("stopping"):
                self.obeys(0, Reason.CANCELLED)

    @precondition(lambda self: self.of("up"))
    @rule(pick=PICK, reason=REASONS)
    def dies(self, pick, reason):
        up = self.of("up")
        self.exit(up[pick % len(up)], reason)

    @precondition(lambda self: self.of("starting") and (self.plan.stage is plan.Stage.RUNNING or self.now > 10))
    @rule(pick=PICK, reason=REASONS)
    def fails_to_start(self, pick, reason):
        starting = self.of("starting")
        self.exit(starting[pick % len(starting)], reason)

    @precondition(lambda self: self.of("stopping"))
    @rule(pick=PICK, reason=REASONS)
    def obeys(self, pick, reason):
        stopping = self.of("stopping")
        self.exit(stopping[pick % len(stopping)], reason)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.5, 5.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @precondition(lambda self: self.now > 40)
    @rule()
    def is_shut_down(self):
        self.take(plan.shutdown(self.plan))

    @rule(restart=st.sampled_from(Restart), significant=st.booleans())
    def adds_a_child(self, restart, significant):
        if self.born < 12:
            self.born += 1
            self.command(plan.add, spec_of(self.born, restart, significant, self.policy))

    @rule(command=st.sampled_from([plan.terminate, plan.restart, plan.delete]), pick=PICK)
    def commands(self, command, pick):
        self.command(command, f"c{pick % (self.born + 1)}")

    def command(self, command, argument) -> None:
        with suppress(ChildError):
            self.take(command(self.plan, argument))

    @invariant()
    def the_plan_knows_the_truth(self):
        phases = {
            child.spec.id: child.phase.value for child in self.plan.children if child.phase is not plan.Phase.DOWN
        }
        assert phases == self.live

    @invariant()
    def a_temporary_child_starts_once_and_is_forgotten_when_it_is_over(self):
        for child in self.plan.children:
            if child.spec.restart is Restart.TEMPORARY:
                assert child.starts <= 1
                assert child.active or self.plan.stage in {plan.Stage.CLOSING, plan.Stage.CLOSED}

    @invariant()
    def nothing_is_forgotten(self):
        """With no start and no stop under way everybody is where it shall be: the plan cannot hang."""
        if not self.of("starting", "stopping"):
            assert all((child.phase, child.goal) in plan.SETTLED for child in self.plan.children)
            assert self.plan.stage in {plan.Stage.RUNNING, plan.Stage.CLOSED}


AnyPlan.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestAnyPlan = AnyPlan.TestCase
