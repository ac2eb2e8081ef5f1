"""Reads a docstring: its first paragraph, and the lines of a Google-style `Args:` section."""

import inspect
import re
from typing import Final, NamedTuple

_SECTION: Final = re.compile(r"(?:Args|Arguments|Parameters):\s*$")
_ENTRY: Final = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


class Docstring(NamedTuple):
    summary: str
    """The first paragraph on one line; empty when there is none."""
    arguments: dict[str, str]
    """Parameter name → its description on one line."""


def read(docstring: str | None) -> Docstring:
    lines = inspect.cleandoc(docstring).splitlines() if docstring else []
    return Docstring(_summary(lines), _arguments(lines))


def _summary(lines: list[str]) -> str:
    paragraph = []
    for line in lines:
        if not line.strip() or _SECTION.match(line):
            break
        paragraph.append(line.strip())
    return " ".join(paragraph)


def _arguments(lines: list[str]) -> dict[str, str]:
    """The entries under `Args:`; a line that is indented deeper continues the entry above it."""
    found: dict[str, str] = {}
    name, depth = "", 0
    for line in _section(lines):
        indent = len(line) - len(line.lstrip())
        depth = depth or indent
        entry = _ENTRY.match(line.strip()) if indent <= depth else None
        if entry:
            name, text = entry[1], entry[2].strip()
            found[name] = text
        elif name and line.strip():
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def _section(lines: list[str]) -> list[str]:
    section: list[str] = []
    inside = False
    for line in lines:
        if inside and line.strip() and not line[0].isspace():
            break
        if inside:
            section.append(line)
        inside = inside or bool(_SECTION.match(line))
    return section
