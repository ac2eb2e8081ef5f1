"""Live updates: each receipt that the line commits tells the clients of this process which resources to read again.

Every process hears every receipt, so each tells its own listeners only. What was missed while the line process was
away needs nothing here: whoever listens is told to read again when it is back.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from erlmcp import App
from erlmcp.tcps import Bucket

__all__ = ["Facts", "Live", "touched"]

Facts = Callable[[Callable[[bytes], None]], None]
"""Has a function called with each receipt as JSON, after its commit, in the order of the chain, on the loop."""

GATHER: Final = 0.05
"""Seconds from a receipt to what is told of it; all that comes meanwhile is told once. A person sees no delay, and a
line at full speed, thousands of receipts a second, tells whoever watches the board of twenty changes a second."""


class _Named(Struct, frozen=True):
    id: str
    bucket: Bucket | None = None


class _OfBucket(Struct, frozen=True):
    bucket: Bucket


class _Outputs(Struct, frozen=True):
    work_order: _Named | None = None
    kanban: _OfBucket | None = None
    andon: _Named | None = None
    dependents: tuple[_Named, ...] = ()


class _Payload(Struct, frozen=True):
    outputs: _Outputs = _Outputs()


class _Fact(Struct, frozen=True):
    """What of a receipt says which resources it touches."""

    seq: int
    work_order_id: str | None
    sku_id: str | None
    payload: _Payload


_decode: Final = msgspec.json.Decoder(_Fact).decode


def touched(receipt: bytes) -> Iterator[str]:
    """The URIs of the resources that say something else now. Twice is once too often, and no harm."""
    fact = _decode(receipt)
    outputs = fact.payload.outputs
    yield "tcps://board"
    yield f"tcps://receipts/{fact.seq}"
    if fact.work_order_id is not None:
        yield f"tcps://work-orders/{fact.work_order_id}"
    if fact.sku_id is not None:
        yield f"tcps://skus/{fact.sku_id}"
    for other in outputs.dependents:
        yield f"tcps://work-orders/{other.id}"
    if outputs.andon is not None:
        yield f"tcps://andons/{outputs.andon.id}"
    for bucket in _buckets(outputs):
        yield f"tcps://kanban/{bucket}"


def _buckets(outputs: _Outputs) -> Iterator[Bucket]:
    if outputs.dependents:  # they were freed or blocked, and do not say in which buckets
        yield from Bucket
    elif outputs.work_order is not None and outputs.work_order.bucket is not None:
        yield outputs.work_order.bucket
    elif outputs.kanban is not None:
        yield outputs.kanban.bucket


class Live:
    """Hears receipts, and tells the clients of `app` in this process."""

    def __init__(self, app: App) -> None:
        self._app: Final = app
        self._waiting: dict[str, None] = {}

    def hear(self, receipt: bytes) -> None:
        """On the loop's thread."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(GATHER, self._tell)
        self._waiting.update(dict.fromkeys(touched(receipt)))

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for uri in waiting:
            self._app.resource_updated(uri, here=True)
