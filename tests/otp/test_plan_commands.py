"""The rules of OTP's supervisor for significant children and commands; in brackets the OTP test that it mirrors."""

import subprocess
import sys

import pytest

from erlmcp.otp import AutoShutdown, Cause, ChildError, Closed, Policy, Reason, Restart, Spec, Strategy, plan
from tests.otp.drive import TEMPORARY, TRANSIENT, UNASKED, Drive, begun

ONE, ALL, REST = Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE


# Significant children (EEP-56)


def significant(auto: AutoShutdown, *restarts: Restart) -> Drive:
    children = [Spec(f"s{n}", restart, significant=True) for n, restart in enumerate(restarts)]
    return begun("w", *children, auto_shutdown=auto, intensity=9)


ANY, EVERY = AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT
ENDS = ["closing auto_shutdown", "closed auto_shutdown"]


@pytest.mark.parametrize("reason", [Reason.NORMAL, Reason.SHUTDOWN])
def test_a_significant_transient_child_that_ends_on_purpose_ends_its_supervisor(reason):  # significant_transient
    drive = significant(ANY, TRANSIENT, TRANSIENT)
    assert drive.exit("s0", reason) == ["closing auto_shutdown", "-s1", "-w", "closed auto_shutdown"]


def test_a_significant_transient_child_that_crashes_is_restarted():  # significant_transient
    assert significant(ANY, TRANSIENT).exit("s0") == ["+s0"]


@pytest.mark.parametrize("reason", UNASKED)
def test_a_significant_temporary_child_ends_its_supervisor_however_it_ends(reason):  # significant_temporary
    drive = significant(ANY, TEMPORARY)
    assert drive.exit("s0", reason) == ["closing auto_shutdown", "-w", "closed auto_shutdown"]
    assert drive.plan.ending == Closed(Cause.AUTO_SHUTDOWN, "s0")


def test_all_significant_waits_for_the_last_of_them():  # significant_simple
    drive = significant(EVERY, TRANSIENT, TEMPORARY, TRANSIENT)
    assert drive.exit("s1", Reason.CRASHED) == []
    assert drive.exit("s0", Reason.NORMAL) == []
    assert "closed auto_shutdown" in drive.exit("s2", Reason.NORMAL)


def test_all_significant_counts_one_that_is_being_restarted_as_alive():
    drive = significant(EVERY, TRANSIENT, TRANSIENT)
    drive.slow = {"s0"}
    drive.exit("s0")
    assert drive.exit("s1", Reason.NORMAL) == []


@pytest.mark.parametrize("auto", [ANY, EVERY])
def test_an_insignificant_child_ends_nobody(auto):  # significant_simple
    drive = begun(Spec("t", TEMPORARY), Spec("s", TRANSIENT, significant=True), auto_shutdown=auto)
    assert drive.exit("t") == []


def test_a_significant_child_that_is_terminated_by_command_ends_nobody():  # significant_bystander
    drive = significant(ANY, TRANSIENT, TEMPORARY)
    assert drive.take(plan.terminate(drive.plan, "s0")) == ["-s0"]
    assert drive.take(plan.terminate(drive.plan, "s1")) == ["-s1"]


@pytest.mark.parametrize("auto", [ANY, EVERY])
def test_a_significant_temporary_bystander_ends_nobody(auto):  # significant_bystander
    drive = begun("a", Spec("s", TEMPORARY, significant=True), strategy=ALL, auto_shutdown=auto)
    assert drive.exit("a") == ["-s", "+a"]


def test_a_significant_child_does_not_lift_the_intensity():  # significant_escalation
    drive = begun(Spec("s", TRANSIENT, significant=True), auto_shutdown=ANY, intensity=0)
    assert drive.exit("s") == ["closing gave_up", "closed gave_up"]


def test_a_significant_child_that_is_not_to_run_ends_nobody():
    drive = Drive(Policy(auto_shutdown=ANY), [Spec("s", TRANSIENT, significant=True), Spec("a")])
    drive.ignoring = {"s"}
    assert drive.begin() == ["+s", "+a", "ready"]


# Commands


def refusal(command, drive: Drive, argument) -> str:
    with pytest.raises(ChildError) as refused:
        command(drive.plan, argument)
    return refused.value.reason


