"""Receipts as a file: a line each, exactly as they were hashed; and its verification with nothing else at hand.

Lines are read one by one and hashed as they are, so that it takes the memory of a few receipts, however many there are.
It does not know the store.
"""

import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import IO, Final

import msgspec
from msgspec import Struct

from erlmcp.store import Reads
from erlmcp.tcps.chain import pages_between
from erlmcp.tcps.checkpoint import Checkpoint
from erlmcp.tcps.receipt import NO_RECEIPT, Broken, Fault, Head, Ok, Receipt, Verifier

__all__ = ["LINE", "export", "line_of", "verify_file"]

LINE: Final = 16 * 1024 * 1024
"""Bytes of a line at most: the largest receipt, of a gate with a thousand long names, has about 6 MiB."""

#: Where the hash stands: the first of these, since a quote within a text has a backslash before it.
_HASH: Final = re.compile(rb',"hash":"([0-9a-f]{64})"')


class _Link(Struct, frozen=True):
    hash: str
    prev_hash: str
    seq: int


_link: Final = msgspec.json.Decoder(_Link).decode
_encode: Final = msgspec.json.Encoder().encode


def line_of(receipt: Receipt) -> bytes:
    """A receipt as a line of a file."""
    return _encode(receipt) + b"\n"


async def export(reads: Reads, write: Callable[[bytes], object], after: int, last: int) -> int:
    """Write the receipts after this one, up to the `last`; how many. In bounded memory."""
    total = 0
    async for rows in pages_between(reads, after, last):
        write(b"".join(map(line_of, rows)))
        total += len(rows)
    return total


def verify_file(file: IO[bytes], checkpoints: Sequence[Checkpoint] = (), first: int | None = None) -> Ok | Broken:
    """Whether the receipts in a file are a whole chain that holds these checkpoints, which were looked at (`forged`).

    It has to begin where the newest checkpoint says that the chain began, or earlier; without one with receipt 1; or
    with `first`, which is then taken as true.
    """
    newest = max(checkpoints, key=lambda one: (one.seq, one.at), default=None)
    due = first or (newest.first if newest else 1)
    verifier: Verifier | None = None
    number = 0
    while line := file.readline(LINE):
        number += 1
        link = _read(line)
        if link is None:
            seq = verifier.head.seq + 1 if verifier else due
            return Broken(seq, Fault.UNREADABLE, f"line {number} is no receipt, but should be receipt {seq}")
        if verifier is None:
            begun = _begin(link, due, newest if first is None else None, exactly=first is not None)
            if isinstance(begun, Broken):
                return begun
            verifier = Verifier(begun, [one.head for one in checkpoints])
        if broken := verifier.follow(link.seq, link.prev_hash, link.hash, whole=_is_whole(line, link)):
            return broken
    return (verifier or Verifier(NO_RECEIPT, [one.head for one in checkpoints])).end()


def _begin(link: _Link, due: int, newest: Checkpoint | None, *, exactly: bool) -> Head | Broken:
    """What the first receipt follows."""
    if link.seq > due or (exactly and link.seq != due) or link.seq < 1:
        when = f": that is where the chain began at {newest.at}" if newest else ""
        return Broken(due, Fault.MISSING, f"receipt {due} is not in its place: the file begins with {link.seq}{when}")
    return NO_RECEIPT if link.seq == 1 else Head(link.seq - 1, link.prev_hash)


def _read(line: bytes) -> _Link | None:
    if not line.endswith(b"\n"):
        return None
    try:
        return _link(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_whole(line: bytes, link: _Link) -> bool:
    """Whether the line without its hash gives the hash: every byte of it counts."""
    found = _HASH.search(line)
    if found is None or found[1] != link.hash.encode(errors="replace"):
        return False
    body = sha256(line[: found.start()])
    body.update(line[found.end() : -1])
    return body.hexdigest() == link.hash
