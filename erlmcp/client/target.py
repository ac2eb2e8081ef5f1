"""From what a client is given to its transport: a URL, a command, or a transport as it is."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from erlmcp.client.address import Address
from erlmcp.client.fetch import Fields
from erlmcp.client.network import Network
from erlmcp.client.options import Options
from erlmcp.client.stdio import Stdio, StdioTransport
from erlmcp.client.streamable import Streamable
from erlmcp.client.transport import Transport

__all__ = ["Target", "fields_of", "transport_to"]

Target: TypeAlias = str | Sequence[str] | Stdio | Transport

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_VALUE: Final = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_OWN: Final = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding"),
        *("last-event-id", "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"),
    }
)


def transport_to(target: Target, options: Options) -> Transport:
    """Raises ValueError for a URL, a command or headers that are none."""
    if isinstance(target, str):
        address = Address.of(target)
        fields = fields_of(options.headers or {})
        network = Network(address, context=options.tls)
        return Streamable(network, headers=fields, max_message=options.max_message)
    if isinstance(target, Sequence):
        target = Stdio(target)
    if isinstance(target, Stdio):
        if options.headers:
            raise ValueError("headers are for servers over HTTP; give a child its env")
        return StdioTransport(target, max_line=options.max_message)
    return target


def fields_of(headers: Mapping[str, str]) -> Fields:
    """Headers as fields. Raises ValueError for one that is malformed, or that the protocol sets itself."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"header {name!r} is malformed: it is a name of letters, digits and -, and one line")
        if name.lower() in _OWN:
            raise ValueError(f"header {name} is set by the client itself")
    return tuple((name.encode(), value.encode("latin-1")) for name, value in headers.items())
