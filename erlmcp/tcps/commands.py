"""The vocabulary: what the line can be asked, one Struct per command, and the words they use.

Every door sends the same Struct. A command is what was asked, not yet admitted: `limits.admit` says whether it may be.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from erlmcp.tcps.figures import Evidence
from erlmcp.tcps.kaizen_waste import WasteKind

__all__ = [
    "AbortSku",
    "AcknowledgeAndon",
    "AddDependency",
    "AddWhy",
    "AdvanceSku",
    "AndonType",
    "ApplyKaizen",
    "Ask",
    "Bucket",
    "Cancel",
    "Command",
    "Complete",
    "CreateWorkOrder",
    "EscalateAndon",
    "File",
    "FinalizeRootCause",
    "Gate",
    "MeasureKaizen",
    "Metadata",
    "NoteBreach",
    "Priority",
    "PriorityWord",
    "ProposeKaizen",
    "PublishSku",
    "Pull",
    "PullAndon",
    "PullNext",
    "Release",
    "RemoveDependency",
    "ResolveAndon",
    "Role",
    "RunTpm",
    "SetLimit",
    "Severity",
    "SignalType",
    "StartRootCause",
    "StartWorkOrder",
    "SubmitGate",
    "TpmWindow",
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


class Gate(StrEnum):
    """The checks that end a sku's first eight stages."""

    # In the order in which they run. Schemas show the words sorted, so no schema shall speak of an order.
    SHACL_VALIDATION = "shacl_validation"
    COMPILATION = "compilation"
    TEST_EXECUTION = "test_execution"
    SECURITY_SCAN = "security_scan"
    DETERMINISTIC_BUILD = "deterministic_build"
    QUALITY_METRICS = "quality_metrics"
    RELEASE_VERIFICATION = "release_verification"
    SMOKE_TEST = "smoke_test"


class AndonType(StrEnum):
    """What an andon is about."""

    SHACL_VIOLATION = "shacl_violation"
    COMPILATION_FAILURE = "compilation_failure"
    TEST_FAILURE = "test_failure"
    NON_DETERMINISM = "non_determinism"
    MISSING_RECEIPT = "missing_receipt"
    SECURITY_VULNERABILITY = "security_vulnerability"
    QUALITY_GATE_FAILURE = "quality_gate_failure"
    SLA_BREACH = "sla_breach"
    MANUAL = "manual"


class Severity(StrEnum):
    """How bad it is, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class TpmWindow(StrEnum):
    """How often a maintenance is due."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


class Role(StrEnum):
    """Who may do what, the least first (`roles.LEAST`)."""

    READONLY = "readonly"
    OPERATOR = "operator"
    ADMIN = "admin"


Priority = int | PriorityWord  # 1..10, 10 highest
Metadata = dict[str, Any]  # a JSON object, kept and given back as it came; nobody inside looks into it


class _Command(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="command"):
    """The tag is the name of the command in receipts."""

    @property
    def name(self) -> str:
        return str(self.__struct_config__.tag)


class CreateWorkOrder(_Command, frozen=True, tag="work_order_create"):
    """Make a work order from a signal. `bucket` and `priority` may be asked for with an internal signal only.

    `dependencies`: the ids of orders that must be completed before it can start.
    """

    signal_type: SignalType
    title: str
    description: str = ""
    source: str = ""
    labels: tuple[str, ...] = ()
    bucket: Bucket | None = None
    priority: Priority | None = None
    assignee: str | None = None
    metadata: Metadata = {}
    dependencies: tuple[str, ...] = ()


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
    """Start the first order of the heijunka schedule that can start."""

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


class AddDependency(_Command, frozen=True, tag="work_order_add_dependency"):
    """It cannot start before `depends_on` is completed."""

    id: str
    depends_on: str


class RemoveDependency(_Command, frozen=True, tag="work_order_remove_dependency"):
    """It can start without `depends_on`."""

    id: str
    depends_on: str


class AdvanceSku(_Command, frozen=True, tag="sku_advance"):
    """Enter the next stage."""

    id: str


class PublishSku(_Command, frozen=True, tag="sku_publish"):
    """Publish what is completed and validated."""

    id: str


