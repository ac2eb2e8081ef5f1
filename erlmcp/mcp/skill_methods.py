"""The methods of the skills extension (SEP-2640), each made once for an app: list, get, and the listing of a folder."""

from typing import Final

import msgspec

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.app import App
from erlmcp.mcp.call import Members, Perform
from erlmcp.mcp.context import Context
from erlmcp.mcp.errors import shorten
from erlmcp.mcp.identity import Server
from erlmcp.mcp.types import PREFIX, DirectoryParams, ReadResourceParams

__all__ = ["SKILLS", "get_skill", "has_skills", "read_directory"]

SKILLS: Final = {PREFIX + "skills": {"directoryRead": True}}
"""The extension, and that we list folders."""


def has_skills(app: App) -> bool:
    return len(app.skill_set) > 0


def get_skill(server: Server) -> Perform:
    find = server.app.skill_set.entries.get

    def perform(params: ReadResourceParams, _context: Context) -> Members:
        skill = find(params.uri)
        if skill is None:
            raise _unknown(f"no skill is served at {shorten(params.uri)}", params.uri)
        return skill.members

    return perform


def read_directory(server: Server) -> Perform:
    find, file, size = server.app.skill_set.folder, server.app.skill_set.file, server.options.page_size

    def perform(params: DirectoryParams, _context: Context) -> Members:
        folder = find(params.uri)
        if folder is None:
            what = "is a file" if file(params.uri) else "is not here; directories are named without a slash at the end"
            raise _unknown(f"no directory: {shorten(params.uri)} {what}", params.uri)
        return folder.page(params.cursor, size, True)

    return perform


def _unknown(message: str, uri: str) -> RpcError:
    return RpcError(INVALID_PARAMS, message, msgspec.json.encode({"uri": uri}))
