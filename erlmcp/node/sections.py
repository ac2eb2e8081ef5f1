"""Every section of the configuration and whose Struct it is. The packages own their options; here they are converted.

Importing this imports those packages: workers and the resolver do, the arbiter does not.
"""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from erlmcp import http, mcp, pipes, store, tcps
from erlmcp.node.options import Options
from erlmcp.telemetry import LogOptions, MetricsOptions

__all__ = ["SECTIONS", "DashboardOptions", "HttpOptions", "Sections", "sections_of"]

Port = Annotated[int, Meta(ge=0, le=65535)]


class HttpOptions(http.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[http]`: the door for MCP and health, beside the engine's own limits."""

    host: str = "127.0.0.1"
    port: Port = 8080  # 0: any free one
    allowed_hosts: tuple[str, ...] = ()  # Host headers to accept beside localhost, 127.0.0.1 and [::1]
    allowed_origins: tuple[str, ...] = ()  # pages that may call, beside those of the allowed hosts
    public_url: str = ""  # where clients reach this node, when that is another address


class DashboardOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[dashboard]`: the page that is yet to come; its port is accepted and not opened."""

    port: Port = 3000


class Sections(Struct, frozen=True, kw_only=True):
    """The whole configuration, checked."""

    node: Options
    http: HttpOptions
    mcp: mcp.Options
    stdio: pipes.Options
    store: store.Options
    tcps: tcps.Options
    metrics: MetricsOptions
    dashboard: DashboardOptions
    log: LogOptions


SECTIONS: Final[Mapping[str, type[Struct]]] = {field.name: field.type for field in msgspec.structs.fields(Sections)}


def sections_of(document: msgspec.Raw) -> Sections:
    """The sections as the resolver wrote them."""
    return msgspec.json.decode(document, type=Sections)
