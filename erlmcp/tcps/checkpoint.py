"""Signed checkpoints: what the chain was at a moment, signed with Ed25519, to be kept where the database is not.

What is signed is canonical JSON behind a word of its own, so that no other thing that the key ever signs can be taken
for a checkpoint. `count` says how many receipts up to `seq` are kept: where pruning has moved the beginning of the
chain, the next checkpoint says so. Pure but for the library that signs; it does not know where keys and files are.
"""

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from erlmcp.tcps.canonical import canonical
from erlmcp.tcps.receipt import Broken, Fault, Head

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["DOMAIN", "Checkpoint", "forged", "key_of_pem", "pem_of_key", "read_checkpoint", "sign", "written"]

DOMAIN: Final = b"erlmcp.tcps.checkpoint.v1\n"
"""Before what is signed (domain separation)."""


class Checkpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The chain at a moment: its last receipt `seq` with its `hash`, and how many are kept up to it.

    `key`: the public key, 64 hexadecimal digits; `signature`: 128 of them.
    """

    at: str
    count: int
    hash: str
    key: str
    seq: int
    signature: str

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)

    @property
    def first(self) -> int:
        """The first receipt that was kept."""
        return self.seq - self.count + 1


_decode: Final = msgspec.json.Decoder(Checkpoint).decode


def sign(secret: "Ed25519PrivateKey", head: Head, count: int, at: str) -> Checkpoint:
    """The checkpoint of this chain at this moment."""
    key = secret.public_key().public_bytes_raw().hex()
    signature = secret.sign(_statement(at, count, head.hash, key, head.seq)).hex()
    return Checkpoint(at=at, count=count, hash=head.hash, key=key, seq=head.seq, signature=signature)


def forged(checkpoints: "Iterable[Checkpoint]", keys: "Collection[str]" = ()) -> Broken | None:
    """The first of these that was not signed by one of the keys; without keys, by the one key that all others name."""
    trusted = set(keys)
    for checkpoint in checkpoints:
        about = f"the checkpoint of receipt {checkpoint.seq}"
        if not keys:
            trusted = trusted or {checkpoint.key}
        if checkpoint.key not in trusted:
            whose = "one of the keys given" if keys else "the key that signed the others"
            return Broken(checkpoint.seq, Fault.FORGED, f"{about} was signed with {checkpoint.key}, not {whose}")
        if not _is_signed(checkpoint):
            return Broken(checkpoint.seq, Fault.FORGED, f"{about} does not bear the signature of its key")
    return None


def written(checkpoint: Checkpoint) -> bytes:
    """A checkpoint as the text of a file."""
    return canonical(checkpoint) + b"\n"


def read_checkpoint(text: bytes) -> Checkpoint:
    """What was written. ValueError, in words, if it is none."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as flaw:
        raise ValueError(f"it is no checkpoint: {flaw}") from None


def pem_of_key(key: str) -> bytes:
    """A public key as PEM (RFC 8410), as openssl and other programs read it."""
    # Loaded where it is used: the library takes 30 ms, and few processes sign or check.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_of_pem(text: bytes) -> str:
    """The public key in a PEM file. ValueError, in words, if it holds none of Ed25519."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        public = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as flaw:
        raise ValueError("it is no public key in PEM") from flaw
    if not isinstance(public, Ed25519PublicKey):
        raise ValueError("it is a public key of another kind than Ed25519")
    return public.public_bytes_raw().hex()


def _is_signed(checkpoint: Checkpoint) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    said = _statement(checkpoint.at, checkpoint.count, checkpoint.hash, checkpoint.key, checkpoint.seq)
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(checkpoint.key)).verify(
            bytes.fromhex(checkpoint.signature), said
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def _statement(at: str, count: int, hash_: str, key: str, seq: int) -> bytes:
    return DOMAIN + canonical({"at": at, "count": count, "hash": hash_, "key": key, "seq": seq})
