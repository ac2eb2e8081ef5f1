"""The rules of OTP's supervisor, one sentence each; in brackets the test of OTP's supervisor_SUITE that it mirrors."""

import pytest

from erlmcp.otp import AutoShutdown, Cause, Closed, Policy, Reason, Restart, Spec, Stop, Strategy, plan
from tests.otp.drive import PERMANENT, TEMPORARY, TRANSIENT, UNASKED, Drive, begun, specs

ONE, ALL, REST = Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE
EVERY_STRATEGY = pytest.mark.parametrize("strategy", [ONE, ALL, REST])


# Start


def test_children_start_from_left_to_right_and_then_the_plan_is_ready():  # sup_start_normal, order_of_children
    assert begun("c", "a", "b").story == ["+c", "+a", "+b", "ready"]


def test_a_child_starts_when_the_one_before_it_is_up():
    drive = begun("a", "b", slow="a")
    assert drive.story == ["+a"]
    assert drive.up("a") == ["+b", "ready"]


def test_a_plan_without_children_is_ready_at_once():  # sup_start_normal with no specs
    assert begun().story == ["ready"]


def test_the_defaults_are_those_of_otp():  # sup_start_map, sup_flags
    assert Policy() == Policy(ONE, 1, 5.0, AutoShutdown.NEVER)
    assert Spec("a") == Spec("a", PERMANENT, 5.0, significant=False)


def test_a_child_that_fails_at_boot_stops_those_before_it_in_reverse_and_ends_the_plan():  # sup_start_fail
    drive = Drive(Policy(), specs("a", "b", "c", "d"))
    drive.failing["c"] = 1
    assert drive.begin() == ["+a", "+b", "+c", "closing start_failed", "-b", "-a", "closed start_failed"]
    assert drive.plan.ending == Closed(Cause.START_FAILED, "c")


@pytest.mark.parametrize("restart", Restart)
@pytest.mark.parametrize("reason", UNASKED)
def test_a_failed_start_at_boot_is_fatal_whatever_the_restart_type_and_reason(
    restart, reason
):  # sup_start_error_return
    drive = begun(Spec("a", restart), slow="a")
    assert drive.exit("a", reason) == ["closing start_failed", "closed start_failed"]


@pytest.mark.parametrize("restart", [PERMANENT, TRANSIENT])
def test_a_child_that_ignores_its_start_stays_in_the_plan_and_the_others_start(restart):  # sup_start_ignore_child
    drive = Drive(Policy(), [Spec("a", restart), Spec("b")])
    drive.ignoring = {"a"}
    assert drive.begin() == ["+a", "+b", "ready"]
    assert (drive.running(), drive.known()) == ("b", "a b")


def test_a_temporary_child_that_ignores_its_start_is_forgotten():  # sup_start_ignore_temporary_child
    drive = Drive(Policy(), [Spec("a", TEMPORARY), Spec("b")])
    drive.ignoring = {"a"}
    assert drive.begin() == ["+a", "+b", "ready"]
    assert drive.known() == "b"


def test_a_child_that_ignores_its_restart_stays_down():  # sup_start_ignore_child, after a crash
    drive = begun("a", "b")
    drive.ignoring = {"a"}
    assert drive.exit("a") == ["+a"]
    assert (drive.running(), drive.known()) == ("b", "a b")


@pytest.mark.parametrize(
    ("policy", "children", "complaint"),
    [
        (Policy(intensity=-1), [], "intensity -1 must be 0 or more"),
        (Policy(period=0), [], "period 0 more than 0 seconds"),
        (Policy(), specs("a", "b", "a"), "two children are called 'a'"),
        (Policy(), specs(""), "a child needs an id"),
        (Policy(), [Spec("a", shutdown=-1)], "child 'a': shutdown -1 must be"),
        (Policy(), [Spec("a", shutdown=float("nan"))], "child 'a': shutdown nan must be"),
        (Policy(), [Spec("a", TRANSIENT, significant=True)], "'a' is significant, but auto_shutdown is never"),
        (
            Policy(auto_shutdown=AutoShutdown.ANY_SIGNIFICANT),
            [Spec("a", significant=True)],
            "significant but permanent",
        ),
        (Policy(REST, together=True), [], "children of a rest_for_one plan depend on each other"),
    ],
)
def test_a_faulty_spec_or_policy_is_refused_in_words(policy, children, complaint):  # sup_start_map_faulty_specs, EEP-56
    with pytest.raises(ValueError, match=complaint):
        plan.new(policy, children)


