"""`Client`: the methods of MCP, as an author of a host calls them. What they need is behind `session`."""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar, Unpack

import msgspec

from erlmcp.client.cache import Cache
from erlmcp.client.call import Call, OnLog, OnProgress
from erlmcp.client.eras import Introduction, Modern, Server
from erlmcp.client.errors import HEADER_MISMATCH, RpcError, ToolFailed
from erlmcp.client.opening import MODES, discover, open_session
from erlmcp.client.options import ClientOptions, Options
from erlmcp.client.param_headers import param_headers
from erlmcp.client.results import (
    Completion,
    Json,
    Prompt,
    PromptResult,
    Resource,
    ResourceResult,
    ResourceTemplate,
    ServerInfo,
    Tool,
    ToolResult,
    decode,
    prompt_result,
    tool_result,
)
from erlmcp.client.session import Session
from erlmcp.client.subscription import Subscription
from erlmcp.client.target import Target, transport_to
from erlmcp.client.tasks import CAPABILITY, ToolTask, created

__all__ = ["Client"]

_log: Final = logging.getLogger("erlmcp.client")

T = TypeVar("T")
MAX_PAGES: Final = 10_000
DEFAULT: Final = -1.0
"""A timeout that was not given: the client's own."""


class Client:
    """A client of one server: `async with Client(target) as client`. Many calls at once are welcome.

    `target`: an http or https URL, a command to start as a list of words, a `Stdio`, or a transport. `mode`: `auto`
    tries the modern era first and falls back to the older one; `modern`, `legacy`, or a version, pin it. The options
    are those of `Options`. Everything raises `ClientError`.
    """

    def __init__(self, target: Target, *, mode: str = "auto", **options: Unpack[ClientOptions]) -> None:
        """Raises ValueError or TypeError for a target, a mode or an option that is none."""
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
        self._options: Final = Options(**options)
        self._mode: Final = mode
        self._session: Final = Session(
            transport_to(target, self._options),
            self._options.inputs,
            retries=self._options.retries,
            on_log=self._options.on_log,
        )
        self._introduction: Final = Introduction(
            {"name": self._options.name, "version": self._options.version},
            self._options.capabilities,
            self._options.level,
        )
        self._cache: Final = Cache() if self._options.cache else None
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        """Opens the conversation."""
        session = self._session
        try:
            await session.transport.start(session.receive)
            self._server = await open_session(session, self._mode, self._introduction, self._options.timeout)
            if not self.modern and (self._options.capabilities or self._options.on_log is not None):
                await session.follow()  # servers may ask and tell outside of any request, too
        except BaseException:
            await session.aclose()
            raise
        if self._cache is not None:
            cache = self._cache
            session.on_notice(lambda notice: cache.forget(notice.method))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the session, the connections, the child."""
        await self._session.aclose()

    # The server

    @property
    def modern(self) -> bool:
        """Whether the server is spoken to in the era of 2026-07-28."""
        return self._session.era is not None and self._session.era.modern

    @property
    def protocol_version(self) -> str:
        """The revision that is spoken; empty before the conversation is open."""
        return self._session.era.version if self._session.era is not None else ""

    @property
    def server(self) -> Server | None:
        """What the server said of itself when the conversation was opened, or by `discover`; None: it was not asked."""
        return self._server

    @property
    def server_info(self) -> ServerInfo | None:
        return self._server.info if self._server is not None else None

    async def discover(self) -> Server:
        """Ask the server who it is and what it can; before 2026-07-28 what it said at the start."""
        if self.modern or self._server is None:
            self._server = await discover(self._session, self._call(DEFAULT, repeatable=True))
        return self._server

    async def ping(self) -> None:
        """Whether the server answers: `ping`, or its successor."""
        if self.modern:
            await self.discover()
        else:
            await self._session.request("ping", {}, self._call(DEFAULT, repeatable=True))

    async def set_level(self, level: str) -> None:
        """From now on: the least severe log messages that are wanted."""
        self._introduction.log_level = level
        if not self.modern:
            await self._session.request("logging/setLevel", {"level": level}, self._call(DEFAULT, repeatable=True))

    # Lists

    async def list_tools(self) -> list[Tool]:
        """All pages of them. Over HTTP, tools whose `x-mcp-header` breaks the rules are left out (2026-07-28)."""
        return [tool async for tool in self.tools()]

    async def list_resources(self) -> list[Resource]:
        return [each async for each in self.resources()]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        return [each async for each in self.resource_templates()]

    async def list_prompts(self) -> list[Prompt]:
        return [each async for each in self.prompts()]

    async def tools(self) -> AsyncIterator[Tool]:
        """As `list_tools`, page by page as they are needed."""
        async for tool in self._pages("tools/list", "tools", Tool):
            if self._usable(tool):
                yield tool

    def resources(self) -> AsyncIterator[Resource]:
        return self._pages("resources/list", "resources", Resource)

    def resource_templates(self) -> AsyncIterator[ResourceTemplate]:
        return self._pages("resources/templates/list", "resourceTemplates", ResourceTemplate)

    def prompts(self) -> AsyncIterator[Prompt]:
        return self._pages("prompts/list", "prompts", Prompt)

    # Tools, resources, prompts

    async def call_tool(  # noqa: PLR0913 - plain facts about one call, by name
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        check: bool = True,
        timeout: float | None = DEFAULT,
        repeatable: bool = False,
        on_progress: OnProgress | None = None,
        on_log: OnLog | None = None,
        meta: Json | None = None,
    ) -> ToolResult:
        """Call a tool. Raises ToolFailed when it says no; with `check=False` its no is returned like any result.

        `timeout`: seconds for each round trip. `repeatable`: calling it twice does no harm, so it is called again when
        the connection breaks. `meta`: further members of `_meta`, like a trace context. To cancel the task that awaits
        this cancels the call.
        """
        call = self._call(timeout, repeatable=repeatable, on_progress=on_progress, on_log=on_log, meta=meta)
        raw = await self._called(name, arguments, call)
        if created(raw):
            return await ToolTask(self._session, name, raw, call).result(check=check)
        result = tool_result(raw)
        if check and result.is_error:
            raise ToolFailed(name, result)
        return result

    async def start_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = DEFAULT,
        meta: Json | None = None,
    ) -> ToolTask:
        """Call a tool that may go on as a task (2026-07-28, the tasks extension): its handle."""
        call = self._call(timeout, meta=meta, capabilities=CAPABILITY)
        return ToolTask(self._session, name, await self._called(name, arguments, call), call)

    async def read_resource(self, uri: str, *, timeout: float | None = DEFAULT) -> ResourceResult:
        raw = await self._read("resources/read", {"uri": uri}, timeout)
        return decode(raw, ResourceResult, "resources/read")

    async def get_prompt(
        self, name: str, arguments: Mapping[str, str] | None = None, *, timeout: float | None = DEFAULT
    ) -> PromptResult:
        raw = await self._read("prompts/get", {"name": name, "arguments": dict(arguments or {})}, timeout)
        return prompt_result(raw)

    async def complete(
        self,
        kind: Literal["prompt", "resource"],
        name: str,
        argument: str,
        value: str,
        *,
        arguments: Mapping[str, str] | None = None,
    ) -> Completion:
        """What may be meant by `value` so far; `name`: the prompt's, or the template's URI."""
        reference = {"type": f"ref/{kind}", "name" if kind == "prompt" else "uri": name}
        params: Json = {"ref": reference, "argument": {"name": argument, "value": value}}
        if arguments is not None:
            params["context"] = {"arguments": dict(arguments)}
        raw = await self._read("completion/complete", params, DEFAULT)
        return decode(raw, _Completed, "completion/complete").completion

    async def request(self, method: str, params: Json | None = None, *, timeout: float | None = DEFAULT) -> Any:
        """A method that has none here, like one of an extension: its result as decoded JSON."""
        raw = await self._session.request(method, params or {}, self._call(timeout))
        return decode(raw, Json, method)

    # Changes

    def listen(
        self,
        *,
        tools: bool = False,
        prompts: bool = False,
        resources: bool = False,
        uris: Iterable[str] = (),
        task_ids: Iterable[str] = (),
    ) -> Subscription:
        """Follow changes: of the lists, of resources by their `uris`, of tasks. `async with … as changes: async for`.

        It ends when the server ends it, as one does that leaves. Raises ConnectionFailed when the stream breaks.
        """
        wanted: Json = {
            **({"toolsListChanged": True} if tools else {}),
            **({"promptsListChanged": True} if prompts else {}),
            **({"resourcesListChanged": True} if resources else {}),
            **({"resourceSubscriptions": list(uris)} if uris else {}),
            **({"taskIds": list(task_ids)} if task_ids else {}),
        }
        more = CAPABILITY if task_ids else None
        return Subscription(self._session, wanted, self._call(DEFAULT, repeatable=True, capabilities=more))

    # What they share

    def _call(self, timeout: float | None, **more: Any) -> Call:
        return Call(self._options.timeout if timeout == DEFAULT else timeout, **more)

    async def _called(self, name: str, arguments: Mapping[str, Any] | None, call: Call) -> bytes:
        params: Json = {"name": name, "arguments": dict(arguments or {})}
        try:
            return await self._session.request("tools/call", params, call)
        except RpcError as error:
            era = self._session.era
            if error.code != HEADER_MISMATCH or not isinstance(era, Modern):
                raise
            known = era.wanted.get(name)
            if self._cache is not None:
                self._cache.forget("notifications/tools/list_changed")
            await self.list_tools()  # the tool's schema may want other headers than we know (Client Behavior)
            if era.wanted.get(name) == known:
                raise
        return await self._session.request("tools/call", params, call)

    async def _read(self, method: str, params: Json, timeout: float | None) -> bytes:
        kept = self._cache.get(method, params) if self._cache is not None else None
        if kept is not None:
            return kept
        raw = await self._session.request(method, params, self._call(timeout, repeatable=True))
        if self._cache is not None:
            self._cache.put(method, params, raw)
        return raw

    async def _pages(self, method: str, member: str, type_: type[T]) -> AsyncIterator[T]:
        params: Json = {}
        seen: set[str] = set()
        while True:
            page = decode(await self._read(method, params, DEFAULT), Json, method)
            for each in _items(page, member, type_, method):
                yield each
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or cursor in seen or len(seen) >= MAX_PAGES:
                return
            seen.add(cursor)
            params = {"cursor": cursor}

    def _usable(self, tool: Tool) -> bool:
        """Whether its headers keep the rules; they are remembered (streamable-http, Schema Extension)."""
        era = self._session.era
        if not isinstance(era, Modern) or not self._session.transport.repeats:
            return True
        try:
            era.wanted[tool.name] = param_headers(tool.input_schema)
        except ValueError as fault:
            _log.warning("tool %s of %s is left out: %s", tool.name, self._session.transport.url, fault)
            return False
        return True


class _Completed(msgspec.Struct):
    completion: Completion


def _items(page: Json, member: str, type_: type[T], method: str) -> list[T]:
    return decode(msgspec.json.encode(page.get(member) or []), list[type_], method)  # type: ignore[valid-type]
