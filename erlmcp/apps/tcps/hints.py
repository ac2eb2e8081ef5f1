"""Hints about the tools' behaviour, in MCP's words."""

from typing import Final

from erlmcp.mcp import ToolAnnotations

__all__ = ["CHANGES", "LOOKS", "UNDOES"]

LOOKS: Final[ToolAnnotations] = {
    "readOnlyHint": True,
    "destructiveHint": False,
    "idempotentHint": True,
    "openWorldHint": False,
}
CHANGES: Final[ToolAnnotations] = {
    "readOnlyHint": False,
    "destructiveHint": False,
    "idempotentHint": False,  # but with an idempotency_key
    "openWorldHint": False,
}
UNDOES: Final[ToolAnnotations] = {**CHANGES, "destructiveHint": True}
