"""Bytes to message and message to bytes (JSON-RPC 2.0, https://www.jsonrpc.org/specification).

`scan` has checked the whole grammar before anything here looks at a value. One message per text: batches are refused,
and by `decode` so are replies, which a server that asks nothing never expects.
"""

from typing import Final, Literal, overload

import msgspec

from erlmcp._speedups import FramingError, frame_event, frame_reply, scan
from erlmcp.jsonrpc.errors import INVALID_REQUEST, PARSE_ERROR, RpcError
from erlmcp.jsonrpc.message import Notification, Reply, Request

MAX_ID: Final = 1024  # bytes of raw text; clients send counters and UUIDs, and every id is echoed at least once
_OBJECT: Final = ord("{")
_ARRAY: Final = ord("[")
_QUOTE: Final = ord('"')
_VERSION: Final = b'"2.0"'
_text: Final = msgspec.json.Decoder(str).decode
_INTEGER_BYTES: Final = frozenset(b"-0123456789")


class _Answer(msgspec.Struct, frozen=True, gc=False):
    id: msgspec.Raw = msgspec.Raw(b"")
    result: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_BATCH: Final = msgspec.json.Decoder(list[msgspec.Raw])


@overload
def decode(body: bytes, max_depth: int = 64) -> Request | Notification: ...
@overload
def decode(body: bytes, max_depth: int, replies: Literal[True]) -> Request | Notification | Reply: ...
def decode(body: bytes, max_depth: int = 64, replies: bool = False) -> Request | Notification | Reply:
    """Read the one request or notification in `body`; with `replies`, what answers a request of ours as well.

    Raises RpcError: PARSE_ERROR for what is not JSON (or nests deeper than `max_depth`, or names a member twice),
    INVALID_REQUEST for JSON that is neither; the error carries the id wherever there is a valid one.
    """
    try:
        root, version, raw_id, method, params, reply = scan(body, max_depth)
    except FramingError as fault:
        raise RpcError(PARSE_ERROR, f"Parse error: {fault.reason}") from None
    if root != _OBJECT:
        what = "a batch, but messages are accepted one by one" if root == _ARRAY else "not a JSON object"
        raise _invalid(f"the message is {what}", None)
    if reply and replies:
        return _reply(body)
    if raw_id and not (raw_id.isdigit() and len(raw_id) <= MAX_ID):
        _check_id(raw_id)
    if version != _VERSION and _string(version) != "2.0":
        raise _invalid('member "jsonrpc" must be "2.0"', raw_id)
    if reply:
        raise _invalid("the message has a result or an error, but no reply is expected here", raw_id)
    if params and params[0] != _OBJECT:
        raise _invalid('member "params" must be an object', raw_id)
    if not method or method[0] != _QUOTE:
        raise _invalid('member "method" must be a string', raw_id)
    name = _text(method)
    return Request(raw_id, name, params) if raw_id else Notification(name, params)


encode_result: Final = frame_reply
"""The reply to the request with the raw `id`; `members` are the result object's, encoded, without its braces, and
`more` follows them as it is."""


def encode_error(id: bytes | None, error: RpcError) -> bytes:  # noqa: A002
    """The error reply, without an id when `id` is None: MCP 2026-07-28 leaves out one that could not be read."""
    head = b"" if id is None else b'"id":%b,' % id
    data = b"" if error.data is None else b',"data":%b' % error.data
    return b'{"jsonrpc":"2.0",%b"error":{"code":%d,"message":%b%b}}' % (head, error.code, _quote(error.message), data)


def encode_notification(method: str, params: bytes) -> bytes:
    """A notification; `params` is the encoded object, b"" for none."""
    return b'{"jsonrpc":"2.0","method":%b%b%b}' % (_quote(method), b',"params":' if params else b"", params)


def event(json: bytes) -> bytes:
    """One server-sent event that carries one message in one data line."""
    return frame_event(json)


def split_batch(body: bytes, max_depth: int = 64) -> list[bytes] | None:
    """The messages of a batch, each as raw JSON; None for what is no array. Raises as `decode` for what is not JSON."""
    try:
        root = scan(body, max_depth)[0]
    except FramingError as fault:
        raise RpcError(PARSE_ERROR, f"Parse error: {fault.reason}") from None
    return [bytes(each) for each in _BATCH.decode(body)] if root == _ARRAY else None


def encode_request(id: bytes, method: str, params: bytes) -> bytes:  # noqa: A002
    """A request of our own, with the raw `id`; `params` is the encoded object, b"" for none."""
    more = b',"params":%b' % params if params else b""
    return b'{"jsonrpc":"2.0","id":%b,"method":%b%b}' % (id, _quote(method), more)


def _reply(body: bytes) -> Reply:
    answer = _ANSWER.decode(body)
    named = bytes(answer.id)
    return Reply(b"" if named == b"null" else named, bytes(answer.result), bytes(answer.error))


def _invalid(reason: str, id: bytes | None) -> RpcError:  # noqa: A002
    return RpcError(INVALID_REQUEST, f"Invalid request: {reason}", id=id or None)


def _check_id(raw: bytes) -> None:
    if len(raw) > MAX_ID:
        raise _invalid(f'member "id" must not be longer than {MAX_ID} bytes', None)
    if raw[0] != _QUOTE and not _INTEGER_BYTES.issuperset(raw):
        raise _invalid('member "id" must be a string or an integer', None)


def _string(raw: bytes) -> str | None:
    """The string that a scanned text spells, or None if it is another kind of value, or absent."""
    return _text(raw) if raw.startswith(b'"') else None


def _quote(text: str) -> bytes:
    """JSON for `text`; halves of surrogate pairs, which UTF-8 can not carry, become question marks."""
    return msgspec.json.encode(text.encode("utf-8", "replace").decode())
