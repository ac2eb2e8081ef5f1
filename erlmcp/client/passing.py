"""Requests that somebody else wrote, on their way to a server: their headers made from their bodies. Pure."""

from typing import Any, Final

import msgspec

from erlmcp.client.eras import PREFIX
from erlmcp.client.errors import Garbled
from erlmcp.client.fetch import Fields
from erlmcp.client.message import Ask as Question
from erlmcp.client.message import Failed, Notice, Reply
from erlmcp.client.param_headers import field_value, param_headers
from erlmcp.client.repeating import NAMED, Wanted, repeated
from erlmcp.jsonrpc import Request, RpcError, encode_error, encode_notification, encode_request

__all__ = ["Passing", "headers_for", "line_of", "version_of", "wanted_in"]


class Passing(msgspec.Struct, frozen=True):
    """A request as a transport sends it: the body as it came."""

    method: str
    body: bytes
    raw_id: bytes
    headers: Fields = ()


class _Meta(msgspec.Struct):
    version: Any = msgspec.field(default=None, name=PREFIX + "protocolVersion")


class _Params(msgspec.Struct):
    meta: _Meta | None = msgspec.field(default=None, name="_meta")


class _Tool(msgspec.Struct):
    name: str
    input_schema: Any = msgspec.field(default=None, name="inputSchema")


class _Tools(msgspec.Struct):
    tools: list[_Tool]
    next_cursor: str | None = msgspec.field(default=None, name="nextCursor")


_PARAMS: Final = msgspec.json.Decoder(_Params)
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
_TOOLS: Final = msgspec.json.Decoder(_Tools)


def version_of(request: Request) -> str:
    """The version that its envelope names; empty for a request of the older era."""
    try:
        meta = _PARAMS.decode(request.params or b"{}").meta
    except msgspec.ValidationError:  # the server says what is wrong with it
        return ""
    return meta.version if meta is not None and isinstance(meta.version, str) else ""


def headers_for(request: Request, version: str, wanted: Wanted) -> Fields:
    """What HTTP says besides the body of a modern request: its version, and what is repeated of it."""
    params = _OBJECT.decode(request.params or b"{}") if request.method in NAMED else {}
    return ((b"MCP-Protocol-Version", field_value(version)), *repeated(request.method, params, wanted))


def wanted_in(result: bytes, wanted: Wanted) -> str | None:
    """Learn from a page of tools what they want repeated; gives the cursor of the next page. Raises Garbled."""
    try:
        page = _TOOLS.decode(result)
    except msgspec.DecodeError as fault:
        raise Garbled(f"the server lists its tools in a way that is none: {fault}") from None
    for tool in page.tools:
        try:
            headers = param_headers(tool.input_schema)
        except ValueError:  # the client has the same schema, and drops the tool
            headers = ()
        wanted.pop(tool.name, None)
        if headers:
            wanted[tool.name] = headers
    return page.next_cursor


def line_of(message: Reply | Failed | Notice | Question, raw_id: bytes = b"") -> bytes:
    """A message of the server as one line, without its end. `raw_id`: of the request, for an error that names none."""
    if isinstance(message, Reply):
        line = b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (message.id, message.result)
    elif isinstance(message, Failed):
        data = None if message.data is None else msgspec.json.encode(message.data)
        line = encode_error(message.id or raw_id or None, RpcError(message.code, message.message, data))
    elif isinstance(message, Notice):
        line = encode_notification(message.method, message.params)
    else:
        line = encode_request(message.id, message.method, message.params)
    return line.replace(b"\n", b" ").replace(b"\r", b" ")  # raw ones are mere space in JSON
