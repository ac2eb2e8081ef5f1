"""Receipts: the hash-chained record of everything that happened, and its verification in a stream. Pure.

`hash` is the SHA-256 of the canonical JSON of every other field; `prev_hash` is the hash of the receipt before. A chain
by itself shows what was edited, removed, put in, moved or written anew within it. That its end was cut off, or that all
of it was written anew from some place on, shows only against heads that were noted elsewhere (`checkpoint`).
"""

from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Raw, Struct

__all__ = ["NO_RECEIPT", "Body", "Broken", "Fault", "Head", "Ok", "Receipt", "Verifier", "is_whole", "seal", "verify"]


class Body(Struct, frozen=True, kw_only=True):
    """What is hashed. The fields stand in alphabetical order: as JSON they are canonical as they are."""

    actor: str
    at: str
    id: str
    payload: Raw
    prev_hash: str
    seq: int
    sku_id: str | None
    stage: str | None
    type: str
    work_order_id: str | None


class Receipt(Struct, frozen=True, kw_only=True):
    """One thing that happened. `payload` is canonical JSON, `inputs` and `outputs`; as JSON the whole is canonical."""

    actor: str
    at: str
    hash: str
    id: str
    payload: Raw
    prev_hash: str
    seq: int
    sku_id: str | None
    stage: str | None
    type: str
    work_order_id: str | None


class Head(Struct, frozen=True):
    """The end of a chain: its last sequence and that receipt's hash."""

    seq: int
    hash: str


#: What the first receipt follows.
NO_RECEIPT: Final = Head(0, "0" * 64)

_encode: Final = msgspec.json.Encoder().encode


class Fault(StrEnum):
    """What breaks a chain."""

    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    EDITED = "edited"
    UNLINKED = "unlinked"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    UNREADABLE = "unreadable"
    FORGED = "forged"


class Ok(Struct, frozen=True, tag_field="chain", tag="ok"):
    """The chain is whole: `count` receipts were looked at, up to `head`."""

    count: int
    head: Head


class Broken(Struct, frozen=True, tag_field="chain", tag="broken"):
    """The first sequence that does not hold, and why."""

    seq: int
    fault: Fault
    reason: str


def seal(body: Body) -> Receipt:
    """The receipt of this body."""
    return Receipt(
        actor=body.actor,
        at=body.at,
        hash=sha256(_encode(body)).hexdigest(),
        id=body.id,
        payload=body.payload,
        prev_hash=body.prev_hash,
        seq=body.seq,
        sku_id=body.sku_id,
        stage=body.stage,
        type=body.type,
        work_order_id=body.work_order_id,
    )


class Verifier:
    """Looks at one receipt after the other, in the order they are kept in; holds nothing but the last one's head.

    `after`: the head that the first one follows. `expected`: heads noted elsewhere, at or after it; earlier ones do not
    matter here.
    """

    def __init__(self, after: Head = NO_RECEIPT, expected: Head | Iterable[Head] | None = None) -> None:
        self.head = after
        self.count = 0
        noted = [expected] if isinstance(expected, Head) else expected or ()
        self._noted = deque(sorted((head for head in noted if head.seq >= after.seq), key=lambda head: head.seq))
        self._last_noted = self._noted[-1].seq if self._noted else 0
        self._held = 0  # the last head that was as it was noted
        self._broken = self._unexpected()

    def look(self, receipt: Receipt) -> Broken | None:
        """Whether this one holds and follows the last one. After a Broken the Verifier is of no more use."""
        return self.follow(receipt.seq, receipt.prev_hash, receipt.hash, whole=is_whole(receipt))

    def follow(self, seq: int, prev_hash: str, hash_: str, *, whole: bool) -> Broken | None:
        """As `look`, for who has worked out by himself whether the receipt gives its hash."""
        due = self.head.seq + 1
        if seq != due:
            return self._broken or _misplaced(seq, due)
        if not whole:
            reason = f"receipt {due} does not give its hash: it was edited, or is another one that was moved here"
            return self._broken or Broken(due, Fault.EDITED, reason)
        if prev_hash != self.head.hash:
            reason = f"receipt {due} does not follow receipt {due - 1}: one of the two was written anew or put in"
            return self._broken or Broken(due, Fault.UNLINKED, reason)
        self.head = Head(seq, hash_)
        self.count += 1
        if self._noted and self._noted[0].seq == seq:
            self._broken = self._broken or self._unexpected()
        return self._broken

    def end(self) -> Ok | Broken:
        """There are no more."""
        if self._broken is None and self.head.seq < self._last_noted:
            seq = self.head.seq
            return Broken(
                seq + 1,
                Fault.TRUNCATED,
                f"the chain ends with receipt {seq}, and had {self._last_noted} when its head was noted",
            )
        return self._broken or Ok(self.count, self.head)

    def _unexpected(self) -> Broken | None:
        """Whether the receipt that was looked at last is as it was noted, each time that it was."""
        head = self.head
        while self._noted and self._noted[0].seq == head.seq:
            if self._noted.popleft().hash != head.hash:
                reason = (
                    f"receipt {head.seq} has another hash than when it was noted: it, or one before it, was rewritten"
                )
                since = f"; receipt {self._held} and those before it are as they were" if self._held else ""
                return Broken(head.seq, Fault.REWRITTEN, reason + since)
        self._held = head.seq
        return None


def _misplaced(seq: int, due: int) -> Broken:
    if seq > due:
        return Broken(due, Fault.MISSING, f"receipt {due} is not in its place: {seq} comes instead")
    return Broken(seq, Fault.OUT_OF_ORDER, f"receipt {seq} comes after receipt {due - 1}")


def verify(
    receipts: Iterable[Receipt], after: Head = NO_RECEIPT, expected: Head | Iterable[Head] | None = None
) -> Ok | Broken:
    """Whether these receipts are a whole chain that follows `after` and, if noted, holds the `expected` heads."""
    verifier = Verifier(after, expected)
    for receipt in receipts:
        if broken := verifier.look(receipt):
            return broken
    return verifier.end()


def is_whole(receipt: Receipt) -> bool:
    """Whether it gives its hash."""
    return sha256(_encode(_body(receipt))).hexdigest() == receipt.hash


def _body(receipt: Receipt) -> Body:
    return Body(
        actor=receipt.actor,
        at=receipt.at,
        id=receipt.id,
        payload=receipt.payload,
        prev_hash=receipt.prev_hash,
        seq=receipt.seq,
        sku_id=receipt.sku_id,
        stage=receipt.stage,
        type=receipt.type,
        work_order_id=receipt.work_order_id,
    )
