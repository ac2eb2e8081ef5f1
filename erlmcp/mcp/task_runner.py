"""The tasks that run in this process: begun by a call, or taken over from a process that is gone.

A task is stored before its call is answered; from then on it lives by what the store says of it, and every change of it
comes back as a signal. It does not know who keeps tasks, nor how their clients look at them.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from erlmcp.jsonrpc import INTERNAL_ERROR, RpcError
from erlmcp.mcp.asides import Asides
from erlmcp.mcp.capabilities import TASKS, require
from erlmcp.mcp.context import Context
from erlmcp.mcp.dispatch import failure
from erlmcp.mcp.facts import Facts
from erlmcp.mcp.identity import join_result
from erlmcp.mcp.task import Adopt, Cancel, Input, Release, Settle, Task, TaskFault
from erlmcp.mcp.task_run import TaskRun
from erlmcp.mcp.task_store import TASK_TOPIC, read_signal
from erlmcp.mcp.task_wire import created_members
from erlmcp.mcp.threads import Overloaded
from erlmcp.mcp.types import CallToolParams

if TYPE_CHECKING:
    from erlmcp.mcp.app import App
    from erlmcp.mcp.backplane import Backplane
    from erlmcp.mcp.call import Members
    from erlmcp.mcp.options import Options
    from erlmcp.mcp.tool import Tool

__all__ = ["TaskRunner"]

_log: Final = logging.getLogger("erlmcp.mcp")

METHOD: Final = "tools/call"
ID_BYTES: Final = 16
"""Nobody guesses one (SEP-2663, Security Implications)."""
RENEWALS: Final = 4
"""Signs of life in each lease."""
PARTING: Final = 1.0
"""Seconds to hand a task over, or to settle it, when the process leaves."""
LEFT: Final = "the server was stopped while this task ran; call the tool again"

_CALL: Final = msgspec.json.Decoder(CallToolParams)


class _Place:
    """A `TaskPlace` of one call."""

    __slots__ = ("_begin", "id")

    def __init__(self, id_: str | None, begin: Any = None) -> None:
        self.id = id_
        self._begin = begin

    async def become(self) -> None:
        """See `TaskPlace`."""
        if self.id is None:
            await self._begin(self)


class TaskRunner:
    """On the loop's thread, all of it."""

    def __init__(self, app: "App", options: "Options", backplane: "Backplane", tail: bytes) -> None:
        """`tail`: what follows the members of a result of tools/call."""
        self._app = app
        self._options = options
        self._store = backplane.tasks
        self._owner = backplane.bus.address
        self._now = backplane.now
        self._tail = tail
        self._runs: dict[str, TaskRun] = {}
        self._beginning = 0
        self._adopting: set[str] = set()
        self._asides = Asides()
        self._renewing: asyncio.Task[None] | None = None
        self._leaving = False
        backplane.bus.subscribe(TASK_TOPIC, self._hear, self._look_at_all)

    @property
    def running(self) -> int:
        """Tasks that run in this process."""
        return len(self._runs)

    # Beginning

    def call(self, tool: "Tool", raw: bytes | None, context: Context) -> "Members":
        """Answer a call of a tool that may become a task. Raises RpcError (-32021) for a client that knows no tasks
        where that is required."""
        support = tool.task
        known = context.facts.modern and context.can(TASKS)
        if support is None or not known:
            if support is not None and support.required:
                require({}, (TASKS,))
            return tool.call(raw, context)
        flaw = tool.flaw(raw)
        if flaw is not None:
            return flaw
        return self._later(tool, raw, context) if support.later else self._at_once(tool, raw, context)

    async def _at_once(self, tool: "Tool", raw: bytes | None, context: Context) -> bytes:
        run = await self._created(tool, context, {})
        self._start(run, tool, raw, context.facts)
        return created_members(run.task)

    async def _later(self, tool: "Tool", raw: bytes | None, context: Context) -> bytes:
        """Run the function as an ordinary call until it says that it is a task; then answer, and let it go on."""
        loop = asyncio.get_running_loop()
        became: asyncio.Future[TaskRun] = loop.create_future()

        async def begin(place: _Place) -> None:
            run = await self._created(tool, context, _answered(context))
            place.id = run.task.id
            context.move(_facts_within(context.facts), run, run.ask)
            self._follow(run, work)
            became.set_result(run)

        context.placed(_Place(None, begin))
        work = loop.create_task(_run(tool, raw, context))
        try:
            await asyncio.wait((work, became), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not became.done():
                work.cancel()
            raise
        return created_members(became.result().task) if became.done() else work.result()

    async def _created(self, tool: "Tool", context: Context, inputs: dict[str, Input]) -> TaskRun:
        """A task that is stored. One whose client left meanwhile is cancelled: nobody knows of it."""
        creating = asyncio.get_running_loop().create_task(self._create(tool, context, inputs))
        try:
            return await asyncio.shield(creating)
        except asyncio.CancelledError:
            creating.add_done_callback(self._unwanted)
            raise

    async def _create(self, tool: "Tool", context: Context, inputs: dict[str, Input]) -> TaskRun:
        self._make_room()
        run = TaskRun(self._new(tool, context, inputs), self._store, self._owner)
        self._beginning += 1
        try:
            await self._store.create(run.task, self._options)
        except (Overloaded, TaskFault):  # it may be there all the same
            self._abandon(run)
            raise
        finally:
            self._beginning -= 1
        self._runs[run.task.id] = run
        self._stay_alive()
        return run

    def _make_room(self) -> None:
        """Raises Overloaded when this process takes no more."""
        if self._leaving:
            raise Overloaded("this worker is leaving")
        if len(self._runs) + self._beginning >= self._options.max_tasks:
            raise Overloaded(f"{len(self._runs)} tasks run in this worker")

    def _new(self, tool: "Tool", context: Context, inputs: dict[str, Input]) -> Task:
        support, facts, options = tool.task, context.facts, self._options
        now = int(self._now() * 1000)
        timeout = options.task_timeout if support is None or support.timeout is None else support.timeout
        return Task(
            id=secrets.token_hex(ID_BYTES),
            tool=tool.key,
            created=now,
            updated=now,
            ttl=int((timeout + options.task_keep) * 1000),
            poll=int(options.task_poll * 1000),
            principal=facts.principal,
            owner=self._owner,
            inputs=inputs,
            params=facts.params if support is not None and support.restartable else b"",
            version=facts.protocol_version,
        )

    def _unwanted(self, creating: "asyncio.Task[TaskRun]") -> None:
        if not creating.cancelled() and creating.exception() is None:
            self._abandon(creating.result())

    def _abandon(self, run: TaskRun) -> None:
        """Nobody was told of it: see to it that it is not there."""

        async def cancel() -> None:
            await run.apply(Cancel(run.task.id, run.task.principal))
            run.close()

        self._runs.pop(run.task.id, None)
        self._asides.begin(cancel())

    # Running

    def _start(self, run: TaskRun, tool: "Tool", raw: bytes | None, facts: Facts) -> None:
        context: Context = Context(_facts_within(facts), run, run.ask)
        context.placed(_Place(run.task.id))
        self._follow(run, asyncio.get_running_loop().create_task(_run(tool, raw, context)))

    def _follow(self, run: TaskRun, work: "asyncio.Task[bytes]") -> None:
        run.work = work
        if run.stopped:  # cancelled before it began
            work.cancel()
        work.add_done_callback(lambda work: self._asides.begin(self._conclude(run, work)))

    async def _conclude(self, run: TaskRun, work: "asyncio.Task[bytes]") -> None:
        """Store what came of it, and let go of it."""
        outcome = self._outcome(run, work)
        if not run.stopped:
            try:
                await run.apply(outcome)
            except TaskFault as fault:
                await run.apply(_failed(run, RpcError(INTERNAL_ERROR, f"Internal error: {fault.message}")))
        self._runs.pop(run.task.id, None)
        run.close()

    def _outcome(self, run: TaskRun, work: "asyncio.Task[bytes]") -> Settle:
        if work.cancelled():
            return _failed(run, RpcError(INTERNAL_ERROR, "Internal error: the call was cancelled by the server"))
        error = work.exception()
        if error is not None:
            return _failed(run, failure(error, METHOD, run.task.tool, modern=True).error)
        result = b"{%b}" % join_result(work.result(), self._tail)
        limit = self._options.max_task_result
        if len(result) > limit:
            why = f"the result has {len(result)} bytes; max_task_result allows {limit}"
            return _failed(run, RpcError(INTERNAL_ERROR, f"Internal error: {why}"))
        return Settle(run.task.id, self._owner, result, message=run.finish())

    # Hearing

    def _hear(self, payload: bytes) -> None:
        told = read_signal(payload)
        run = self._runs.get(told.id)
        if run is not None:
            if not told.revision or told.revision > run.task.revision:
                self._asides.begin(self._look(run))
        elif told.open and not told.owner:
            self._asides.begin(self._adopt(told.id))

    def _look_at_all(self) -> None:
        """Signals may have been missed."""
        for run in tuple(self._runs.values()):
            self._asides.begin(self._look(run))

    async def _look(self, run: TaskRun) -> None:
        while not run.ended.done():
            try:
                run.hear(await self._store.get(run.task.id))
            except Overloaded:
                await asyncio.sleep(PARTING)
            else:
                return

    async def _adopt(self, id_: str) -> None:
        """Take over a task that nobody runs; of the processes that try, one gets it."""
        if id_ in self._adopting:
            return
        self._adopting.add(id_)
        try:
            self._make_room()
            task = await self._store.get(id_)
            tool = None if task is None else self._app.tools.get(task.tool)
            if task is None or tool is None or task.owner or not task.restartable:
                return
            task = await self._store.change(Adopt(id_, self._owner))
            if task is not None and task.open and task.owner == self._owner:
                self._resume(task, tool)
        except Overloaded as fault:  # it is offered again
            _log.warning("task %s was not taken: %s", id_, fault.message)
        finally:
            self._adopting.discard(id_)

    def _resume(self, task: Task, tool: "Tool") -> None:
        run = TaskRun(task, self._store, self._owner)
        self._runs[task.id] = run
        self._stay_alive()
        params = _CALL.decode(task.params)
        facts = Facts(b"null", task.version, True, params=task.params, method=METHOD, principal=task.principal)
        raw = None if params.arguments is UNSET else bytes(params.arguments)
        _log.info("task %s of %s begins again here", task.id, task.tool)
        self._start(run, tool, None if raw == b"null" else raw, facts)

    # Living and leaving

    def _stay_alive(self) -> None:
        if self._store.lease and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        while self._runs:
            try:
                await self._store.renew(self._owner)
            except Overloaded as fault:
                _log.warning("this worker could not say that it lives: %s", fault.message)
            await asyncio.sleep(self._store.lease / RENEWALS)

    async def leave(self, seconds: float) -> None:
        """Take no more tasks, give those that run so long to finish, and hand over the rest."""
        self._leaving = True
        ends = [run.ended for run in self._runs.values()]
        if ends and seconds > 0:
            await asyncio.wait(ends, timeout=seconds)
        runs = tuple(self._runs.values())
        if runs:
            _log.info("%d tasks are handed over", len(runs))
        await asyncio.gather(*map(self._part, runs))
        if self._renewing is not None:
            self._renewing.cancel()

    async def _part(self, run: TaskRun) -> None:
        error = RpcError(INTERNAL_ERROR, f"Internal error: {LEFT}")
        try:
            async with asyncio.timeout(PARTING):
                await self._store.change(Release(run.task.id, self._owner, _error_object(error), LEFT))
        except (Overloaded, TimeoutError):
            _log.warning("task %s could not be handed over; it is taken when the lease is over", run.task.id)
        run.stop()


async def _run(tool: "Tool", raw: bytes | None, context: Context) -> bytes:
    """The function's outcome, whatever it is, in a task of its own."""
    made = tool.call(raw, context)
    return made if isinstance(made, bytes) else await made


def _facts_within(facts: Facts) -> Facts:
    """Within a task, progress is wanted and log messages are not (SEP-2663, Task Status Notifications)."""
    return replace(facts, progress_token=b"0", log_level=None)


def _answered(context: Context) -> dict[str, Input]:
    """The answers that the client gave before it was a task, for who begins again."""
    given: Mapping[str, tuple[bytes, bytes]] = context.answered()
    return {key: Input(digest, answer=raw) for key, (digest, raw) in given.items()}


def _failed(run: TaskRun, error: RpcError) -> Settle:
    run.finish()
    return Settle(run.task.id, run.owner, error=_error_object(error), message=error.message)


def _error_object(error: RpcError) -> bytes:
    members: dict[str, object] = {"code": error.code, "message": error.message}
    if error.data is not None:
        members["data"] = msgspec.Raw(error.data)
    return msgspec.json.encode(members)
