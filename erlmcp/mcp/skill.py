"""A skill: a folder of files around a SKILL.md, and its entry, which names each file with its digest and size.

Pure: from names and bytes to values, by the skills extension (SEP-2640) and the Agent Skills specification. It does not
know where the files come from.
"""

import mimetypes
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import quote

import msgspec

from erlmcp.mcp.content import Contents
from erlmcp.mcp.context import Context

__all__ = [
    "FILE_COUNT_LIMIT",
    "MANIFEST",
    "SIZE_LIMIT",
    "Skill",
    "SkillFile",
    "skill_uri",
]

MANIFEST: Final = "SKILL.md"
FILE_COUNT_LIMIT: Final = 512
"""Files of one skill that every host must take (SEP-2640, Limits); we serve no skill with more."""
SIZE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of one skill's files together; as above."""
DESCRIPTION_LIMIT: Final = 1024
"""Characters of a description (Agent Skills, Frontmatter)."""

MARKDOWN: Final = "text/markdown"
_KNOWN: Final = {".md": MARKDOWN, ".yaml": "application/yaml", ".yml": "application/yaml", ".toml": "application/toml"}
"""What skills are made of and Python's own table lacks in one version or another."""
NAME: Final = re.compile(r"(?!.*--)[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_SUB_DELIMS: Final = (
    "!$&'()*+,;="  # what may stand unescaped in an authority and in a path alike (RFC 3986 §3.2.2, §3.3)
)


class SkillFile:
    """One file of a skill, a resource like any other. `SKILL.md` goes by the name and description it tells."""

    __slots__ = ("_definition", "data", "description", "key", "mime_type", "name")

    def __init__(self, path: str, data: bytes, name: str | None = None, description: str | None = None) -> None:
        """`path` has `/` between its segments, the skill's path first."""
        self.key = skill_uri(path)
        self.data = data
        file = path.rpartition("/")[2]
        self.name = name or file
        self.description = description
        self.mime_type = _mime_type(file, data)
        members = {"uri": self.key, "name": self.name, "mimeType": self.mime_type, "size": len(data)}
        if description is not None:
            members["description"] = description
        self._definition = msgspec.json.encode(members)

    def definition(self, modern: bool) -> bytes:  # noqa: ARG002 - a resource is the same in both eras
        return self._definition

    def read(self, uri: str, variables: object, context: Context) -> bytes:  # noqa: ARG002 - as other resources
        """The members of a resources/read result: text where the bytes are UTF-8, so that they stay what they are."""
        try:
            contents = Contents(uri, self.mime_type, text=self.data.decode())
        except UnicodeDecodeError:
            contents = Contents(uri, self.mime_type, blob=self.data)
        return b'"contents":%b' % msgspec.json.encode([contents])


class Skill:
    """The entry of one skill: its frontmatter as it stands, and all its files."""

    __slots__ = ("_definition", "files", "key", "manifest", "members")

    def __init__(self, path: str, files: Sequence[tuple[str, bytes]]) -> None:
        """`files` holds paths below `path`, the skill's own, and what is in them. Raises ValueError with the reason."""
        name = path.rpartition("/")[2]
        from erlmcp.mcp.frontmatter import parse_frontmatter  # noqa: PLC0415 - PyYAML costs 20 ms of every start

        frontmatter = parse_frontmatter(_markdown(dict(files)[MANIFEST]))
        _check(frontmatter, name)
        self.key = skill_uri(f"{path}/{MANIFEST}")
        told = name, frontmatter["description"]
        self.files = tuple(
            SkillFile(f"{path}/{relative}", data, *(told if relative == MANIFEST else ())) for relative, data in files
        )
        self.manifest = next(file for file in self.files if file.key == self.key)
        listed = [
            {"uri": f.key, "digest": f"sha256:{sha256(f.data).hexdigest()}", "size": len(f.data)} for f in self.files
        ]
        self._definition = msgspec.json.encode({"uri": self.key, "frontmatter": frontmatter, "resources": listed})
        self.members = b'"skill":' + self._definition

    def definition(self, modern: bool) -> bytes:  # noqa: ARG002 - there is one era with skills
        return self._definition


def skill_uri(path: str) -> str:
    """The URI of a file or a folder of skills."""
    return "skill://" + quote(path, safe="/" + _SUB_DELIMS)


def _markdown(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as fault:
        raise ValueError(f"it is not UTF-8: byte {fault.start} can not be read") from fault


def _check(frontmatter: dict[str, object], folder: str) -> None:
    """Raises ValueError for a name or a description that breaks the rules of Agent Skills. The rest is the author's."""
    name, description = frontmatter.get("name"), frontmatter.get("description")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"name {name!r} is none: 1 to 64 of a-z 0-9 and single hyphens between them")
    if name != folder:
        raise ValueError(f"name is {name!r}, but the folder is called {folder!r}; they must be the same")
    if not isinstance(description, str) or not 0 < len(description.strip()) <= len(description) <= DESCRIPTION_LIMIT:
        raise ValueError(f"description must be a text of 1 to {DESCRIPTION_LIMIT} characters: what it does and when")


def _mime_type(file: str, data: bytes) -> str:
    """By the name, from tables of our own and Python's: what a machine's `mime.types` adds would differ by machine."""
    known = _KNOWN.get(file[file.rfind(".") :]) or mimetypes.MimeTypes(()).guess_type(file)[0]
    if known is not None:
        return known
    try:
        data.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain"
