"""Signals as bytes in a socket: the handlers do nothing, the interpreter writes each number for a selector."""

import signal
import socket

__all__ = ["HEARD", "hear_signals"]

HEARD = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGTTIN,
    signal.SIGTTOU,
)


def hear_signals() -> socket.socket:
    """The end to read numbers from, one byte each. Only the main thread may call this."""
    read, write = socket.socketpair()
    read.setblocking(False)
    write.setblocking(False)
    signal.set_wakeup_fd(write.detach(), warn_on_full_buffer=False)
    for number in HEARD:
        signal.signal(number, lambda _number, _frame: None)
    return read
