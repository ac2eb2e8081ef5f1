"""When the WAL is copied into the database: a pure decision from the size of the WAL file.

After a complete copy SQLite writes the WAL from its start again and, by `journal_size_limit`, cuts the file to the
target; so the size of the file says whether the last copy was complete, and nobody has to look into the WAL.
"""

from enum import Enum

__all__ = ["Step", "plan"]


class Step(Enum):
    """`PRAGMA wal_checkpoint`'s modes that we use."""

    NOTHING = ""
    PASSIVE = "PASSIVE"  # as much as readers allow, waiting for nobody
    TRUNCATE = "TRUNCATE"  # all of it, waiting for readers a moment, and the file is emptied


def plan(size: int, attempted: int, target: int, limit: int) -> tuple[Step, int]:
    """What to do about a WAL file of `size` bytes that had `attempted` bytes at the last attempt; the new `attempted`.

    A smaller file than then was written from its start again. Otherwise a reader holds it up, and it has to grow by a
    quarter of the target first, so that not every commit pays for a vain attempt. From half the limit on the readers
    are waited for.
    """
    if size < attempted:
        attempted = 0
    if size <= (attempted + target // 4 if attempted else target):
        return Step.NOTHING, attempted
    return (Step.PASSIVE if size <= limit // 2 else Step.TRUNCATE), size
