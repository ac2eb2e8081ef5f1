"""A task as the wire has it: the members of `CreateTaskResult`, of a tasks/get result and of a `notifications/tasks`.

Pure (SEP-2663, Tasks). Members are bytes without braces, as docs/adr/0004 has it.
"""

from datetime import UTC, datetime

import msgspec

from erlmcp.mcp.inputs import encode_requests
from erlmcp.mcp.result import TaskCreated
from erlmcp.mcp.task import Task

__all__ = ["created_members", "detailed_members"]


def created_members(task: Task) -> TaskCreated:
    """What the call is answered with: how the task begins, and no more."""
    return TaskCreated(_common(task))


def detailed_members(task: Task) -> bytes:
    """The task with what belongs to its status: questions, result or error."""
    if task.status == "completed":
        return b'%b,"result":%b' % (_common(task), task.result)
    if task.status == "failed":
        return b'%b,"error":%b' % (_common(task), task.error)
    if task.status != "input_required":
        return _common(task)
    requests = encode_requests((key, each.method, each.params) for key, each in task.inputs.items() if each.pending)
    return b'%b,"inputRequests":%b' % (_common(task), requests)


def _common(task: Task) -> bytes:
    members: dict[str, object] = {"taskId": task.id, "status": task.status}
    if task.message is not None:
        members["statusMessage"] = task.message
    members["createdAt"] = _moment(task.created)
    members["lastUpdatedAt"] = _moment(task.updated)
    members["ttlMs"] = task.ttl
    members["pollIntervalMs"] = task.poll
    return msgspec.json.encode(members)[1:-1]


def _moment(milliseconds: int) -> str:
    """ISO 8601, in UTC, to the millisecond."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
