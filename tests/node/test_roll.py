"""SIGHUP and `erlmcp reload`: new workers before old ones, and nothing changes when something is wrong."""

import json
import os
import signal

from erlmcp.node.control import ask
from tests.node.nodes import APP, WITHIN, Load, Node, call, running, until


def reload(node: Node) -> dict:
    return json.loads(ask(node.data, "reload", WITHIN))


def test_a_roll_under_load_replaces_every_worker_and_fails_no_call(folder):
    with running(folder, "--workers", "2") as node:
        before = node.pids()
        with Load(node.port()) as load:
            node.process.send_signal(signal.SIGHUP)
            until(lambda: len(now := node.pids()) == 2 and not set(now.values()) & set(before.values()), "new workers")
            until(lambda: len(node.status()["workers"]) == 2, "the old workers' end")
            load.more()
        assert (load.refused, load.failed) == (0, [])
        assert node.status()["node"]["restarts"] == 0
        assert set(load.answered[-20:]) <= set(node.pids().values())


def test_new_workers_serve_the_app_as_it_is_now(folder):
    with running(folder) as node:
        (folder / "probe.py").write_text(APP + "\n@app.tool(inline=True)\ndef added() -> str:\n    return 'new'\n")
        assert reload(node) == {"ok": True}
        until(lambda: len(node.status()["workers"]) == 1, "the old worker's end")
        assert call(node.port(), "added") == "new"


def test_a_broken_configuration_leaves_everything_running_and_says_why(folder):
    with running(folder) as node:
        pids = node.pids()
        (folder / "config").mkdir()
        (folder / "config" / "dev.config").write_text("[node]\nworkers = 'many'\n")
        answer = reload(node)
        assert answer["ok"] is False
        assert answer["error"].startswith("nothing was reloaded: config/dev.config:2: node.workers")
        assert node.pids() == pids
        assert call(node.port(), "pid") == pids["worker-1"]


def test_a_broken_app_leaves_the_old_workers_in_place(folder):
    with running(folder, "--workers", "2") as node:
        pids = node.pids()
        (folder / "probe.py").write_text("raise RuntimeError('half written')\n")
        answer = reload(node)
        assert answer["ok"] is False
        assert answer["error"].endswith("exited with code 3: RuntimeError: half written")
        assert node.pids() == pids
        (folder / "probe.py").write_text(APP)
        assert reload(node) == {"ok": True}


def test_a_killed_worker_after_a_refused_reload_comes_back_with_the_old_configuration(folder):
    with running(folder) as node:
        pid = node.pids()["worker-1"]
        (folder / "config").mkdir()
        (folder / "config" / "dev.config").write_text("[nod]\n")
        assert reload(node)["ok"] is False
        os.kill(pid, signal.SIGKILL)
        until(lambda: node.pids().get("worker-1", pid) != pid, "a new worker")
        assert call(node.port(), "pid") == node.pids()["worker-1"]


def test_a_reload_may_change_how_many_workers_there_are(folder):
    (folder / "config").mkdir()
    file = folder / "config" / "dev.config"
    with running(folder) as node:
        file.write_text("[node]\nworkers = 3\n")
        assert reload(node) == {"ok": True}
        until(lambda: sorted(node.pids()) == ["worker-1", "worker-2", "worker-3"], "three workers")
        file.write_text("[node]\nworkers = 1\n")
        assert reload(node) == {"ok": True}
        until(lambda: [worker["id"] for worker in node.status()["workers"]] == ["worker-1"], "one worker")
        assert call(node.port(), "pid") == node.pids()["worker-1"]


def test_a_reload_can_not_move_a_door(folder):
    (folder / "config").mkdir()
    with running(folder) as node:
        (folder / "config" / "dev.config").write_text("[metrics]\nenabled = false\n")
        answer = reload(node)
        assert answer["error"].endswith("to nowhere: that needs a restart")
        assert call(node.port(), "pid") == node.pids()["worker-1"]


def test_two_reloads_at_once_are_both_answered(folder):
    with running(folder) as node:
        node.process.send_signal(signal.SIGHUP)
        node.process.send_signal(signal.SIGHUP)
        assert reload(node) == {"ok": True}
        until(node.runs, "a node at rest")
        assert len(node.status()["workers"]) >= 1


def test_workers_that_die_in_a_storm_of_signals_are_replaced_and_the_node_comes_to_rest(folder):
    with running(folder, "--workers", "2") as node:
        before = node.pids()
        for victim in before.values():
            for _ in range(1000):
                node.process.send_signal(signal.SIGHUP)
            os.kill(victim, signal.SIGKILL)
        until(lambda: node.runs() and not set(node.pids().values()) & set(before.values()), "new workers, at rest")
        assert sorted(node.pids()) == ["worker-1", "worker-2"]
        assert isinstance(call(node.port(), "pid"), int)


def test_ttin_and_ttou_add_and_remove_a_worker(folder):
    with running(folder) as node:
        node.process.send_signal(signal.SIGTTIN)
        until(lambda: sorted(node.pids()) == ["worker-1", "worker-2"], "a second worker")
        node.process.send_signal(signal.SIGTTOU)
        until(lambda: [worker["id"] for worker in node.status()["workers"]] == ["worker-1"], "one worker")


def test_with_reload_a_changed_source_file_rolls_the_workers(folder):
    with running(folder, "--reload") as node:
        pid = node.pids()["worker-1"]
        (folder / "probe.py").write_text(APP + "\n# changed\n")
        until(lambda: node.pids().get("worker-1", pid) != pid, "a new worker")
        until(lambda: len(node.status()["workers"]) == 1, "the old worker's end")
        assert call(node.port(), "pid") == node.pids()["worker-1"]
