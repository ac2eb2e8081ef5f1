"""From what a tool returns to the members of its result: content for the model, structured content for programs.

What is structured is told by the return annotation, once, at registration. Objects stand as they are; anything else is
wrapped as `{"result": …}`, in both eras alike, as the official Python SDK does (mcp 2.3).
"""

from collections.abc import Callable, Sequence
from types import UnionType
from typing import Annotated, Any, ClassVar, Final, TypeAlias, Union, get_args, get_origin

import msgspec

from erlmcp.mcp import schema as schemas
from erlmcp.mcp.content import Block, encode_block
from erlmcp.mcp.raw_schema import RawResult
from erlmcp.mcp.schema import JsonSchema
from erlmcp.mcp.signature import UNKNOWN
from erlmcp.mcp.tool_error import ToolError

Encode: TypeAlias = Callable[[Any], bytes]


class Refused(bytes):
    """The members of a result that is the tool's own no (`isError`). Its type tells, so that nobody looks inside."""


class Unfinished(bytes):
    """The members of a result that is not the method's own: the request is answered, what it asked for is still to
    come. Only since 2026-07-28."""

    result_type: ClassVar[str]
    """What `resultType` says, and the outcome in the observer's vocabulary."""


class InputRequired(Unfinished):
    """The server asks the client before it goes on (basic/patterns/mrtr)."""

    result_type = "input_required"


class TaskCreated(Unfinished):
    """The call goes on as a task (extension io.modelcontextprotocol/tasks)."""

    result_type = "task"


class Hinted(bytes):
    """The members of a result that says itself how long it may be kept (server/utilities/caching)."""

    hints: bytes
    """The caching members, each with a comma before it."""


_encode: Final = msgspec.json.Encoder().encode
_BYTES: Final = (bytes, bytearray, memoryview)
_BYTES_FAULT: Final = "returns bytes; say what they are: Image(data, type), Audio(data, type) or Embedded(uri, data)"


class Result(msgspec.Struct, frozen=True):
    """How a tool's results look in each era."""

    schema: JsonSchema | None
    encode: Encode
    """From a value to members. Raises TypeError or ValueError for a value that breaks the tool's word: a bug of the
    tool."""
    legacy_schema: JsonSchema | None
    legacy_encode: Encode


def of(name: str, hint: Any, output_schema: JsonSchema | None) -> Result:
    """How the results of tool `name` look, from its return annotation or the schema its author wrote.

    Raises TypeError for a tool that returns bytes: what they are is not told. Raises ValueError for a bad schema.
    """
    if isinstance(hint, type) and issubclass(hint, _BYTES):
        raise TypeError(f"tool {name} {_BYTES_FAULT}")
    if output_schema is not None:
        return _by_author(name, output_schema)
    if hint is int or hint is str:
        return _INTEGER if hint is int else _STRING
    if hint is UNKNOWN or hint is type(None) or _is_content(hint) or (found := schemas.of_result(hint)) is None:
        return _FREE
    schema, wrapped = found
    encode = _checked(hint, wrapped=wrapped)
    return Result(schema, encode, schema, encode)


def failure(message: str) -> Refused:
    """The members of a result that says what went wrong, for the model to read."""
    return Refused(b'"content":[{"type":"text","text":%b}],"isError":true' % _encode(message))


def refusal(error: ToolError, *, structured: bool) -> Refused:
    """The members for a ToolError. Its data stands beside the message as text, and as structured content where no
    output schema is in the way: the TypeScript client holds even an error to that (SDK 1.x, client/index.ts)."""
    if error.data is None:
        return failure(error.message)
    data = _encode(error.data)
    content = _text(error.message) + b"," + _text(data.decode())
    also = b',"structuredContent":%b' % data if structured else b""
    return Refused(b'"content":[%b]%b,"isError":true' % (content, also))


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


def _free(value: Any) -> bytes:
    """For a tool that promised no structure: blocks pass, an object is structured all the same, the rest is text."""
    if value is None or isinstance(value, str | Block):
        return _members(b"" if value is None else encode_block(value), None)
    if isinstance(value, list | tuple) and _has_blocks(value):
        return _members(b",".join([_item(each) for each in value]), None)
    encoded = _json(value)
    return _members(_text(encoded.decode()), encoded if encoded.startswith(b"{") else None)


def _has_blocks(values: Sequence[Any]) -> bool:
    return not values or any(isinstance(each, Block) for each in values)


def _item(value: Any) -> bytes:
    return encode_block(value) if isinstance(value, str | Block) else _text(_json(value).decode())


def _checked(hint: Any, *, wrapped: bool) -> Encode:
    """For a tool with an annotation: what it returns is read back by it, so that no client meets what it forbids."""
    decode = msgspec.json.Decoder(hint).decode

    def encode(value: Any) -> bytes:
        encoded = _json(value)
        try:
            decode(encoded)
        except msgspec.ValidationError as fault:
            raise TypeError(f"returned {type(value).__name__}, which the return annotation forbids: {fault}") from fault
        return _members(_content(value, encoded), b'{"result":%b}' % encoded if wrapped else encoded)

    return encode


def _by_author(name: str, schema: JsonSchema) -> Result:
    """The author's schema as it stands, never wrapped. One that allows more than objects is not for the older wire."""
    result = RawResult(schema, name)

    def encode(value: Any) -> bytes:
        encoded = _json(value)
        result.check(encoded)
        return _members(_content(value, encoded), encoded)

    if result.is_object:
        return Result(schema, encode, schema, encode)
    return Result(schema, encode, None, lambda value: _members(_content(value, _json(value)), None))


def _json(value: Any) -> bytes:
    if isinstance(value, _BYTES):
        raise TypeError(_BYTES_FAULT)
    try:
        return _encode(value)
    except TypeError as fault:
        raise TypeError(f"returned {type(value).__name__}, which JSON cannot hold: {fault}") from fault


def _is_content(hint: Any) -> bool:
    """Whether an annotation speaks of blocks, alone, in a union or in a list: they are for the model and have no
    schema."""
    if isinstance(hint, type) and not get_args(hint):
        return issubclass(hint, Block)
    if get_origin(hint) in {list, tuple, Sequence, Union, UnionType, Annotated}:
        return any(_is_content(each) for each in get_args(hint))
    return False


_FREE: Final = Result(None, _free, None, _free)

# int and str are most of what tools return: checked by their exact type, not by reading back (bench/test_dispatch.py),
# and made once, so that ten thousand tools share them.
_checked_int = _checked(int, wrapped=True)
_checked_str = _checked(str, wrapped=True)


def _integer(value: Any) -> bytes:
    if type(value) is not int:
        return _checked_int(value)
    return b'"content":[{"type":"text","text":"%d"}],"structuredContent":{"result":%d},"isError":false' % (value, value)


def _string(value: Any) -> bytes:
    if type(value) is not str:
        return _checked_str(value)
    text = _encode(value)
    return b'"content":[{"type":"text","text":%b}],"structuredContent":{"result":%b},"isError":false' % (text, text)


def _scalar(hint: type, encode: Encode) -> Result:
    found = schemas.of_result(hint)
    schema = found[0] if found else None
    return Result(schema, encode, schema, encode)


_INTEGER: Final = _scalar(int, _integer)
_STRING: Final = _scalar(str, _string)