class AbortSku(_Command, frozen=True, tag="sku_abort"):
    """Give this one up; its order, if not completed, waits for another start."""

    id: str
    reason: str


class SubmitGate(_Command, frozen=True, tag="gate_submit"):
    """Have the gate of the sku's stage judged by evidence. Gate 6 takes none: it judges the sku's own receipts."""

    sku_id: str
    gate: Gate
    evidence: tuple[Evidence, ...] = ()


class PullAndon(_Command, frozen=True, tag="andon_pull"):
    """Stop the line for a work order. `severity=None`: the usual one of the type (`andon.SEVERITY`)."""

    work_order_id: str
    type: AndonType
    message: str
    severity: Severity | None = None


class AcknowledgeAndon(_Command, frozen=True, tag="andon_acknowledge"):
    """Somebody looks into it: `assignee`, or who asks."""

    id: str
    assignee: str | None = None


class ResolveAndon(_Command, frozen=True, tag="andon_resolve"):
    """It is understood, repaired and prevented. Critical and high ones need a finalized root cause first."""

    id: str
    root_cause: str
    fix_applied: str
    prevention_added: str


class StartRootCause(_Command, frozen=True, tag="root_cause_start"):
    """Begin the five whys of an andon."""

    andon_id: str
    problem: str


class AddWhy(_Command, frozen=True, tag="root_cause_add_why"):
    """The answer to why number `n`, 1 to 5: the next one, or an earlier one anew."""

    id: str
    n: int
    text: str


class FinalizeRootCause(_Command, frozen=True, tag="root_cause_finalize"):
    """All five whys are there; this is what they came to."""

    id: str
    root_cause: str
    prevention: str


class EscalateAndon(_Command, frozen=True, tag="andon_escalate"):
    """Nobody acknowledged it in time. No tool: the duty asks for it, once for each level."""

    id: str
    level: int


class NoteBreach(_Command, frozen=True, tag="sla_breach"):
    """A security order is overdue. No tool: the duty asks for it, once for each order."""

    work_order_id: str


class ProposeKaizen(_Command, frozen=True, tag="kaizen_propose"):
    """A waste is worth an improvement. No tool: the duty asks for it, with what it measured in [since, until).

    `waste`, `about`: as in `WasteKind` and `Waste`; `milliseconds` were lost in `count` times, as `receipts` prove.
    """

    waste: WasteKind
    about: str
    count: int
    milliseconds: int
    receipts: tuple[int, ...]
    since: str
    until: str


class ApplyKaizen(_Command, frozen=True, tag="kaizen_apply"):
    """A proposal was put into practice."""

    id: str


class MeasureKaizen(_Command, frozen=True, tag="kaizen_measure"):
    """What is left of a waste in [since, until), a week of an applied proposal. No tool: the duty asks for it."""

    id: str
    milliseconds: int
    receipts: tuple[int, ...]
    since: str
    until: str


class RunTpm(_Command, frozen=True, tag="tpm_run"):
    """Maintain the line itself. `force`: even if it was done in this window."""

    window: TpmWindow
    force: bool = False


Command = (
    CreateWorkOrder
    | UpdateWorkOrder
    | StartWorkOrder
    | Pull
    | PullNext
    | Complete
    | Release
    | Cancel
    | AddDependency
    | RemoveDependency
    | SetLimit
    | AdvanceSku
    | PublishSku
    | AbortSku
    | SubmitGate
    | PullAndon
    | AcknowledgeAndon
    | ResolveAndon
    | StartRootCause
    | AddWhy
    | FinalizeRootCause
    | EscalateAndon
    | NoteBreach
    | RunTpm
    | ProposeKaizen
    | ApplyKaizen
    | MeasureKaizen
)


class File(Struct, frozen=True):
    """A file of evidence, to be kept by its `digest` (SHA-256, hexadecimal)."""

    digest: str
    content: bytes


class Ask(Struct, frozen=True):
    """A command and who asks. `idempotency_key` is scoped to `actor` and `tool` (the name at the door it came by).

    `files`: what the command's evidence was read from, unless it is kept already. `role`: of the actor; a local caller
    is admin.
    """

    actor: str
    tool: str
    command: Command
    idempotency_key: str | None = None
    files: tuple[File, ...] = ()
    role: Role = Role.ADMIN
