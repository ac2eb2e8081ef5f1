"""The scenario of the auditor: the chain is exported and a checkpoint signed, then the copy is tampered with, each time
in another way, and each time that shows.
"""

import io
from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from erlmcp.tcps.checkpoint import Checkpoint, sign
from erlmcp.tcps.export import export, line_of, verify_file
from erlmcp.tcps.moments import stamp
from erlmcp.tcps.receipt import Body, Broken, Ok, Receipt, seal
from erlmcp.tcps.simulator.floor import Floor

__all__ = ["receipt_audit"]

Lines = list[bytes]

_read: Final = msgspec.json.Decoder(Receipt).decode
AT: Final = 10  # the receipt that somebody lays hands on


async def receipt_audit(floor: Floor) -> dict[str, Any]:
    """Two skus are made; the receipts are exported; then somebody would rather have had another history."""
    # Loaded where it is used: the library takes 30 ms, and few processes sign.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    for number in (1, 2):
        await floor.order(f"Thing {number}")
        sku = await floor.pull(f"agent-{number}")
        await floor.through(f"agent-{number}", sku)
        await floor.finish(f"agent-{number}", sku)
    head = await floor.views.head()
    kept: Lines = []
    await export(floor.database, lambda part: kept.extend(part.splitlines(keepends=True)), 0, head.seq)
    secret = Ed25519PrivateKey.from_private_bytes(sha256(b"a key of the simulation").digest())
    checkpoint = sign(secret, head, head.seq, stamp(floor.now))
    caught = {name: _verdict(tamper(kept), checkpoint) for name, tamper in TAMPERINGS.items()}
    return {"receipts": head.seq, "intact": _verdict(kept, checkpoint), "caught": caught}


def _verdict(lines: Lines, checkpoint: Checkpoint) -> str:
    found: Ok | Broken = verify_file(io.BytesIO(b"".join(lines)), [checkpoint])
    return "ok" if isinstance(found, Ok) else f"{found.fault} at {found.seq}"


def _edited(lines: Lines) -> Lines:
    line = lines[AT - 1].replace(b'"actor":"agent-1"', b'"actor":"agent-9"')
    return [*lines[: AT - 1], line, *lines[AT:]]


def _deleted(lines: Lines) -> Lines:
    return [*lines[: AT - 1], *lines[AT:]]


def _swapped(lines: Lines) -> Lines:
    return [*lines[: AT - 1], lines[AT], lines[AT - 1], *lines[AT + 1 :]]


def _duplicated(lines: Lines) -> Lines:
    return [*lines[:AT], lines[AT - 1], *lines[AT:]]


def _truncated(lines: Lines) -> Lines:
    return lines[:-3]


def _rewritten(lines: Lines) -> Lines:
    """Whoever has the database can seal a history of his own: only the checkpoint shows that it is another one."""
    made, prev = lines[: AT - 1], _read(lines[AT - 2]).hash
    for line in lines[AT - 1 :]:
        old = _read(line)
        body = Body(**{name: getattr(old, name) for name in Body.__struct_fields__})
        new = seal(replace(body, actor="agent-9", prev_hash=prev, payload=Raw(bytes(old.payload))))
        made.append(line_of(new))
        prev = new.hash
    return made


TAMPERINGS: Final[Mapping[str, Callable[[Lines], Lines]]] = MappingProxyType(
    {
        "edited": _edited,
        "deleted": _deleted,
        "swapped": _swapped,
        "duplicated": _duplicated,
        "truncated": _truncated,
        "rewritten": _rewritten,
    }
)
