"""How a node ends: drained, hurried, told by command, or without its arbiter."""

import json
import os
import signal
import socket
import threading

import pytest

from erlmcp.node.control import ask
from erlmcp.node.exits import Exit, Refusal
from tests.node.nodes import WITHIN, Node, call, get, running, until


class Call(threading.Thread):
    """A tool call under way."""

    def __init__(self, port: int, tool: str, **arguments: float) -> None:
        super().__init__(daemon=True)
        self._what = (port, tool, arguments)
        self.result: object = None
        self.start()

    def run(self) -> None:
        port, tool, arguments = self._what
        try:
            self.result = call(port, tool, **arguments)
        except (OSError, AssertionError) as fault:
            self.result = fault


def in_flight(node: Node) -> bool:
    return json.loads(get(node.port(), "/health")[1])["metrics"]["requests_in_flight"] > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_what_is_in_flight_and_the_node_ends_with_0(folder, number):
    with running(folder, "--workers", "2") as node:
        pids = node.pids().values()
        slow = Call(node.port(), "slow", seconds=1.6)
        until(lambda: in_flight(node), "the call in flight")
        node.process.send_signal(number)
        slow.join(WITHIN)
        assert slow.result in pids
        assert node.wait() == 0


def test_a_draining_node_accepts_nobody_new(folder):
    with running(folder) as node:
        port = node.port()
        slow = Call(port, "slow", seconds=1.6)
        until(lambda: in_flight(node), "the call in flight")
        node.process.send_signal(signal.SIGTERM)
        until(lambda: refused(port), "a closed door")
        slow.join(WITHIN)
        assert isinstance(slow.result, int)
        assert node.wait() == 0


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_second_signal_does_not_wait_for_the_drain(folder):
    with running(folder) as node:
        slow = Call(node.port(), "slow", seconds=20)
        until(lambda: in_flight(node), "the call in flight")
        node.process.send_signal(signal.SIGTERM)
        until(lambda: node.status()["node"]["state"] == "stopping", "the drain")
        node.process.send_signal(signal.SIGTERM)
        node.wait()
        slow.join(5)
        assert not isinstance(slow.result, int)


def test_a_call_longer_than_the_drain_does_not_keep_the_node(folder):
    with running(folder, ERLMCP_HTTP__DRAIN="0.3", ERLMCP_NODE__DRAIN_GRACE="3") as node:
        Call(node.port(), "slow", seconds=20)
        until(lambda: in_flight(node), "the call in flight")
        node.process.send_signal(signal.SIGTERM)
        node.wait()


def test_stop_waits_until_ports_and_directory_are_free(folder):
    with running(folder) as node:
        port = node.port()
        assert ask(node.data, "stop", WITHIN) == '{"ok":true}'
        assert refused(port)
        with pytest.raises(Refusal) as refusal:
            ask(node.data, "ping", 1.0)
        assert refusal.value.code == Exit.UNREACHABLE
        assert node.wait() == 0


def test_workers_leave_when_their_arbiter_is_killed_and_the_port_is_free(folder):
    with running(folder, "--workers", "2") as node:
        pids, port = node.pids().values(), node.port()
        node.process.kill()
        node.process.wait(5)
        until(lambda: not any(alive(pid) for pid in pids), "the workers' end")
        until(lambda: refused(port), "a free port")  # the kernel frees it with the last thread


def test_a_stuck_worker_without_an_arbiter_leaves_too(folder):
    with running(folder, ERLMCP_HTTP__DRAIN="0.2", ERLMCP_NODE__HEARTBEAT_TIMEOUT="0") as node:
        pid = node.pids()["worker-1"]
        Call(node.port(), "block", seconds=60)
        before = len(os.listdir(f"/proc/{pid}/fd"))
        until(lambda: len(os.listdir(f"/proc/{pid}/fd")) >= before)
        node.process.kill()
        node.process.wait(5)
        until(lambda: not alive(pid), "the worker's end")


def test_what_a_killed_node_left_behind_does_not_hinder_the_next(folder):
    with running(folder) as node:
        pids = node.pids().values()
        node.process.kill()
        node.process.wait(5)
        until(lambda: not any(alive(pid) for pid in pids), "the workers' end")
    with running(folder) as node:
        assert call(node.port(), "pid") == node.pids()["worker-1"]


def alive(pid: int) -> bool:
    """Whether a process that is no child of ours still runs."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
    except OSError:
        return False
