"""The ring of sealing keys as a file in the data directory: what it holds, when a key is due, how it is written.

`seal.keys` is JSON, readable by its owner only, and replaced as a whole or not at all. The newest key comes first and
seals; the others open what they have sealed. Who seals is not known here.
"""

import os
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from erlmcp.mcp import KEY_BYTES

__all__ = ["FILE", "Key", "KeysDamaged", "Ring", "read", "rotated", "write"]

FILE: Final = "seal.keys"

KEPT: Final = 30 * 86400
"""Seconds that a key still opens after another has taken its place: what clients carry is used within minutes, and a
session that is older than this has to be opened anew."""

ABOUT: Final = "Keys that seal what clients carry for this server. Keep them secret; the first one seals."

Ring = tuple["Key", ...]
"""The newest first."""


class Key(msgspec.Struct, frozen=True):
    """One key. `made`: when it began to seal, in UTC."""

    made: datetime
    secret: bytes


class _File(msgspec.Struct, frozen=True):
    keys: list[Key]
    about: str = ""


class KeysDamaged(Exception):
    """The file is there and holds no ring."""


def rotated(ring: Sequence[Key], now: datetime, days: int, fresh: Callable[[], bytes]) -> Ring:
    """The ring as it should be now: with a key that is younger than `days`, and without those that open nothing any
    more. `fresh` makes a secret."""
    if not ring or (now - ring[0].made).total_seconds() >= days * 86400:
        ring = (Key(now, fresh()), *ring)
    kept = [ring[0]]
    for newer, key in pairwise(ring):
        if (now - newer.made).total_seconds() < KEPT:
            kept.append(key)
    return tuple(kept)


def read(path: Path) -> Ring:
    """The ring in a file. Raises KeysDamaged, in words for who operates the node; OSError."""
    text = path.read_bytes()
    try:
        keys = msgspec.json.decode(text, type=_File).keys
    except (msgspec.DecodeError, UnicodeDecodeError) as flaw:
        raise KeysDamaged(_damaged(path, str(flaw))) from None
    if not keys:
        raise KeysDamaged(_damaged(path, "it holds no key"))
    if short := [key for key in keys if len(key.secret) < KEY_BYTES]:
        raise KeysDamaged(_damaged(path, f"a key has {len(short[0].secret)} bytes, {KEY_BYTES} are needed"))
    if any(key.made.tzinfo is None for key in keys):
        raise KeysDamaged(_damaged(path, "the time of a key has no zone"))
    return tuple(keys)


def write(path: Path, ring: Sequence[Key]) -> None:
    """Put the ring in the file's place, durably. OSError."""
    keys = [{"made": key.made.astimezone(UTC), "secret": b64encode(key.secret).decode()} for key in ring]
    text = msgspec.json.format(msgspec.json.encode({"about": ABOUT, "keys": keys}), indent=2) + b"\n"
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _damaged(path: Path, reason: str) -> str:
    return (
        f"{path} holds no ring of keys: {reason}. Put back the file as it was, or move it away:"
        " then a new one is made, and what clients carry from before opens no more"
    )
