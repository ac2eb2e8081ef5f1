"""The words of supervision: child and policy, why children exit and plans end, and what a shell is told to do.

Values only. The rules that connect them are in `erlmcp.otp.plan`.
"""

from enum import Enum

from msgspec import Struct


class Strategy(Enum):
    """Who restarts when one child dies: it alone, everyone, or it and those started after it."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class Restart(Enum):
    """When a child that exited is started again: always, after an abnormal exit, never."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class AutoShutdown(Enum):
    """When the end of significant children ends their supervisor (EEP-56)."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


class Reason(Enum):
    """Why a child is gone. NORMAL and SHUTDOWN are on purpose; IGNORED: it said, before it was ready, not to run."""

    NORMAL = "normal"
    SHUTDOWN = "shutdown"
    IGNORED = "ignored"
    CANCELLED = "cancelled"
    KILLED = "killed"
    CRASHED = "crashed"


class Cause(Enum):
    """Why a plan ends: told to; too many restarts; a child failed its first start; significant children ended."""

    SHUTDOWN = "shutdown"
    GAVE_UP = "gave_up"
    START_FAILED = "start_failed"
    AUTO_SHUTDOWN = "auto_shutdown"


class Spec(Struct, frozen=True):
    """One child. `shutdown`: seconds it may take to stop; None = as long as it takes, 0 = kill at once."""

    id: str
    restart: Restart = Restart.PERMANENT
    shutdown: float | None = 5.0
    significant: bool = False


class Policy(Struct, frozen=True):
    """How to supervise. The defaults are OTP's.

    More than `intensity` restarts within `period` seconds, counted over all children, and the plan gives up.
    `together` (one_for_one only): all children start at once and stop at once, except the first `foundation` of them:
    those start one by one, before the others, and stop after them.
    """

    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 1
    period: float = 5.0
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    together: bool = False
    foundation: int = 0


class Start(Struct, frozen=True):
    """Start the child, then report `started` or `exited`."""

    id: str


class Stop(Struct, frozen=True):
    """Ask the child to stop, kill it after `within` seconds (None: wait; 0: kill at once), then report `exited`."""

    id: str
    within: float | None


class Ready(Struct, frozen=True):
    """Every child had its first start. Said once."""


class Closing(Struct, frozen=True):
    """The plan ends, for this cause; the stops follow. `id` is the child that brought it about ("" for a shutdown)."""

    cause: Cause
    id: str = ""


class Closed(Struct, frozen=True):
    """Every child is down. The last action of a plan."""

    cause: Cause
    id: str = ""


Action = Start | Stop | Ready | Closing | Closed


class ChildError(Exception):
    """A command that cannot be obeyed. `reason`: not_found, running, restarting, already_present, already_started,
    supervisor_not_running."""

    def __init__(self, child_id: str, reason: str) -> None:
        super().__init__(f"child {child_id!r}: {reason.replace('_', ' ')}")
        self.id = child_id
        self.reason = reason
