"""The values between admission and dispatch: a method as an app serves it, and a request that may be performed."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from erlmcp.mcp.context import Ask, Context, cannot_ask
from erlmcp.mcp.facts import Facts
from erlmcp.mcp.param_headers import ParamHeader
from erlmcp.mcp.types import Envelope

__all__ = ["Call", "Members", "Perform", "Served", "Surface"]

Members: TypeAlias = bytes | Awaitable[bytes]
"""The members of a result (docs/adr/0004), now or later."""

Perform: TypeAlias = Callable[[Any, Context], Members]
"""A method made for one app. Its first argument is of the type that the method's row names."""


class Served(msgspec.Struct, frozen=True, gc=False):
    """A method as one app serves it in one revision."""

    name: str
    decode: Callable[[bytes], Envelope]
    perform: Perform
    tail: bytes
    """Constant members that follow the app's in each result."""
    mirrored: str | None
    """The parameter that Mcp-Name repeats."""
    bounded: bool
    """Whether it runs an author's function, and so counts as a call in flight."""
    header: bytes
    """What Mcp-Method must say."""
    param_headers: Mapping[str, tuple[ParamHeader, ...]]
    """By tool, the arguments that it wants repeated in headers; only tools that want some."""
    streams: bool
    """Whether it needs a way back to the client, also when the request asked for no notifications."""
    ask: Ask = cannot_ask
    """How its requests ask the client."""


Surface: TypeAlias = Mapping[str, Served]
"""What an app serves in one revision, by method."""


class Call(msgspec.Struct, frozen=True, gc=False):
    """A request that may be performed."""

    method: Served
    params: Any
    """Of the type that `method` decodes."""
    facts: Facts
    target: str
    """The tool, prompt or resource it is about, or empty."""
