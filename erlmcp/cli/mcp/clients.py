"""The clients that we write configuration for: which file in which scope, and how an entry looks there. One table.

Sources, as of November 2026: the MCP pages of Claude Code (scopes), Claude Desktop (local servers), Cursor and VS Code
(MCP configuration reference).
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

__all__ = ["CLIENTS", "Client", "Place", "Server", "Target"]

Entry = dict[str, Any]
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


class Server(Struct, frozen=True):
    """What is to be installed: a command to start, or an address, or for a client that knows no addresses, both.

    `headers`: of the address; `${NAME}` in a value stands for a variable of the environment.
    """

    command: tuple[str, ...]
    url: str = ""
    headers: Mapping[str, str] = {}


class Place(Struct, frozen=True):
    """Where things are on this machine."""

    home: Path
    project: Path
    platform: str = sys.platform
    environ: Mapping[str, str] = {}

    def settings(self, name: str) -> Path:
        """The folder that an Electron program called `name` keeps its settings in."""
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support" / name
        if self.platform == "win32":
            return Path(self.environ.get("APPDATA") or self.home / "AppData" / "Roaming") / name
        return Path(self.environ.get("XDG_CONFIG_HOME") or self.home / ".config") / name


class Target(Struct, frozen=True):
    """A file, and the way through its objects to the one that holds the entries."""

    file: Path
    way: tuple[str, ...]


class Client(Struct, frozen=True):
    """`scopes`: by name, the first is the usual one. `after`: what a person has to do then."""

    title: str
    scopes: Mapping[str, Callable[[Place], Target]]
    entry: Callable[[Server], Entry]
    after: str


def started(server: Server) -> Entry:
    """A server that the client starts."""
    return {"command": server.command[0], "args": list(server.command[1:])}


def _claude_code(server: Server) -> Entry:
    if not server.url:
        return {"type": "stdio"} | started(server)
    return {"type": "http", "url": server.url} | _headers(server, "${{{}}}")


def _cursor(server: Server) -> Entry:
    return {"url": server.url} | _headers(server, "${{env:{}}}") if server.url else started(server)


def _vscode(server: Server) -> Entry:
    if not server.url:
        return {"type": "stdio"} | started(server)
    return {"type": "http", "url": server.url} | _headers(server, "${{env:{}}}")


def _headers(server: Server, variable: str) -> Entry:
    """Headers with variables as this client spells them."""
    spelled = {
        name: _VARIABLE.sub(lambda found: variable.format(found[1]), value) for name, value in server.headers.items()
    }
    return {"headers": spelled} if spelled else {}


CLIENTS: Final[Mapping[str, Client]] = {
    "claude-code": Client(
        "Claude Code",
        {
            "local": lambda place: Target(place.home / ".claude.json", ("projects", str(place.project), "mcpServers")),
            "project": lambda place: Target(place.project / ".mcp.json", ("mcpServers",)),
            "user": lambda place: Target(place.home / ".claude.json", ("mcpServers",)),
        },
        _claude_code,
        "start a new session in {project}, and look at it with /mcp",
    ),
    "claude-desktop": Client(
        "Claude Desktop",
        {"user": lambda place: Target(place.settings("Claude") / "claude_desktop_config.json", ("mcpServers",))},
        started,  # its file knows no addresses: those are reached by the bridge
        "quit Claude Desktop and start it again",
    ),
    "cursor": Client(
        "Cursor",
        {
            "project": lambda place: Target(place.project / ".cursor" / "mcp.json", ("mcpServers",)),
            "user": lambda place: Target(place.home / ".cursor" / "mcp.json", ("mcpServers",)),
        },
        _cursor,
        "switch it on in Cursor's settings, under MCP",
    ),
    "vscode": Client(
        "VS Code",
        {
            "project": lambda place: Target(place.project / ".vscode" / "mcp.json", ("servers",)),
            "user": lambda place: Target(place.settings("Code") / "User" / "mcp.json", ("servers",)),
        },
        _vscode,
        "start it from the file, or with the command MCP: List Servers",
    ),
}
