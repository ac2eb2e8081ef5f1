"""A foundation starts before what stands on it and stops after it; while all run, nobody waits for anybody."""

import pytest

from erlmcp.otp import Closing, Policy, Reason, Spec, Start, Stop, Strategy, plan
from erlmcp.otp.spec import Cause, Closed, Ready

POLICY = Policy(Strategy.ONE_FOR_ONE, 2, 60.0, together=True, foundation=1)
SPECS = [Spec(name) for name in ("line", "worker-1", "worker-2")]


def booted(policy: Policy = POLICY) -> plan.Plan:
    state = plan.begin(plan.new(policy, SPECS))[0]
    for spec in SPECS:
        state = plan.started(state, spec.id)[0]
    assert state.stage is plan.Stage.RUNNING
    return state


def test_the_foundation_starts_first_and_the_others_at_once_when_it_is_up():
    state, actions = plan.begin(plan.new(POLICY, SPECS))
    assert actions == (Start("line"),)
    state, actions = plan.started(state, "line")
    assert actions == (Start("worker-1"), Start("worker-2"))
    state = plan.started(state, "worker-1")[0]
    assert plan.started(state, "worker-2")[1] == (Ready(),)


def test_a_foundation_of_two_starts_one_by_one():
    state, actions = plan.begin(plan.new(Policy(Strategy.ONE_FOR_ONE, 2, 60.0, together=True, foundation=2), SPECS))
    assert actions == (Start("line"),)
    state, actions = plan.started(state, "line")
    assert actions == (Start("worker-1"),)
    assert plan.started(state, "worker-1")[1] == (Start("worker-2"),)


def test_the_others_stop_at_once_and_the_foundation_when_they_are_gone():
    state, actions = plan.shutdown(booted())
    assert actions == (Closing(Cause.SHUTDOWN), Stop("worker-2", 5.0), Stop("worker-1", 5.0))
    state, actions = plan.exited(state, "worker-1", Reason.NORMAL, 1.0)
    assert actions == ()
    state, actions = plan.exited(state, "worker-2", Reason.NORMAL, 1.0)
    assert actions == (Stop("line", 5.0),)
    assert plan.exited(state, "line", Reason.NORMAL, 1.0)[1] == (Closed(Cause.SHUTDOWN),)


def test_a_foundation_that_dies_while_all_run_is_started_again_and_the_others_go_on():
    state, actions = plan.exited(booted(), "line", Reason.KILLED, 1.0)
    assert actions == (Start("line"),)
    state, actions = plan.exited(state, "worker-1", Reason.KILLED, 2.0)
    assert actions == (Start("worker-1"),)


def test_foundation_and_others_share_one_budget():
    state = plan.exited(booted(), "line", Reason.KILLED, 1.0)[0]
    state = plan.started(state, "line")[0]
    state = plan.exited(state, "worker-1", Reason.KILLED, 2.0)[0]
    _, actions = plan.exited(state, "line", Reason.KILLED, 3.0)
    assert actions[0] == Closing(Cause.GAVE_UP, "line")


def test_a_foundation_that_dies_while_the_others_start_comes_before_those_that_die_then():
    state = plan.begin(plan.new(POLICY, SPECS))[0]
    state = plan.started(state, "line")[0]
    state = plan.started(state, "worker-1")[0]
    state, actions = plan.exited(state, "line", Reason.KILLED, 1.0)
    assert actions == (Start("line"),)
    state, actions = plan.exited(state, "worker-1", Reason.KILLED, 1.0)
    assert actions == ()
    assert plan.started(state, "line")[1] == (Start("worker-1"),)


def test_a_foundation_that_does_not_start_ends_the_plan_before_the_others_began():
    state = plan.begin(plan.new(POLICY, SPECS))[0]
    _, actions = plan.exited(state, "line", Reason.CRASHED, 1.0)
    assert actions == (Closing(Cause.START_FAILED, "line"), Closed(Cause.START_FAILED, "line"))


def test_a_child_that_is_added_stands_on_the_foundation():
    state, actions = plan.add(booted(), Spec("worker-3"))
    assert actions == (Start("worker-3"),)
    state = plan.started(state, "worker-3")[0]
    assert Stop("line", 5.0) not in plan.shutdown(state)[1]


@pytest.mark.parametrize("policy", [Policy(foundation=1), Policy(together=True, foundation=-1)])
def test_a_foundation_is_for_children_that_start_together(policy: Policy):
    with pytest.raises(ValueError, match="must be 0 or more, and is for children that start together"):
        plan.new(policy, SPECS)
