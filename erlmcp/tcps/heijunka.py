"""Heijunka: the order in which the next batch is made, levelled over the buckets, and how level it is. Pure.

Each bucket comes sorted by priority, then age; one order of each bucket per round. So two of a bucket follow each other
only where no other has work left, which is stricter than the rule of at most two in a row.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean, pstdev
from typing import Final, TypeVar

from erlmcp.tcps.commands import Bucket

__all__ = ["ROUND", "rounds_after", "schedule", "score"]

T = TypeVar("T")

#: The order of the buckets in a round.
ROUND: Final = (
    Bucket.RELIABILITY,
    Bucket.SECURITY,
    Bucket.COST,
    Bucket.COMPLIANCE,
    Bucket.FEATURES,
    Bucket.TECHNICAL_DEBT,
)
_BATCHING, _UNIFORMITY, _PRIORITY = 0.5, 0.3, 0.2  # what each part of the score weighs


def rounds_after(last: Bucket | None) -> tuple[Bucket, ...]:
    """The buckets in the order of rounds that go on after `last`."""
    at = ROUND.index(last) + 1 if last is not None else 0
    return ROUND[at:] + ROUND[:at]


def schedule(waiting: Mapping[Bucket, Sequence[T]], last: Bucket | None, size: int) -> list[T]:
    """The next `size` of what waits. `last`: the bucket last pulled, after which the rounds go on."""
    buckets = rounds_after(last)
    longest = max((len(queue) for queue in waiting.values()), default=0)
    levelled = (queue[turn] for turn in range(longest) for b in buckets if turn < len(queue := waiting.get(b, ())))
    return [order for order, _ in zip(levelled, range(size), strict=False)]


def score(batch: Sequence[tuple[Bucket, int]]) -> float:
    """How level a batch of (bucket, priority) is, 0 to 1."""
    n = len(batch)
    if n <= 1:
        return 1.0
    buckets = [bucket for bucket, _ in batch]
    longest = max(len(list(run)) for _, run in groupby(buckets))
    counts = [*Counter(buckets).values()]
    variation = pstdev(counts) / fmean(counts)
    late = sum(priority * position / n for position, (_, priority) in enumerate(batch))
    return (
        _BATCHING * (1 - (longest - 1) / (n - 1))
        + _UNIFORMITY * (1 - min(variation / 2, 1))
        + _PRIORITY * (1 - late / sum(priority for _, priority in batch))
    )
