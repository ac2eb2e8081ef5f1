"""Draws facts and tables, for a terminal or as Markdown. Pure: values in, text out.

Texts come from people and models anywhere: whatever could move a cursor or turn the writing round is made visible.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from click import style
from msgspec import Struct

__all__ = ["Block", "Cell", "Facts", "Table", "as_markdown", "as_text"]

Cell = str | int | None


class Table(Struct, frozen=True):
    """`elastic`: the column that is cut when the terminal is too narrow. `empty`: said in place of no rows."""

    head: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    elastic: int | None = None
    empty: str = "none"


class Facts(Struct, frozen=True):
    """A title, and names with values below it; those that are None or empty are left out."""

    title: str
    rows: Sequence[tuple[str, Cell]]


Block = Table | Facts | str

# C0 and C1 controls, and the marks that reorder text (Unicode UAX #9): they show as what they are not.
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LEAST: Final = 8  # columns that an elastic column keeps
_GAP: Final = "  "
_COLOURS: Final = {
    "critical": "red",
    "breached": "red",
    "broken": "red",
    "failed": "red",
    "stop": "red",
    "open": "red",
    "high": "red",
    "investigating": "yellow",
    "blocked": "yellow",
    "alert": "yellow",
    "bottleneck": "yellow",
    "warning": "yellow",
    "in progress": "cyan",
    "in production": "cyan",
    "completed": "green",
    "published": "green",
    "passed": "green",
    "resolved": "green",
    "unbroken": "green",
    "on time": "green",
    "normal": "green",
}
_COLOURED: Final = frozenset({"status", "level", "sla", "chain", "receipts", "verdict", "severity", "kind"})


def as_text(blocks: Sequence[Block], width: int | None, *, colour: bool) -> str:
    """For a terminal of `width` columns; None: as wide as it gets."""
    return "\n\n".join(_text_of(block, width, colour=colour) for block in blocks)


def as_markdown(blocks: Sequence[Block]) -> str:
    """GitHub-flavoured Markdown."""
    return "\n\n".join(_markdown_of(block) for block in blocks)


def _text_of(block: Block, width: int | None, *, colour: bool) -> str:
    if isinstance(block, str):
        return _clean(block)
    if isinstance(block, Facts):
        return _facts(block, colour=colour)
    return _table(block, width, colour=colour)


def _facts(facts: Facts, *, colour: bool) -> str:
    told = [(name, _clean(str(value))) for name, value in facts.rows if value is not None and value != ""]
    widest = max((len(name) for name, _ in told), default=0)
    lines = [_line(facts.title)]
    for name, value in told:
        indented = value.replace("\n", "\n" + " " * (widest + 4))
        lines.append(f"  {name:<{widest}}{_GAP}{_painted(name, indented, indented, colour=colour)}")
    return "\n".join(lines)


def _table(table: Table, width: int | None, *, colour: bool) -> str:
    if not table.rows:
        return table.empty
    rows = [[_line("" if cell is None else str(cell)) for cell in row] for row in table.rows]
    widths = [max(map(_columns, column)) for column in zip(table.head, *rows, strict=True)]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - (width or 10**9)
    if over > 0 and table.elastic is not None:
        widths[table.elastic] = max(min(_LEAST, widths[table.elastic]), widths[table.elastic] - over)
    right = [all(isinstance(row[at], int) for row in table.rows) for at in range(len(table.head))]
    lines = [_row(list(table.head), table.head, widths, right, colour=False)]
    lines += [_row(row, table.head, widths, right, colour=colour) for row in rows]
    return "\n".join(lines)


def _row(cells: list[str], head: tuple[str, ...], widths: list[int], right: list[bool], *, colour: bool) -> str:
    drawn = []
    for cell, name, width, to_right in zip(cells, head, widths, right, strict=True):
        text = _cut(cell, width)
        padding = " " * (width - _columns(text))
        text = _painted(name, cell, text, colour=colour)
        drawn.append(padding + text if to_right else text + padding)
    return _GAP.join(drawn).rstrip()


def _painted(name: str, word: str, text: str, *, colour: bool) -> str:
    shade = _COLOURS.get(word.partition(",")[0]) if colour and name in _COLOURED else None
    return style(text, fg=shade) if shade else text


def _cut(text: str, width: int) -> str:
    if _columns(text) <= width:
        return text
    kept, taken = "", 1  # one column for the ellipsis
    for character in text:
        taken += _columns(character)
        if taken > width:
            break
        kept += character
    return kept + "…"


def _columns(text: str) -> int:
    """Columns that a terminal gives it: two to wide characters, none to those that join the one before."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.category(character) in {"Mn", "Me"} for character in text)


def _clean(text: str) -> str:
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def _line(text: str) -> str:
    return _clean(" ".join(text.split("\n"))).replace("\t", " ")


def _markdown_of(block: Block) -> str:
    if isinstance(block, str):
        return _escaped(block)
    if isinstance(block, Facts):
        told = [(name, _escaped(str(value))) for name, value in block.rows if value is not None and value != ""]
        return "\n".join(
            [f"**{_escaped(block.title)}**", "", "| | |", "|---|---|", *(f"| {a} | {b} |" for a, b in told)]
        )
    if not block.rows:
        return block.empty
    marks = ["---:" if all(isinstance(row[at], int) for row in block.rows) else "---" for at in range(len(block.head))]
    rows = [[_escaped("" if cell is None else str(cell)) for cell in row] for row in block.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(block.head), marks, *rows])


def _escaped(text: str) -> str:
    """Text that stays text: no markup, no link, no end of a cell."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", _line(text))
