"""What servers answer, as typed values. Unknown members are ignored, unknown kinds of content kept as they came."""

import base64
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw

from erlmcp.client.errors import Garbled

__all__ = [
    "Audio",
    "Completion",
    "Content",
    "Contents",
    "EmbeddedResource",
    "Image",
    "OtherContent",
    "Prompt",
    "PromptArgument",
    "PromptMessage",
    "PromptResult",
    "Resource",
    "ResourceLink",
    "ResourceResult",
    "ResourceTemplate",
    "ServerInfo",
    "Text",
    "Tool",
    "ToolResult",
    "decode",
]

T = TypeVar("T")
Json = dict[str, Any]


class Value(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True, repr_omit_defaults=True):
    """A value of the wire. `meta` is its `_meta`."""

    meta: Json | None = msgspec.field(default=None, name="_meta")


class ServerInfo(Value, frozen=True):
    """Who the server says it is."""

    name: str = ""
    version: str = ""
    title: str | None = None
    website_url: str | None = None
    icons: list[Json] | None = None


class Tool(Value, frozen=True):
    """A tool. Its schemas are as the server sent them; nothing in them is fetched."""

    name: str
    input_schema: Json
    title: str | None = None
    description: str | None = None
    output_schema: Any = None
    annotations: Json | None = None
    icons: list[Json] | None = None


class Resource(Value, frozen=True):
    uri: str
    name: str = ""
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size: int | float | None = None
    annotations: Json | None = None
    icons: list[Json] | None = None


class ResourceTemplate(Value, frozen=True):
    uri_template: str
    name: str = ""
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    annotations: Json | None = None
    icons: list[Json] | None = None


class PromptArgument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    title: str | None = None
    description: str | None = None
    required: bool | None = False


class Prompt(Value, frozen=True):
    name: str
    title: str | None = None
    description: str | None = None
    arguments: list[PromptArgument] | None = None
    icons: list[Json] | None = None


class Contents(Value, frozen=True):
    """What a resource holds: `text`, or `blob` in base64."""

    uri: str
    mime_type: str | None = None
    text: str | None = None
    blob: str | None = None

    @property
    def data(self) -> bytes:
        """The bytes of it. Raises Garbled for a blob that is no base64."""
        if self.blob is None:
            return (self.text or "").encode()
        return _bytes_of(self.blob)


class Text(Value, frozen=True, tag_field="type", tag="text"):
    text: str
    annotations: Json | None = None


class _Media(Value, frozen=True):
    data: str
    """In base64."""
    mime_type: str
    annotations: Json | None = None

    @property
    def content(self) -> bytes:
        """The bytes of it. Raises Garbled for what is no base64."""
        return _bytes_of(self.data)


class Image(_Media, frozen=True, tag_field="type", tag="image"):
    pass


class Audio(_Media, frozen=True, tag_field="type", tag="audio"):
    pass


class ResourceLink(Resource, frozen=True, tag_field="type", tag="resource_link"):
    pass


class EmbeddedResource(Value, frozen=True, tag_field="type", tag="resource"):
    resource: Contents
    annotations: Json | None = None


class OtherContent(msgspec.Struct, frozen=True):
    """Content of a kind that this version does not know, whole."""

    type: str
    value: Json


Known = Text | Image | Audio | ResourceLink | EmbeddedResource
Content = Known | OtherContent


class PromptMessage(msgspec.Struct, frozen=True):
    role: str
    content: Content


class ToolResult(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """What a tool answered. `structured_content` is any JSON value, None when there is none."""

    content: list[Content] = []
    structured_content: Any = None
    is_error: bool = False
    meta: Json | None = None

    @property
    def text(self) -> str:
        """All text of it, a line or more each."""
        return "\n".join(block.text for block in self.content if isinstance(block, Text))


class ResourceResult(Value, frozen=True):
    contents: list[Contents]
    ttl_ms: int | None = None

    @property
    def text(self) -> str:
        return "".join(each.text or "" for each in self.contents)


class PromptResult(msgspec.Struct, frozen=True, kw_only=True):
    messages: list[PromptMessage]
    description: str | None = None
    meta: Json | None = None


class Completion(Value, frozen=True):
    values: list[str]
    total: int | None = None
    has_more: bool | None = None


class _ToolResult(Value, frozen=True):
    content: list[Raw] | None = None
    structured_content: Any = None
    is_error: bool | None = None


class _PromptMessage(msgspec.Struct, frozen=True):
    role: str
    content: Raw


class _PromptResult(Value, frozen=True):
    messages: list[_PromptMessage]
    description: str | None = None


class _Tag(msgspec.Struct):
    type: str


_KNOWN: Final = frozenset({"text", "image", "audio", "resource_link", "resource"})


def decode(raw: bytes, type: type[T], method: str) -> T:  # noqa: A002 - msgspec's word
    """A raw result as a value. Raises Garbled where it is none: `method` says of what."""
    try:
        return msgspec.json.decode(raw, type=type)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise Garbled(f"the server's answer to {method} is malformed: {fault}") from None


def tool_result(raw: bytes) -> ToolResult:
    given = decode(raw, _ToolResult, "tools/call")
    return ToolResult(
        content=[_content(each, "tools/call") for each in given.content or ()],
        structured_content=given.structured_content,
        is_error=bool(given.is_error),
        meta=given.meta,
    )


def prompt_result(raw: bytes) -> PromptResult:
    given = decode(raw, _PromptResult, "prompts/get")
    messages = [PromptMessage(each.role, _content(each.content, "prompts/get")) for each in given.messages]
    return PromptResult(messages=messages, description=given.description, meta=given.meta)


def _content(raw: Raw, method: str) -> Content:
    tag = decode(bytes(raw), _Tag, method).type
    if tag in _KNOWN:
        return decode(bytes(raw), Known, method)  # type: ignore[arg-type]  # a union is no type to the checker
    return OtherContent(tag, decode(bytes(raw), Json, method))


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as fault:
        raise Garbled(f"the server sends a blob that is no base64: {fault}") from None
