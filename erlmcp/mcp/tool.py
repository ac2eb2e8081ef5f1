"""A tool: an author's function under a name, with the schemas of what it takes and returns."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, TypeAlias, TypedDict

import msgspec
from msgspec.structs import asdict, astuple

from erlmcp.mcp import docstring, result
from erlmcp.mcp import schema as schemas
from erlmcp.mcp import signature as signatures
from erlmcp.mcp.arguments import ArgumentFault, Arguments
from erlmcp.mcp.callee import Callee, Members, Mode, Room, crash, prepared
from erlmcp.mcp.context import Context
from erlmcp.mcp.middleware import Invocation
from erlmcp.mcp.param_headers import ParamHeader, param_headers
from erlmcp.mcp.raw_schema import RawArguments
from erlmcp.mcp.registration import FeatureOptions, definition, description_of, renamed
from erlmcp.mcp.resource import under
from erlmcp.mcp.result import Result
from erlmcp.mcp.schema import JsonSchema
from erlmcp.mcp.tool_error import ToolError
from erlmcp.mcp.views import Visibility, meta_of, view_of, with_view

NAME: Final = re.compile(r"[A-Za-z0-9_./-]{1,128}")
"""MCP 2026-07-28, server/tools, Tool Names."""

Call: TypeAlias = Callable[[bytes | None, Context], Members | Awaitable[Members]]


class ToolAnnotations(TypedDict, total=False):
    """Hints about a tool's behaviour, in the words of the wire (MCP 2026-07-28, ToolAnnotations)."""

    title: str
    readOnlyHint: bool
    destructiveHint: bool
    idempotentHint: bool
    openWorldHint: bool


class ToolOptions(FeatureOptions, total=False):
    """What an author may say about a tool."""

    input_schema: JsonSchema | None
    """A JSON Schema (2020-12) instead of one from the signature; listed verbatim, its root an object."""
    output_schema: JsonSchema | None
    """A JSON Schema of the structured content, instead of one from the return annotation."""
    annotations: ToolAnnotations | None
    ui: str | None
    """The view, `ui://…`, that a host with MCP Apps shows the result in."""
    ui_visibility: Sequence[Visibility] | None
    """Who may call it where there are views: the `model`, the view (`app`), or both, as when it is left out."""
    task: Literal["never", "optional", "required"]
    """Whether a call becomes a task for a client that knows them: it is answered at once, and its result fetched later.
    `optional`: other clients wait for the result. `required`: they are refused."""
    restartable: bool
    """The function may run twice for one call: when its worker dies or leaves, another one begins it again, with the
    answers that its client has given. Otherwise the task has failed."""
    task_later: bool
    """The function says itself when its call becomes a task, by `await ctx.become_task()`."""


class TaskSupport(msgspec.Struct, frozen=True):
    """How a tool runs as a task (extension io.modelcontextprotocol/tasks)."""

    required: bool
    restartable: bool
    later: bool
    timeout: float | None


