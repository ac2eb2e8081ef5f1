"""`Mcp-Param-*` headers against the arguments they repeat (streamable-http, Server Behavior for Custom Headers).

Pure. Which arguments a tool wants repeated was read from its schema when it was registered (`param_headers`).
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from erlmcp.jsonrpc import RpcError
from erlmcp.mcp.errors import HEADER_MISMATCH
from erlmcp.mcp.headers import literal
from erlmcp.mcp.param_headers import ParamHeader

__all__ = ["check_param_headers"]

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DECIMAL: Final = re.compile(r"-?[0-9]{1,64}(?:\.[0-9]{1,64})?")


def check_param_headers(
    wanted: tuple[ParamHeader, ...], arguments: bytes, headers: Mapping[bytes, bytes], repeated: tuple[bytes, ...]
) -> None:
    """Raises RpcError (-32020) for the first header that does not say what the arguments say.

    `arguments` is a raw JSON object. An argument that is absent or null must have no header.
    """
    for each in wanted:
        value = _value_at(each.path, arguments)
        header = headers.get(each.header)
        if each.header in repeated:
            raise _mismatch(each, "is there more than once")
        if header is None:
            if value is not None and value[:1] not in {b"{", b"["}:
                raise _mismatch(each, "is missing, but the body has a value for it")
        elif value is None:
            raise _mismatch(each, "has a value, but the body has none for it")
        elif not _says(literal(header), value):
            raise _mismatch(each, "does not say what the body says")


def _mismatch(wanted: ParamHeader, what: str) -> RpcError:
    return RpcError(HEADER_MISMATCH, f"Header mismatch: {wanted.header.decode()} {what} ({'.'.join(wanted.path)})")


def _value_at(path: tuple[str, ...], arguments: bytes) -> bytes | None:
    """The raw JSON of one argument; None when it is absent or null."""
    raw = arguments
    for name in path:
        if not raw.startswith(b"{"):
            return None
        value = _OBJECT.decode(raw).get(name)
        if value is None:
            return None
        raw = bytes(value)
    return None if raw == b"null" else raw


def _says(header: str | None, value: bytes) -> bool:
    """Whether a header's text stands for a raw JSON value. Numbers are compared as numbers: 42.0 says 42."""
    if header is None:
        return False
    if value.startswith(b'"'):
        return header == msgspec.json.decode(value, type=str)
    if value in {b"true", b"false"}:
        return header == value.decode()
    if value[:1] in {b"{", b"["}:
        return False
    return _DECIMAL.fullmatch(header) is not None and Decimal(header) == Decimal(value.decode())