def test_a_plan_begins_once():
    with pytest.raises(ValueError, match="begins once"):
        begun("a").begin()


# Stop


@EVERY_STRATEGY
def test_shutdown_stops_from_right_to_left_one_after_the_other(strategy):  # sup_stop_infinity, order_of_children
    drive = begun("c", "a", "b", strategy=strategy, slow="")
    drive.slow = {"a"}
    assert drive.take(plan.shutdown(drive.plan)) == ["closing shutdown", "-b", "-a"]
    assert drive.exit("a", Reason.CANCELLED) == ["-c", "closed shutdown"]


@pytest.mark.parametrize("budget", [None, 0, 25.0])
def test_a_stop_carries_the_budget_of_its_child(budget):  # sup_stop_infinity, sup_stop_brutal_kill, sup_stop_timeout
    drive = begun(Spec("a", shutdown=budget))
    _, actions = plan.shutdown(drive.plan)
    assert Stop("a", budget) in actions


def test_a_child_that_is_killed_at_the_end_of_its_budget_ends_the_plan_as_any_other():  # sup_stop_timeout
    drive = begun("a", "b")
    drive.slow = {"b"}
    drive.take(plan.shutdown(drive.plan))
    assert drive.exit("b", Reason.KILLED) == ["-a", "closed shutdown"]


@pytest.mark.parametrize("reason", UNASKED)
def test_no_exit_restarts_anyone_once_the_plan_is_closing(reason):
    drive = begun("a", "b", "c", slow="")
    drive.slow = {"c"}
    drive.take(plan.shutdown(drive.plan))
    assert drive.exit("a", reason) == []
    assert drive.exit("c", reason) == ["-b", "closed shutdown"]


def test_a_shutdown_during_the_boot_stops_what_has_started_and_starts_nothing_more():
    drive = begun("a", "b", "c", slow="b")
    assert drive.take(plan.shutdown(drive.plan)) == ["closing shutdown", "-b"]
    assert drive.exit("b", Reason.CANCELLED) == ["-a", "closed shutdown"]


def test_a_second_shutdown_changes_nothing():
    drive = begun("a", slow="")
    drive.slow = {"a"}
    drive.take(plan.shutdown(drive.plan))
    assert plan.shutdown(drive.plan) == (drive.plan, ())
    drive.exit("a", Reason.CANCELLED)
    assert plan.shutdown(drive.plan) == (drive.plan, ())


# Restart types: {permanent, transient, temporary} x {normal, shutdown, abnormal}


@pytest.mark.parametrize("reason", Reason)
def test_a_permanent_child_is_always_restarted(reason):  # permanent_normal, permanent_shutdown, permanent_abnormal
    assert begun("a").exit("a", reason) == ["+a"]


@pytest.mark.parametrize("reason", [Reason.NORMAL, Reason.SHUTDOWN])
def test_a_transient_child_that_ends_on_purpose_stays_down(reason):  # transient_normal, transient_shutdown
    drive = begun(Spec("a", TRANSIENT), "b")
    assert drive.exit("a", reason) == []
    assert (drive.running(), drive.known()) == ("b", "a b")


@pytest.mark.parametrize("reason", [Reason.CRASHED, Reason.CANCELLED, Reason.KILLED])
def test_a_transient_child_that_ends_abnormally_is_restarted(reason):  # transient_abnormal
    assert begun(Spec("a", TRANSIENT)).exit("a", reason) == ["+a"]


@pytest.mark.parametrize("reason", UNASKED)
def test_a_temporary_child_is_never_restarted_and_is_forgotten(reason):  # temporary_normal, _shutdown, _abnormal
    drive = begun(Spec("a", TEMPORARY), "b", intensity=0)
    assert drive.exit("a", reason) == []
    assert drive.known() == "b"


@pytest.mark.parametrize("strategy", [ALL, REST])
def test_a_temporary_bystander_is_stopped_and_forgotten_not_restarted(strategy):  # temporary_bystander
    drive = begun("a", Spec("t", TEMPORARY), "b", strategy=strategy)
    assert drive.exit("a") == ["-b", "-t", "+a", "+b"]
    assert drive.known() == "a b"


def test_a_temporary_bystander_to_the_left_outlives_rest_for_one():
    drive = begun(Spec("t", TEMPORARY), "a", "b", strategy=REST)
    assert drive.exit("a") == ["-b", "+a", "+b"]
    assert drive.running() == "t a b"


