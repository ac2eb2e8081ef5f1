"""Tokens that a client carries for us: nobody else can read one, make one, or use one for what it was not made for.

AES-256-GCM under a ring of keys: the first key seals, any key opens. Each purpose has keys of its own (HKDF-SHA256),
and a token opens only where it is bound to the same bytes. It does not know what is sealed, nor where keys are kept.
"""

import binascii
import hashlib
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["KEY_BYTES", "FixedRing", "KeyRing", "Sealer"]

KEY_BYTES: Final = 32
"""The least that a key of the ring has: what AES-256 has."""

FORMAT: Final = "e1."
"""What a token begins with; another format gets another."""

ID_BYTES: Final = 4
NONCE_BYTES: Final = 12
"""Random, so a key is good for 2**32 tokens of each purpose (NIST SP 800-38D §8.3): rotate before that."""

TAG_BYTES: Final = 16


class KeyRing(Protocol):
    """The keys of a node, or of all nodes that share their clients."""

    def keys(self) -> Sequence[bytes]:
        """At least one, at least `KEY_BYTES` long each; the first one seals. Called for each token: no I/O."""

    def refresh(self) -> None:
        """A token names a key that is not here: somebody may have rotated the ring, so look again. Anybody can make up
        such tokens, so the ring itself bounds how often it really looks. Never raises."""


class FixedRing:
    """Keys that never change; without any, a random one: what it seals opens in this process only."""

    def __init__(self, *keys: bytes) -> None:
        """Raises ValueError for a key that is too short."""
        self._keys: Final = keys or (os.urandom(KEY_BYTES),)
        for key in self._keys:
            if len(key) < KEY_BYTES:
                raise ValueError(f"a sealing key has {len(key)} bytes; it needs {KEY_BYTES}")

    def keys(self) -> Sequence[bytes]:
        return self._keys

    def refresh(self) -> None:
        return


class _Key(msgspec.Struct, frozen=True):
    """A key of the ring for one purpose."""

    id: bytes
    cipher: "AESGCM"


class Sealer:
    """Seals and opens. Cheap to make; the ciphers are made with the first token of their purpose."""

    def __init__(self, ring: KeyRing | None = None) -> None:
        self._ring = ring or FixedRing()
        self._made_of: Sequence[bytes] = ()
        self._by_purpose: dict[str, tuple[_Key, ...]] = {}

    def seal(self, purpose: str, payload: bytes, bound: bytes = b"") -> str:
        """A token of visible ASCII that is safe in a URL and in a header: four thirds of the payload's length and 46
        characters. It opens with the same purpose and the same `bound` only."""
        key = self._keys(purpose)[0]
        nonce = os.urandom(NONCE_BYTES)
        sealed = key.cipher.encrypt(nonce, payload, bound)
        return FORMAT + urlsafe_b64encode(b"%b%b%b" % (key.id, nonce, sealed)).rstrip(b"=").decode()

    def unseal(self, purpose: str, token: str, bound: bytes = b"") -> bytes | None:
        """The payload; None for whatever is no token of ours, of this purpose and bound to this. Never raises."""
        raw = _read(token)
        if raw is None:
            return None
        id_ = raw[:ID_BYTES]
        cipher = self._cipher(purpose, id_)
        if cipher is None:
            self._ring.refresh()
            cipher = self._cipher(purpose, id_)
        if cipher is None:
            return None
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as in `_derive`

        try:
            return cipher.decrypt(raw[ID_BYTES : ID_BYTES + NONCE_BYTES], raw[ID_BYTES + NONCE_BYTES :], bound)
        except InvalidTag:
            return None

    def _cipher(self, purpose: str, id_: bytes) -> "AESGCM | None":
        return next((key.cipher for key in self._keys(purpose) if key.id == id_), None)

    def _keys(self, purpose: str) -> tuple[_Key, ...]:
        secrets = self._ring.keys()
        if secrets is not self._made_of:
            self._made_of, self._by_purpose = secrets, {}
        keys = self._by_purpose.get(purpose)
        if keys is None:
            keys = self._by_purpose[purpose] = tuple(_derive(secret, purpose) for secret in secrets)
        return keys


def _derive(secret: bytes, purpose: str) -> _Key:
    # 17 ms of start that only a server which seals pays for (-X importtime)
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    derived = HKDF(SHA256(), length=KEY_BYTES, salt=None, info=b"erlmcp seal " + purpose.encode()).derive(secret)
    return _Key(hashlib.sha256(b"erlmcp key id " + secret).digest()[:ID_BYTES], AESGCM(derived))


def _read(token: str) -> bytes | None:
    """The bytes of a token in its one spelling: base64 has others that decode to the same, and none of them is ours."""
    if not token.startswith(FORMAT) or not token.isascii():
        return None
    text = token[len(FORMAT) :].encode()
    try:
        raw = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None
    if len(raw) < ID_BYTES + NONCE_BYTES + TAG_BYTES or urlsafe_b64encode(raw).rstrip(b"=") != text:
        return None
    return raw
