"""Who the server says it is: name, capabilities, and the constant members that each revision wants on its results."""

from typing import TYPE_CHECKING, Final

import msgspec

from erlmcp.mcp.app import App
from erlmcp.mcp.backplane import Backplane
from erlmcp.mcp.options import Options
from erlmcp.mcp.result import Hinted, Unfinished
from erlmcp.mcp.types import PREFIX

if TYPE_CHECKING:
    from erlmcp.mcp.task_runner import TaskRunner

__all__ = ["OWN_META", "Server", "identity", "join_result", "result_tail"]

SERVER_INFO: Final = PREFIX + "serverInfo"
OWN_META: Final = b'"_meta"'
"""What the members of a result begin with that has a `_meta` of its own."""

_META_AFTER: Final = b"," + OWN_META
"""Where in a tail its `_meta` begins: what stands before is of a complete result only."""


class Server(msgspec.Struct, frozen=True):
    """An app as it shows itself in one revision."""

    app: App
    options: Options
    modern: bool
    info: bytes
    """`Implementation` as a JSON object."""
    capabilities: bytes
    """`ServerCapabilities` as a JSON object."""
    backplane: Backplane
    tasks: "TaskRunner | None" = None
    """Runs the tools that may become tasks, where any process does."""


def identity(app: App) -> bytes:
    """The app's `Implementation`. Old revisions know fewer members, and all allow more than they know."""
    members = {
        "name": app.name,
        "title": app.title,
        "version": app.version,
        "description": app.description,
        "websiteUrl": app.website_url,
        "icons": app.icons,
    }
    return msgspec.json.encode({name: value for name, value in members.items() if value is not None})


def result_tail(info: bytes, *, modern: bool, hints: bytes = b"") -> bytes:
    """The members that follow an app's own in a result; none before 2026-07-28.

    `hints`: the caching members, for a method whose results are cacheable.
    """
    if not modern:
        return b""
    return b',"resultType":"complete"%b,"_meta":{"%b":%b}' % (hints, SERVER_INFO.encode(), info)


def join_result(members: bytes, tail: bytes) -> bytes:
    """An app's members and the era's constant ones as the members of one result.

    Where a result has a `_meta` of its own, the server's name joins what is there. One that is not the method's own
    says so instead of "complete", and has no caching members.
    """
    if isinstance(members, Unfinished) and tail:
        tail = b',"resultType":"%b"%b' % (members.result_type.encode(), tail[tail.index(_META_AFTER) :])
    if isinstance(members, Hinted) and tail:
        tail = b',"resultType":"complete"%b%b' % (members.hints, tail[tail.index(_META_AFTER) :])
    if not members:
        return tail[1:]
    if not members.startswith(OWN_META) or not tail:
        return members + tail
    own = msgspec.json.decode(b"{%b}" % members, type=dict[str, msgspec.Raw])
    ours = msgspec.json.decode(b"{%b}" % tail[1:], type=dict[str, msgspec.Raw])
    meta = msgspec.json.decode(ours["_meta"], type=dict[str, msgspec.Raw])
    meta |= msgspec.json.decode(own["_meta"], type=dict[str, msgspec.Raw])
    return msgspec.json.encode(own | ours | {"_meta": meta})[1:-1]
