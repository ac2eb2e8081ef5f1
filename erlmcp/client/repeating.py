"""What HTTP repeats of a modern request (2026-07-28, streamable-http, Request Metadata), whoever wrote it. Pure."""

from typing import Any, Final, TypeAlias

from erlmcp.client.fetch import Fields
from erlmcp.client.param_headers import ParamHeader, field_value, fields_for

__all__ = ["NAMED", "Wanted", "repeated"]

Wanted: TypeAlias = dict[str, tuple[ParamHeader, ...]]
"""By tool, the arguments that it wants repeated in headers."""

NAMED: Final = {
    **dict.fromkeys(("tools/call", "prompts/get"), "name"),
    "resources/read": "uri",
    **dict.fromkeys(("tasks/get", "tasks/update", "tasks/cancel"), "taskId"),
}
"""The parameter that Mcp-Name repeats."""


def repeated(method: str, params: dict[str, Any], wanted: Wanted) -> Fields:
    """The method, what it is about, and of a tool's arguments those that it wants."""
    fields = [(b"Mcp-Method", field_value(method))]
    named = params.get(NAMED.get(method, ""))
    if isinstance(named, str):
        fields.append((b"Mcp-Name", field_value(named)))
        if method == "tools/call":
            fields += fields_for(wanted.get(named, ()), params.get("arguments") or {})
    return tuple(fields)
