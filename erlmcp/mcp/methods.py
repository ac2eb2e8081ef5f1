"""The only list of MCP methods that we serve: parameters, handler, which revisions know it, which capability it is.

`surfaces` makes an app's own list of it: methods whose feature the app lacks are not there, so that the capabilities we
declare are the handlers we have. A handler is made once per app and called for each request; it gives the members of a
result (docs/adr/0004), or a future of them.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp import legacy
from erlmcp.mcp.app import App
from erlmcp.mcp.backplane import Backplane
from erlmcp.mcp.caching import cache_hints
from erlmcp.mcp.call import Members, Perform, Served, Surface
from erlmcp.mcp.context import Ask, Context, cannot_ask
from erlmcp.mcp.declared import capabilities, has_prompts, has_resources, has_tools
from erlmcp.mcp.errors import shorten
from erlmcp.mcp.identity import Server, identity, result_tail
from erlmcp.mcp.options import Options
from erlmcp.mcp.rounds import Rounds
from erlmcp.mcp.skill_methods import SKILLS, get_skill, has_skills, read_directory
from erlmcp.mcp.subscriptions import listen
from erlmcp.mcp.task_methods import TASK_SETTINGS, TaskNews, cancel_task, get_task, has_tasks, update_task
from erlmcp.mcp.task_runner import TaskRunner
from erlmcp.mcp.types import (
    CallToolParams,
    CompleteParams,
    DirectoryParams,
    Envelope,
    GetPromptParams,
    InitializeParams,
    ListenParams,
    PageParams,
    ReadResourceParams,
    TaskParams,
    UpdateTaskParams,
)
from erlmcp.mcp.versions import NEWEST_HANDSHAKE, REVISIONS, SUPPORTED, Revision

__all__ = ["METHODS", "Method", "surfaces"]


OPEN_BRACE: Final = ord("{")


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the list."""

    name: str
    params: type[Envelope] = Envelope
    bind: Callable[[Server], Perform]
    since: str = REVISIONS[-1].name
    until: str = REVISIONS[0].name
    capability: str | None = None
    offered: Callable[[App], bool] = lambda _: True
    cacheable: bool = False
    mirrored: str | None = None
    bounded: bool = False
    streams: bool = False
    extension: Mapping[str, Mapping[str, object]] = {}
    """The extension that it belongs to, with its settings, as `ServerCapabilities.extensions` has it."""
    asks: bool = False
    """Whether its requests may ask the client (basic/patterns/mrtr, Supported Requests)."""

    def known_in(self, version: str) -> bool:
        at = SUPPORTED.index(version)  # newest first
        return SUPPORTED.index(self.until) <= at <= SUPPORTED.index(self.since)


def has_completions(app: App) -> bool:
    return app.completes


def has_something_to_tell(app: App) -> bool:
    return has_tools(app) or has_prompts(app) or has_resources(app)


def discover(server: Server) -> Perform:
    members = b'"supportedVersions":%b,"capabilities":%b' % (msgspec.json.encode(SUPPORTED), server.capabilities)
    if server.app.instructions is not None:
        members += b',"instructions":' + msgspec.json.encode(server.app.instructions)
    return lambda _params, _context: members


def page_of(attribute: str) -> Callable[[Server], Perform]:
    """A handler that lists one of the app's sets of features."""
    find = attrgetter(attribute)

    def bind(server: Server) -> Perform:
        page, size, modern = find(server.app).page, server.options.page_size, server.modern

        def perform(params: PageParams, _context: Context) -> Members:
            members: bytes = page(params.cursor, size, modern)
            return members

        return perform

    return bind


def call_tool(server: Server) -> Perform:
    find, tasks = server.app.tools.get, server.tasks

    def perform(params: CallToolParams, context: Context) -> Members:
        tool = find(params.name)
        if tool is None:
            raise RpcError(INVALID_PARAMS, f"unknown tool: {shorten(params.name)}")
        arguments = params.arguments
        raw = None if arguments is UNSET else bytes(arguments)
        if raw is not None and raw[0] != OPEN_BRACE:
            raw = _object(raw)
        if tool.task is not None and tasks is not None:
            return tasks.call(tool, raw, context)
        return tool.call(raw, context)

    return perform


def get_prompt(server: Server) -> Perform:
    find = server.app.prompts.get

    def perform(params: GetPromptParams, context: Context) -> Members:
        prompt = find(params.name)
        if prompt is None:
            raise RpcError(INVALID_PARAMS, f"unknown prompt: {shorten(params.name)}")
        arguments = params.arguments
        return prompt.get(None if arguments is UNSET else _object(bytes(arguments)), context)

    return perform


def read_resource(server: Server) -> Perform:
    read = server.app.read

    def perform(params: ReadResourceParams, context: Context) -> Members:
        return read(params.uri, context)

    return perform


def complete(server: Server) -> Perform:
    app = server.app

    def perform(params: CompleteParams, context: Context) -> Members:
        return app.complete(params.ref, params.argument, params.context.arguments, context)

    return perform


def _object(raw: bytes) -> bytes | None:
    """The raw JSON object of arguments. Some clients send null for none."""
    if raw[0] == OPEN_BRACE:
        return raw
    if raw == b"null":
        return None
    raise RpcError(INVALID_PARAMS, "params.arguments must be an object")


