"""Views: HTML that a host shows beside a tool's result (extension io.modelcontextprotocol/ui, MCP Apps 2026-01-26).

A view is a resource at a `ui://` address, and a tool names the one that shows its results. A host without the extension
ignores both and has the result as text. It does not know what a view does in its host.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias

import msgspec

from erlmcp.mcp.capabilities import APP_TYPE
from erlmcp.mcp.registration import FeatureOptions
from erlmcp.mcp.resource import ResourceOptions, is_template

__all__ = []

SCHEME: Final = "ui://"

Permission: TypeAlias = Literal["camera", "microphone", "geolocation", "clipboardWrite"]
PERMISSIONS: Final = ("camera", "microphone", "geolocation", "clipboardWrite")

Visibility: TypeAlias = Literal["model", "app"]
VISIBLE_TO: Final = ("model", "app")


class Csp(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The origins that a view may use; without one it has none but itself."""

    connect_domains: Sequence[str] = ()
    """For fetch and WebSockets."""
    resource_domains: Sequence[str] = ()
    """For scripts, styles, images, fonts and media."""
    frame_domains: Sequence[str] = ()
    """For frames inside it."""
    base_uri_domains: Sequence[str] = ()
    """For its base URI."""


class ViewOptions(ResourceOptions, total=False):
    """What an author may say about a view beside what any resource has."""

    csp: Csp | None
    permissions: Sequence[Permission] | None
    """What it asks of the user's browser; the host may refuse."""
    domain: str | None
    """An origin of its own, in the form that the host wants."""
    prefers_border: bool | None
    """Whether the host should draw a border around it; hosts differ when it is not said."""


class _Tool(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def view(self) -> str | None: ...


class _Resource(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def mime_type(self) -> str | None: ...


class _Resources(Protocol):
    def get(self, key: str, /) -> _Resource | None: ...


def is_view(uri: str) -> bool:
    return uri.startswith(SCHEME)


def as_resource(uri: str, options: ViewOptions) -> ResourceOptions:
    """The options of the resource that a view is. Raises ValueError for what is no view."""
    if not is_view(uri) or is_template(uri):
        raise ValueError(f"{uri!r} is no address of a view: it is fixed and starts with {SCHEME}")
    if options.get("mime_type") not in {None, APP_TYPE}:
        raise ValueError(f"the view {uri} has the type {options['mime_type']!r}; hosts show {APP_TYPE} only")
    permissions = options.get("permissions") or ()
    if unknown := [each for each in permissions if each not in PERMISSIONS]:
        raise ValueError(f"the view {uri} asks for {unknown[0]!r}; there are {', '.join(PERMISSIONS)}")
    told: dict[str, Any] = {
        "csp": options.get("csp"),
        "permissions": {each: {} for each in permissions} or None,
        "domain": options.get("domain"),
        "prefersBorder": options.get("prefers_border"),
    }
    view = {key: value for key, value in told.items() if value is not None}
    own: ResourceOptions = {key: value for key, value in options.items() if key not in _OWN}  # type: ignore[assignment]
    own["mime_type"] = APP_TYPE
    if view:
        own["meta"] = _merged(options, view)
    return own


_OWN: Final = frozenset(ViewOptions.__annotations__) - frozenset(ResourceOptions.__annotations__)


def meta_of(tool: str, options: FeatureOptions, uri: str | None, visibility: Sequence[Visibility] | None) -> Any:
    """The `_meta` of a tool with a view. Raises ValueError for one that nobody can see, or whose address is none."""
    view: dict[str, Any] = {}
    if uri is not None:
        view["resourceUri"] = uri
    if visibility is not None:
        if not visibility or any(each not in VISIBLE_TO for each in visibility):
            raise ValueError(f"tool {tool}: ui_visibility is a list of {' and '.join(VISIBLE_TO)}, not {visibility!r}")
        view["visibility"] = list(visibility)
    return _merged(options, view) if view else options.get("meta")


def view_of(meta: Mapping[str, Any] | None) -> str | None:
    """The view that a tool's `_meta` names."""
    view = (meta or {}).get("ui")
    return view.get("resourceUri") if isinstance(view, Mapping) else None


def with_view(definition: bytes, uri: str) -> dict[str, Any]:
    """The `_meta` of a tool's definition with another view."""
    meta: dict[str, Any] = msgspec.json.decode(definition)["_meta"]
    return {**meta, "ui": {**meta["ui"], "resourceUri": uri}}


def check_views(tools: Iterable[_Tool], resources: _Resources) -> None:
    """Raises ValueError for a tool whose view is not there, or is none."""
    for tool in tools:
        if tool.view is None:
            continue
        resource = resources.get(tool.view)
        if resource is None:
            raise ValueError(f"tool {tool.key} is shown in {tool.view}, which is not registered: @app.ui registers it")
        if not is_view(resource.key) or resource.mime_type != APP_TYPE:
            raise ValueError(f"tool {tool.key} is shown in {tool.view}, which is no view: @app.ui makes one")


def _merged(options: FeatureOptions, view: Mapping[str, Any]) -> dict[str, Any]:
    meta = dict(options.get("meta") or {})
    return {**meta, "ui": {**meta.get("ui", {}), **view}}
