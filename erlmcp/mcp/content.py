"""What a tool or a prompt may hand to a model: blocks of text, image, audio and resources, and messages of them.

Each block encodes itself as the specification spells it. It does not know whether a tool or a prompt asks.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Role = Literal["user", "assistant"]


def _wire_name(field: str) -> str:
    """`mime_type` → `mimeType`, `meta` → `_meta`."""
    if field == "meta":
        return "_meta"
    head, *rest = field.split("_")
    return head + "".join(part.title() for part in rest)


class Annotations(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, rename=_wire_name):
    """Hints about a block: whom it is for, how much it matters (0 to 1), when it last changed (ISO 8601)."""

    audience: Sequence[Role] | None = None
    priority: float | None = None
    last_modified: str | None = None


class Icon(msgspec.Struct, frozen=True, omit_defaults=True, rename=_wire_name):
    """A picture for a user interface: `src` an https: or data: URI, `sizes` like `"48x48"` or `"any"`."""

    src: str
    mime_type: str | None = None
    sizes: Sequence[str] | None = None
    theme: Literal["light", "dark"] | None = None


class Block(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", rename=_wire_name):
    """What all content blocks are."""

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


class Text(Block, frozen=True, tag="text"):
    text: str
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


class Image(Block, frozen=True, tag="image"):
    """An image from its bytes; they travel as base64."""

    data: bytes
    mime_type: str = msgspec.field(default_factory=lambda: "image/png")  # a factory, so that it is always written
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


class Audio(Block, frozen=True, tag="audio"):
    """Sound from its bytes; they travel as base64."""

    data: bytes
    mime_type: str = msgspec.field(default_factory=lambda: "audio/wav")  # as in Image
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


class Link(Block, frozen=True, tag="resource_link"):
    """A resource the client may read, named and not included."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size: int | None = None
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


class Contents(msgspec.Struct, frozen=True, omit_defaults=True, rename=_wire_name):
    """A resource's contents as the wire has them: `text`, or `blob` in base64."""

    uri: str
    mime_type: str | None = None
    text: str | None = None
    blob: bytes | None = None
    meta: dict[str, Any] | None = None


class Embedded(Block, frozen=True, tag="resource"):
    """A resource's contents, included: text from a str, a blob from bytes."""

    uri: str
    content: str | bytes
    mime_type: str | None = None
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None

    def contents(self) -> Contents:
        if isinstance(self.content, str):
            return Contents(self.uri, self.mime_type, text=self.content, meta=self.meta)
        return Contents(self.uri, self.mime_type, blob=self.content, meta=self.meta)

    def encode(self) -> bytes:
        return msgspec.json.encode(_EmbeddedWire(self.contents(), self.annotations))


class _EmbeddedWire(Block, frozen=True, tag="resource"):
    resource: Contents
    annotations: Annotations | None = None


class Message(msgspec.Struct, frozen=True):
    """One message of a prompt; a str becomes a text block."""

    content: str | Block
    role: Role = "user"

    def encode(self) -> bytes:
        return b'{"role":"%b","content":%b}' % (self.role.encode(), encode_block(self.content))


def encode_block(content: str | Block) -> bytes:
    return (
        content.encode() if isinstance(content, Block) else b'{"type":"text","text":%b}' % msgspec.json.encode(content)
    )
