"""The standard streams, taken away from everybody else: from now on only the one who holds the claim reads and writes.

What user code prints, from Python, from C or from a process of its own, goes to standard error; what it reads is
empty. Descriptors 0 and 1 stay open, so that nothing else gets their numbers.
"""

import fcntl
import os
import stat
import sys
from contextlib import suppress

__all__ = ["Claim"]

ABOVE = 3  # the first number that is no standard stream


class Claim:
    """`source` and `sink` are what was standard input and output. Processes that are started do not inherit them.

    They stay claimed for as long as the process lives: what it prints at its very end must not get out either.
    """

    def __init__(self) -> None:
        """OSError when the process has no descriptor left."""
        self.source = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, ABOVE)
        self.sink = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, ABOVE)
        self._blocking = {fd: os.get_blocking(fd) for fd in (self.source, self.sink)}
        self._open = True
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)  # what is printed shows up where the log does
        _print_by_line()
        os.register_at_fork(after_in_child=self._forget)

    def pollable(self, fd: int) -> bool:
        """Whether a loop may wait for it, and it be set not to block: it is a pipe or a socket, and not standard error.

        A terminal's flags belong to everybody on it; a file is always ready, and not quick. Those take a thread.
        """
        found = os.fstat(fd)
        if not (stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode)):
            return False
        with suppress(OSError):
            return not os.path.samestat(found, os.fstat(2))
        return True

    def release(self) -> None:
        """Hang up, leaving the flags of both as they were. What is printed from now on is not heard by the client."""
        if not self._open:
            return
        for fd in (self.source, self.sink):
            with suppress(OSError):
                os.set_blocking(fd, self._blocking[fd])
        self._forget()

    def _forget(self) -> None:
        """In a forked child: the streams stay the parent's alone, or its end would not be seen by its client."""
        if self._open:
            self._open = False
            os.close(self.source)
            os.close(self.sink)


def _print_by_line() -> None:
    """Python made standard output for a pipe, and would keep what is printed until the end."""
    with suppress(AttributeError, OSError, ValueError):  # somebody put another object there
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
