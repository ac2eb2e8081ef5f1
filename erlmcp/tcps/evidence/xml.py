"""XML as a stream of elements, read by expat, which Python brings along: no tree, no document type, no entities."""

from collections.abc import Callable, Mapping
from typing import Final
from xml.parsers import expat

from erlmcp.tcps.evidence.malformed import MAX_DEPTH, Malformed, bounded, short

__all__ = ["Element", "count", "walk"]

MAX_ELEMENTS: Final = 500_000
"""Elements of one file; the smallest that says anything has eight bytes."""

Attributes = Mapping[str, str]


class Element:
    """One element while it is open. `place`: of its start, for whoever has to complain."""

    __slots__ = ("attributes", "parent", "place", "tag")

    def __init__(self, tag: str, attributes: Attributes, parent: "Element | None", place: str) -> None:
        self.tag, self.attributes, self.parent, self.place = tag, attributes, parent, place


def walk(content: bytes, what: str, enter: Callable[[Element], None], leave: Callable[[Element], None]) -> None:
    """Call `enter` and `leave` for each element, in the order of the document. Raises Malformed.

    Namespaces are left away from tags: the formats read here have none of their own.
    """
    bounded(content, what)
    _Walk(what, enter, leave).read(content)


class _Walk:
    def __init__(self, what: str, enter: Callable[[Element], None], leave: Callable[[Element], None]) -> None:
        self._what, self._enter, self._leave = what, enter, leave
        self._open: list[Element] = []
        self._seen = 0
        self._parser = parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity

    def read(self, content: bytes) -> None:
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as fault:
            place = f"line {fault.lineno}, column {fault.offset + 1}"
            raise Malformed(f"{self._what} is not XML at {place}: {expat.ErrorString(fault.code)}") from fault
        except (LookupError, UnicodeError, ValueError) as fault:  # an encoding that Python knows, and expat cannot use
            raise Malformed(f"{self._what} has an encoding that is not read: {fault}") from fault

    @property
    def _place(self) -> str:
        return f"line {self._parser.CurrentLineNumber}, column {self._parser.CurrentColumnNumber + 1}"

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._seen += 1
        if self._seen > MAX_ELEMENTS:
            raise Malformed(f"{self._what} has more than {MAX_ELEMENTS} elements")
        if len(self._open) >= MAX_DEPTH:
            raise Malformed(f"{self._what} is nested more than {MAX_DEPTH} deep, at {self._place}")
        parent = self._open[-1] if self._open else None
        element = Element(tag.rpartition(":")[2], attributes, parent, self._place)
        self._open.append(element)
        self._enter(element)

    def _end(self, _tag: str) -> None:
        self._leave(self._open.pop())

    def _doctype(self, _name: str, _system: str | None, _public: str | None, internal: int) -> None:
        """Cobertura's own files name a document type that nobody needs; one with declarations is another matter."""
        if internal:
            raise Malformed(f"{self._what} declares a document type at {self._place}; entities are not read")

    def _entity(self, name: str, *_: object) -> None:
        raise Malformed(f"{self._what} declares the entity {short(name)!r}; entities are not read")


def count(element: Element, attribute: str, what: str) -> int | None:
    """An attribute that counts something; None where there is none. Raises Malformed for anything else."""
    text = element.attributes.get(attribute)
    if text is None or not text.strip():
        return None
    if not text.strip().isascii() or not text.strip().isdigit() or len(text) > 12:
        raise Malformed(f"{what}: {attribute}={short(text)!r} of <{element.tag}> at {element.place} is no count")
    return int(text)
