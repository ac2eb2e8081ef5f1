"""Workers die; the node serves on. Killed, stopped, stuck, crashing again and again."""

import os
import signal

import pytest

from tests.node.nodes import APP, Load, Node, call, end, get, launch, running, until

QUICK = {"ERLMCP_NODE__HEARTBEAT_TIMEOUT": "1", "ERLMCP_NODE__HEARTBEAT_INTERVAL": "0.1"}


def replaced(node: Node, victim: str, pid: int) -> int:
    """The new process of a worker, once it serves."""
    return until(lambda: (found := node.pids().get(victim)) and found != pid and found, f"a new {victim}")


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_killed_worker_is_replaced_while_the_others_serve_and_nobody_is_refused(folder, loop):
    with running(folder, "--workers", "4", "--loop", loop) as node:
        before, port = node.pids(), node.port()
        with Load(port) as load:
            os.kill(before["worker-2"], signal.SIGKILL)
            fresh = replaced(node, "worker-2", before["worker-2"])
            until(lambda: fresh in load.answered, "an answer of the new worker")
            load.more()
        after = node.pids()
        assert (load.refused, load.failed) == (0, [])
        assert load.retried <= 4  # what the victim had in hand: one call a client
        assert {**after, "worker-2": 0} == {**before, "worker-2": 0}
        assert node.status()["node"]["restarts"] == 1


def test_the_new_worker_goes_on_with_the_counters_of_the_old_one(folder):
    def total() -> float:
        text = get(node.port("metrics"), "/metrics")[1].decode()
        lines = [line for line in text.splitlines() if line.startswith("erlmcp_tool_calls_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    with running(folder) as node:
        for _ in range(5):
            call(node.port(), "pid")
        pid = node.pids()["worker-1"]
        os.kill(pid, signal.SIGKILL)
        replaced(node, "worker-1", pid)
        call(node.port(), "pid")
        assert total() == 6.0


def test_a_stopped_worker_is_noticed_and_replaced(folder):
    with running(folder, "--workers", "2", **QUICK) as node:
        pid = node.pids()["worker-1"]
        os.kill(pid, signal.SIGSTOP)
        replaced(node, "worker-1", pid)
        silent = [line for line in node.lines() if "sign of life" in line["msg"]]
        assert silent[0]["msg"] == "worker-1 has not shown a sign of life for 1 s; it is ended"
        assert call(node.port(), "pid") in node.pids().values()


def test_a_worker_whose_loop_stands_still_leaves_its_stacks_in_the_log(folder):
    with running(folder, **QUICK) as node:
        pid = node.pids()["worker-1"]
        with pytest.raises((OSError, AssertionError)):
            call(node.port(), "block", seconds=60)
        replaced(node, "worker-1", pid)
        stacks = [line["stacks"] for line in node.lines() if line.get("stacks")]
        assert len(stacks) == 1
        assert 'probe.py", line' in stacks[0]
        assert "in block" in stacks[0]


def test_a_node_whose_workers_keep_dying_gives_up_and_says_why(folder):
    dying = APP + "\nimport threading\nthreading.Timer(0.5, os._exit, [9]).start()\n"
    node = launch(folder, source=dying, ERLMCP_NODE__MAX_RESTARTS="2")
    try:
        assert node.wait() == 70
    finally:
        end(node)
    critical = [line["msg"] for line in node.lines() if line["level"] == "critical"]
    assert critical == ["processes died more than 2 times in 60 s, giving up; the last: worker-1 exited with code 9"]


def test_within_the_budget_a_node_goes_on(folder):
    with running(folder, "--workers", "2", ERLMCP_NODE__MAX_RESTARTS="2") as node:
        for _ in range(2):
            before = node.pids()
            with pytest.raises((OSError, AssertionError)):
                call(node.port(), "die", code=5)
            until(lambda before=before: len(now := node.pids()) == 2 and now != before, "a new worker")
        assert node.status()["node"]["restarts"] == 2
        assert call(node.port(), "pid") in node.pids().values()


def test_a_stranger_s_exit_does_not_concern_the_node(folder):
    """As PID 1 the arbiter collects orphans; a stranger's code 3 once halted a well-known server (gunicorn 3220)."""
    with running(folder) as node:
        pids = node.pids()
        os.kill(node.process.pid, signal.SIGCHLD)
        assert call(node.port(), "pid") == pids["worker-1"]
        assert node.pids() == pids
