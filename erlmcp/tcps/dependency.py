"""Dependencies between work orders: what makes a circle, and what is said of an order that waits. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from erlmcp.tcps.errors import Code, Refused, shown

__all__ = ["DEPENDENCIES", "DEPENDENTS", "WALKED", "Blocker", "circle", "circular", "why_blocked"]

DEPENDENCIES: Final = 50  # of one order
DEPENDENTS: Final = 200  # on one order: all change in the transaction that completes it
WALKED: Final = 10_000  # dependencies that are looked at for a circle: some 20 ms


class Blocker(Struct, frozen=True):
    """An order that another one depends on."""

    id: str
    status: str
    cancellation_reason: str | None = None


def circle(edges: Iterable[tuple[str, str]], start: str, end: str) -> list[str] | None:
    """How `start` depends on `end` by `edges` (order, depends on), from `start` to `end`; None if it does not."""
    depends: dict[str, list[str]] = {}
    for order, on in edges:
        depends.setdefault(order, []).append(on)
    came_from: dict[str, str] = {}
    waiting = [start]
    for order in waiting:
        if order == end:
            path = [order]
            while path[-1] != start:
                path.append(came_from[path[-1]])
            return path[::-1]
        for on in depends.get(order, ()):
            if on != start and on not in came_from:
                came_from[on] = order
                waiting.append(on)
    return None


def circular(order_id: str, path: Sequence[str]) -> Refused:
    """`order_id` cannot depend on the first of `path`, which leads back to it."""
    depends_on = path[0]
    return Refused(
        Code.CIRCULAR_DEPENDENCY,
        f"work order {order_id} cannot depend on {depends_on}: {' → '.join((order_id, *path))} is a circle",
        f"call work_order_remove_dependency for one of these, or leave {order_id} without {depends_on}",
    )


def why_blocked(blockers: Iterable[Blocker]) -> str | None:
    """What keeps an order blocked for good; None if its dependencies may still be completed."""
    gone = next((blocker for blocker in blockers if blocker.status == "cancelled"), None)
    if gone is None:
        return None
    reason = " ".join(shown(gone.cancellation_reason, 200).split())
    return f"work order {gone.id} was cancelled ({reason}): remove the dependency on it"