def test_what_is_known_of_a_child_survives_its_restarts_and_its_incarnations_are_counted():
    drive = begun("a", "b")
    drive.exit("a")
    drive.exit("a")
    assert drive.plan.child("a") == plan.Child(
        Spec("a"), plan.Phase.UP, plan.Goal.UP, plan.IfStartFails.RETRY, starts=3
    )
    assert drive.plan.child("b").starts == 1


# Strategies


def test_one_for_one_restarts_only_the_one_that_died():  # one_for_one
    assert begun("a", "b", "c", strategy=ONE).exit("b") == ["+b"]


def test_one_for_all_stops_the_others_in_reverse_and_starts_all_in_order():  # one_for_all
    assert begun("a", "b", "c", strategy=ALL).exit("b") == ["-c", "-a", "+a", "+b", "+c"]


def test_rest_for_one_touches_only_those_started_after_the_one_that_died():  # rest_for_one
    assert begun("a", "b", "c", "d", strategy=REST).exit("b") == ["-d", "-c", "+b", "+c", "+d"]


def test_rest_for_one_restarts_the_last_one_alone():
    assert begun("a", "b", "c", strategy=REST).exit("c") == ["+c"]


def test_rest_for_one_restarts_all_when_the_first_one_dies():
    assert begun("a", "b", "c", strategy=REST).exit("a") == ["-c", "-b", "+a", "+b", "+c"]


@pytest.mark.parametrize("strategy", [ALL, REST])
def test_nobody_starts_before_everybody_has_stopped(strategy):
    drive = begun("a", "b", "c", strategy=strategy)
    drive.slow = {"b", "c"}
    assert drive.exit("a") == ["-c"]
    assert drive.exit("c", Reason.CANCELLED) == ["-b"]
    drive.slow = set()
    assert drive.exit("b", Reason.CANCELLED) == ["+a", "+b", "+c"]


@pytest.mark.parametrize("strategy", [ALL, REST])
def test_a_bystander_that_dies_while_it_waits_for_its_stop_does_not_count(strategy):
    drive = begun("a", "b", "c", strategy=strategy, intensity=1)
    drive.slow = {"c"}
    assert drive.exit("a") == ["-c"]
    assert drive.exit("b", Reason.CRASHED) == []
    drive.slow = set()
    assert drive.exit("c", Reason.CANCELLED) == ["+a", "+b", "+c"]
    assert len(drive.plan.restarts) == 1


def test_one_for_all_starts_also_a_transient_child_that_had_ended():  # supervisor.erl, start_children
    drive = begun(Spec("a", TRANSIENT), "b", strategy=ALL)
    drive.exit("a", Reason.NORMAL)
    assert drive.exit("b") == ["+a", "+b"]


def test_a_transient_end_does_not_disturb_the_siblings_of_one_for_all():
    assert begun(Spec("a", TRANSIENT), "b", strategy=ALL).exit("a", Reason.NORMAL) == []


def test_in_a_running_one_for_one_plan_nobody_waits_for_a_sibling():
    drive = begun("a", "b", slow="")
    drive.slow = {"a", "b"}
    assert drive.exit("a") == ["+a"]
    assert drive.exit("b") == ["+b"]


def test_a_crash_during_the_boot_is_restarted_before_the_boot_goes_on():
    drive = begun("a", "b", "c", slow="b")
    assert drive.exit("a") == []
    assert drive.up("b") == ["+a", "+c", "ready"]


@pytest.mark.parametrize("strategy", [ALL, REST])
def test_a_crash_during_the_boot_takes_the_child_that_is_starting_along(strategy):
    drive = begun("a", "b", "c", strategy=strategy, slow="b")
    assert drive.exit("a") == ["-b"]
    drive.slow = set()
    assert drive.exit("b", Reason.CANCELLED) == ["+a", "+b", "+c", "ready"]


# Failed restarts


def test_a_failed_restart_is_tried_again_and_every_try_counts():  # one_for_one_escalation, hanging_restart_loop
    drive = begun("a", "b", intensity=3)
    drive.failing["a"] = 2
    assert drive.exit("a") == ["+a", "+a", "+a"]
    assert len(drive.plan.restarts) == 3


@EVERY_STRATEGY
def test_a_restart_that_keeps_failing_exhausts_the_intensity(strategy):  # *_escalation, hanging_restart_loop_*
    drive = begun("a", "b", strategy=strategy, intensity=2)
    drive.failing["a"] = 99
    story = drive.exit("a")
    assert story.count("+a") == 2
    assert story[-1] == "closed gave_up"
    assert drive.plan.ending == Closed(Cause.GAVE_UP, "a")


