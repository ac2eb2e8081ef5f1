"""JSON-RPC as a client receives it: one text to messages, with what they carry still raw JSON. Pure."""

from typing import Any, Final, Protocol, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from erlmcp.client.errors import Garbled
from erlmcp.client.fetch import Fields

__all__ = ["Ask", "Failed", "Incoming", "Notice", "Outgoing", "Reply", "Sendable", "notification", "read"]

MAX_BATCH: Final = 1000
"""Messages in one array; only servers of 2025-03-26 send any, an answer and its notifications."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The answer to a request: the raw id, and the raw result object."""

    id: bytes
    result: bytes


class Failed(msgspec.Struct, frozen=True):
    """A JSON-RPC error. The id is empty where the server could not read one. `status`: of HTTP, 0 elsewhere."""

    id: bytes
    code: int
    message: str
    data: Any = None
    status: int = 0


class Notice(msgspec.Struct, frozen=True, gc=False):
    """A notification; `params` is a raw object, `{}` when absent."""

    method: str
    params: bytes


class Ask(msgspec.Struct, frozen=True, gc=False):
    """A request of the server (before 2026-07-28); its id goes back as it came."""

    id: bytes
    method: str
    params: bytes


Incoming: TypeAlias = Reply | Failed | Notice | Ask


class Outgoing(msgspec.Struct, frozen=True):
    """A request on its way: its id, and what HTTP says besides the body."""

    id: int
    method: str
    params: dict[str, Any]
    headers: Fields = ()

    @property
    def body(self) -> bytes:
        """One line of JSON."""
        return msgspec.json.encode({"jsonrpc": "2.0", "id": self.id, "method": self.method, "params": self.params})

    @property
    def raw_id(self) -> bytes:
        return b"%d" % self.id


class Sendable(Protocol):
    """A request as a transport needs it."""

    @property
    def method(self) -> str: ...

    @property
    def headers(self) -> Fields:
        """What HTTP says besides the body."""

    @property
    def body(self) -> bytes: ...

    @property
    def raw_id(self) -> bytes: ...


class _Error(msgspec.Struct):
    code: int
    message: str = ""
    data: Any = None


class _Message(msgspec.Struct):
    jsonrpc: str
    id: Raw | UnsetType = UNSET
    method: str | UnsetType = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: _Error | UnsetType = UNSET


_MESSAGE: Final = msgspec.json.Decoder(_Message)
_BATCH: Final = msgspec.json.Decoder(list[Raw])


def read(text: bytes) -> list[Incoming]:
    """The messages of a text: one, or those of a batch. Raises Garbled for anything else."""
    if text.lstrip()[:1] != b"[":
        return [_read_one(text)]
    try:
        batch = _BATCH.decode(text)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise Garbled(f"the server sends what is no JSON: {fault}") from None
    if len(batch) > MAX_BATCH:
        raise Garbled(f"the server sends a batch of {len(batch)} messages; {MAX_BATCH} are accepted")
    return [_read_one(bytes(each)) for each in batch]


def _read_one(text: bytes) -> Incoming:
    try:
        message = _MESSAGE.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise Garbled(f"the server sends what is no JSON-RPC message: {fault}") from None
    id_ = b"" if message.id is UNSET else bytes(message.id)
    if message.method is not UNSET:
        params = b"{}" if message.params is UNSET else bytes(message.params)
        return Ask(id_, message.method, params) if id_ else Notice(message.method, params)
    if message.error is not UNSET:
        error = message.error
        return Failed(b"" if id_ == b"null" else id_, error.code, error.message, error.data)
    if message.result is UNSET or not id_:
        raise Garbled("the server sends a message without method, result or error")
    return Reply(id_, bytes(message.result))


def notification(method: str, params: dict[str, Any] | None = None) -> bytes:
    """The body of a notification."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    return msgspec.json.encode(message if params is None else message | {"params": params})
