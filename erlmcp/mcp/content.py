"""What a tool or a prompt may hand to a model: blocks of text, image, audio and resources, and messages of them.

Each block encodes itself as the specification spells it. It does not know whether a tool or a prompt asks.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
from msgspec.structs import force_setattr

from erlmcp.mcp.media import BINARY, data_uri, read_data_uri, read_file, sniff

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

    def __post_init__(self) -> None:
        if self.priority is not None and not 0 <= self.priority <= 1:
            raise ValueError(f"priority must be from 0 to 1, not {self.priority}")


class Icon(msgspec.Struct, frozen=True, omit_defaults=True, rename=_wire_name):
    """A picture for a user interface: `src` an https: or data: URI, `sizes` like `"48x48"` or `"any"`."""

    src: str
    mime_type: str | None = None
    sizes: Sequence[str] | None = None
    theme: Literal["light", "dark"] | None = None

    @classmethod
    def from_path(
        cls,
        path: str | os.PathLike[str],
        sizes: Sequence[str] | None = None,
        theme: Literal["light", "dark"] | None = None,
    ) -> Self:
        """A file's picture, carried in the definition itself as a data: URI: keep it small. Raises OSError."""
        data, mime_type = read_file(path)
        return cls(data_uri(data, mime_type), mime_type, sizes, theme)


class Block(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", rename=_wire_name):
    """What all content blocks are."""

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


class Text(Block, frozen=True, tag="text"):
    text: str
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


class Media(Block, frozen=True):
    """Bytes that travel as base64. Their type is told by their first bytes when nobody says it."""

    data: bytes
    mime_type: str = ""
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.mime_type:
            force_setattr(self, "mime_type", sniff(self.data, self.usual()))

    @classmethod
    def usual(cls) -> str:
        """The type of bytes that tell none."""
        raise NotImplementedError

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], annotations: Annotations | None = None) -> Self:
        """From a file; its name tells the type, else its first bytes. Raises OSError."""
        data, mime_type = read_file(path, cls.usual())
        return cls(data, mime_type, annotations)

    @classmethod
    def from_data_uri(cls, uri: str, annotations: Annotations | None = None) -> Self:
        """From `data:image/png;base64,…`. Raises ValueError for what is none."""
        data, mime_type = read_data_uri(uri)
        return cls(data, mime_type, annotations)


class Image(Media, frozen=True, tag="image"):
    """An image, from bytes, a file or a data: URI."""

    @classmethod
    def usual(cls) -> str:
        return "image/png"


class Audio(Media, frozen=True, tag="audio"):
    """Sound, from bytes, a file or a data: URI."""

    @classmethod
    def usual(cls) -> str:
        return "audio/wav"


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
    icons: Sequence[Icon] | None = None


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

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], uri: str | None = None) -> Self:
        """A file, under its own file: URI unless `uri` is given: as text when it is UTF-8 and its type is no image,
        audio or video. Raises OSError."""
        data, mime_type = read_file(path)
        uri = Path(path).absolute().as_uri() if uri is None else uri
        if mime_type.startswith(("image/", "audio/", "video/")):
            return cls(uri, data, mime_type)
        try:
            return cls(uri, data.decode(), "text/plain" if mime_type == BINARY else mime_type)
        except UnicodeDecodeError:
            return cls(uri, data, mime_type)

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
