"""What a client may be told besides where its server is, with its defaults."""

import ssl
from collections.abc import Mapping
from typing import TypedDict

import msgspec

from erlmcp import __version__
from erlmcp.client.call import OnLog
from erlmcp.client.inputs import Elicit, Inputs, Roots, Sample
from erlmcp.client.results import Json
from erlmcp.client.streamable import MAX_MESSAGE

__all__ = ["ClientOptions", "Options"]


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of `Client`; see `Options` for their meaning."""

    timeout: float | None
    headers: Mapping[str, str] | None
    elicit: Elicit | None
    elicit_url: Elicit | None
    sample: Sample | None
    roots: Roots | None
    on_log: OnLog | None
    log_level: str | None
    extensions: Mapping[str, Json] | None
    tasks: bool
    cache: bool
    retries: int
    name: str
    version: str
    max_message: int
    tls: ssl.SSLContext | None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Checked when a client is made: TypeError or ValueError for what cannot be meant."""

    timeout: float | None = 60.0
    """Seconds for each round trip; None: no limit. A call may say another."""
    headers: Mapping[str, str] | None = None
    """Sent with every request over HTTP."""
    elicit: Elicit | None = None
    elicit_url: Elicit | None = None
    sample: Sample | None = None
    roots: Roots | None = None
    on_log: OnLog | None = None
    log_level: str | None = None
    """The least severe log messages that are wanted; with `on_log` alone: `info`."""
    extensions: Mapping[str, Json] | None = None
    """Further extensions to declare, with their settings."""
    tasks: bool = False
    """Whether a tool may answer with a task; `call_tool` then waits for it."""
    cache: bool = False
    """Whether answers are kept as long as their server allows (`ttlMs`)."""
    retries: int = 2
    """How often a request is sent again that never arrived, or that only reads; 0: never."""
    name: str = "erlmcp"
    version: str = __version__
    max_message: int = MAX_MESSAGE
    """Bytes of an answer or an event."""
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if self.timeout is not None and not self.timeout > 0:
            raise ValueError(f"timeout must be above 0, not {self.timeout}")
        if self.retries < 0 or self.max_message < 1:
            raise ValueError("retries must be 0 or more, max_message 1 or more")

    @property
    def inputs(self) -> Inputs:
        return Inputs(self.elicit, self.elicit_url, self.sample, self.roots)

    @property
    def level(self) -> str | None:
        return self.log_level or ("info" if self.on_log is not None else None)

    @property
    def capabilities(self) -> Json:
        """`clientCapabilities` of every request."""
        extensions: Json = dict(self.extensions or {})
        if self.tasks:
            extensions["io.modelcontextprotocol/tasks"] = {}
        return self.inputs.capabilities() | ({"extensions": extensions} if extensions else {})
