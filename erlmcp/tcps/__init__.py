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
from erlmcp.tcps.coordinator import Coordinator
from erlmcp.tcps.duties import Duties, expire_keys
from erlmcp.tcps.errors import Code, Refusal, Refused
from erlmcp.tcps.ids import Ids
from erlmcp.tcps.kanban import BucketStatus, Level
from erlmcp.tcps.line import Done, Line
from erlmcp.tcps.options import Options
from erlmcp.tcps.receipt import NO_RECEIPT, Broken, Fault, Head, Ok, Receipt, verify
from erlmcp.tcps.remote import SERVICE, RemoteCoordinator, service
from erlmcp.tcps.schema import schema
from erlmcp.tcps.views import MAX_LIMIT, Board, Card, Filter, ReceiptPage, Views, WorkOrderPage
from erlmcp.tcps.work_order import TRANSITIONS, Signal, SlaState, Status, WorkOrder

__all__ = [
    "MAX_LIMIT",
    "NO_RECEIPT",
    "SERVICE",
    "TRANSITIONS",
    "Ask",
    "Board",
    "Broken",
    "Bucket",
    "BucketStatus",
    "Cancel",
    "Card",
    "Code",
    "Command",
    "Complete",
    "Coordinator",
    "CreateWorkOrder",
    "Done",
    "Duties",
    "Fault",
    "Filter",
    "Head",
    "Ids",
    "Level",
    "Line",
    "Metadata",
    "Ok",
    "Options",
    "Priority",
    "PriorityWord",
    "Pull",
    "PullNext",
    "Receipt",
    "ReceiptPage",
    "Refusal",
    "Refused",
    "Release",
    "RemoteCoordinator",
    "SetLimit",
    "Signal",
    "SignalType",
    "SlaState",
    "StartWorkOrder",
    "Status",
    "UpdateWorkOrder",
    "Views",
    "WorkOrder",
    "WorkOrderPage",
    "expire_keys",
    "schema",
    "service",
    "verify",
]
