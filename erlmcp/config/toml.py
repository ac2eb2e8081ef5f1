"""A TOML file as values and, for the messages about them, the line of each key (tomllib keeps no lines)."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Final, TypeAlias

import msgspec

__all__ = ["Document", "TomlError", "read"]

Path: TypeAlias = tuple[str, ...]

MAX_SIZE: Final = 1024 * 1024  # bytes; a configuration is a page, and what is longer is another file by mistake
_PART: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_NAME: Final = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_STATEMENT: Final = re.compile(rf"[ \t]*(?:\[\[?[ \t]*(?P<table>{_NAME})[ \t]*\]|(?P<key>{_NAME})[ \t]*=)")
_TOKEN: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[{]|[\]}]|\n"
    r"""|[^"'\#\[\]{}\n]+""",
    re.DOTALL,
)
_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class TomlError(Exception):
    """The file can not be read as TOML; the text says where and why."""


class Document(msgspec.Struct, frozen=True):
    """What a file says. `name` is how it was asked for."""

    name: str
    values: dict[str, Any]
    lines: Mapping[Path, int]

    def place(self, *path: str) -> str:
        """`file:line` of a key, or of the nearest table around it (a key may stand inside an inline table)."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines[path]}" if path else self.name


def read(path: FilePath) -> Document:
    """Read a TOML file. TomlError says in one line what is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise TomlError(f"{path}: can not be read: {error.strerror}") from None
    if len(content) > MAX_SIZE:
        raise TomlError(f"{path}: is larger than {MAX_SIZE} bytes, which is no configuration")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TomlError(f"{path}:{line}: is not UTF-8") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TomlError(_complaint(path, text, str(error))) from None
    except RecursionError:
        raise TomlError(f"{path}: is nested too deeply") from None
    return Document(str(path), values, _lines(text))


def _complaint(path: FilePath, text: str, message: str) -> str:
    found = _PLACE.search(message)
    if found is None:
        return f"{path}: is not TOML: {message}"
    line = found[1] or len(text.rstrip().splitlines()) or 1
    reason = message[: found.start()]
    return f"{path}:{line}: is not TOML: {reason[:1].lower()}{reason[1:]}"


def _lines(text: str) -> dict[Path, int]:
    """The line of every table and key of a text that tomllib has accepted."""
    lines: dict[Path, int] = {}
    table: Path = ()
    at, line = 0, 1
    while at < len(text):
        start = at
        statement = _STATEMENT.match(text, at)
        if statement:
            name = statement["table"] or statement["key"]
            if statement["table"]:
                table = _path(name)
            lines.setdefault(table if statement["table"] else table + _path(name), line)
            at = statement.end()
        at = _end(text, at)
        line += text.count("\n", start, at)
    return lines


def _path(name: str) -> Path:
    """The parts of a dotted name, quotes and escapes resolved by the parser that knows them."""
    parts: list[str] = []
    value: Any = tomllib.loads(f"{name}=0")
    while isinstance(value, dict):
        part, value = next(iter(value.items()))
        parts.append(part)
    return tuple(parts)


def _end(text: str, at: int) -> int:
    """Where the statement that goes on at `at` ends: after the first line feed outside strings and brackets."""
    depth = 0
    while token := _TOKEN.match(text, at):
        at = token.end()
        first = token[0][0]
        depth += (first in "[{") - (first in "]}")
        if first == "\n" and depth <= 0:
            return at
    return len(text)
