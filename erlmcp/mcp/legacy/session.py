"""A session id, which is the handshake itself, sealed: what was agreed, who the client is and what it can do.

Any worker that has the node's keys opens one, also after a restart, and nobody else can make one. What may change while
a session lives (`store`) is not in it, nor whether it still lives.
"""

import os
import time
from base64 import urlsafe_b64encode
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from erlmcp.mcp.seal import Sealer

__all__ = ["Agreement", "client_capabilities", "client_info", "new_agreement", "seal", "unseal"]

PURPOSE: Final = "session"

MAX_CAPABILITIES: Final = 512
"""Bytes of JSON. What a client says beyond is kept only where it means something here."""

MAX_CLIENT: Final = 256
"""Bytes of JSON of `clientInfo`; of a longer one, the beginnings of name, title and version are kept."""

SHOWN: Final = 48  # characters

MEANT: Final = {"sampling": ("tools", "context"), "elicitation": ("form", "url"), "roots": ("listChanged",)}
"""What a server may ask a client for, with the members that say how (2025-11-25, ClientCapabilities)."""

KEY_BYTES: Final = 12  # random: 96 bits, so that no two sessions share a key


class Agreement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the handshake settled."""

    key: str
    """What the stores know the session by. It opens nothing."""
    version: str
    capabilities: bytes
    """The client's, a JSON object."""
    client: bytes
    """Its `clientInfo`, a JSON object."""
    created: int
    """Seconds since 1970."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Agreement).decode


def new_agreement(version: str, capabilities: bytes, client: bytes) -> Agreement:
    """With a key that no other has."""
    key = urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()
    return Agreement(key, version, capabilities, client, int(time.time()))


def seal(sealer: Sealer, agreement: Agreement, principal: str) -> str:
    """The session id: visible ASCII, at most 1.2 KB, usually 250 characters. It opens for this principal only."""
    return sealer.seal(PURPOSE, _encode(agreement), principal.encode())


def unseal(sealer: Sealer, session_id: bytes, principal: str) -> Agreement | None:
    """None for whatever was not sealed by `seal` with a key of the ring, for this principal."""
    payload = sealer.unseal(PURPOSE, session_id.decode("latin-1"), principal.encode())
    if payload is None:
        return None
    try:
        return _decode(payload)
    except msgspec.MsgspecError:  # sealed by another release, which put other things into it
        return None


def client_capabilities(raw: Raw | UnsetType) -> bytes:
    """What to keep of a client's capabilities: all of it, or what it can be asked for."""
    said = _object(raw)
    kept = msgspec.json.encode(said)
    if len(kept) <= MAX_CAPABILITIES:
        return kept
    meant = {name: _members(said[name], members) for name, members in MEANT.items() if name in said}
    return msgspec.json.encode(meant)


def client_info(raw: Raw | UnsetType) -> bytes:
    """What to keep of a client's introduction: all of it, or enough to know it again."""
    said = _object(raw)
    kept = msgspec.json.encode(said)
    if len(kept) <= MAX_CLIENT:
        return kept
    names = {name: said[name][:SHOWN] for name in ("name", "title", "version") if isinstance(said.get(name), str)}
    while len(kept := msgspec.json.encode(names)) > MAX_CLIENT:  # names in few bytes a character are the usual ones
        names = {name: text[: len(text) // 2] for name, text in names.items()}
    return kept


def _members(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Of a capability, the members that mean something; each is an object or a flag."""
    if not isinstance(value, dict):
        return {}
    return {name: value[name] if isinstance(value[name], bool) else {} for name in names if name in value}


def _object(raw: Raw | UnsetType) -> dict[str, Any]:
    """What it says, if it is an object. Clients that say something else there are taken to have said nothing."""
    said = {} if raw is UNSET else msgspec.json.decode(raw)
    return said if isinstance(said, dict) else {}
