"""The production line: work orders, kanban and receipts. It has never heard of HTTP, JSON-RPC or MCP.

Commands go to a `Line` (the `Coordinator`, or a `RemoteCoordinator` elsewhere); reads go to `Views`.
"""

from erlmcp.tcps.commands import (
    Ask,
    Bucket,
    Cancel,
    Command,
    Complete,
    CreateWorkOrder,
    Metadata,
    Priority,
    PriorityWord,
    Pull,
    PullNext,
    Release,
    SetLimit,
    SignalType,
    StartWorkOrder,
    UpdateWorkOrder,
)
from erlmcp.tcps.errors import Code, Refusal, Refused
from erlmcp.tcps.kanban import BucketStatus, Level
from erlmcp.tcps.line import Done, Line
from erlmcp.tcps.work_order import OPEN, TRANSITIONS, Signal, SlaState, Status, WorkOrder

__all__ = [
    "OPEN",
    "TRANSITIONS",
    "Ask",
    "Bucket",
    "BucketStatus",
    "Cancel",
    "Code",
    "Command",
    "Complete",
    "CreateWorkOrder",
    "Done",
    "Level",
    "Line",
    "Metadata",
    "Priority",
    "PriorityWord",
    "Pull",
    "PullNext",
    "Refusal",
    "Refused",
    "Release",
    "SetLimit",
    "Signal",
    "SignalType",
    "SlaState",
    "StartWorkOrder",
    "Status",
    "UpdateWorkOrder",
    "WorkOrder",
]
