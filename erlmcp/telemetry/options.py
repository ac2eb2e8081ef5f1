"""The `[log]` and `[metrics]` sections of the configuration."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = ["Level", "LogOptions", "MetricsOptions"]

Level = Literal["debug", "info", "warning", "error"]


class LogOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[log]`: how lines look, from which level, where to."""

    format: Literal["auto", "json", "human"] = "auto"  # auto: human on a terminal, else JSON
    level: Level = "info"  # at debug the access log shows the probes (/health and the like) too
    file: str | None = None  # appended to, reopened when it was renamed (logrotate); None: standard error
    access: bool = True  # a line per request


class MetricsOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[metrics]`: where Prometheus scrapes. Port 0 takes a free one."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 9090
