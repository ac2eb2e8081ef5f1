"""What a client says it can do, by the names that authors ask with; and the error for one that cannot.

It does not know what is asked of the client.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from erlmcp.jsonrpc import RpcError
from erlmcp.mcp.errors import MISSING_CLIENT_CAPABILITY

__all__ = ["APP_TYPE", "TASKS", "UI", "can", "require"]

UI: Final = "io.modelcontextprotocol/ui"
TASKS: Final = "io.modelcontextprotocol/tasks"
APP_TYPE: Final = "text/html;profile=mcp-app"
"""The media type of a view, the one that the extension knows so far (apps, 2026-01-26)."""

_NAMED: Final[Mapping[str, Mapping[str, Any]]] = {
    "elicitation": {"elicitation": {"form": {}}},
    "elicitation.form": {"elicitation": {"form": {}}},
    "elicitation.url": {"elicitation": {"url": {}}},
    "sampling": {"sampling": {}},
    "sampling.tools": {"sampling": {"tools": {}}},
    "sampling.context": {"sampling": {"context": {}}},
    "roots": {"roots": {}},
    "ui": {"extensions": {UI: {"mimeTypes": [APP_TYPE]}}},
}
"""Name → what a client that has it declares. An extension goes by its whole identifier, too."""


def can(capabilities: Mapping[str, Any], name: str) -> bool:
    """Whether the client declared what is called `name`. Raises ValueError for a name that nobody can declare."""
    if "/" in name:
        return _extension(capabilities, name) is not None
    if name not in _NAMED:
        raise ValueError(f"{name!r} is no capability; one of {', '.join(_NAMED)}, or an extension's identifier")
    if name == "ui":
        settings = _extension(capabilities, UI)
        return settings is not None and APP_TYPE in (settings.get("mimeTypes") or ())
    kind, _, part = name.partition(".")
    declared = capabilities.get(kind)
    if not isinstance(declared, dict):
        return False
    if kind == "elicitation" and part != "url":  # `{}` has always meant forms (client/elicitation, Capabilities)
        return "form" in declared or "url" not in declared
    return not part or isinstance(declared.get(part), dict)


def _extension(capabilities: Mapping[str, Any], identifier: str) -> dict[str, Any] | None:
    extensions = capabilities.get("extensions")
    settings = extensions.get(identifier) if isinstance(extensions, dict) else None
    return settings if isinstance(settings, dict) else None


def require(capabilities: Mapping[str, Any], names: Iterable[str]) -> None:
    """Raises RpcError (-32021), naming everything that is missing, for a client that cannot do all of it."""
    missing = [name for name in dict.fromkeys(names) if not can(capabilities, name)]
    if not missing:
        return
    required: dict[str, dict[str, Any]] = {}
    for name in missing:
        for kind, parts in _NAMED.get(name, {"extensions": {name: {}}}).items():
            required[kind] = {**required.get(kind, {}), **parts}
    data = msgspec.json.encode({"requiredCapabilities": required})
    raise RpcError(MISSING_CLIENT_CAPABILITY, f"The client has not declared {', '.join(missing)}", data)
