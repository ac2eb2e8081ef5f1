"""The processes that a process leaves behind: found by their parents, asked to end, then ended.

What put itself under init on purpose (a daemon) is not found, and stays.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress

__all__ = ["descendants", "end_offspring"]

GRACE = 0.5  # seconds between SIGTERM and SIGKILL
LOOK = 0.01


def descendants(pid: int) -> list[int]:
    """All living processes below this one, the oldest first."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def end_offspring() -> None:
    """End every process below this one. Takes GRACE at most."""
    left = descendants(os.getpid())
    if not left:
        return
    _send(left, signal.SIGTERM)
    until = time.monotonic() + GRACE
    while _reap() and time.monotonic() < until:
        time.sleep(LOOK)
    _send(left, signal.SIGKILL)


def _reap() -> bool:
    """Whether children are still alive."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _send(processes: list[int], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def _parents() -> list[tuple[int, int]]:
    """Every process of this machine that can be seen, with its parent."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return _parents_by_ps()
    found = []
    for name in names:
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
                found.append((int(name), int(stat.read().rpartition(b")")[2].split()[1])))
    return found


def _parents_by_ps() -> list[tuple[int, int]]:
    """Where there is no /proc, as on macOS."""
    try:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, timeout=2.0, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [(int(pid), int(parent)) for pid, parent in (line.split() for line in listed.splitlines())]
