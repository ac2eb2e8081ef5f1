"""erlmcp: the MCP server that a team puts into production.

The public names, nothing else. They load on first use (PEP 562), so that `import erlmcp.otp`, or the arbiter, does not
drag the protocol in.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.7.0"
__all__ = ["App", "Client", "Context", "ToolError", "__version__"]

if TYPE_CHECKING:
    from erlmcp.client import Client
    from erlmcp.mcp import App, Context, ToolError


def __getattr__(name: str) -> Any:
    if name in {"App", "Context", "ToolError"}:
        import erlmcp.mcp  # noqa: PLC0415 - the point of PEP 562

        return getattr(erlmcp.mcp, name)
    if name == "Client":
        import erlmcp.client  # noqa: PLC0415 - as above

        return erlmcp.client.Client
    raise AttributeError(f"module 'erlmcp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
