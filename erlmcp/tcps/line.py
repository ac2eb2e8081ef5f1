"""The line as its callers see it, near or far: execute an Ask, and get Done or be Refused."""

from typing import Protocol

from msgspec import Struct

from erlmcp.tcps.commands import Ask
from erlmcp.tcps.kanban import BucketStatus
from erlmcp.tcps.work_order import WorkOrder

__all__ = ["Done", "Line"]


class Done(Struct, frozen=True, omit_defaults=True, tag_field="answer", tag="done"):
    """What a command came to: the object after it under its word, and the receipt that proves it."""

    receipt_seq: int
    work_order: WorkOrder | None = None
    kanban: BucketStatus | None = None


class Line(Protocol):
    """Who executes commands: the Coordinator itself, or the RemoteCoordinator."""

    async def execute(self, ask: Ask, timeout: float = 10.0) -> Done:
        """Execute a command; when this returns, it is durable.

        Raises Refused (nothing was changed), otp.Overloaded (not even tried), otp.Down and TimeoutError (the outcome is
        unknown: ask again with the same idempotency key). `timeout` in seconds.
        """