def test_an_added_child_starts_and_stands_last():  # child_adm
    drive = begun("a", "b")
    assert drive.take(plan.add(drive.plan, Spec("c"))) == ["+c"]
    assert drive.take(plan.shutdown(drive.plan)) == ["closing shutdown", "-c", "-b", "-a", "closed shutdown"]


def test_an_added_child_is_restarted_like_the_others():
    drive = begun("a")
    drive.take(plan.add(drive.plan, Spec("c")))
    assert drive.exit("c") == ["+c"]


def test_an_added_child_that_fails_to_start_is_dropped_and_does_not_count():  # sup_start_child_returns_error
    drive = begun("a")
    drive.failing["c"] = 1
    assert drive.take(plan.add(drive.plan, Spec("c"))) == ["+c"]
    assert (drive.known(), drive.plan.restarts) == ("a", ())


def test_an_added_child_that_ignores_its_start_stays_known():  # sup_start_ignore_permanent_child_start_child
    drive = begun("a")
    drive.ignoring = {"c", "t"}
    drive.take(plan.add(drive.plan, Spec("c")))
    drive.take(plan.add(drive.plan, Spec("t", TEMPORARY)))
    assert (drive.running(), drive.known()) == ("a", "a c")


def test_a_child_is_added_once():  # child_adm: already_started, already_present
    drive = begun("a", "b")
    assert refusal(plan.add, drive, Spec("a")) == "already_started"
    drive.take(plan.terminate(drive.plan, "a"))
    assert refusal(plan.add, drive, Spec("a")) == "already_present"


def test_a_terminated_child_stays_down_and_stays_known():  # child_adm
    drive = begun("a", "b")
    assert drive.take(plan.terminate(drive.plan, "a")) == ["-a"]
    assert (drive.running(), drive.known()) == ("b", "a b")


@pytest.mark.parametrize("strategy", [ALL, REST])
def test_to_terminate_a_child_disturbs_no_sibling(strategy):
    drive = begun("a", "b", strategy=strategy)
    assert drive.take(plan.terminate(drive.plan, "a")) == ["-a"]


def test_to_terminate_a_child_that_is_down_is_no_error():  # child_adm
    drive = begun("a")
    drive.take(plan.terminate(drive.plan, "a"))
    assert drive.take(plan.terminate(drive.plan, "a")) == []


def test_a_terminated_temporary_child_is_forgotten():  # do_not_save_child_specs_for_temporary_children
    drive = begun(Spec("t", TEMPORARY), "b")
    drive.take(plan.terminate(drive.plan, "t"))
    assert drive.known() == "b"
    assert refusal(plan.restart, drive, "t") == "not_found"


def test_a_terminated_child_can_be_started_again_and_that_does_not_count():  # child_adm
    drive = begun("a", intensity=0)
    drive.take(plan.terminate(drive.plan, "a"))
    assert drive.take(plan.restart(drive.plan, "a")) == ["+a"]
    assert drive.plan.restarts == ()


def test_a_transient_child_that_ended_can_be_started_again():
    drive = begun(Spec("a", TRANSIENT))
    drive.exit("a", Reason.NORMAL)
    assert drive.take(plan.restart(drive.plan, "a")) == ["+a"]


def test_a_start_by_command_that_fails_leaves_the_child_down():  # sup_start_restart_child_returns_error
    drive = begun("a")
    drive.take(plan.terminate(drive.plan, "a"))
    drive.failing["a"] = 1
    assert drive.take(plan.restart(drive.plan, "a")) == ["+a"]
    assert (drive.running(), drive.known(), drive.plan.restarts) == ("", "a", ())


def test_a_child_that_is_down_can_be_deleted():  # child_adm
    drive = begun("a", "b")
    drive.take(plan.terminate(drive.plan, "a"))
    drive.take(plan.delete(drive.plan, "a"))
    assert drive.known() == "b"


@pytest.mark.parametrize("command", [plan.restart, plan.delete])
def test_a_running_child_is_neither_started_nor_deleted(command):  # child_adm: running
    assert refusal(command, begun("a"), "a") == "running"


