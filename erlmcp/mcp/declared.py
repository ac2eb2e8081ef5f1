"""What a server says it can do: `ServerCapabilities`, computed here and nowhere else.

A capability is declared when one of its methods is served (`methods`); its members when what they promise is.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from erlmcp.mcp.app import App
from erlmcp.mcp.capabilities import UI
from erlmcp.mcp.views import is_view

__all__ = [
    "EXTENSIONS",
    "PROMISES",
    "Extension",
    "Promise",
    "capabilities",
    "has_prompts",
    "has_resources",
    "has_tools",
    "has_views",
]


def has_tools(app: App) -> bool:
    return app.provides("tools")


def has_prompts(app: App) -> bool:
    return app.provides("prompts")


def has_resources(app: App) -> bool:
    return app.provides("resources")


def has_views(app: App) -> bool:
    return any(is_view(each.key) for each in app.resources) or any(tool.view for tool in app.tools)


class Promise(msgspec.Struct, frozen=True):
    """A member of a capability, and the method by which the promise is kept."""

    capability: str
    member: str
    kept_by: frozenset[str]
    """Any of these methods."""


class Extension(msgspec.Struct, frozen=True):
    """A key of `extensions`, with its settings, for one that has no method of its own (`methods` has the others)."""

    key: str
    offered: Callable[[App], bool]
    settings: Callable[[App], dict[str, Any]] = lambda _app: {}


LISTEN: Final = frozenset({"subscriptions/listen"})
GET: Final = frozenset({"initialize"})
"""What opens a session, which has a stream of its own."""

PROMISES: Final = (
    Promise("tools", "listChanged", LISTEN | GET),
    Promise("prompts", "listChanged", LISTEN | GET),
    Promise("resources", "listChanged", LISTEN | GET),
    Promise("resources", "subscribe", LISTEN | {"resources/subscribe"}),
)

EXTENSIONS: Final = (Extension(UI, has_views),)
"""Since 2026-07-28."""


def capabilities(
    app: App,
    names: Iterable[str],
    methods: frozenset[str],
    extensions: Mapping[str, Mapping[str, object]],
    *,
    modern: bool,
) -> bytes:
    """`ServerCapabilities` as a JSON object, for an app that serves `methods`: they belong to the capabilities `names`,
    and to `extensions`, which come with their settings."""
    declared: dict[str, dict[str, Any]] = {name: {} for name in names}
    for promise in PROMISES:
        if promise.capability in declared and promise.kept_by & methods:
            declared[promise.capability][promise.member] = True
    if modern:
        declared["logging"] = {}  # asked for with each request; before, it takes logging/setLevel and so a session
        also = {each.key: each.settings(app) for each in EXTENSIONS if each.offered(app)}
        if also or extensions:
            declared["extensions"] = {**extensions, **also}
    return msgspec.json.encode(declared)
