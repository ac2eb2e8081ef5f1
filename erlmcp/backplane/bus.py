"""The bus of a node: an `mcp.Bus` over the worker's link to the hub, which tells all workers, the sender too.

While the hub is away, and until the others have found it again, a signal is heard at home at once and held for them.
It does not know what a signal says.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final

from erlmcp.otp import Down, Link, Overloaded, TooLarge

__all__ = ["LinkBus", "for_all"]

_log: Final = logging.getLogger("erlmcp.backplane")

HELD: Final = 1024
"""Signals that wait for the hub at most; it is back within a second, after a roll within some."""

HELD_BYTES: Final = 4 * 1024 * 1024

GATHER: Final = 0.4
"""Seconds from our own return to the hub until the others are there as well: they try each `RemoteOptions.retry`."""

FOR_ALL: Final = b"\0"
HEARD: Final = b"\1"
"""What a signal begins with: whether its sender, whose token follows then, has heard it already."""

TOKEN: Final = 16  # bytes

Deliver = Callable[[bytes], None]


def for_all(payload: bytes) -> bytes:
    """A signal as the hub carries it, for who publishes at the hub itself."""
    return FOR_ALL + payload


class LinkBus:
    """The bus as one worker process has it. All of it on the loop's thread.

    `address` is another one for each object of this class: after a restart a process is another process.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._token: Final = secrets.token_hex(TOKEN // 2).encode()
        self.address: Final = f"mcp.at.{self._token.decode()}"
        self._at_home: dict[str, list[Deliver]] = {}
        self._held: deque[tuple[str, bytes]] = deque()
        self._held_bytes = 0
        self._dropped = 0
        self._holding = False
        self._returns = int(link.connected)
        link.when_connected(self._connected)

    def publish(self, topic: str, payload: bytes) -> None:
        """Tell all. Never waits, never raises."""
        if topic == self.address:
            self._deliver(topic, payload)
            return
        if not self._holding:
            try:
                self._link.publish(topic, FOR_ALL + payload)
            except Down:
                self._holding = True
            except (Overloaded, TooLarge) as fault:
                _log.error("a signal of %s stays in this process: %s", topic, fault)
                self._deliver(topic, payload)
                return
            else:
                return
        self._deliver(topic, payload)
        self._hold(topic, HEARD + self._token + payload)

    def subscribe(self, topic: str, deliver: Deliver, resync: Callable[[], None] | None = None) -> None:
        """See `mcp.Bus`."""
        self._at_home.setdefault(topic, []).append(deliver)
        self._link.subscribe(topic, self._opened(deliver), resync)

    def _opened(self, deliver: Deliver) -> Deliver:
        def open_(message: bytes) -> None:
            if message.startswith(FOR_ALL):
                deliver(message[1:])
            elif message[1 : 1 + TOKEN] != self._token:
                deliver(message[1 + TOKEN :])

        return open_

    def _deliver(self, topic: str, payload: bytes) -> None:
        for deliver in tuple(self._at_home.get(topic, ())):
            deliver(payload)

    def _hold(self, topic: str, message: bytes) -> None:
        self._held.append((topic, message))
        self._held_bytes += len(message)
        while len(self._held) > HELD or self._held_bytes > HELD_BYTES:
            self._held_bytes -= len(self._held.popleft()[1])
            self._dropped += 1

    def _connected(self) -> None:
        """The hub is there: for the first time, or again."""
        self._returns += 1
        if self._returns == 1:
            self._release(1)
        else:
            self._holding = True
            asyncio.get_running_loop().call_later(GATHER, self._release, self._returns)

    def _release(self, returns: int) -> None:
        """Tell the others what was held for them, unless the hub has left meanwhile."""
        if returns != self._returns or not self._link.connected:
            return
        held, self._held, self._held_bytes, self._holding = self._held, deque(), 0, False
        dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.warning("%d signals were not told to the other processes: the hub was away for too long", dropped)
        for topic, message in held:
            try:
                self._link.publish(topic, message)
            except (Overloaded, TooLarge) as fault:
                _log.error("a signal of %s stays in this process: %s", topic, fault)
