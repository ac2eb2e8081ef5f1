"""What the system says about a process."""

import os
import subprocess
import sys
import time

from erlmcp.telemetry.process import read_process


def test_this_process_has_memory_time_and_a_start():
    me = read_process(os.getpid())
    assert me is not None
    assert me.pid == os.getpid()
    assert 1024 * 1024 < me.resident_bytes < 1024**4
    assert me.cpu_seconds > 0
    assert me.started < time.time()


def test_a_process_with_brackets_and_spaces_in_its_name_is_read(tmp_path):
    odd = tmp_path / "a) R (b"
    odd.symlink_to(sys.executable)
    child = subprocess.Popen([odd, "-c", "print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    found = read_process(child.pid)
    child.communicate(b"\n", timeout=10)
    assert found is not None
    assert found.resident_bytes > 0


def test_a_process_that_is_gone_has_no_facts():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(10)
    assert read_process(child.pid) is None
