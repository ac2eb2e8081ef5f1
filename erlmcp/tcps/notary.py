"""The notary: signs heads of the chain with a key that is not in the database, and keeps what it signed outside of it.

The key is a file, made once. Every checkpoint is a row; the newest is a file beside the key as well, which a database
that was put back to an older state does not take along; and each is a file in a directory, if one is named, to be
shipped elsewhere. It decides nothing about when.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from erlmcp.store import Database
from erlmcp.tcps.chain import ends
from erlmcp.tcps.checkpoint import Checkpoint, pem_of_key, read_checkpoint, sign, written
from erlmcp.tcps.moments import moment, stamp, utc_now
from erlmcp.tcps.receipt import Broken, Fault, Head, Receipt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["KeyUnusable", "Notary", "Premises", "load_key"]

NEWEST: Final = "checkpoint.json"
PUBLIC: Final = "checkpoint.pub"


class KeyUnusable(Exception):
    """The file of the key cannot be read or made, or holds none. In words for who operates the node."""


class Premises(Struct, frozen=True):
    """Where things are. `key`: the secret key; `place`: of the newest checkpoint; `shelf`: of all, if any."""

    key: Path
    place: Path
    shelf: Path | None = None


class Notary:
    """Signs for one line. `fault`: what became of the last attempt to write a checkpoint to its files, "" for well."""

    def __init__(self, database: Database, premises: Premises, *, now: Callable[[], datetime] = utc_now) -> None:
        self.premises = premises
        self.fault = ""
        self._database = database
        self._now = now

    async def newest(self) -> Checkpoint | None:
        """The last one that was made."""
        return await self._database.one("newest_checkpoint", into=Checkpoint)

    async def due(self, hours: int) -> bool:
        """Whether the newest one is so old, and something has happened since. Never for 0."""
        newest, (_, head) = await self.newest(), await ends(self._database)
        if not hours or head.seq == (newest.seq if newest else 0):
            return False
        return newest is None or moment(newest.at) <= self._now() - timedelta(hours=hours)

    async def make(self, head: Head | None = None) -> Checkpoint | None:
        """Sign this head, by default the chain's, unless it was; None while there are no receipts.

        Raises KeyUnusable.
        """
        begin, last = await ends(self._database)
        head = head or last
        if head.seq <= begin.seq:
            return None
        made = await self._database.one("checkpoint", into=Checkpoint, seq=head.seq)
        if made is None:
            made = await asyncio.to_thread(self._sign, head, head.seq - begin.seq)
            row = {name: getattr(made, name) for name in made.__struct_fields__}
            async with self._database.transaction() as tx:
                await tx.run("insert_checkpoint", **row)
            made = await self._database.one("checkpoint", into=Checkpoint, seq=head.seq)
        if made is not None:
            self.fault = await asyncio.to_thread(self._put_out, made)
        return made

    async def key(self) -> str:
        """The public key. Raises KeyUnusable."""
        secret = await asyncio.to_thread(load_key, self.premises.key)
        return secret.public_key().public_bytes_raw().hex()

    async def contradiction(self) -> Broken | None:
        """Where the chain is not as the newest checkpoint that is kept outside of the database says."""
        path = self.premises.place / NEWEST
        try:
            noted = read_checkpoint(await asyncio.to_thread(path.read_bytes))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as flaw:
            return Broken(0, Fault.UNREADABLE, f"{path} can not be read: {flaw}")
        begin, head = await ends(self._database)
        if head.seq < noted.seq:
            reason = f"the chain ends with receipt {head.seq}, and had {noted.seq} at {noted.at}, by {path}"
            return Broken(head.seq + 1, Fault.TRUNCATED, reason)
        if noted.seq < begin.seq:
            return None
        found = await self._database.one("receipt", into=Receipt, seq=noted.seq)
        hash_ = begin.hash if noted.seq == begin.seq else found.hash if found else ""
        if hash_ != noted.hash:
            reason = f"receipt {noted.seq} has another hash than at {noted.at}, by {path}"
            return Broken(noted.seq, Fault.REWRITTEN, reason)
        return None

    # In a thread:

    def _sign(self, head: Head, count: int) -> Checkpoint:
        return sign(load_key(self.premises.key), head, count, stamp(self._now()))

    def _put_out(self, checkpoint: Checkpoint) -> str:
        text, key = written(checkpoint), pem_of_key(checkpoint.key)
        premises = self.premises
        try:
            _write(premises.place / PUBLIC, key)
            if premises.shelf is not None:
                premises.shelf.mkdir(parents=True, exist_ok=True)
                _write(premises.shelf / PUBLIC, key)
                _write(premises.shelf / f"checkpoint-{checkpoint.seq:012}.json", text)
            if checkpoint.seq > _seq_of(premises.place / NEWEST):
                _write(premises.place / NEWEST, text)
        except OSError as fault:
            return f"{fault.filename or premises.shelf} can not be written: {fault.strerror}"
        return ""


def load_key(path: Path) -> "Ed25519PrivateKey":
    """The key in this file, made if it is not there: PEM (RFC 8410), for its owner alone, whole or not at all.

    Raises KeyUnusable.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as in `checkpoint`
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        text = path.read_bytes() if path.exists() else _make(path)
        secret = load_pem_private_key(text, None)
    except OSError as fault:
        raise KeyUnusable(f"{path} can not be read or made: {fault.strerror or fault}") from fault
    except (ValueError, TypeError, UnsupportedAlgorithm) as flaw:
        raise KeyUnusable(f"{path} holds no private key in PEM: put it back as it was, or name another") from flaw
    if not isinstance(secret, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} holds a private key of another kind than Ed25519")
    return secret


def _make(path: Path) -> bytes:
    """Make the file; if somebody else is quicker, theirs counts."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    secret = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = _draft(path, secret, 0o600)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    _sync(path.parent)
    return path.read_bytes()


def _write(path: Path, text: bytes) -> None:
    """Put it in the file's place, durably, unless it is there."""
    with suppress(FileNotFoundError):
        if path.read_bytes() == text:
            return
    _draft(path, text, 0o644).replace(path)
    _sync(path.parent)


def _draft(path: Path, text: bytes, mode: int) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _seq_of(path: Path) -> int:
    try:
        return read_checkpoint(path.read_bytes()).seq
    except (FileNotFoundError, ValueError):
        return 0
