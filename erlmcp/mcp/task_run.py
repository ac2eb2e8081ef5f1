"""One task while its function runs in this process: how it asks, how it says how far it is, and how it is stopped.

It is the sink and the way to ask of the function's context: questions and progress become changes of the stored task,
and answers are found in it. It does not know how the function was called, nor what becomes of its outcome.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from erlmcp.mcp.asides import Asides
from erlmcp.mcp.context import Context
from erlmcp.mcp.inputs import AnswerFault, Answers, InputRequest
from erlmcp.mcp.task import Ask, Posed, Task, TaskChange, TaskFault, Tell, Withdraw, key_of
from erlmcp.mcp.threads import Overloaded

if TYPE_CHECKING:
    from erlmcp.mcp.task_store import TaskStore

__all__ = ["TaskRun"]

_log: Final = logging.getLogger("erlmcp.mcp")

PACE: Final = 1.0
"""Seconds between two of a task's messages: clients look no more often, and each is written to a disk."""
MESSAGE_LIMIT: Final = 1024
"""Characters of a message that are kept."""
FIRST_PAUSE: Final = 0.05
LAST_PAUSE: Final = 1.0
"""Seconds between two tries of a change that the store could not take."""


class _Progress(msgspec.Struct, gc=False):
    progress: float
    total: float | None = None
    message: str | None = None


_PROGRESS: Final = msgspec.json.Decoder(_Progress)


class TaskRun:
    """On the loop's thread, all of it."""

    __slots__ = (
        "_asides",
        "_message",
        "_store",
        "_telling",
        "_waking",
        "ended",
        "owner",
        "stopped",
        "task",
        "work",
    )

    def __init__(self, task: Task, store: "TaskStore", owner: str) -> None:
        self.task = task
        self.owner = owner
        self.work: asyncio.Future[bytes] | None = None
        """The function, once it runs."""
        self.stopped = False
        """Whether its outcome does not matter any more."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once nothing is left to do for it here."""
        self._store = store
        self._waking: list[asyncio.Future[None]] = []
        self._message: str | None = None
        self._telling: asyncio.Task[None] | None = None
        self._asides = Asides()

    # What others make of it

    def hear(self, task: Task | None) -> None:
        """The task as it is stored now; older news is ignored. Stops what is no longer ours to do."""
        if task is not None and task.revision <= self.task.revision:
            return
        if task is not None:
            self.task = task
        if task is None or not task.open or task.owner != self.owner:
            self.stop()
        for waiting in self._waking:
            if not waiting.done():
                waiting.set_result(None)
        self._waking.clear()

    def stop(self) -> None:
        """Nobody wants the outcome: cancel the function."""
        self.stopped = True
        if self.work is not None:
            self.work.cancel()

    async def apply(self, change: TaskChange) -> None:
        """Change the stored task, however long the store can not be reached. Raises TaskFault."""
        pause = FIRST_PAUSE
        while not self.ended.done():
            try:
                after = await self._store.change(change)
            except Overloaded as fault:
                _log.warning("task %s waits: %s", self.task.id, fault.message)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE)
            else:
                self.hear(after)
                return

    def finish(self) -> str | None:
        """Nothing more is told; what was not told yet."""
        if self._telling is not None:
            self._telling.cancel()
        message, self._message = self._message, None
        return message

    def close(self) -> None:
        """Nothing is left to do."""
        if not self.ended.done():
            self.ended.set_result(None)
        self.finish()

    # What the function makes of it

    async def ask(self, context: Context[Any], requests: Mapping[str, InputRequest]) -> Answers:  # noqa: ARG002 - an Ask
        """Park the task until all of these are answered. An answer that is none to its question is asked for again.

        Raises ValueError for more questions than a task may ask.
        """
        waiting = dict(requests)
        answers: dict[str, bytes] = {}
        rejected: list[str] = []
        while waiting:
            posed = {key: Posed(each.digest(), each.method, each.params) for key, each in waiting.items()}
            try:
                await self.apply(Ask(self.task.id, self.owner, posed, tuple(rejected)))
            except TaskFault as fault:
                raise ValueError(fault.message) from None
            names = {key: key_of(self.task.inputs, key, each.digest) for key, each in posed.items()}
            await self._answered(names.values())
            rejected = self._read(waiting, names, answers)
        return answers

    def _read(self, waiting: dict[str, InputRequest], names: Mapping[str, str], answers: dict[str, bytes]) -> list[str]:
        """Take the answers that are some; the keys of the others."""
        rejected = []
        for key, name in names.items():
            raw = self.task.inputs[name].answer or b""
            try:
                waiting[key].read(raw)
            except AnswerFault:
                rejected.append(name)
            else:
                answers[key] = raw
                del waiting[key]
        return rejected

    async def _answered(self, names: Iterable[str]) -> None:
        keys = tuple(names)
        try:
            while self.stopped or any(self._pending(key) for key in keys):
                await self._news()
        except asyncio.CancelledError:
            if not self.stopped:
                self._asides.begin(self.apply(Withdraw(self.task.id, self.owner, keys)))
            raise

    def _pending(self, key: str) -> bool:
        found = self.task.inputs.get(key)
        return found is None or found.pending

    def _news(self) -> Awaitable[None]:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waking.append(waiting)
        return waiting

    def emit(self, method: str, params: bytes) -> Awaitable[None] | None:
        """The sink: progress becomes the task's message, the last one once a second; nothing else exists for tasks
        (SEP-2663, Task Status Notifications)."""
        if method == "notifications/progress" and not self.stopped:
            told = _PROGRESS.decode(params)
            of = "" if told.total is None else f" of {told.total:g}"
            self._message = (told.message or f"{told.progress:g}{of}")[:MESSAGE_LIMIT]
            if self._telling is None or self._telling.done():
                self._telling = self._asides.begin(self._tell())
        return None

    def room(self) -> Awaitable[None] | None:
        """There is always room: only the last message counts."""
        return None

    async def _tell(self) -> None:
        while self._message is not None:
            message, self._message = self._message, None
            await self.apply(Tell(self.task.id, self.owner, message))
            await asyncio.sleep(PACE)
