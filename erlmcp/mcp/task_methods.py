"""The methods of the tasks extension (SEP-2663): look at a task, answer what it asks, cancel it; and what is told.

Any process answers for any task of the node. A task of somebody else is answered for as one that is not there.
"""

from typing import Final

import msgspec

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.app import App
from erlmcp.mcp.asides import Asides
from erlmcp.mcp.backplane import Backplane
from erlmcp.mcp.call import Members, Perform
from erlmcp.mcp.capabilities import TASKS, require
from erlmcp.mcp.changes import Change
from erlmcp.mcp.context import Context
from erlmcp.mcp.errors import shorten
from erlmcp.mcp.identity import Server
from erlmcp.mcp.task import Answer, Cancel, Task, TaskFault
from erlmcp.mcp.task_store import TASK_TOPIC, read_signal
from erlmcp.mcp.task_wire import detailed_members
from erlmcp.mcp.threads import Overloaded
from erlmcp.mcp.types import TaskParams, UpdateTaskParams

__all__ = [
    "TASK_NEWS",
    "TASK_SETTINGS",
    "TaskNews",
    "cancel_task",
    "get_task",
    "has_tasks",
    "known_tasks",
    "knows_tasks",
    "update_task",
]

TASK_SETTINGS: Final[dict[str, dict[str, object]]] = {TASKS: {}}
"""The extension. It has no settings."""
TASK_NEWS: Final = "notifications/tasks"


def has_tasks(app: App) -> bool:
    return any(tool.task is not None for tool in app.tools)


def get_task(server: Server) -> Perform:
    store = server.backplane.tasks

    async def look(id_: str, principal: str) -> bytes:
        task = await store.get(id_)
        if task is None or task.principal != principal:
            raise _unknown(id_)
        return detailed_members(task)

    def perform(params: TaskParams, context: Context) -> Members:
        require(context.capabilities, (TASKS,))
        return look(params.task_id, context.principal)

    return perform


def update_task(server: Server) -> Perform:
    store = server.backplane.tasks

    async def answer(id_: str, principal: str, answers: dict[str, bytes]) -> bytes:
        try:
            task = await store.change(Answer(id_, principal, answers))
        except TaskFault as fault:
            raise RpcError(INVALID_PARAMS, f"Invalid params: {fault.message}") from None
        if task is None:
            raise _unknown(id_)
        return b""

    def perform(params: UpdateTaskParams, context: Context) -> Members:
        require(context.capabilities, (TASKS,))
        answers = {key: bytes(raw) for key, raw in params.input_responses.items()}
        for key, raw in answers.items():
            if not raw.startswith(b"{"):
                raise RpcError(INVALID_PARAMS, f"Invalid params: inputResponses.{shorten(key)} must be an object")
        return answer(params.task_id, context.principal, answers)

    return perform


def cancel_task(server: Server) -> Perform:
    store = server.backplane.tasks

    async def cancel(id_: str, principal: str) -> bytes:
        if await store.change(Cancel(id_, principal)) is None:
            raise _unknown(id_)
        return b""

    def perform(params: TaskParams, context: Context) -> Members:
        require(context.capabilities, (TASKS,))
        return cancel(params.task_id, context.principal)

    return perform


def _unknown(id_: str) -> RpcError:
    return RpcError(
        INVALID_PARAMS, f"there is no task {shorten(id_)}, or no more", msgspec.json.encode({"taskId": id_})
    )


def knows_tasks(server: Server, context: Context, ids: list[str]) -> list[str]:  # noqa: ARG001 - as listen has it
    """All of them. Raises RpcError (-32021) for a client that knows no tasks."""
    require(context.capabilities, (TASKS,))
    return ids


async def known_tasks(server: Server, context: Context, ids: list[str]) -> list[str]:
    """Those of the tasks that this client may listen for."""
    tasks = [await server.backplane.tasks.get(id_) for id_ in ids]
    return [task.id for task in tasks if task is not None and task.principal == context.principal]


class TaskNews:
    """Tells those who listen in this process how a task is, whenever that has changed. One for each process."""

    def __init__(self, backplane: Backplane) -> None:
        self._store = backplane.tasks
        self._changes = backplane.changes
        self._asides = Asides()
        backplane.bus.subscribe(TASK_TOPIC, self._hear)
        backplane.changes.when_missed(TASK_NEWS, self._anew)

    def show(self, id_: str) -> None:
        """Tell how it is now."""
        self._asides.begin(self._tell(id_))

    def _hear(self, payload: bytes) -> None:
        told = read_signal(payload)
        if self._changes.wanted(TASK_NEWS, told.id):
            self.show(told.id)

    def _anew(self, id_: str) -> Change | None:
        self.show(id_)
        return None

    async def _tell(self, id_: str) -> None:
        try:
            task: Task | None = await self._store.get(id_)
        except Overloaded:  # the client looks for itself
            return
        if task is not None:
            self._changes.here(Change(TASK_NEWS, id_, detailed_members(task)))