class Tool(Callee):
    """`call` takes a call's raw arguments, a JSON object or None, and gives the members of its result, faults in the
    arguments included, as the model can mend those (SEP-1303)."""

    method = "tools/call"

    __slots__ = ("_decode", "_encode", "_legacy", "_modern", "_result", "headers", "task", "view")

    headers: tuple[ParamHeader, ...]
    """The arguments that clients repeat as headers."""
    view: str | None
    """The view that shows its results."""
    task: TaskSupport | None
    """None: its calls never become tasks."""
    _decode: Callable[[bytes | None], Any]

    def __init__(self, function: Callable[..., Any], options: ToolOptions, room: Room) -> None:
        """Raises TypeError for a function that cannot be a tool, ValueError for a bad name or schema."""
        input_schema = options.get("input_schema")
        signature = signatures.read(function, open_allowed=input_schema is not None)
        spread = asdict if input_schema is None else dict
        invoke, mode = prepared(function, signature, room, inline=options.get("inline", False), spread=spread)
        super().__init__(invoke, mode, options, room)
        self.key = _checked_name(options.get("name") or signature.name)
        self.task = _task_support(self.key, mode, options)
        told = docstring.read(function.__doc__)
        if input_schema is None:
            schema = schemas.of_arguments(signature, told.arguments)
            encoded = msgspec.json.encode(schema)
            arguments = Arguments(signatures.struct_of(signature), encoded)
            self._decode = arguments.decode
        else:
            schema, encoded = input_schema, msgspec.json.encode(input_schema)
            self._decode = RawArguments(schema, signature).decode
        self._result = result.of(self.key, signature.returns, options.get("output_schema"))
        self._encode = self._result.encode
        self._bare = self._call
        if mode is Mode.INLINE and input_schema is None and signature.positional:
            self._bare = straight(function, arguments.straight, self._result, self.refuse, otherwise=self._call)
        self.call = self._bare
        self.headers = param_headers(self.key, schema, encoded)
        meta = meta_of(self.key, options, options.get("ui"), options.get("ui_visibility"))
        self.view = view_of(meta)
        members = {
            "name": self.key,
            "description": description_of(told, options),
            "inputSchema": msgspec.Raw(encoded),
            "annotations": _checked_annotations(self.key, options.get("annotations")),
        }
        options = {**options, "meta": meta}
        self._modern = definition(members | {"outputSchema": self._result.schema}, options)
        self._legacy = self._modern
        if self._result.legacy_schema is not self._result.schema:
            self._legacy = definition(members | {"outputSchema": self._result.legacy_schema}, options)

    def definition(self, modern: bool) -> bytes:
        return self._modern if modern else self._legacy

    def describe(self, asked: bytes | None) -> tuple[str, bytes]:
        return self.key, asked or b"{}"

    def restore(self, asked: bytes | None, invocation: Invocation) -> bytes:  # noqa: ARG002 - the seam of Callee
        return invocation.raw

    def rename(self, prefix: str) -> None:
        self.key = _checked_name(f"{prefix}_{self.key}")
        same, members = self._legacy is self._modern, dict[str, Any](name=self.key)
        if self.view is not None:
            self.view = under(prefix, self.view)
            members["_meta"] = with_view(self._modern, self.view)
        self._modern = renamed(self._modern, members)
        self._legacy = self._modern if same else renamed(self._legacy, members)

    def flaw(self, arguments: bytes | None) -> Members | None:
        """What the call will be answered with when its arguments do not fit; None when they do, or when it is for
        middleware to say first."""
        if any(room.around for room in self.rooms):
            return None
        try:
            self._decode(arguments)
        except ArgumentFault as fault:
            return result.failure(fault.message)
        return None

    def _call(self, arguments: bytes | None, context: Context) -> Members | Awaitable[Members]:
        try:
            values = self._decode(arguments)
        except ArgumentFault as fault:
            return result.failure(fault.message)
        return self.start(values, context)

    def answer(self, value: Any, asked: Any, context: Context) -> Members:  # noqa: ARG002 - the seam of Callee
        return self._encode(value) if context.facts.modern else self._result.legacy_encode(value)

    def refuse(self, error: ToolError) -> Members:
        return result.refusal(error, structured=self._result.schema is None)

    def late(self, seconds: float) -> Members:
        return result.failure(f"timed out after {seconds:g} s")


def straight(
    function: Callable[..., Any],
    decode: Callable[[bytes], Any],
    returned: Result,
    refuse: Callable[[ToolError], Members],
    otherwise: Call,
) -> Call:
    """`Tool.call` of an inline function that is called by position, in one piece: half the time of the steps it
    replaces (bench/test_dispatch.py). Arguments that do not fit go `otherwise`, to be mended or told what is wrong."""
    encode, legacy_encode = returned.encode, returned.legacy_encode

    def call(arguments: bytes | None, context: Context) -> Members | Awaitable[Members]:
        try:
            values = decode(arguments or b"{}")
        except msgspec.MsgspecError:
            return otherwise(arguments, context)
        try:
            value = function(*astuple(values))
        except ToolError as error:
            return refuse(error)
        except BaseException as error:
            if isinstance(error, Exception):
                raise
            raise crash(error) from error
        return encode(value) if context.facts.modern else legacy_encode(value)

    return call


def _task_support(tool: str, mode: Mode, options: ToolOptions) -> TaskSupport | None:
    """Raises ValueError for options that contradict each other."""
    task, restartable, later = options.get("task", "never"), options.get("restartable"), options.get("task_later")
    if task not in {"never", "optional", "required"}:
        raise ValueError(f"tool {tool}: task must be never, optional or required, not {task!r}")
    if task == "never":
        if restartable or later:
            option = "restartable" if restartable else "task_later"
            raise ValueError(f"tool {tool}: {option} is for tasks; say task='optional' or task='required'")
        return None
    if mode is Mode.INLINE:
        raise ValueError(f"tool {tool}: an inline function is done before anybody could look at its task")
    return TaskSupport(task == "required", bool(restartable), bool(later), options.get("timeout"))


def _checked_annotations(tool: str, annotations: ToolAnnotations | None) -> ToolAnnotations | None:
    try:
        return None if annotations is None else msgspec.convert(annotations, ToolAnnotations)
    except msgspec.ValidationError as fault:
        raise ValueError(f"tool {tool}: its annotations are not as MCP has them: {fault}") from fault


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a tool: 1 to 128 of A-Z a-z 0-9 _ . / -; give another with name=")
    return name
