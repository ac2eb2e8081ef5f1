"""The chain of receipts in the store, verified page by page; and how far it has been, so that nobody begins at 1 again.

What was verified once and edited later is not seen by going on from there: a gate looks at the sku's own receipts anew
each time, and whoever wants to know of all of them verifies all of them (`Views.verify`).
"""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

from erlmcp.store import Database, Reads
from erlmcp.tcps.moments import stamp
from erlmcp.tcps.receipt import NO_RECEIPT, Broken, Fault, Head, Ok, Receipt, Verifier, is_whole
from erlmcp.tcps.turn import Turn

__all__ = ["broken_for", "catch_up", "ends", "last_before", "pages_between", "verify_between"]

_STRIDE: Final = 500  # receipts read at once: a few milliseconds
_OWN: Final = 5_000  # receipts of one sku that a gate looks at, the newest


class Verified(Struct, frozen=True):
    """How far the chain is known to be whole; `fault`: why it is not, from there on."""

    seq: int
    hash: str
    fault: str | None = None


async def ends(reads: Reads) -> tuple[Head, Head]:
    """What the first receipt that is kept follows, and the last one."""
    head = await reads.one("head", into=Head) or NO_RECEIPT
    return await reads.one("begin", into=Head) or NO_RECEIPT, head  # the beginning last: it may be pruned meanwhile


async def pages_between(reads: Reads, after: int, last: int, many: int = _STRIDE) -> AsyncIterator[list[Receipt]]:
    """The receipts after this one, up to the `last` that is there, `many` at once."""
    while after < last:
        rows = await reads.all("receipts_between", into=Receipt, after=after, to_seq=last, many=many)
        if not rows:
            return
        yield rows
        after = rows[-1].seq


async def last_before(reads: Reads, low: int, high: int, at: str) -> Receipt | None:
    """The last receipt after `low`, up to `high`, that is older: they are in the order of time, so it is halved."""
    found = None
    while low < high:
        middle = (low + high + 1) // 2
        receipt = await reads.one("receipt", into=Receipt, seq=middle)
        if receipt is not None and receipt.at < at:
            low, found = middle, receipt
        else:
            high = middle - 1
    return found


async def verify_between(reads: Reads, verifier: Verifier, last: int) -> Ok | Broken:
    """Go on with a verifier until it has looked at `last`, in bounded memory."""
    async for rows in pages_between(reads, verifier.head.seq, last):
        for row in rows:
            if broken := verifier.look(row):
                return broken
    if verifier.head.seq < last:
        seq = verifier.head.seq + 1
        return Broken(seq, Fault.MISSING, f"receipt {seq} is not there: it and all up to {last} are gone")
    return verifier.end()


async def catch_up(database: Database, now: Callable[[], datetime]) -> None:
    """Verify what was written since the last time, and note how far it is whole. No command waits for the reading."""
    known = await _known(database)
    head = await database.one("head", into=Head) or NO_RECEIPT
    if known.fault is not None or known.seq >= head.seq:
        return
    result = await verify_between(database, Verifier(Head(known.seq, known.hash)), head.seq)
    async with database.transaction() as tx:
        await tx.run("save_verified", at=stamp(now()), **_noted(result, known))


async def broken_for(turn: Turn, sku_id: str) -> str:
    """What is wrong with the receipts, for a sku that is to be released; "" for nothing."""
    known = await _known(turn.tx)
    if known.fault is not None:
        return known.fault
    result = await verify_between(turn.tx, Verifier(Head(known.seq, known.hash)), turn.seq - 1)
    if isinstance(result, Broken):
        await turn.tx.run("save_verified", at=turn.at, **_noted(result, known))
        return result.reason
    return await _broken_own(turn, sku_id)


async def _broken_own(turn: Turn, sku_id: str) -> str:
    lost = await turn.tx.one("lost_receipt", into=int, sku_id=sku_id)
    if lost is not None:
        return f"receipt {lost} of sku {sku_id} is not there"
    span = {"before": turn.seq, "many": _OWN}
    query = "receipts_by_sku"
    for receipt in await turn.tx.all(query, into=Receipt, sku_id=sku_id, work_order_id=None, type=None, **span):
        if not is_whole(receipt):
            return f"receipt {receipt.seq} does not give its hash: it was edited"
    return ""


async def _known(reads: Reads) -> Verified:
    """As far as it was verified; at first, where the chain begins."""
    begin = await reads.one("begin", into=Head) or NO_RECEIPT
    known = await reads.one("verified", into=Verified)
    return known if known is not None and known.seq >= begin.seq else Verified(begin.seq, begin.hash)


def _noted(result: Ok | Broken, known: Verified) -> dict[str, int | str | None]:
    if isinstance(result, Broken):
        return {"seq": known.seq, "hash": known.hash, "fault": result.reason}
    return {"seq": result.head.seq, "hash": result.head.hash, "fault": None}
