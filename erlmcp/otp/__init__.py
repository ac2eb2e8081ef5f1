"""Supervision the Erlang way, without a protocol: a pure plan, a shell of asyncio tasks, actors with bounded mailboxes.

`plan` is the module of the pure functions (`plan.new`, `plan.begin`, `plan.exited`, …). What needs an event loop loads on
first use (PEP 562), so that whoever supervises processes by the plan alone loads none.
"""

from erlmcp.otp import plan
from erlmcp.otp.spec import (
    Action,
    AutoShutdown,
    Cause,
    ChildError,
    Closed,
    Closing,
    Policy,
    Ready,
    Reason,
    Restart,
    Spec,
    Start,
    Stop,
    Strategy,
)

__all__ = [
    "Action",
    "AutoShutdown",
    "Cause",
    "ChildError",
    "Closed",
    "Closing",
    "Policy",
    "Ready",
    "Reason",
    "Restart",
    "Spec",
    "Start",
    "Stop",
    "Strategy",
    "plan",
]
