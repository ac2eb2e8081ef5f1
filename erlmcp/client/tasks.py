"""The tasks extension (`io.modelcontextprotocol/tasks`): a call that goes on after its request, by its handle."""

import asyncio
import time
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw

from erlmcp.client.call import Call
from erlmcp.client.errors import InputNeeded, RpcError, TaskCancelled, TimedOut, ToolFailed
from erlmcp.client.results import Json, ToolResult, decode, tool_result
from erlmcp.client.session import Question, Session

__all__ = ["CAPABILITY", "TaskState", "ToolTask", "created"]

CAPABILITY: Final[Json] = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
USUAL: Final = 1.0  # seconds between two looks, where the server does not say
SOONEST, LATEST = 0.02, 60.0


class TaskState(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the server said of a task last. `result` is raw JSON, empty while there is none."""

    task_id: str
    status: Literal["working", "input_required", "completed", "failed", "cancelled"]
    status_message: str | None = None
    created_at: str | None = None
    last_updated_at: str | None = None
    ttl_ms: int | None = None
    poll_interval_ms: int | float | None = None
    input_requests: dict[str, Question] | None = None
    result: Raw = Raw(b"")
    error: Json | None = None

    @property
    def over(self) -> bool:
        return self.status in {"completed", "failed", "cancelled"}


class _Kind(msgspec.Struct, rename="camel"):
    result_type: str = "complete"


def created(raw: bytes) -> bool:
    """Whether a result of tools/call says that the call became a task."""
    return b'"task"' in raw and decode(raw, _Kind, "tools/call").result_type == "task"


class ToolTask:
    """The handle of a call that may have become a task; one that did not is over from the start."""

    def __init__(self, session: Session, tool: str, raw: bytes, call: Call) -> None:
        self.tool: Final = tool
        self.state: TaskState | None = decode(raw, TaskState, "tools/call") if created(raw) else None
        """None: the server answered at once, without a task."""
        self._session: Final = session
        self._call: Final = call
        self._raw = None if self.state is not None else raw
        self._answered: set[str] = set()

    @property
    def id(self) -> str | None:
        return self.state.task_id if self.state is not None else None

    @property
    def over(self) -> bool:
        return self.state is None or self.state.over

    async def refresh(self) -> TaskState | None:
        """Ask how it is (tasks/get)."""
        if self.state is not None and not self.state.over:
            raw = await self._ask("tasks/get", {}, repeatable=True)
            self.state = decode(raw, TaskState, "tasks/get")
        return self.state

    async def update(self, answers: dict[str, Any]) -> None:
        """Answer some of what the task asks, by key (tasks/update)."""
        await self._ask("tasks/update", {"inputResponses": answers}, repeatable=True)
        self._answered |= answers.keys()

    async def cancel(self) -> None:
        """Ask the server to stop it; harmless when it is over."""
        if self.state is not None:
            await self._ask("tasks/cancel", {}, repeatable=True)

    async def result(self, timeout: float | None = None, *, check: bool = True) -> ToolResult:
        """Wait until it is over, and answer what it asks meanwhile by the client's handlers.

        Raises ToolFailed (unless `check` is False), RpcError for a failed task, TaskCancelled, TimedOut after `timeout`
        seconds: the task goes on then.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.state is not None and not self.state.over:
            if self.state.status == "input_required":
                await self._answer(self.state)
            pause = _pause(self.state)
            if deadline is not None and time.monotonic() + pause > deadline:
                raise TimedOut(f"task {self.id} is not over after {timeout:g} s; it goes on")
            await asyncio.sleep(pause)
            await self.refresh()
        return self._outcome(check=check)

    async def _answer(self, state: TaskState) -> None:
        asked = {key: each for key, each in (state.input_requests or {}).items() if key not in self._answered}
        if asked:
            await self.update(await self._session.answers(asked))
        elif len(self._answered) > 1000:
            raise InputNeeded(f"task {self.id} asks without end")

    def _outcome(self, *, check: bool) -> ToolResult:
        state = self.state
        if state is not None and state.status == "cancelled":
            raise TaskCancelled(f"task {self.id} of tool {self.tool} was cancelled{_because(state)}")
        if state is not None and (state.status == "failed" or not bytes(state.result)):
            error = state.error or {}
            code, message = error.get("code"), error.get("message")
            raise RpcError(
                code if isinstance(code, int) else -32603,
                message if isinstance(message, str) else f"task {self.id} failed{_because(state)}",
                error.get("data"),
            )
        result = tool_result(bytes(state.result) if state is not None else self._raw or b"{}")
        if check and result.is_error:
            raise ToolFailed(self.tool, result)
        return result

    async def _ask(self, method: str, params: Json, *, repeatable: bool) -> bytes:
        call = Call(self._call.timeout, repeatable, meta=self._call.meta, capabilities=CAPABILITY)
        return await self._session.request(method, {"taskId": self.id, **params}, call)


def _pause(state: TaskState) -> float:
    asked = USUAL if state.poll_interval_ms is None else state.poll_interval_ms / 1000
    return min(max(asked, SOONEST), LATEST)


def _because(state: TaskState) -> str:
    return f": {state.status_message}" if state.status_message else ""
