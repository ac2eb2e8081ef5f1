"""`erlmcp mcp`: what concerns the clients of a server: telling them that it is there."""

from erlmcp.cli.grammar import Words
from erlmcp.cli.mcp.install import install

__all__ = ["mcp"]

mcp = Words(
    "mcp",
    commands={"install": install},
    short_help="Tell MCP clients of a server.",
    help="""Tell MCP clients of a server.

\b
Examples:
  erlmcp mcp install claude-code shop:app
  erlmcp mcp install vscode --url http://127.0.0.1:8080/mcp
""",
)
