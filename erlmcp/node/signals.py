"""Signals for a loop around a selector: their numbers in order, none lost however fast they come."""

import os
import signal
import socket
from collections import deque

__all__ = ["HEARD", "Signals"]

HEARD = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGTTIN,
    signal.SIGTTOU,
)


class Signals:
    """What was heard and not yet taken. Only the main thread may make one, and one is enough."""

    def __init__(self) -> None:
        self._heard: deque[int] = deque()
        self.wakeup, write = socket.socketpair()
        """Becomes readable with every signal. How many bytes it holds says nothing: a storm fills it up."""
        self.wakeup.setblocking(False)
        write.setblocking(False)
        signal.set_wakeup_fd(write.detach(), warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, lambda number, _frame: self._heard.append(number))

    def close(self) -> None:
        """Hear nothing more: from now on these signals are ignored, so that one too many does not become the exit
        code of a process that is just leaving."""
        os.close(signal.set_wakeup_fd(-1))
        self.wakeup.close()
        for number in HEARD:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.SIG_IGN)

    def take(self) -> list[int]:
        """The numbers heard since the last time. The interpreter may hear one a moment after it made `wakeup`
        readable, so take without being woken, too."""
        try:
            while self.wakeup.recv(4096):
                pass
        except BlockingIOError:
            pass
        return [self._heard.popleft() for _ in range(len(self._heard))]
