"""What an operator may set about the line. A WIP limit only seeds a new store; `kanban_set_limit` changes it after."""

from typing import Annotated, cast

from msgspec import Meta, Struct

from erlmcp.tcps.commands import Bucket
from erlmcp.tcps.gate import SarifLevel, Thresholds
from erlmcp.tcps.kaizen import KaizenTargets
from erlmcp.tcps.kaizen_waste import KaizenLimits
from erlmcp.tcps.sku import Stage

__all__ = ["Options"]

Slots = Annotated[int, Meta(ge=1, le=10_000)]
Hours = Annotated[int, Meta(ge=0, le=87_600)]  # ten years; 0: no deadline
Percent = Annotated[int, Meta(ge=0, le=100)]
Minutes = Annotated[int, Meta(ge=1, le=525_600)]  # a year
Effort = Annotated[int, Meta(ge=1, le=10_000)]  # hours
Rank = Annotated[int, Meta(ge=1, le=10)]


class Options(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[tcps]`: per bucket how many orders may be in progress, the hours to its deadline, and the usual priority.

    Then the limits of the gates, the minutes that a sku may be idle in each stage, escalation, and
    what is kept how long.
    """

    wip_limit_security: Slots = 5
    wip_limit_reliability: Slots = 5
    wip_limit_cost: Slots = 5
    wip_limit_compliance: Slots = 5
    wip_limit_features: Slots = 10
    wip_limit_technical_debt: Slots = 5

    sla_hours_security: Hours = 24
    sla_hours_reliability: Hours = 168
    sla_hours_cost: Hours = 720
    sla_hours_compliance: Hours = 168
    sla_hours_features: Hours = 720
    sla_hours_technical_debt: Hours = 0

    priority_security: Rank = 8
    priority_reliability: Rank = 6
    priority_cost: Rank = 5
    priority_compliance: Rank = 6
    priority_features: Rank = 4
    priority_technical_debt: Rank = 3

    gate_pass_rate: Percent = 95
    gate_coverage: Percent = 80
    gate_security_level: SarifLevel = "warning"

    stage_minutes_shacl_validation: Minutes = 60
    stage_minutes_compilation: Minutes = 60
    stage_minutes_test_execution: Minutes = 60
    stage_minutes_security_scan: Minutes = 60
    stage_minutes_deterministic_build: Minutes = 60
    stage_minutes_quality_metrics: Minutes = 60
    stage_minutes_release_verification: Minutes = 60
    stage_minutes_smoke_test: Minutes = 60
    stage_minutes_marketplace_validation: Minutes = 60
    stage_minutes_publication: Minutes = 60

    escalation_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 180
    """An andon that nobody acknowledged escalates at this age, at twice and at three times it."""

    heijunka_batch: Annotated[int, Meta(ge=1, le=200)] = 10
    """Orders in a schedule that is asked for without a size."""

    idempotency_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    """How long an idempotency key is kept."""

    receipt_days: Annotated[int, Meta(ge=31, le=36_500)] = 365
    """Older receipts are pruned behind a signed checkpoint. No less than the longest that keys are kept."""

    checkpoint_hours: Annotated[int, Meta(ge=0, le=8_760)] = 24
    """The head of the chain is signed when the newest checkpoint is that old; 0: by maintenance alone."""

    checkpoint_key: str = ""
    """The file of the Ed25519 key that signs, made if it is not there; "": `checkpoint.key` in the data directory."""

    checkpoint_dir: str = ""
    """Every checkpoint is written into this directory as well; "": none, they are in the database."""

    tpm_daily: bool = True
    """The daily maintenance is done without being asked for."""

    tpm_backup_dir: str = ""
    """Where maintenance puts its backups; "": `backups` in the data directory."""

    tpm_backups: Annotated[int, Meta(ge=1, le=1_000)] = 4
    """How many of them are kept."""

    mailbox: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Commands that may wait; the next one is refused as Overloaded."""

    batch: Annotated[int, Meta(ge=1, le=10_000)] = 256
    """Commands that share one transaction at most: they wait for each other and for one fsync."""

    kaizen_lead_minutes: Minutes = 120
    """Targets: the mean time from creation to completion; and the seven that follow it."""
    kaizen_cycle_minutes: Minutes = 30
    kaizen_defect_percent: Percent = 1
    kaizen_rework_percent: Percent = 5
    kaizen_first_pass_percent: Percent = 95
    kaizen_skus_per_day: Annotated[int, Meta(ge=1, le=100_000)] = 10
    kaizen_improvement_percent: Percent = 5

    kaizen_compilation_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 300
    """A compilation is waste from there on; then the minutes from where on a stage is, and what the others cost."""
    kaizen_stage_minutes: Minutes = 60
    kaizen_flaky_test_minutes: Minutes = 15
    kaizen_intervention_minutes: Minutes = 60
    kaizen_same_cause_minutes: Minutes = 120
    kaizen_fix_cycle_minutes: Minutes = 120
    kaizen_proposal_minutes: Minutes = 60
    """So much waste of one kind in a week is worth a proposal; then the hours of each effort."""
    kaizen_effort_hours_low: Effort = 4
    kaizen_effort_hours_medium: Effort = 16
    kaizen_effort_hours_high: Effort = 40

    def wip_limit(self, bucket: Bucket) -> int:
        return cast(int, getattr(self, f"wip_limit_{bucket}"))

    def sla_hours(self, bucket: Bucket) -> int:
        """0: no deadline."""
        return cast(int, getattr(self, f"sla_hours_{bucket}"))

    def default_priority(self, bucket: Bucket) -> int:
        return cast(int, getattr(self, f"priority_{bucket}"))

    def thresholds(self) -> Thresholds:
        return Thresholds(self.gate_pass_rate, self.gate_coverage, self.gate_security_level)

    def stage_minutes(self, stage: Stage) -> int:
        return cast(int, getattr(self, f"stage_minutes_{stage}"))

    def kaizen_targets(self) -> KaizenTargets:
        return KaizenTargets(
            self.kaizen_lead_minutes,
            self.kaizen_cycle_minutes,
            self.kaizen_defect_percent,
            self.kaizen_rework_percent,
            self.kaizen_first_pass_percent,
            self.kaizen_skus_per_day,
            self.kaizen_improvement_percent,
        )

    def kaizen_limits(self) -> KaizenLimits:
        return KaizenLimits(
            self.kaizen_compilation_seconds,
            self.kaizen_stage_minutes,
            self.kaizen_flaky_test_minutes,
            self.kaizen_intervention_minutes,
            self.kaizen_same_cause_minutes,
            self.kaizen_fix_cycle_minutes,
            self.kaizen_proposal_minutes,
            self.kaizen_effort_hours_low,
            self.kaizen_effort_hours_medium,
            self.kaizen_effort_hours_high,
        )
