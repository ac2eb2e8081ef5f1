"""Supervision the Erlang way, without a protocol: a pure plan, a shell of asyncio tasks, actors with bounded mailboxes.

`plan` is the module of the pure functions (`plan.new`, `plan.begin`, `plan.exited`, …). What needs an event loop loads
on first use (PEP 562), so that whoever supervises processes by the plan alone loads none.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from erlmcp.otp.actor import Actor, Down
    from erlmcp.otp.child import ChildSpec, Event, GaveUp, Ignore, Overloaded, Run, Shutdown, StartFailed
    from erlmcp.otp.inspect import Node, snapshot
    from erlmcp.otp.pool import Pool
    from erlmcp.otp.remote import Declined, RemoteOptions, Service, TooLarge
    from erlmcp.otp.remote_hub import Hub
    from erlmcp.otp.remote_link import Link
    from erlmcp.otp.supervisor import Supervisor

__all__ = [
    "Action",
    "Actor",
    "AutoShutdown",
    "Cause",
    "ChildError",
    "ChildSpec",
    "Closed",
    "Closing",
    "Declined",
    "Down",
    "Event",
    "GaveUp",
    "Hub",
    "Ignore",
    "Link",
    "Node",
    "Overloaded",
    "Policy",
    "Pool",
    "Ready",
    "Reason",
    "RemoteOptions",
    "Restart",
    "Run",
    "Service",
    "Shutdown",
    "Spec",
    "Start",
    "StartFailed",
    "Stop",
    "Strategy",
    "Supervisor",
    "TooLarge",
    "plan",
    "snapshot",
]

_SHELL = {
    "actor": ("Actor", "Down"),
    "child": ("ChildSpec", "Event", "GaveUp", "Ignore", "Overloaded", "Run", "Shutdown", "StartFailed"),
    "inspect": ("Node", "snapshot"),
    "pool": ("Pool",),
    "remote": ("Declined", "RemoteOptions", "Service", "TooLarge"),
    "remote_hub": ("Hub",),
    "remote_link": ("Link",),
    "supervisor": ("Supervisor",),
}
_HOME = {name: module for module, names in _SHELL.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'erlmcp.otp' has no attribute {name!r}")
    return getattr(import_module(f"erlmcp.otp.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
