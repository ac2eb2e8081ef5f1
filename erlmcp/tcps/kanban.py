"""Kanban: what the counters of a bucket say about it, and what a full bucket answers. Pure.

The limit itself is held by the guard in the statement `count_start` (sql/commands.sql), never by a decision in here.
"""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from erlmcp.tcps.commands import Bucket
from erlmcp.tcps.errors import Code, Refused

__all__ = ["BucketStatus", "Counters", "Level", "all_full", "full", "status"]

BOTTLENECK, ALERT, CRITICAL = 80, 90, 100  # per cent of the slots


class Level(StrEnum):
    """How much room is left: bottleneck above 80 %, alert from 90 %, critical at 100 %."""

    NORMAL = "normal"
    BOTTLENECK = "bottleneck"
    ALERT = "alert"
    CRITICAL = "critical"


class Counters(Struct, frozen=True):
    """The row of a bucket. `wip`: orders in progress."""

    bucket: Bucket
    wip_limit: int
    queued: int
    wip: int
    completed: int
    cancelled: int
    blocked: int = 0


class BucketStatus(Struct, frozen=True):
    """A bucket for people: `utilization` in per cent, rounded down; `configured_limit` only seeded a new store."""

    bucket: Bucket
    current: int
    limit: int
    available: int
    utilization: int
    level: Level
    queued: int
    completed: int
    cancelled: int
    configured_limit: int
    blocked: int = 0


def status(counters: Counters, configured_limit: int) -> BucketStatus:
    """What the counters of a bucket say."""
    return BucketStatus(
        bucket=counters.bucket,
        current=counters.wip,
        limit=counters.wip_limit,
        available=counters.wip_limit - counters.wip,
        utilization=counters.wip * 100 // counters.wip_limit,
        level=_level(counters.wip, counters.wip_limit),
        queued=counters.queued,
        completed=counters.completed,
        cancelled=counters.cancelled,
        configured_limit=configured_limit,
        blocked=counters.blocked,
    )


def full(counters: Counters) -> Refused:
    """This bucket has no free slot."""
    bucket, limit = counters.bucket, counters.wip_limit
    return Refused(
        Code.WIP_LIMIT,
        f"bucket {bucket} has {counters.wip} of {limit} work orders in progress: no slot is free",
        f"call work_order_list with bucket {bucket} and status in_progress, and work_order_complete, work_order_release"
        " or work_order_cancel one of those; or call work_order_pull_next to take work from another bucket",
    )


def all_full(waiting: Sequence[Bucket]) -> Refused:
    """None of the buckets in which work waits has a free slot."""
    return Refused(
        Code.WIP_LIMIT,
        f"work is queued in {', '.join(waiting)} only, and no slot is free there",
        "call work_order_list with status in_progress, and work_order_complete, work_order_release or work_order_cancel"
        " an order of such a bucket",
    )


def _level(wip: int, limit: int) -> Level:
    if wip * 100 >= limit * CRITICAL:
        return Level.CRITICAL
    if wip * 100 >= limit * ALERT:
        return Level.ALERT
    return Level.BOTTLENECK if wip * 100 > limit * BOTTLENECK else Level.NORMAL
