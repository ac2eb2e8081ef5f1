"""A roll under way: which processes wait for their successor, and what a roll can not change. The arbiter acts."""

from dataclasses import dataclass, field

from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.options import Address, Resolved
from erlmcp.node.policy import name_of
from erlmcp.node.processes import Worker

__all__ = ["Roll", "refuse_other_place"]


@dataclass(slots=True)
class Roll:
    """`before` is the configuration to go back to when a successor can not boot; `numbers`, who is still to be rolled.

    `line_leaves`: the old line process has been asked to leave, and its successor waits for that.
    """

    before: Resolved
    numbers: list[int]
    waiting_for: Worker | None = field(default=None)
    line_leaves: bool = False

    def next(self, alive: set[str]) -> int | None:
        """The next process to replace; one that has left meanwhile needs no successor. None: the roll is over."""
        while self.numbers:
            number = self.numbers.pop(0)
            if name_of(number) in alive:
                return number
        return None

    def put_back(self, number: int) -> None:
        """Every slot is taken by workers that still drain: try again when one has left."""
        self.numbers.insert(0, number)


def refuse_other_place(old: Resolved, fresh: Resolved, slots: int) -> None:
    """Refusal when the fresh configuration asks for what only a restart gives: another address or directory."""
    fixed = {
        "the address of [http]": (_place(old.http), _place(fresh.http)),
        "the address of [metrics]": (_place(old.metrics), _place(fresh.metrics)),
        "node.data_dir": (old.node.data_dir, fresh.node.data_dir),
    }
    for key, (was, wanted) in fixed.items():
        if was != wanted:
            raise Refusal(Exit.CONFIG, f"{key} changed from {was} to {wanted}: that needs a restart")
    if fresh.node.workers >= slots:
        raise Refusal(
            Exit.CONFIG,
            f"node.workers = {fresh.node.workers} needs a restart; without one, up to {slots - 1} are possible",
        )


def _place(address: Address | None) -> str:
    return f"{address.host}:{address.port}" if address else "nowhere"
