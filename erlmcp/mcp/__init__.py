"""The Model Context Protocol: App, the one public API, and both eras of the protocol behind it."""

from erlmcp.mcp.context import Context, Facts, Sink
from erlmcp.mcp.tool_error import ResourceNotFound, ToolError

__all__ = ["Context", "Facts", "ResourceNotFound", "Sink", "ToolError"]