METHODS: Final = (
    Method(name="server/discover", bind=discover, since="2026-07-28", cacheable=True),
    Method(
        name="tools/list",
        params=PageParams,
        bind=page_of("tools"),
        capability="tools",
        offered=has_tools,
        cacheable=True,
    ),
    Method(
        name="tools/call",
        params=CallToolParams,
        bind=call_tool,
        capability="tools",
        offered=has_tools,
        mirrored="name",
        bounded=True,
        asks=True,
    ),
    Method(
        name="resources/list",
        params=PageParams,
        bind=page_of("resources"),
        capability="resources",
        offered=has_resources,
        cacheable=True,
    ),
    Method(
        name="resources/templates/list",
        params=PageParams,
        bind=page_of("templates"),
        capability="resources",
        offered=has_resources,
        cacheable=True,
    ),
    Method(
        name="resources/read",
        params=ReadResourceParams,
        bind=read_resource,
        capability="resources",
        offered=has_resources,
        cacheable=True,
        mirrored="uri",
        bounded=True,
        asks=True,
    ),
    Method(
        name="prompts/list",
        params=PageParams,
        bind=page_of("prompts"),
        capability="prompts",
        offered=has_prompts,
        cacheable=True,
    ),
    Method(
        name="prompts/get",
        params=GetPromptParams,
        bind=get_prompt,
        capability="prompts",
        offered=has_prompts,
        mirrored="name",
        bounded=True,
        asks=True,
    ),
    Method(
        name="completion/complete",
        params=CompleteParams,
        bind=complete,
        capability="completions",
        offered=has_completions,
        bounded=True,
    ),
    Method(
        name="skills/list",
        params=PageParams,
        bind=page_of("skill_set.entries"),
        since="2026-07-28",
        offered=has_skills,
        cacheable=True,
        extension=SKILLS,
    ),
    Method(
        name="skills/get",
        params=ReadResourceParams,
        bind=get_skill,
        since="2026-07-28",
        offered=has_skills,
        cacheable=True,
        extension=SKILLS,
    ),
    Method(
        name="resources/directory/read",
        params=DirectoryParams,
        bind=read_directory,
        since="2026-07-28",
        offered=has_skills,
        extension=SKILLS,
    ),
    Method(
        name="subscriptions/listen",
        params=ListenParams,
        bind=listen,
        since="2026-07-28",
        offered=has_something_to_tell,
        streams=True,
    ),
    Method(
        name="tasks/get",
        params=TaskParams,
        bind=get_task,
        since="2026-07-28",
        offered=has_tasks,
        mirrored="task_id",
        extension=TASK_SETTINGS,
    ),
    Method(
        name="tasks/update",
        params=UpdateTaskParams,
        bind=update_task,
        since="2026-07-28",
        offered=has_tasks,
        mirrored="task_id",
        extension=TASK_SETTINGS,
    ),
    Method(
        name="tasks/cancel",
        params=TaskParams,
        bind=cancel_task,
        since="2026-07-28",
        offered=has_tasks,
        mirrored="task_id",
        extension=TASK_SETTINGS,
    ),
    Method(name="initialize", params=InitializeParams, bind=legacy.initialize, until=NEWEST_HANDSHAKE),
    Method(name="ping", bind=legacy.ping, until=NEWEST_HANDSHAKE),
    Method(
        name="logging/setLevel",
        params=legacy.SetLevelParams,
        bind=legacy.set_level,
        capability="logging",
        until=NEWEST_HANDSHAKE,
    ),
    Method(
        name="resources/subscribe",
        params=legacy.SubscribeParams,
        bind=legacy.subscribe,
        offered=has_resources,
        until=NEWEST_HANDSHAKE,
    ),
    Method(
        name="resources/unsubscribe",
        params=legacy.SubscribeParams,
        bind=legacy.unsubscribe,
        offered=has_resources,
        until=NEWEST_HANDSHAKE,
    ),
)


def surfaces(
    app: App, options: Options, backplane: Backplane, tasks: TaskRunner | None = None
) -> Mapping[str, Surface]:
    """What `app` serves in each revision: every method that the revision knows and the app has a feature for.

    `tasks` runs those of its tools, and is made here when nobody else needs it.
    """
    app.limits = backplane.limits
    info = identity(app)
    runner = tasks or TaskRunner(app, options, backplane, tail_of_calls(app))
    TaskNews(backplane)
    offered = [method for method in METHODS if method.offered(app)]
    servers = [Server(app, options, each.modern, info, b"", backplane, runner) for each in REVISIONS]
    return {each.name: _surface(server, each, offered) for each, server in zip(REVISIONS, servers, strict=True)}


def tail_of_calls(app: App) -> bytes:
    """What follows the members of a result of tools/call, where there are tasks."""
    return result_tail(identity(app), modern=True)


def _surface(server: Server, revision: Revision, offered: list[Method]) -> Surface:
    known = [method for method in offered if method.known_in(revision.name)]
    names = dict.fromkeys(method.capability for method in known if method.capability)
    extensions = {name: settings for method in known for name, settings in method.extension.items()}
    served = frozenset(method.name for method in known)
    declared = capabilities(server.app, names, served, extensions, modern=revision.modern)
    server = replace(server, capabilities=declared)
    app, info = server.app, server.info
    hints = cache_hints(app.cache_ttl_ms, app.cache_scope)
    return {
        method.name: Served(
            method.name,
            msgspec.json.Decoder(method.params).decode,
            app.renewing(method.bind(server)) if method.capability else method.bind(server),
            result_tail(info, modern=revision.modern, hints=hints if method.cacheable else b""),
            method.mirrored,
            method.bounded,
            method.name.encode(),
            app.headers if method.name == "tools/call" else {},
            method.streams,
            _ask_of(method, server),
        )
        for method in known
    }


def _ask_of(method: Method, server: Server) -> Ask:
    """How requests of a method ask the client."""
    if not method.asks:
        return cannot_ask
    if not server.modern:
        return legacy.ask
    return Rounds(server.options, server.backplane.sealer, server.backplane.now)
