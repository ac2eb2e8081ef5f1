"""Work orders: what one is, the table of its states, and its deadline. Pure: no clock, no rows.

It knows nothing of slots: whether a bucket has room is the kanban table's to say.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from erlmcp.tcps.commands import (
    Bucket,
    Cancel,
    Command,
    Complete,
    CreateWorkOrder,
    Metadata,
    Pull,
    PullNext,
    Release,
    SignalType,
    StartWorkOrder,
    UpdateWorkOrder,
)
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.moments import moment

__all__ = [
    "TRANSITIONS",
    "Move",
    "Signal",
    "SlaState",
    "Status",
    "WorkOrder",
    "moved",
    "no_such_order",
    "sla_state",
    "updated",
]


class Status(StrEnum):
    """Where an order stands."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class SlaState(StrEnum):
    """How an order stands to its deadline."""

    ON_TIME = "on_time"
    WARNING = "warning"
    BREACHED = "breached"


class Signal(Struct, frozen=True):
    """What came in from outside, as it came."""

    type: SignalType
    source: str = ""
    description: str = ""
    labels: tuple[str, ...] = ()
    metadata: Metadata = {}


class WorkOrder(Struct, frozen=True):
    """What the line is asked to make. Times are RFC 3339 in UTC with milliseconds (`moments.stamp`).

    `sla` is said by views alone: it depends on when one looks, so it is in no receipt. None: no deadline, or cancelled.
    """

    id: str
    title: str
    description: str
    bucket: Bucket
    priority: int
    status: Status
    signal: Signal
    sla_deadline: str | None
    assignee: str | None
    version: int
    created_at: str
    started_at: str | None = None
    completed_at: str | None = None
    cancelled_at: str | None = None
    cancellation_reason: str | None = None
    metadata: Metadata = {}
    sla: SlaState | UnsetType | None = UNSET


_TABLE: Final[dict[tuple[Status | None, type[Command]], Status]] = {
    (None, CreateWorkOrder): Status.QUEUED,
    (Status.QUEUED, UpdateWorkOrder): Status.QUEUED,
    (Status.QUEUED, StartWorkOrder): Status.IN_PROGRESS,
    (Status.QUEUED, Pull): Status.IN_PROGRESS,
    (Status.QUEUED, PullNext): Status.IN_PROGRESS,
    (Status.QUEUED, Cancel): Status.CANCELLED,
    (Status.IN_PROGRESS, UpdateWorkOrder): Status.IN_PROGRESS,
    (Status.IN_PROGRESS, Release): Status.QUEUED,
    (Status.IN_PROGRESS, Complete): Status.COMPLETED,
    (Status.IN_PROGRESS, Cancel): Status.CANCELLED,
}
#: From (None: not there yet), by which command, to. What is not in it is refused as `invalid_transition`.
TRANSITIONS: Final[Mapping[tuple[Status | None, type[Command]], Status]] = MappingProxyType(_TABLE)

_DONE: Final = {
    UpdateWorkOrder: "updated",
    StartWorkOrder: "started",
    Complete: "completed",
    Release: "released",
    Cancel: "cancelled",
}
_NEXT: Final = {
    Status.QUEUED: "call work_order_start with its id to start it",
    Status.IN_PROGRESS: "call work_order_complete, work_order_release or work_order_cancel with its id",
    Status.COMPLETED: "nothing is left to do on it; call work_order_create for new work",
    Status.CANCELLED: "call work_order_create if the work is needed after all",
}

#: A deadline warns below this part of the time it gave.
_WARNING: Final = 4
Move = StartWorkOrder | Pull | PullNext | Complete | Release | Cancel


def moved(order: WorkOrder, command: Move, at: str) -> WorkOrder:
    """The order after a command that moves it. Raises Refused(invalid_transition)."""
    status = _status_after(order, command)
    version = order.version + 1
    match command:
        case StartWorkOrder() | Pull() | PullNext():
            assignee = order.assignee if command.assignee is None else command.assignee or None
            return replace(order, status=status, version=version, started_at=at, assignee=assignee)
        case Complete():
            return replace(order, status=status, version=version, completed_at=at)
        case Release():
            return replace(order, status=status, version=version, started_at=None, assignee=None)
        case Cancel():
            return replace(order, status=status, version=version, cancelled_at=at, cancellation_reason=command.reason)


def updated(order: WorkOrder, command: UpdateWorkOrder, priority: int | None) -> WorkOrder:
    """The order with what was given changed. Raises Refused(invalid_transition or conflict)."""
    status = _status_after(order, command)
    if command.version != order.version:
        raise Refused(
            Code.CONFLICT,
            f"work order {order.id} has version {order.version}, not {command.version}: someone changed it since",
            f"call work_order_get for {order.id}, then work_order_update with the version it shows",
        )
    return replace(
        order,
        status=status,
        version=order.version + 1,
        title=order.title if command.title is None else command.title,
        description=order.description if command.description is None else command.description,
        priority=order.priority if priority is None else priority,
        assignee=order.assignee if command.assignee is None else command.assignee or None,
    )


class Dated(Protocol):
    """What a deadline is judged by."""

    @property
    def status(self) -> Status: ...
    @property
    def sla_deadline(self) -> str | None: ...
    @property
    def created_at(self) -> str: ...
    @property
    def completed_at(self) -> str | None: ...


def sla_state(order: Dated, now: datetime) -> SlaState | None:
    """How the order stands to its deadline at `now`, or stood when it was completed."""
    if order.sla_deadline is None or order.status is Status.CANCELLED:
        return None
    deadline = moment(order.sla_deadline)
    if order.completed_at is not None:
        return SlaState.ON_TIME if moment(order.completed_at) <= deadline else SlaState.BREACHED
    left = deadline - now
    if left < timedelta(0):
        return SlaState.BREACHED
    return SlaState.WARNING if left * _WARNING < deadline - moment(order.created_at) else SlaState.ON_TIME


def no_such_order(order_id: str) -> Refused:
    """There is no work order of this id."""
    return Refused(
        Code.NOT_FOUND,
        f"there is no work order {shown(order_id)}",
        "call work_order_list to see the orders and their ids",
    )


def _status_after(order: WorkOrder, command: Move | UpdateWorkOrder) -> Status:
    after = TRANSITIONS.get((order.status, type(command)))
    if after is None:
        verb = _DONE.get(type(command), "started")
        raise Refused(
            Code.INVALID_TRANSITION,
            f"work order {order.id} is {order.status.replace('_', ' ')}: it cannot be {verb}",
            _NEXT[order.status],
        )
    return after
