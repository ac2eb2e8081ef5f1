"""What kind of media bytes or files are, told from their first bytes or their name; and data: URIs.

Python's own table of names, and the signatures of what models take. It does not know what the media are for.
"""

import base64
import binascii
import mimetypes
import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

__all__ = ["data_uri", "read_data_uri", "read_file", "sniff", "type_of_name"]

BINARY: Final = "application/octet-stream"
_KNOWN: Final = {
    ".md": "text/markdown", ".webp": "image/webp", ".avif": "image/avif", ".wav": "audio/wav", ".flac": "audio/flac",
    ".opus": "audio/ogg", ".m4a": "audio/mp4", ".yaml": "application/yaml", ".yml": "application/yaml",
    ".toml": "application/toml",
}  # fmt: skip
"""What Python's table lacks, or spells otherwise, in one version or another."""

_SIGNATURES: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (4, b"ftypavif", "image/avif"),
    (0, b"<svg", "image/svg+xml"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (4, b"ftypM4A", "audio/mp4"),
    (0, b"%PDF-", "application/pdf"),
)
"""Offset, bytes, type (WHATWG, MIME Sniffing, and the formats' own specifications)."""


def sniff(data: bytes, otherwise: str) -> str:
    """The type that the first bytes tell, or `otherwise`."""
    return next((kind for at, mark, kind in _SIGNATURES if data.startswith(mark, at)), otherwise)


def type_of_name(name: str, otherwise: str = BINARY) -> str:
    """The type that a file's name tells, or `otherwise`."""
    suffix = os.path.splitext(name)[1].lower()
    return _KNOWN.get(suffix) or mimetypes.guess_type("x" + suffix)[0] or otherwise


def read_file(path: str | os.PathLike[str], otherwise: str = BINARY) -> tuple[bytes, str]:
    """A file's bytes and type. Raises OSError."""
    data = Path(path).read_bytes()
    return data, type_of_name(os.fspath(path), sniff(data, otherwise))


def data_uri(data: bytes, mime_type: str) -> str:
    """RFC 2397."""
    return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"


def read_data_uri(uri: str) -> tuple[bytes, str]:
    """Bytes and type of a data: URI. Raises ValueError for what is none."""
    head, comma, body = uri.partition(",")
    if not head.startswith("data:") or not comma:
        raise ValueError("a data: URI is written data:TYPE;base64,DATA")
    kind = head.removeprefix("data:").removesuffix(";base64") or "text/plain"
    raw = unquote_to_bytes(body)
    if not head.endswith(";base64"):
        return raw, kind
    try:
        return base64.b64decode(raw, validate=True), kind
    except binascii.Error as fault:
        raise ValueError(f"a data: URI whose base64 cannot be read: {fault}") from fault
