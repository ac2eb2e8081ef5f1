"""A prompt: an author's function that writes messages, from arguments that are all text on the wire."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp import docstring
from erlmcp.mcp import signature as signatures
from erlmcp.mcp.arguments import ArgumentFault
from erlmcp.mcp.callee import Callee, Members, Room, prepared
from erlmcp.mcp.content import Block, Message
from erlmcp.mcp.context import Context
from erlmcp.mcp.middleware import Invocation
from erlmcp.mcp.registration import FeatureOptions, definition, description_of, renamed
from erlmcp.mcp.schema import JsonSchema
from erlmcp.mcp.text_arguments import TextArguments


class PromptOptions(FeatureOptions, total=False):
    """What an author may say about a prompt."""


class Prompt(Callee):
    """`get` takes the raw arguments and gives the members of the result."""

    method = "prompts/get"

    def __init__(self, function: Callable[..., Any], options: PromptOptions, room: Room) -> None:
        """Raises TypeError for a function that cannot be a prompt."""
        signature = signatures.read(function)
        self.key = options.get("name") or signature.name
        told = docstring.read(function.__doc__)
        self._arguments = TextArguments(signature, told.arguments)
        invoke, mode = prepared(function, signature, room, inline=options.get("inline", False))
        super().__init__(invoke, mode, options, room)
        self.call = self._bare = self._get
        description = description_of(told, options)
        self._prefix = b'"description":%b,' % msgspec.json.encode(description) if description is not None else b""
        self.arguments = frozenset(signature.hints)
        listed = _arguments(self._arguments.schema)
        members = {"name": self.key, "description": description, "arguments": listed or None}
        self._definition = definition(members, options)

    def definition(self, modern: bool) -> bytes:  # noqa: ARG002 - both eras have the same
        return self._definition

    def get(self, arguments: bytes | None, context: Context) -> Members | Awaitable[Members]:
        """Raises RpcError (-32602) for arguments that do not fit."""
        made: Members | Awaitable[Members] = self.call(arguments, context)
        return made

    def describe(self, asked: bytes | None) -> tuple[str, bytes]:
        return self.key, asked or b"{}"

    def restore(self, asked: bytes | None, invocation: Invocation) -> bytes:  # noqa: ARG002 - the seam of Callee
        return invocation.raw

    def rename(self, prefix: str) -> None:
        self.key = f"{prefix}_{self.key}"
        self._definition = renamed(self._definition, {"name": self.key})

    def _get(self, arguments: bytes | None, context: Context) -> Members | Awaitable[Members]:
        try:
            values = self._arguments.decode(_texts(arguments))
        except ArgumentFault as fault:
            raise RpcError(INVALID_PARAMS, f"prompt {self.key}: {fault.message}") from fault
        return self.start(values, context)

    def answer(self, value: Any, asked: Any, context: Context) -> Members:  # noqa: ARG002 - the seam of Callee
        parts = value if isinstance(value, list | tuple) else [value]
        return b'%b"messages":[%b]' % (self._prefix, b",".join([self._message(each) for each in parts]))

    def _message(self, part: Any) -> bytes:
        if isinstance(part, Message):
            return part.encode()
        if isinstance(part, str | Block):
            return Message(part).encode()
        raise TypeError(
            f"prompt {self.key} returned a {type(part).__name__}; return str, Message, content, or a list of them"
        )


def _texts(raw: bytes | None) -> dict[str, str]:
    try:
        texts: dict[str, Any] = msgspec.json.decode(raw or b"{}", type=dict[str, Any])
    except msgspec.DecodeError as fault:
        raise ArgumentFault(f"the arguments cannot be read: {fault}") from fault
    if wrong := next((name for name, value in texts.items() if not isinstance(value, str)), None):
        raise ArgumentFault(f"argument {wrong} must be a string, as all arguments of a prompt are")
    return texts


def _arguments(schema: JsonSchema) -> list[dict[str, Any]]:
    listed = []
    for name, spot in schema["properties"].items():
        told = {key: spot[key] for key in ("title", "description") if key in spot}
        listed.append({"name": name, **told, "required": name in schema["required"]})
    return listed
