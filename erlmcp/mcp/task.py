"""A task: a tool call that goes on after it was answered; its states, and what may change it.

Pure, by the tasks extension (SEP-2663): `changed` takes a task, a change and the time, and gives the task after it. Who
keeps tasks and who runs them is not known here. Times are milliseconds of Unix time.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from erlmcp.mcp.facts import LOCAL

__all__ = [
    "ANSWERS_LIMIT",
    "CLOSED",
    "INPUT_LIMIT",
    "LOSSES",
    "TRANSITIONS",
    "Adopt",
    "Answer",
    "Ask",
    "Cancel",
    "Input",
    "Lose",
    "Posed",
    "Release",
    "Settle",
    "Status",
    "Task",
    "TaskChange",
    "TaskFault",
    "Tell",
    "Withdraw",
    "change_task",
    "key_of",
]

Status: TypeAlias = Literal["working", "input_required", "completed", "failed", "cancelled"]

CLOSED: Final[frozenset[Status]] = frozenset({"completed", "failed", "cancelled"})
OPEN: Final[frozenset[Status]] = frozenset({"working", "input_required"})
TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = {
    "working": OPEN | CLOSED,
    "input_required": OPEN | CLOSED,
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
"""From each status, those that may follow (SEP-2663, Task Status)."""

INPUT_LIMIT: Final = 256
"""Questions of one task over its life: their keys are never used again, so all of them are kept."""
ANSWERS_LIMIT: Final = 1024 * 1024
"""Bytes of all answers to one task."""
LOSSES: Final = 3
"""Workers that a task may lose before it fails: one that ends its worker each time must not end them all."""


class TaskFault(Exception):
    """A change that can not be made; `message` says why, for who asked for it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Input(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A question to the client, by its key."""

    digest: bytes
    """Tells one question from another; empty for one that no question is like any more."""
    method: str = ""
    params: bytes = b""
    """As in `InputRequest`; both are empty once nobody waits for the answer."""
    answer: bytes | None = None
    """The raw JSON of the answer."""

    @property
    def pending(self) -> bool:
        return bool(self.method)


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that is kept of a task."""

    id: str
    tool: str
    created: int
    updated: int
    ttl: int
    """Milliseconds from its creation; then it may be forgotten."""
    poll: int
    """Milliseconds that clients should leave between two looks."""
    principal: str = LOCAL
    owner: str = ""
    """The address of the process that runs it; empty: nobody does, and somebody should."""
    status: Status = "working"
    message: str | None = None
    inputs: dict[str, Input] = {}
    result: bytes = b""
    """What the call would have been answered with, a raw JSON object; only when completed."""
    error: bytes = b""
    """The JSON-RPC error, a raw JSON object; only when failed."""
    params: bytes = b""
    """The call's own, to begin again with another worker; empty where that would do something twice."""
    version: str = ""
    """The revision of the protocol that the call speaks."""
    losses: int = 0
    """Workers that died with it."""
    revision: int = 0
    """Grows with each change."""

    @property
    def open(self) -> bool:
        return self.status not in CLOSED

    @property
    def expires(self) -> int:
        return self.created + self.ttl

    @property
    def restartable(self) -> bool:
        return bool(self.params)


class Posed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A question as the function asks it."""

    digest: bytes
    method: str
    params: bytes


class _Change(msgspec.Struct, frozen=True, gc=False, tag=True):
    id: str


class _Own(_Change, frozen=True, gc=False):
    """By the process that runs it; of no effect when that is another one by now."""

    owner: str


class Ask(_Own, frozen=True, gc=False):
    """The function waits for its client."""

    questions: dict[str, Posed]
    rejected: tuple[str, ...] = ()
    """Keys whose answers were none: the same questions get new ones."""


class Withdraw(_Own, frozen=True, gc=False):
    """The function does not wait for these any more."""

    keys: tuple[str, ...]


class Tell(_Own, frozen=True, gc=False):
    """The function says how far it is."""

    message: str


class Settle(_Own, frozen=True, gc=False):
    """The function is done: one of `result` and `error` is there."""

    result: bytes = b""
    error: bytes = b""
    message: str | None = None


class Adopt(_Own, frozen=True, gc=False):
    """`owner` takes a task that nobody runs."""


class Release(_Own, frozen=True, gc=False):
    """The process that runs it leaves: another one begins again, or the task has failed."""

    error: bytes
    """For a task that can not begin again."""
    message: str


class Lose(Release, frozen=True, gc=False):
    """The process that ran it is gone, or nobody took it. As Release."""


class _Theirs(_Change, frozen=True, gc=False):
    """By the client; a task of another principal is not there."""

    principal: str


class Answer(_Theirs, frozen=True, gc=False):
    """Answers to some or all of the questions that are pending. Others are ignored."""

    answers: dict[str, bytes]


class Cancel(_Theirs, frozen=True, gc=False):
    """The client wants it no more."""


TaskChange: TypeAlias = Ask | Withdraw | Tell | Settle | Adopt | Release | Lose | Answer | Cancel


def key_of(inputs: Mapping[str, Input], key: str, digest: bytes) -> str:
    """The key that a question goes by on the wire: its own, unless another question had that one before it."""
    candidate, turn = key, 1
    while (found := inputs.get(candidate)) is not None and found.digest != digest:
        turn += 1
        candidate = f"{key}-{turn}"
    return candidate


def change_task(task: Task, change: TaskChange, now: int) -> Task:
    """The task after the change; the very same object where it has no effect. Raises TaskFault.

    A task that is closed stays as it is, whatever comes.
    """
    if not task.open or not _concerns(task, change):
        return task
    after = _EFFECTS[type(change)](task, change)
    if after is task:
        return task
    return replace(after, updated=max(now, task.updated), revision=task.revision + 1)


def _concerns(task: Task, change: TaskChange) -> bool:
    if isinstance(change, Adopt):
        return not task.owner
    return not isinstance(change, _Own) or change.owner == task.owner


def _with(task: Task, inputs: dict[str, Input]) -> Task:
    waits = any(each.pending for each in inputs.values())
    return replace(task, inputs=inputs, status="input_required" if waits else "working")


def _ask(task: Task, change: Ask) -> Task:
    inputs = dict(task.inputs)
    for key in change.rejected:
        inputs[key] = Input(b"")
    for key, asked in change.questions.items():
        name = key_of(inputs, key, asked.digest)
        if name not in inputs:
            inputs[name] = Input(asked.digest, asked.method, asked.params)
    if len(inputs) > INPUT_LIMIT:
        raise TaskFault(f"a task may ask {INPUT_LIMIT} questions in its life")
    return _with(task, inputs)


def _withdraw(task: Task, change: Withdraw) -> Task:
    kept = {key: Input(b"") if key in change.keys and each.pending else each for key, each in task.inputs.items()}
    return task if kept == task.inputs else _with(task, kept)


def _tell(task: Task, change: Tell) -> Task:
    return task if change.message == task.message else replace(task, message=change.message)


def _settle(task: Task, change: Settle) -> Task:
    status: Status = "failed" if change.error else "completed"
    return _close(replace(task, result=change.result, error=change.error), status, change.message)


def _cancel(task: Task, change: Cancel) -> Task:  # noqa: ARG001 - the seam of _EFFECTS
    return _close(task, "cancelled", None)


def _close(task: Task, status: Status, message: str | None) -> Task:
    """What it took to run is forgotten."""
    kept = message if message is not None else task.message
    return replace(task, status=status, message=kept, inputs={}, params=b"", owner="")


def _adopt(task: Task, change: Adopt) -> Task:
    return replace(task, owner=change.owner)


def _release(task: Task, change: Release) -> Task:
    if not task.restartable:
        return _close(replace(task, error=change.error), "failed", change.message)
    return replace(task, owner="")


def _lose(task: Task, change: Lose) -> Task:
    losses = task.losses + 1
    if not task.owner or losses >= LOSSES:
        task = replace(task, params=b"")
    return replace(_release(task, change), losses=losses)


def _answer(task: Task, change: Answer) -> Task:
    fitting = {key: raw for key, raw in change.answers.items() if key in task.inputs and task.inputs[key].pending}
    if not fitting:
        return task
    size = sum(len(each.answer or b"") for each in task.inputs.values()) + sum(map(len, fitting.values()))
    if size > ANSWERS_LIMIT:
        raise TaskFault(f"the answers to this task have {size} bytes; {ANSWERS_LIMIT} is the most")
    answered = {key: Input(task.inputs[key].digest, answer=raw) for key, raw in fitting.items()}
    return _with(task, task.inputs | answered)


_EFFECTS: Final[Mapping[type, Callable[[Task, Any], Task]]] = {
    Ask: _ask,
    Withdraw: _withdraw,
    Tell: _tell,
    Settle: _settle,
    Cancel: _cancel,
    Adopt: _adopt,
    Release: _release,
    Lose: _lose,
    Answer: _answer,
}
