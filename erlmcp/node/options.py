"""What the node can be told: the `[node]` section, and the narrow view of the whole configuration that the arbiter has.

The sections of the other packages are in `node.sections`, apart, because they import those packages and the arbiter
must not.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

__all__ = ["TCPS_APP", "Address", "LogView", "Options", "Resolved"]

TCPS_APP = "erlmcp.apps.tcps:build"  # what is served when nothing else is named

Seconds = Annotated[float, Meta(gt=0, le=3600)]


class Options(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[node]`: the app and the processes that serve it. Times are in seconds."""

    app: str = TCPS_APP  # module:attribute; the current directory comes first on the path
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    data_dir: str = ".erlmcp"  # control socket, lock; one node each
    loop: Literal["uvloop", "asyncio"] = "uvloop"
    insecure: bool = False  # listen beyond loopback although nothing asks callers who they are yet
    max_restarts: Annotated[int, Meta(ge=0)] = (
        10  # more restarts than this within max_restart_seconds: the node gives up
    )
    max_restart_seconds: Seconds = 60.0
    heartbeat_interval: Annotated[float, Meta(gt=0, le=60)] = 1.0
    heartbeat_timeout: Annotated[float, Meta(ge=0, le=3600)] = (
        10.0  # a loop that stood still for so long is ended; 0: never
    )
    boot_timeout: Seconds = 60.0  # from the start of a worker until it serves
    drain_grace: Seconds = 5.0  # beyond http.drain, before a worker that was asked to leave is killed


class Address(Struct, frozen=True):
    """Where a door listens, as the arbiter sees it."""

    host: str
    port: int
    backlog: int = 2048
    drain: float = 25.0


class LogView(Struct, frozen=True):
    """The part of `[log]` that the arbiter's own lines obey."""

    format: str = "auto"
    level: str = "info"
    file: str | None = None


class Resolved(Struct, frozen=True):
    """A configuration that was read and checked by another process (`erlmcp config resolve`).

    `sections` is the whole of it as JSON, for the workers; the arbiter does not look inside.
    """

    version: str
    backend: str
    node: Options
    http: Address
    metrics: Address | None  # None: no such door
    log: LogView
    public_url: str
    sections: msgspec.Raw
