"""Receives those who ask at the control socket: a bounded number, each for a bounded time, one verb each.

It hands every verb to the arbiter, with the one who waits for the answer.
"""

import selectors
import socket
import time
from collections.abc import Callable

from erlmcp.node.control import Asker

__all__ = ["Reception"]

QUESTION = 5.0  # seconds for a client to say its line
MAX_ASKERS = 32


class Reception:
    """The control socket's door, registered with the arbiter's selector."""

    def __init__(
        self, selector: selectors.BaseSelector, door: socket.socket, on_verb: Callable[[str, Asker], None]
    ) -> None:
        self._selector, self._door, self._on_verb = selector, door, on_verb
        self._askers: set[Asker] = set()
        selector.register(door, selectors.EVENT_READ, self._accept)

    def dismiss_late(self, now: float) -> None:
        """Hang up on those who have not asked in time."""
        for asker in [asker for asker in self._askers if asker.until < now]:
            self._forget(asker)
            asker.sock.close()

    def close(self) -> None:
        """Nobody is received any more; those who wait for an answer are not ours."""
        self.dismiss_late(float("inf"))
        self._selector.unregister(self._door)
        self._door.close()

    def _accept(self, door: socket.socket) -> None:
        try:
            sock, _ = door.accept()
        except OSError:
            return
        if len(self._askers) >= MAX_ASKERS:
            sock.close()
            return
        sock.setblocking(False)
        asker = Asker(sock, time.monotonic() + QUESTION)
        self._askers.add(asker)
        self._selector.register(sock, selectors.EVENT_READ, lambda _: self._read(asker))

    def _read(self, asker: Asker) -> None:
        verb = asker.read()
        if verb is None:
            return
        self._forget(asker)
        if verb:
            self._on_verb(verb, asker)
        else:
            asker.sock.close()

    def _forget(self, asker: Asker) -> None:
        self._askers.discard(asker)
        self._selector.unregister(asker.sock)
