"""Work orders: what one is, the table of its states, and its deadline. Pure: no clock, no rows.

It knows nothing of slots and of stops: whether a bucket has room and nothing stops the order, the statements say.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from erlmcp.tcps.commands import (
    AbortSku,
    AddDependency,
    Bucket,
    Cancel,
    Command,
    Complete,
    CreateWorkOrder,
    Metadata,
    Pull,
    PullNext,
    Release,
    RemoveDependency,
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
    "blocked",
    "moved",
    "no_such_order",
    "sla_state",
    "status_after",
    "updated",
    "waiting",
    "with_dependencies",
]


class Status(StrEnum):
    """Where an order stands."""

    QUEUED = "queued"
    BLOCKED = "blocked"
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

    `dependencies`: the orders it depends on; `blocked_by`: those of them that are not completed; `blocked_reason`: why
    they never will be. `sku_id`: the sku that is, or was last, made for it.
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
    dependencies: tuple[str, ...] = ()
    blocked_by: tuple[str, ...] = ()
    blocked_reason: str | None = None
    sku_id: str | None = None
    sla: SlaState | UnsetType | None = UNSET


_WAITING: Final = (Status.QUEUED, Status.BLOCKED)  # queued, or blocked while a dependency is not completed
_MADE: Final = (Status.IN_PROGRESS,)
_TABLE: Final[dict[tuple[Status | None, type[Command]], tuple[Status, ...]]] = {
    (None, CreateWorkOrder): _WAITING,
    (Status.QUEUED, UpdateWorkOrder): (Status.QUEUED,),
    (Status.QUEUED, AddDependency): _WAITING,
    (Status.QUEUED, RemoveDependency): (Status.QUEUED,),
    (Status.QUEUED, StartWorkOrder): _MADE,
    (Status.QUEUED, Pull): _MADE,
    (Status.QUEUED, PullNext): _MADE,
    (Status.QUEUED, AbortSku): (Status.QUEUED,),
    (Status.QUEUED, Cancel): (Status.CANCELLED,),
    (Status.BLOCKED, UpdateWorkOrder): (Status.BLOCKED,),
    (Status.BLOCKED, AddDependency): (Status.BLOCKED,),
    (Status.BLOCKED, RemoveDependency): _WAITING,
    (Status.BLOCKED, AbortSku): (Status.BLOCKED,),
    (Status.BLOCKED, Cancel): (Status.CANCELLED,),
    (Status.IN_PROGRESS, UpdateWorkOrder): _MADE,
    (Status.IN_PROGRESS, Release): (Status.QUEUED,),
    (Status.IN_PROGRESS, AbortSku): (Status.QUEUED,),
    (Status.IN_PROGRESS, Complete): (Status.COMPLETED,),
    (Status.IN_PROGRESS, Cancel): (Status.CANCELLED,),
    (Status.COMPLETED, AbortSku): (Status.COMPLETED,),
}
#: From (None: not there yet), by which command, to one of these. What is not in it is refused as `invalid_transition`.
TRANSITIONS: Final[Mapping[tuple[Status | None, type[Command]], tuple[Status, ...]]] = MappingProxyType(_TABLE)

_DONE: Final = {
    UpdateWorkOrder: "updated",
    StartWorkOrder: "started",
    Complete: "completed",
    Release: "released",
    Cancel: "cancelled",
    AddDependency: "made to depend on another one",
    RemoveDependency: "freed of a dependency",
}
_NEXT: Final = {
    Status.QUEUED: "call work_order_start with its id to start it",
    Status.BLOCKED: "complete the orders in its blocked_by, or call work_order_remove_dependency",
    Status.IN_PROGRESS: "call work_order_complete, work_order_release or work_order_cancel with its id",
    Status.COMPLETED: "nothing is left to do on it; call work_order_create for new work",
    Status.CANCELLED: "call work_order_create if the work is needed after all",
}

#: A deadline warns below this part of the time it gave.
_WARNING: Final = 4
_SHOWN: Final = 5  # dependencies that a refusal names
Move = Complete | Release | Cancel | AbortSku  # a start is decided by its statement, `start_work_order`


def moved(order: WorkOrder, command: Move, at: str) -> WorkOrder:
    """The order after a command that moves it. Raises Refused(invalid_transition, blocked_by_dependencies)."""
    status = status_after(order, command)
    version = order.version + 1
    match command:
        case Complete():
            return replace(order, status=status, version=version, completed_at=at)
        case Release():
            return replace(order, status=status, version=version, started_at=None, assignee=None)
        case AbortSku() if order.status is Status.IN_PROGRESS:
            return replace(order, status=status, version=version, started_at=None, assignee=None)
        case AbortSku():
            return order  # it waits, or is completed, with another sku or with none
        case Cancel():
            return replace(order, status=status, version=version, cancelled_at=at, cancellation_reason=command.reason)


def updated(order: WorkOrder, command: UpdateWorkOrder, priority: int | None) -> WorkOrder:
    """The order with what was given changed. Raises Refused(invalid_transition or conflict)."""
    status = status_after(order, command)
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


def waiting(blocked_by: tuple[str, ...]) -> Status:
    """How an order waits."""
    return Status.BLOCKED if blocked_by else Status.QUEUED


def with_dependencies(
    order: WorkOrder, dependencies: tuple[str, ...], blocked_by: tuple[str, ...], reason: str | None
) -> WorkOrder:
    """A waiting order with other dependencies, or others of them completed."""
    return replace(
        order,
        status=waiting(blocked_by),
        version=order.version + 1,
        dependencies=dependencies,
        blocked_by=blocked_by,
        blocked_reason=reason,
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


def blocked(order: WorkOrder) -> Refused:
    """It waits for others."""
    others = ", ".join(order.blocked_by[:_SHOWN]) + (", …" if len(order.blocked_by) > _SHOWN else "")
    why = f": {order.blocked_reason}" if order.blocked_reason else ""
    return Refused(
        Code.BLOCKED_BY_DEPENDENCIES,
        f"work order {order.id} is blocked by {others}{why}",
        "complete those first, or call work_order_remove_dependency; work_order_pull_next takes work that can start",
    )


def status_after(order: WorkOrder, command: Command) -> Status:
    """By the table; where it says two, the first. Raises Refused(invalid_transition, blocked_by_dependencies)."""
    after = TRANSITIONS.get((order.status, type(command)))
    if after is None:
        if order.status is Status.BLOCKED and isinstance(command, StartWorkOrder):
            raise blocked(order)
        verb = _DONE.get(type(command), "started")
        raise Refused(
            Code.INVALID_TRANSITION,
            f"work order {order.id} is {order.status.replace('_', ' ')}: it cannot be {verb}",
            _NEXT[order.status],
        )
    return after[0]
