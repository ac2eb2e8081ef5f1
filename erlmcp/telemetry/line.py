"""The production line as the scrape sees it: what its read-only views show at that moment. Nothing is counted here.

So the figures are the database's own: the same from whichever worker answers, and after every restart.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from msgspec import Struct

from erlmcp.tcps import BucketStatus, Ok, Views

__all__ = ["LOOKED_AT", "AskLine", "LineFacts", "line_facts"]

LOOKED_AT: Final = 500  # receipts verified at a scrape: a few milliseconds, however long the chain is


class LineFacts(Struct, frozen=True):
    """`receipts`: how many there are; `chain_valid`: whether the newest LOOKED_AT of them are whole."""

    buckets: tuple[BucketStatus, ...]
    receipts: int
    chain_valid: bool


AskLine: TypeAlias = Callable[[], Awaitable[LineFacts | None]]
"""Says None while the line can not be read."""


async def line_facts(views: Views) -> LineFacts:
    """Ask the views. Raises what they raise when the store can not be read."""
    buckets = await views.kanban()
    head = await views.head()
    verdict = await views.verify(max(1, head.seq - LOOKED_AT + 1), head.seq)
    return LineFacts(tuple(buckets), head.seq, isinstance(verdict, Ok))