@pytest.mark.parametrize("command", [plan.restart, plan.delete])
def test_a_child_that_waits_for_its_restart_is_neither_started_nor_deleted(command):  # hanging_restart_loop
    drive = begun("a", "b", strategy=ALL)
    drive.slow = {"b"}
    drive.exit("a")
    assert refusal(command, drive, "a") == "restarting"


def test_a_child_that_waits_for_its_restart_can_be_terminated():  # hanging_restart_loop
    drive = begun("a", "b", strategy=ALL)
    drive.slow = {"b"}
    drive.exit("a")
    assert drive.take(plan.terminate(drive.plan, "a")) == []
    drive.slow = set()
    assert drive.exit("b", Reason.CANCELLED) == ["+b"]
    assert drive.running() == "b"


def test_a_child_can_be_terminated_while_it_starts_and_the_boot_goes_on():
    drive = begun("a", "b", slow="a")
    assert drive.take(plan.terminate(drive.plan, "a")) == ["-a"]
    assert drive.exit("a", Reason.CANCELLED) == ["+b", "ready"]


@pytest.mark.parametrize("command", [plan.terminate, plan.restart, plan.delete])
def test_a_command_about_a_stranger_is_refused(command):  # child_adm: not_found
    assert refusal(command, begun("a"), "x") == "not_found"


def test_nothing_is_started_in_a_plan_that_closes_or_has_not_begun():
    drive = begun("a", "b")
    drive.take(plan.terminate(drive.plan, "a"))
    drive.take(plan.shutdown(drive.plan))
    assert refusal(plan.add, drive, Spec("c")) == "supervisor_not_running"
    assert refusal(plan.restart, drive, "a") == "supervisor_not_running"
    assert refusal(plan.add, Drive(Policy(), []), Spec("c")) == "supervisor_not_running"


def test_a_refusal_reads_as_a_sentence():
    assert str(ChildError("a", "not_found")) == "child 'a': not found"


# Facts that come late, or from strangers


def test_the_exit_of_a_stranger_changes_nothing():  # gunicorn #3220: an orphan's exit code stopped the server
    drive = begun("a")
    assert plan.exited(drive.plan, "x", Reason.CRASHED, drive.now) == (drive.plan, ())
    assert plan.started(drive.plan, "x") == (drive.plan, ())


def test_a_second_report_of_the_same_exit_changes_nothing():
    drive = begun(Spec("a", TRANSIENT))
    drive.exit("a", Reason.NORMAL)
    assert plan.exited(drive.plan, "a", Reason.CRASHED, drive.now) == (drive.plan, ())


def test_a_child_that_gets_ready_while_it_is_being_stopped_is_still_stopped():
    drive = begun("a", slow="a")
    drive.take(plan.shutdown(drive.plan))
    assert drive.up("a") == []
    assert drive.exit("a", Reason.CANCELLED) == ["closed shutdown"]


def test_a_child_says_ready_once():
    drive = begun("a", "b")
    assert drive.up("a") == []


# Together: the children of simple_one_for_one


def test_children_start_together_and_the_plan_is_ready_with_the_last():
    drive = begun("a", "b", "c", together=True, slow="a b c")
    assert drive.story == ["+a", "+b", "+c"]
    assert drive.up("c") + drive.up("a") == []
    assert drive.up("b") == ["ready"]


def test_children_stop_together_and_the_plan_closes_with_the_last():  # simple_one_for_one_shutdown
    drive = begun("a", "b", "c", together=True)
    drive.slow = {"a", "b", "c"}
    assert drive.take(plan.shutdown(drive.plan)) == ["closing shutdown", "-c", "-b", "-a"]
    assert drive.exit("c", Reason.CANCELLED) + drive.exit("a", Reason.CANCELLED) == []
    assert drive.exit("b", Reason.CANCELLED) == ["closed shutdown"]


def test_children_that_start_together_share_one_budget():  # simple_one_for_one_escalation
    drive = begun("a", "b", together=True, intensity=1)
    assert drive.exit("a") == ["+a"]
    assert drive.exit("b") == ["closing gave_up", "-a", "closed gave_up"]


# The door


def test_the_plan_loads_no_event_loop():
    script = "from erlmcp.otp import plan, Policy, Spec, Strategy, Stop\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert not {"asyncio", "uvloop", "erlmcp.otp.supervisor"} & set(run.stdout.split())
