"""Skus: what is being made for a work order, the stages it walks, and the table of its states. Pure: no clock, no rows.

It does not know what a gate looks at, nor whether a stop is open: the statements `save_sku` and `start_work_order` do.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from erlmcp.tcps.commands import (
    AbortSku,
    AdvanceSku,
    Cancel,
    Command,
    Complete,
    Gate,
    PublishSku,
    Pull,
    PullNext,
    StartWorkOrder,
    SubmitGate,
)
from erlmcp.tcps.errors import Code, Refused, shown

__all__ = [
    "GATE_OF",
    "SKU_TRANSITIONS",
    "STAGES",
    "Record",
    "Sku",
    "SkuStatus",
    "Stage",
    "Verdict",
    "no_such_sku",
    "stage_after",
    "status_after",
]


class Stage(StrEnum):
    """Where a sku is: the eight gates, then two more."""

    SHACL_VALIDATION = "shacl_validation"
    COMPILATION = "compilation"
    TEST_EXECUTION = "test_execution"
    SECURITY_SCAN = "security_scan"
    DETERMINISTIC_BUILD = "deterministic_build"
    QUALITY_METRICS = "quality_metrics"
    RELEASE_VERIFICATION = "release_verification"
    SMOKE_TEST = "smoke_test"
    MARKETPLACE_VALIDATION = "marketplace_validation"
    PUBLICATION = "publication"


class SkuStatus(StrEnum):
    """What became of it."""

    IN_PRODUCTION = "in_production"
    COMPLETED = "completed"
    PUBLISHED = "published"
    ABORTED = "aborted"


class Verdict(StrEnum):
    """What a gate says. `not_run`: it was given nothing to judge."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


class Record(Struct, frozen=True):
    """One thing that happened to a sku. `verdict` if a gate judged it, `reason` if somebody gave one."""

    stage: Stage
    at: str
    verdict: Verdict | None
    reason: str | None
    receipt_id: str


class Sku(Struct, frozen=True):
    """What is made. `entered_at`: when it entered its stage; `moved_at`: when anything last happened to it.

    `history` is said by views alone, the oldest first: every entry of it is a receipt already.
    """

    id: str
    work_order_id: str
    stage: Stage
    status: SkuStatus
    created_at: str
    entered_at: str
    moved_at: str
    history: tuple[Record, ...] | UnsetType = UNSET


STAGES: Final = tuple(Stage)
#: The gate that ends a stage; the last two have none.
GATE_OF: Final[Mapping[Stage, Gate]] = MappingProxyType({Stage(gate): gate for gate in Gate})

_MAKING: Final = SkuStatus.IN_PRODUCTION
_TABLE: Final[dict[tuple[SkuStatus | None, type[Command]], SkuStatus]] = {
    (None, StartWorkOrder): _MAKING,
    (None, Pull): _MAKING,
    (None, PullNext): _MAKING,
    (_MAKING, SubmitGate): _MAKING,
    (_MAKING, AdvanceSku): _MAKING,
    (_MAKING, Complete): SkuStatus.COMPLETED,
    (_MAKING, AbortSku): SkuStatus.ABORTED,
    (_MAKING, Cancel): SkuStatus.ABORTED,
    (SkuStatus.COMPLETED, AdvanceSku): SkuStatus.COMPLETED,  # from smoke_test, where its order may be completed
    (SkuStatus.COMPLETED, PublishSku): SkuStatus.PUBLISHED,
    (SkuStatus.COMPLETED, AbortSku): SkuStatus.ABORTED,
}
#: From (None: not there yet), by which command, to. What is not in it is refused as `invalid_transition`.
SKU_TRANSITIONS: Final[Mapping[tuple[SkuStatus | None, type[Command]], SkuStatus]] = MappingProxyType(_TABLE)

_DONE: Final = {
    SubmitGate: "judged",
    AdvanceSku: "advanced",
    Complete: "completed",
    PublishSku: "published",
    AbortSku: "aborted",
}
_NEXT: Final = {
    SkuStatus.IN_PRODUCTION: "call gate_status with its id to see what is left, and work_order_complete at the end",
    SkuStatus.COMPLETED: "call sku_advance to enter marketplace_validation, then sku_publish",
    SkuStatus.PUBLISHED: "nothing is left to do on it; call work_order_create for new work",
    SkuStatus.ABORTED: "call work_order_start with the id of its work order: that opens another sku",
}


def status_after(sku: Sku, command: Command) -> SkuStatus:
    """By the table. Raises Refused(invalid_transition)."""
    after = SKU_TRANSITIONS.get((sku.status, type(command)))
    if after is None:
        raise Refused(
            Code.INVALID_TRANSITION,
            f"sku {sku.id} is {sku.status.replace('_', ' ')}: it cannot be {_DONE.get(type(command), 'moved')}",
            _NEXT[sku.status],
        )
    return after


def stage_after(sku: Sku) -> Stage:
    """The stage that `sku_advance` enters. Raises Refused(invalid_transition): publication is entered otherwise."""
    if sku.stage in {Stage.MARKETPLACE_VALIDATION, Stage.PUBLICATION}:
        completed = sku.status is SkuStatus.COMPLETED
        first = "call" if completed else "call work_order_complete with the id of its work order, then"
        raise Refused(
            Code.INVALID_TRANSITION,
            f"sku {sku.id} is in {sku.stage}: it cannot be advanced",
            f"{first} sku_publish, which needs the role admin",
        )
    if sku.status is SkuStatus.COMPLETED and sku.stage is not Stage.SMOKE_TEST:
        raise Refused(
            Code.INVALID_TRANSITION, f"sku {sku.id} is completed in {sku.stage}: it cannot be advanced", _NEXT[_MAKING]
        )
    return STAGES[STAGES.index(sku.stage) + 1]


def no_such_sku(sku_id: str) -> Refused:
    """There is no sku of this id."""
    return Refused(
        Code.NOT_FOUND,
        f"there is no sku {shown(sku_id)}",
        "call work_order_list to see the orders and their sku_id; a sku is opened when its order starts",
    )
