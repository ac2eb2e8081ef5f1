"""Tasks for a whole node: kept in the store by the line process, changed through it, read by every worker.

`TaskKeeper` is the line's side, `NodeTasks` the worker's. A worker that runs tasks says so again and again; the tasks
of one that has fallen silent are handed to the others, or have failed. What a change does is `mcp.task`'s to say.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

import msgspec

from erlmcp.backplane.ground import Ground, Part
from erlmcp.mcp import (
    TASK_TOPIC,
    Adopt,
    Lose,
    Overloaded,
    Task,
    TaskChange,
    TaskFault,
    TaskSignal,
    change_task,
    encode_signal,
    refuse_more_tasks,
    task_for,
)
from erlmcp.mcp import Options as McpOptions
from erlmcp.otp import ChildSpec, Declined, Down, Link, TooLarge
from erlmcp.otp import Overloaded as Busy
from erlmcp.store import Busy as StoreBusy
from erlmcp.store import Database, DiskFull, Reads, StoreError, Transaction

__all__ = ["NodeTasks", "TaskKeeper", "tasks_part"]

_log: Final = logging.getLogger("erlmcp.backplane")

SERVICE: Final = "mcp.tasks"
PATIENCE: Final = 10.0
"""Seconds that a change may take: longer than the line process is away when it is replaced."""
MANY: Final = 200
"""Tasks of one transaction of the sweep: changes wait a few milliseconds for it."""
ADOPTION: Final = 60.0
"""Seconds that a task may wait for a worker to take it, from when it was offered and from when the line process was
there: as long as a worker may take to boot."""

GONE: Final = "the worker that ran this task is gone; call the tool again"
UNTAKEN: Final = "no worker could take this task up again; call the tool again"


class Create(msgspec.Struct, frozen=True, tag=True):
    """A task that begins."""

    task: Task


class Renew(msgspec.Struct, frozen=True, tag=True):
    """The process of this address lives."""

    owner: str


class Fetch(msgspec.Struct, frozen=True, tag=True):
    """Read one, for a worker that has no reader."""

    id: str


class No(msgspec.Struct, frozen=True, array_like=True):
    """Why a change was declined."""

    message: str
    retry_after: float | None
    """Seconds; None: another try is no better."""


Command: TypeAlias = Create | Renew | Fetch | TaskChange

_encode: Final = msgspec.msgpack.Encoder().encode
_command: Final = msgspec.msgpack.Decoder(Command).decode
_task: Final = msgspec.msgpack.Decoder(Task).decode
_reply: Final = msgspec.msgpack.Decoder(Task | None).decode
_no: Final = msgspec.msgpack.Decoder(No).decode


class TaskKeeper:
    """The line's side: a service, and a child that looks after tasks whose worker has gone or whose time is up."""

    def __init__(
        self,
        ground: Ground,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now`: Unix time; `clock`: monotonic, for leases. Both in seconds."""
        self._database: Final = ground.database
        self._publish: Final = ground.publish
        self._options: Final = ground.options
        self._now = now
        self._clock = clock
        self._since = clock()
        self._seen: dict[str, float] = {}
        self._counts: Counter[str] | None = None

    async def serve(self, payload: bytes, seconds: float) -> bytes:  # noqa: ARG002 - an otp.Service
        """The service."""
        command = _command(payload)
        try:
            return _encode(await self._execute(command))
        except TaskFault as fault:
            raise Declined(_encode(No(fault.message, None))) from None
        except Overloaded as full:
            raise Declined(_encode(No(full.message, full.retry_after))) from None
        except StoreError as error:
            raise Declined(_encode(No(f"tasks can not be kept now: {error}", 1.0))) from None

    async def _execute(self, command: Command) -> Task | None:
        if isinstance(command, Renew):
            self._seen[command.owner] = self._clock()
            return None
        if isinstance(command, Create):
            await self._create(command.task)
            return None
        if isinstance(command, Fetch):
            return await _get(self._database, command.id, self._ms())
        if isinstance(command, Adopt):
            self._seen[command.owner] = self._clock()
        async with self._database.transaction() as tx:
            task = task_for(await _get(tx, command.id, self._ms()), command)
            after = None if task is None else await self._change(tx, task, command)
        if after is not None and after is not task:
            self._tell(after)
        return after

    async def _create(self, task: Task) -> None:
        async with self._database.transaction() as tx:
            if self._counts is None:
                self._counts = Counter(dict(await tx.all("tasks_count")))
            counts = self._counts
            refuse_more_tasks(task.principal, counts.total(), counts[task.principal], self._options)
            counts[task.principal] += await tx.run("tasks_insert", principal=task.principal, **_columns(task))
        self._seen[task.owner] = self._clock()

    async def _change(self, tx: Transaction, task: Task, change: TaskChange) -> Task:
        after = change_task(task, change, self._ms())
        if after is not task:
            await tx.run("tasks_save", **_columns(after))
        return after

    def _tell(self, task: Task) -> None:
        self._publish(TASK_TOPIC, encode_signal(TaskSignal(task.id, task.owner, task.open, task.revision)))

    def _ms(self) -> int:
        return int(self._now() * 1000)

    # Looking after them

    async def run(self, ready: Callable[[], None]) -> None:
        """Look around four times in each lease, until cancelled."""
        ready()
        while True:
            try:
                await self.sweep()
            except (StoreBusy, DiskFull) as error:
                _log.warning("tasks: nobody looked after them this time: %s", error)
            await asyncio.sleep(self._options.task_lease / 4)

    async def sweep(self) -> None:
        """Once: take tasks from who has fallen silent, offer those that nobody runs, forget those whose time is up."""
        now, lease = self._clock(), self._options.task_lease
        owners = [row[0] for row in await self._database.all("tasks_owners")]
        self._seen = {owner: self._seen.get(owner, now) for owner in owners}  # one not met before gets a whole lease
        for owner, seen in self._seen.items():
            if owner and now - seen > lease:
                await self._lose(owner, lambda _task: GONE)
        if "" in owners:
            await self._lose("", self._untaken)
        await self._forget()

    def _untaken(self, task: Task) -> str | None:
        waited = min((self._ms() - task.updated) / 1000, self._clock() - self._since)
        return UNTAKEN if waited > ADOPTION else None

    async def _lose(self, owner: str, reason: Callable[[Task], str | None]) -> None:
        """Change all tasks of an owner that there is a reason for; tell all workers of them, also of the others."""
        async with self._database.transaction() as tx:
            tasks = [_task(row[0]) for row in await tx.all("tasks_of", owner=owner, many=MANY)]
            after = [await self._lost(tx, task, reason(task)) for task in tasks]
        for task in after:
            self._tell(task)
        if owner and after:
            _log.warning("%d tasks lost the worker that ran them", len(after))
        if len(tasks) == MANY and owner:
            await self._lose(owner, reason)

    async def _lost(self, tx: Transaction, task: Task, why: str | None) -> Task:
        if why is None:
            return task
        error = msgspec.json.encode({"code": -32603, "message": f"Internal error: {why}"})
        return await self._change(tx, task, Lose(task.id, task.owner, error, why))

    async def _forget(self) -> None:
        gone = MANY
        while gone == MANY:
            async with self._database.transaction() as tx:
                expired = [row[0] for row in await tx.all("tasks_expired", now=self._ms(), many=MANY)]
                for id_ in expired:
                    await tx.run("tasks_forget", id=id_)
            gone = len(expired)
            for id_ in expired:
                self._publish(TASK_TOPIC, encode_signal(TaskSignal(id_, "", False, 0)))
            if expired:
                self._counts = None


def tasks_part(ground: Ground) -> Part:
    """For the list of parts."""
    keeper = TaskKeeper(ground)
    return Part({SERVICE: keeper.serve}, (ChildSpec("tasks", keeper.run),))


class NodeTasks:
    """An `mcp.TaskStore`: the tasks of a node as one worker has them."""

    def __init__(
        self, link: Link, reader: Database | None, options: McpOptions, now: Callable[[], float] = time.time
    ) -> None:
        self._link = link
        self._reader = reader
        self._now = now
        self.lease: float = options.task_lease

    async def create(self, task: Task, options: McpOptions) -> None:  # noqa: ARG002 - the line has the same
        """See `TaskStore`."""
        await self._call(Create(task))

    async def get(self, id: str) -> Task | None:  # noqa: A002 - as in TaskStore
        """See `TaskStore`. Read in this process: looking at tasks costs the line nothing."""
        if self._reader is None:
            return await self._call(Fetch(id))
        try:
            return await _get(self._reader, id, int(self._now() * 1000))
        except StoreError as error:
            raise Overloaded(f"tasks can not be read now: {error}") from error

    async def change(self, change: TaskChange) -> Task | None:
        """See `TaskStore`."""
        return await self._call(change)

    async def renew(self, owner: str) -> None:
        """See `TaskStore`."""
        await self._call(Renew(owner))

    async def _call(self, command: Any) -> Task | None:
        """Once more when the line went down under it: what is asked for comes to the same when it is asked twice."""
        clock = asyncio.get_running_loop().time
        until = clock() + PATIENCE
        with suppress(Down):
            return await self._call_once(command, PATIENCE)
        try:
            return await self._call_once(command, max(until - clock(), 0.0))
        except Down as error:
            raise Overloaded(f"tasks can not be reached now: {error}") from error

    async def _call_once(self, command: Any, timeout: float) -> Task | None:
        try:
            task: Task | None = _reply(await self._link.call(SERVICE, _encode(command), timeout))
        except Declined as declined:
            no = _no(declined.payload)
            if no.retry_after is None:
                raise TaskFault(no.message) from None
            raise Overloaded(no.message, no.retry_after) from None
        except TooLarge as error:
            raise TaskFault(str(error)) from error
        except (Busy, TimeoutError) as error:
            raise Overloaded(f"tasks can not be reached now: {error}") from error
        return task


async def _get(reads: Reads, id_: str, now: int) -> Task | None:
    row = await reads.one("tasks_get", id=id_, now=now)
    return _task(row[0]) if row else None


def _columns(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "owner": task.owner,
        "open": int(task.open),
        "expires": task.expires,
        "body": _encode(task),
    }
