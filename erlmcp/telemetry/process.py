"""What the operating system says about one process: memory, processor time, start, open files.

Read from /proc, a few microseconds a process. Where there is no /proc (macOS) only the own process has an answer.
"""

import os
import resource
import time

from msgspec import Struct

__all__ = ["Process", "read_process"]


class Process(Struct, frozen=True):
    """Resident memory in bytes, processor seconds (user and system), start as Unix time."""

    pid: int
    resident_bytes: int
    cpu_seconds: float
    started: float


def read_process(pid: int) -> Process | None:
    """The facts of a process, None when there is no such process any more."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            text = stat.read()
    except OSError:
        return _self() if pid == os.getpid() else None
    fields = text[text.rindex(b")") + 2 :].split()  # the name in brackets may hold anything (proc(5))
    if fields[0] in {b"Z", b"X"}:
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return Process(
        pid=pid,
        resident_bytes=int(fields[21]) * os.sysconf("SC_PAGESIZE"),
        cpu_seconds=(int(fields[11]) + int(fields[12])) / ticks,
        started=boot_time() + int(fields[19]) / ticks,
    )


def boot_time() -> float:
    """When the machine started, as Unix time."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _self() -> Process:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # ru_maxrss is in bytes on macOS; Linux, where it is in KiB, has /proc
    return Process(os.getpid(), usage.ru_maxrss, usage.ru_utime + usage.ru_stime, _IMPORTED)


_IMPORTED = time.time()
