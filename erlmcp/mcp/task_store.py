"""Who keeps tasks: the protocol, and what keeps them in a process that is alone.

Each change is told on the bus, so that who runs a task and who listens for it look again. It does not run anything.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from erlmcp.mcp.errors import shorten
from erlmcp.mcp.task import Answer, Cancel, Task, TaskChange, change_task
from erlmcp.mcp.threads import Overloaded

if TYPE_CHECKING:
    from erlmcp.mcp.backplane import Bus
    from erlmcp.mcp.options import Options

__all__ = [
    "TASK_TOPIC",
    "LocalTasks",
    "TaskSignal",
    "TaskStore",
    "encode_signal",
    "read_signal",
    "refuse_more_tasks",
    "task_for",
]

TASK_TOPIC: Final = "mcp.tasks"


class TaskSignal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A task has changed."""

    id: str
    owner: str
    open: bool
    revision: int
    """0: it is forgotten."""


class TaskStore(Protocol):
    """Keeps the tasks of a node. Raises Overloaded while it can not be reached: nothing is known then of the outcome.

    After each change that has an effect it publishes a `TaskSignal` under `TASK_TOPIC`.
    """

    @property
    def lease(self) -> float:
        """Seconds after which the tasks of a process that did not `renew` are taken from it; 0: never."""

    async def create(self, task: Task, options: "Options") -> None:
        """Durable when this returns. Raises Overloaded when there are as many as the options allow."""

    async def get(self, id: str) -> Task | None:  # noqa: A002 - the task's own word
        """The task as it is now, with all that was changed before. None: there is none, or no more."""

    async def change(self, change: TaskChange) -> Task | None:
        """The task after a change, which is durable then. None as in `get`, and for another principal's.

        Raises TaskFault.
        """

    async def renew(self, owner: str) -> None:
        """The process of this address lives."""


encode_signal: Final = msgspec.msgpack.Encoder().encode
read_signal: Final = msgspec.msgpack.Decoder(TaskSignal).decode


def task_for(task: Task | None, change: TaskChange) -> Task | None:
    """The task, when it is there for who wants the change."""
    if task is None or (isinstance(change, Answer | Cancel) and change.principal != task.principal):
        return None
    return task


def refuse_more_tasks(principal: str, stored: int, of_principal: int, options: "Options") -> None:
    """Raises Overloaded when one task more is one too many."""
    if stored >= options.max_stored_tasks:
        raise Overloaded(f"{stored} tasks are stored; max_stored_tasks allows no more", 5.0)
    if of_principal >= options.max_principal_tasks:
        raise Overloaded(f"{of_principal} tasks of {shorten(principal)} are stored; that is the most", 5.0)


class LocalTasks:
    """Tasks in memory, gone with the process."""

    lease: Final = 0.0

    def __init__(self) -> None:
        self._bus: Bus | None = None
        self._now: Callable[[], float] = time.time
        self._tasks: dict[str, Task] = {}

    def join(self, bus: "Bus", now: Callable[[], float]) -> None:
        """From now on, tell of changes on this bus. `now`: Unix time in seconds."""
        self._bus = bus
        self._now = now

    async def create(self, task: Task, options: "Options") -> None:
        """See `TaskStore`."""
        self._forget()
        of = Counter(each.principal for each in self._tasks.values())
        refuse_more_tasks(task.principal, len(self._tasks), of[task.principal], options)
        self._tasks[task.id] = task

    async def get(self, id: str) -> Task | None:  # noqa: A002 - as in TaskStore
        """See `TaskStore`."""
        task = self._tasks.get(id)
        return task if task is not None and task.expires > self._ms() else None

    async def change(self, change: TaskChange) -> Task | None:
        """See `TaskStore`."""
        task = task_for(await self.get(change.id), change)
        if task is None:
            return None
        after = change_task(task, change, self._ms())
        if after is not task:
            self._tasks[task.id] = after
            self._tell(after)
        return after

    async def renew(self, owner: str) -> None:
        """See `TaskStore`. Nobody else could take them."""

    def _tell(self, task: Task) -> None:
        if self._bus is not None:
            self._bus.publish(TASK_TOPIC, encode_signal(TaskSignal(task.id, task.owner, task.open, task.revision)))

    def _forget(self) -> None:
        now = self._ms()
        for id_ in [id_ for id_, task in self._tasks.items() if task.expires <= now]:
            del self._tasks[id_]

    def _ms(self) -> int:
        return int(self._now() * 1000)
