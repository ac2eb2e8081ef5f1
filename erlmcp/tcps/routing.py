"""Routing: from a signal to a bucket and a priority, by table. Pure."""

from collections.abc import Callable, Collection
from typing import Final, TypeVar

from erlmcp.tcps.commands import Bucket, CreateWorkOrder, Priority, PriorityWord, SignalType
from erlmcp.tcps.errors import Code, Refused, shown

__all__ = ["BUCKET_OF_LABEL", "PRIORITY_OF_LABEL", "PRIORITY_OF_WORD", "ROUTES", "priority_number", "route"]

T = TypeVar("T")

PRIORITY_OF_WORD: Final = {
    PriorityWord.CRITICAL: 10,
    PriorityWord.HIGH: 7,
    PriorityWord.MEDIUM: 5,
    PriorityWord.LOW: 3,
}
#: Signals whose bucket and priority are always the same.
ROUTES: Final = {
    SignalType.CVE: (Bucket.SECURITY, 10),
    SignalType.REFUND: (Bucket.RELIABILITY, 8),
    SignalType.INSTALL: (Bucket.FEATURES, 4),
}
#: The labels of a github_issue: the first of these that it has decides.
BUCKET_OF_LABEL: Final = {
    "security": Bucket.SECURITY,
    "bug": Bucket.RELIABILITY,
    "compliance": Bucket.COMPLIANCE,
    "refactor": Bucket.TECHNICAL_DEBT,
    "performance": Bucket.COST,
}
PRIORITY_OF_LABEL: Final = {"critical": 9, "high": 7, "medium": 5}


def route(command: CreateWorkOrder, default_priority: Callable[[Bucket], int]) -> tuple[Bucket, int]:
    """Where the order goes, and its priority. Raises Refused(invalid)."""
    if command.signal_type is SignalType.INTERNAL:
        bucket = command.bucket or Bucket.FEATURES
        asked = command.priority
        return bucket, default_priority(bucket) if asked is None else priority_number(asked)
    if command.bucket is not None or command.priority is not None:
        what = "bucket" if command.bucket is not None else "priority"
        raise Refused(
            Code.INVALID,
            f"a {what} cannot be asked for with signal_type {command.signal_type}: the signal decides",
            f"call work_order_create without {what}, or with signal_type internal",
        )
    if command.signal_type is SignalType.GITHUB_ISSUE:
        labels = {label.strip().lower() for label in command.labels}
        return _first(BUCKET_OF_LABEL, labels, Bucket.FEATURES), _first(PRIORITY_OF_LABEL, labels, 3)
    return ROUTES[command.signal_type]


def priority_number(priority: Priority) -> int:
    """1..10 of a number or a word. Raises Refused(invalid)."""
    number = PRIORITY_OF_WORD.get(priority, 0) if isinstance(priority, str) else priority
    if not 1 <= number <= 10:
        raise Refused(
            Code.INVALID,
            f"priority is {shown(priority)}, and must be from 1 to 10",
            "call again with a priority from 1 (lowest) to 10 (highest), or critical, high, medium or low",
        )
    return number


def _first(table: dict[str, T], labels: Collection[str], otherwise: T) -> T:
    return next((value for label, value in table.items() if label in labels), otherwise)
