"""The vocabulary: what the line can be asked, one Struct per command, and the words they use.

Every door sends the same Struct. A command is what was asked, not yet admitted: `limits.admit` says whether it may be.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct

__all__ = [
    "Ask",
    "Bucket",
    "Cancel",
    "Command",
    "Complete",
    "CreateWorkOrder",
    "Metadata",
    "Priority",
    "PriorityWord",
    "Pull",
    "PullNext",
    "Release",
    "SetLimit",
    "SignalType",
    "StartWorkOrder",
    "UpdateWorkOrder",
]


class Bucket(StrEnum):
    """The category of a work order: these six, everywhere."""

    SECURITY = "security"
    RELIABILITY = "reliability"
    COST = "cost"
    COMPLIANCE = "compliance"
    FEATURES = "features"
    TECHNICAL_DEBT = "technical_debt"


class SignalType(StrEnum):
    """The outside event that justifies work."""

    CVE = "cve"
    GITHUB_ISSUE = "github_issue"
    REFUND = "refund"
    INSTALL = "install"
    INTERNAL = "internal"


class PriorityWord(StrEnum):
    """The words accepted for a priority; `routing.PRIORITY_OF_WORD` has their numbers."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


Priority = int | PriorityWord  # 1..10, 10 highest
Metadata = dict[str, Any]  # a JSON object, kept and given back as it came; nobody inside looks into it


class _Command(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="command"):
    """The tag is the name of the command in receipts."""

    @property
    def name(self) -> str:
        return str(self.__struct_config__.tag)


class CreateWorkOrder(_Command, frozen=True, tag="work_order_create"):
    """Make a work order from a signal. `bucket` and `priority` may be asked for with an internal signal only."""

    signal_type: SignalType
    title: str
    description: str = ""
    source: str = ""
    labels: tuple[str, ...] = ()
    bucket: Bucket | None = None
    priority: Priority | None = None
    assignee: str | None = None
    metadata: Metadata = {}


class UpdateWorkOrder(_Command, frozen=True, tag="work_order_update"):
    """Change what is given, None leaves as it is; `version` is the one that was read. `assignee=""`: nobody."""

    id: str
    version: int
    title: str | None = None
    description: str | None = None
    priority: Priority | None = None
    assignee: str | None = None


class StartWorkOrder(_Command, frozen=True, tag="work_order_start"):
    """Start this one. `assignee=None` leaves the one it has."""

    id: str
    assignee: str | None = None


class Pull(_Command, frozen=True, tag="work_order_pull"):
    """Start the first order that waits in a bucket."""

    bucket: Bucket
    assignee: str | None = None


class PullNext(_Command, frozen=True, tag="work_order_pull_next"):
    """Start the first order that waits in any bucket with a free slot."""

    assignee: str | None = None


class Complete(_Command, frozen=True, tag="work_order_complete"):
    """It is made."""

    id: str


class Release(_Command, frozen=True, tag="work_order_release"):
    """Put it back into the queue and free its slot."""

    id: str
    reason: str


class Cancel(_Command, frozen=True, tag="work_order_cancel"):
    """It is not to be made any more."""

    id: str
    reason: str


class SetLimit(_Command, frozen=True, tag="kanban_set_limit"):
    """How many orders of a bucket may be in progress at once."""

    bucket: Bucket
    limit: int


Command = CreateWorkOrder | UpdateWorkOrder | StartWorkOrder | Pull | PullNext | Complete | Release | Cancel | SetLimit


class Ask(Struct, frozen=True):
    """A command and who asks. `idempotency_key` is scoped to `actor` and `tool` (the name at the door it came by)."""

    actor: str
    tool: str
    command: Command
    idempotency_key: str | None = None
