"""From what a tool returns to the members of its result: content for the model, structured content for programs.

What is structured is told by the return annotation, once, at registration. Objects stand as they are; anything else is
wrapped as `{"result": …}`, in both eras alike, as the official Python SDK does (mcp 2.3).
"""

from collections.abc import Callable, Sequence
from types import UnionType
from typing import Annotated, Any, Final, TypeAlias, Union, get_args, get_origin

import msgspec

from erlmcp.mcp import schema as schemas
from erlmcp.mcp.content import Block, encode_block
from erlmcp.mcp.raw_schema import RawResult
from erlmcp.mcp.schema import JsonSchema
from erlmcp.mcp.signature import UNKNOWN
from erlmcp.mcp.tool_error import ToolError

Encode: TypeAlias = Callable[[Any], bytes]

_encode: Final = msgspec.json.Encoder().encode
_BYTES: Final = (bytes, bytearray, memoryview)


class Result(msgspec.Struct, frozen=True):
    """How a tool's results look."""

    schema: JsonSchema | None
    encode: Encode
    """From a value to members. Raises TypeError or ValueError for a value that breaks the tool's word: a bug of the
    tool."""
    legacy_encode: Encode
    legacy_schema: JsonSchema | None


def of(name: str, hint: Any, output_schema: JsonSchema | None) -> Result:
    """How the results of tool `name` look, from its return annotation or the schema its author wrote.

    Raises TypeError for a tool that returns bytes: what they are is not told. Raises ValueError for a bad schema.
    """
    if _is_bytes(hint):
        raise TypeError(_bytes_fault(name))
    plain = _plain(name)
    if output_schema is not None:
        return _by_author(name, output_schema, plain)
    if hint is UNKNOWN or hint is type(None) or _is_content(hint):
        return Result(None, plain, plain, None)
    if (found := schemas.of_result(hint)) is None:
        return Result(None, plain, plain, None)
    schema, wrapped = found
    checked = _checked(name, hint, wrapped=wrapped)
    encode = _SCALARS[hint](checked) if hint in _SCALARS else checked
    return Result(schema, encode, encode, schema)


def failure(message: str) -> bytes:
    """The members of a result that says what went wrong, for the model to read."""
    return b'"content":[{"type":"text","text":%b}],"isError":true' % _encode(message)


def refusal(error: ToolError, *, structured: bool) -> bytes:
    """The members for a ToolError. Its data stands beside the message as text, and as structured content where no
    output schema is in the way: clients hold even an error to that."""
    if error.data is None:
        return failure(error.message)
    data = _encode(error.data)
    content = b'{"type":"text","text":%b},{"type":"text","text":%b}' % (_encode(error.message), _encode(data.decode()))
    also = b',"structuredContent":%b' % data if structured else b""
    return b'"content":[%b]%b,"isError":true' % (content, also)


def _members(content: bytes, structured: bytes | None) -> bytes:
    if structured is None:
        return b'"content":[%b],"isError":false' % content
    return b'"content":[%b],"structuredContent":%b,"isError":false' % (content, structured)


def _text(text: str) -> bytes:
    return b'{"type":"text","text":%b}' % _encode(text)


def _content(value: Any, encoded: bytes) -> bytes:
    """The model's view of a value: a string as it is, nothing for None, JSON for the rest."""
    if value is None:
        return b""
    return _text(value if isinstance(value, str) else encoded.decode())


def _plain(name: str) -> Encode:
    """For a tool that promised no structure: blocks pass, an object is structured all the same, the rest is text."""

    def encode(value: Any) -> bytes:
        if value is None or isinstance(value, str | Block):
            return _members(b"" if value is None else encode_block(value), None)
        if isinstance(value, list | tuple) and _has_blocks(value):
            return _members(b",".join([_item(name, each) for each in value]), None)
        encoded = _json(name, value)
        return _members(_text(encoded.decode()), encoded if encoded.startswith(b"{") else None)

    return encode


def _has_blocks(values: Sequence[Any]) -> bool:
    return not values or any(isinstance(each, Block) for each in values)


def _item(name: str, value: Any) -> bytes:
    return encode_block(value) if isinstance(value, str | Block) else _text(_json(name, value).decode())


def _checked(name: str, hint: Any, *, wrapped: bool) -> Encode:
    """For a tool with an annotation: what it returns is read back by it, so that no client meets what it forbids."""
    decode = msgspec.json.Decoder(hint).decode

    def encode(value: Any) -> bytes:
        encoded = _json(name, value)
        try:
            decode(encoded)
        except msgspec.ValidationError as fault:
            raise TypeError(f"tool {name} returned what its annotation forbids: {fault}") from fault
        structured = b'{"result":%b}' % encoded if wrapped else encoded
        return _members(_content(value, encoded), structured)

    return encode


def _integers(general: Encode) -> Encode:
    template = b'"content":[{"type":"text","text":"%d"}],"structuredContent":{"result":%d},"isError":false'

    def encode(value: Any) -> bytes:
        return template % (value, value) if type(value) is int else general(value)

    return encode


def _strings(general: Encode) -> Encode:
    def encode(value: Any) -> bytes:
        if type(value) is not str:
            return general(value)
        text = _encode(value)
        return b'"content":[{"type":"text","text":%b}],"structuredContent":{"result":%b},"isError":false' % (text, text)

    return encode


_SCALARS: Final[dict[Any, Callable[[Encode], Encode]]] = {int: _integers, str: _strings}
"""Exact types that need no reading back (bench/dispatch.py)."""


def _by_author(name: str, schema: JsonSchema, plain: Encode) -> Result:
    """The author's schema as it stands, never wrapped. One that allows more than objects is not for the older wire."""
    result = RawResult(schema, name)

    def encode(value: Any) -> bytes:
        encoded = _json(name, value)
        result.check(encoded)
        return _members(_content(value, encoded), encoded)

    return Result(schema, encode, encode, schema) if result.is_object else Result(schema, encode, plain, None)


def _json(name: str, value: Any) -> bytes:
    if isinstance(value, _BYTES):
        raise TypeError(_bytes_fault(name))
    try:
        return _encode(value)
    except TypeError as fault:
        raise TypeError(f"tool {name} returned a {type(value).__name__}, which JSON cannot hold: {fault}") from fault


def _bytes_fault(name: str) -> str:
    return f"tool {name} returns bytes; say what they are: Image(data, type), Audio(data, type) or Embedded(uri, data)"


def _is_bytes(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, _BYTES)


def _is_content(hint: Any) -> bool:
    """Whether an annotation speaks of blocks, alone, in a union or in a list: they are for the model and have no
    schema."""
    if isinstance(hint, type) and not get_args(hint):
        return issubclass(hint, Block)
    if get_origin(hint) in {list, tuple, Sequence, Union, UnionType, Annotated}:
        return any(_is_content(each) for each in get_args(hint))
    return False