def test_a_transient_restart_that_fails_is_tried_again_whatever_the_reason():  # supervisor.erl, try_again_restart
    drive = begun(Spec("a", TRANSIENT), slow="")
    drive.slow = {"a"}
    drive.exit("a")
    assert drive.exit("a", Reason.NORMAL) == ["+a"]


def test_one_for_all_begins_anew_when_another_child_fails_to_restart():  # one_for_all_other_child_fails_restart
    drive = begun("a", "b", "c", strategy=ALL)
    drive.failing["b"] = 1
    assert drive.exit("c") == ["-b", "-a", "+a", "+b", "-a", "+a", "+b", "+c"]
    assert len(drive.plan.restarts) == 2


def test_rest_for_one_goes_on_from_the_child_that_failed_to_restart():  # rest_for_one_other_child_fails_restart
    drive = begun("a", "b", "c", strategy=REST)
    drive.failing["b"] = 1
    assert drive.exit("a") == ["-c", "-b", "+a", "+b", "+b", "+c"]
    assert len(drive.plan.restarts) == 2


def test_a_crash_on_the_left_interrupts_a_restart_on_the_right():
    drive = begun("a", "b", strategy=REST, slow="")
    drive.slow = {"b"}
    assert drive.exit("b") == ["+b"]
    assert drive.exit("a") == ["-b"]
    assert drive.exit("b", Reason.CANCELLED) == ["+a", "+b"]


# Intensity


@EVERY_STRATEGY
@pytest.mark.parametrize("intensity", [0, 1, 2, 5])
def test_one_restart_more_than_the_intensity_gives_up_and_not_one_less(strategy, intensity):  # *_escalation
    drive = begun("a", "b", strategy=strategy, intensity=intensity)
    for _ in range(intensity):
        drive.exit("a")
        assert drive.running() == "a b"
    assert drive.exit("a") == ["closing gave_up", "-b", "closed gave_up"]


def test_giving_up_stops_the_others_in_reverse():
    assert begun("a", "b", "c", "d", intensity=0).exit("c") == ["closing gave_up", "-d", "-b", "-a", "closed gave_up"]


def test_the_budget_belongs_to_the_supervisor_not_to_the_child():
    drive = begun("a", "b", "c", intensity=2)
    drive.exit("a")
    drive.exit("b")
    assert "closed gave_up" in drive.exit("c")


def test_crashes_further_apart_than_the_period_never_give_up():  # multiple_restarts
    drive = begun("a", intensity=1, period=10.0)
    for _ in range(20):
        assert drive.exit("a") == ["+a"]
        drive.now += 10.001


def test_a_restart_exactly_one_period_ago_still_counts():  # supervisor.erl, in_period: =<
    drive = begun("a", intensity=1, period=10.0)
    drive.exit("a")
    drive.now += 10.0
    assert "closing gave_up" in drive.exit("a")


def test_a_restart_that_has_left_the_window_no_longer_counts():
    drive = begun("a", intensity=2, period=10.0)
    drive.exit("a")
    drive.now += 6
    drive.exit("a")
    drive.now += 6
    assert drive.exit("a") == ["+a"]
    assert drive.plan.restarts == (1012.0, 1006.0)
    assert "closing gave_up" in drive.exit("a")


def test_a_group_restart_counts_once_however_many_it_touches():
    drive = begun(*"abcdefgh", strategy=ALL, intensity=1)
    drive.exit("h")
    assert drive.running() == "a b c d e f g h"
    assert len(drive.plan.restarts) == 1


@pytest.mark.parametrize("end", [Reason.NORMAL, Reason.SHUTDOWN])
def test_what_is_not_restarted_does_not_count(end):
    drive = begun(Spec("a", TRANSIENT), *(Spec(f"t{n}", TEMPORARY) for n in range(9)), intensity=0)
    for n in range(9):
        drive.exit(f"t{n}")
    assert drive.exit("a", end) == []
    assert drive.plan.restarts == ()


def test_a_child_that_dies_while_the_plan_gives_up_is_not_restarted():
    drive = begun("a", "b", "c", intensity=0)
    drive.slow = {"c"}
    assert drive.exit("b") == ["closing gave_up", "-c"]
    assert drive.exit("a") == []
    assert drive.exit("c", Reason.KILLED) == ["closed gave_up"]
