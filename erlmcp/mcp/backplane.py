"""What the processes of a node share, as the protocol sees it: signals between them, and seals that all can open.

Protocols and what stands for them in a process that is alone. Who carries them (a socket, a database) is not known
here.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from erlmcp.mcp.changes import Changes
from erlmcp.mcp.limits import Limits, LocalLimits
from erlmcp.mcp.seal import Sealer
from erlmcp.mcp.task_store import LocalTasks, TaskStore

if TYPE_CHECKING:
    from erlmcp.mcp.legacy.events import EventStore
    from erlmcp.mcp.legacy.store import SessionStore

__all__ = ["Backplane", "Bus", "LocalBus"]

Deliver = Callable[[bytes], None]


class Bus(Protocol):
    """Signals: at most once, in the order of each topic, to every subscriber of every process, the sender included."""

    @property
    def address(self) -> str:
        """A topic that only this process subscribes to; no two processes share one, not even over restarts."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Tell all. Never waits, never raises; a signal may be lost with the process that carries it."""

    def subscribe(self, topic: str, deliver: Deliver, resync: Callable[[], None] | None = None) -> None:
        """From now on, on the loop's thread. `resync` is called when signals of the topic may have been missed."""


class LocalBus:
    """A bus of one process."""

    address: Final = "local"

    def __init__(self) -> None:
        self._deliver: dict[str, list[Deliver]] = {}

    def publish(self, topic: str, payload: bytes) -> None:
        for deliver in tuple(self._deliver.get(topic, ())):
            deliver(payload)

    def subscribe(self, topic: str, deliver: Deliver, resync: Callable[[], None] | None = None) -> None:  # noqa: ARG002
        self._deliver.setdefault(topic, []).append(deliver)


class Backplane(msgspec.Struct):
    """Everything that the endpoints of a node share; one object for each process."""

    bus: Bus = msgspec.field(default_factory=LocalBus)
    sealer: Sealer = msgspec.field(default_factory=Sealer)
    """What clients carry for us. Without the node's ring of keys it opens in this process only."""
    changes: Changes = msgspec.field(default_factory=Changes)
    """What is told to clients between requests, and who listens in this process."""
    now: Callable[[], float] = time.time
    """Unix time in seconds, by a clock that all processes have."""
    limits: Limits = msgspec.field(default_factory=LocalLimits)
    """Where calls are counted. Alone, a process counts its own."""
    tasks: TaskStore = msgspec.field(default_factory=LocalTasks)
    """Who keeps tasks."""
    sessions: "SessionStore | None" = None
    """The sessions of clients before 2026-07-28. None: the process is alone, and its endpoint makes one."""
    events: "EventStore | None" = None
    """What was sent in them lately. As above."""

    def __post_init__(self) -> None:
        self.changes.join(self.bus)
        if isinstance(self.tasks, LocalTasks):
            self.tasks.join(self.bus, self.now)
