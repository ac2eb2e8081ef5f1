"""Coverage of lines: Cobertura's XML and LCOV's text.

Lines are counted as they stand there, each once. Where the file states worse figures than its lines show, those count:
a file that lost lines must not look better for it. An LCOV file that was cut between two records cannot be told from a
whole one: its format has no end.
"""

import re
from collections.abc import Mapping
from typing import Final

from erlmcp.tcps.evidence.malformed import Malformed, bounded, kept, short
from erlmcp.tcps.evidence.xml import Element, count, walk
from erlmcp.tcps.figures import Coverage

__all__ = ["read_coverage"]

COBERTURA: Final = "the Cobertura report"
LCOV: Final = "the LCOV report"

_DATA: Final = re.compile(r"DA:(\d{1,9}),(-?\d{1,18})(?:,[^,\s]+)?")
_OTHER: Final = re.compile(r"[A-Z]{2,8}(?::.*)?")

Count = tuple[int, int]  # lines, covered


def read_coverage(content: bytes) -> Coverage:
    """The figures of either format; the first character tells. Raises Malformed."""
    bounded(content, "the coverage report")
    xml = content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"\xff\xfe", b"\xfe\xff"))
    lines, covered = _cobertura(content) if xml else _lcov(content)
    return Coverage(**kept(content), lines=lines, covered=covered)


def worse(counted: Count, said: Count) -> Count:
    """The one with the smaller share of covered lines."""
    return counted if counted[1] * said[0] <= said[1] * counted[0] else said


def _cobertura(content: bytes) -> Count:
    hits: dict[tuple[str, int], int] = {}
    said: list[Count] = []

    def enter(element: Element) -> None:
        if element.parent is None:
            if element.tag != "coverage":
                raise Malformed(f"{COBERTURA} begins with <{short(element.tag)}>, not with <coverage>")
            said.extend(_stated(element))
        elif element.tag == "line":
            number, times = count(element, "number", COBERTURA), count(element, "hits", COBERTURA)
            if number is None or times is None:
                raise Malformed(f"{COBERTURA}: the <line> at {element.place} needs number and hits")
            key = (_file_of(element), number)
            hits[key] = max(hits.get(key, 0), times)

    walk(content, COBERTURA, enter, lambda _: None)
    if not hits and not said:
        raise Malformed(f"{COBERTURA} has neither lines nor lines-valid and lines-covered")
    counted = _counted(hits)
    if not hits:
        return said[0]
    return worse(counted, said[0]) if said else counted


def _stated(root: Element) -> list[Count]:
    valid, covered = count(root, "lines-valid", COBERTURA), count(root, "lines-covered", COBERTURA)
    if valid is None or covered is None:
        return []
    if covered > valid:
        raise Malformed(f"{COBERTURA} says that {covered} of {valid} lines are covered")
    return [(valid, covered)]


def _file_of(element: Element) -> str:
    above = element.parent
    while above is not None:
        if above.tag == "class":
            return above.attributes.get("filename", "") or above.attributes.get("name", "")
        above = above.parent
    return ""


def _counted(hits: Mapping[tuple[str, int], int]) -> Count:
    return len(hits), sum(times > 0 for times in hits.values())


def _lcov(content: bytes) -> Count:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Malformed(f"{LCOV} is not UTF-8 at byte {fault.start}") from fault
    records = _Records()
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            records.take(line.strip(), number)
    return records.total()


class _Records:
    """The records of a file, one source file each. One source may have several: its lines are the same lines."""

    def __init__(self) -> None:
        self._hits: dict[tuple[str, int], int] = {}
        self._said = (0, 0)
        self._source: str | None = None
        self._ended = False

    def take(self, line: str, number: int) -> None:
        word, _, rest = line.partition(":")
        if word == "SF":
            if self._source is not None:
                raise Malformed(f"{LCOV}, line {number}: a record begins before the last one has its end_of_record")
            self._source = rest
        elif line == "end_of_record":
            if self._source is None:
                raise Malformed(f"{LCOV}, line {number}: end_of_record of a record that has no SF")
            self._source, self._ended = None, True
        elif word in {"DA", "LF", "LH"}:
            self._line(line, word, rest, number)
        elif not _OTHER.fullmatch(line):
            raise Malformed(f"{LCOV}, line {number}: {short(line)!r} is no line of it")

    def _line(self, line: str, word: str, rest: str, number: int) -> None:
        if self._source is None:
            raise Malformed(f"{LCOV}, line {number}: {word} outside of a record")
        if word == "DA":
            data = _DATA.fullmatch(line)
            if data is None:
                raise Malformed(f"{LCOV}, line {number}: {short(line)!r} is not DA:line,hits")
            key = (self._source, int(data[1]))
            self._hits[key] = max(self._hits.get(key, 0), int(data[2]))
            return
        if not rest.isascii() or not rest.isdigit() or len(rest) > 12:
            raise Malformed(f"{LCOV}, line {number}: {short(line)!r} is no count")
        lines, covered = self._said
        self._said = (lines + int(rest), covered) if word == "LF" else (lines, covered + int(rest))

    def total(self) -> Count:
        if self._source is not None:
            raise Malformed(f"{LCOV} ends within a record: end_of_record is missing")
        if not self._ended:
            raise Malformed(f"{LCOV} holds no record: no coverage was measured")
        counted = _counted(self._hits)
        if self._said[1] > self._said[0]:
            raise Malformed(f"{LCOV} says that {self._said[1]} of {self._said[0]} lines are covered")
        if not self._hits:
            return self._said
        return worse(counted, self._said) if self._said[0] else counted
