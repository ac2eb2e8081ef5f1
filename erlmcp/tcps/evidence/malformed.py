"""What is wrong with a file, and where; the bounds that hold for every format, and what all figures begin with."""

import json
import re
from hashlib import sha256
from typing import Final, TypedDict, TypeVar

import msgspec

__all__ = [
    "EXAMPLES",
    "MAX_DEPTH",
    "MAX_NAMES",
    "MAX_SIZE",
    "Malformed",
    "bounded",
    "is_sha256",
    "json_of",
    "kept",
    "parsed",
    "short",
    "sound_json",
]

T = TypeVar("T")

MAX_SIZE: Final = 4 * 1024 * 1024
"""Bytes of one file (tcps.md §4)."""
MAX_DEPTH: Final = 100
"""Nesting. JUnit files nest suites some ten deep, SARIF and the SBOM formats stay below thirty."""
MAX_NAMES: Final = 1000
"""Names of failed tests in a receipt (tcps.md §4)."""
EXAMPLES: Final = 20
"""Names that show what is meant where a count says how many."""
NAME: Final = 200
"""Characters of a name; what is longer is cut."""

_MARKS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_OPEN: Final = (b"{", b"[")
_SHA256: Final = re.compile("[0-9a-f]{64}")


class Kept(TypedDict):
    """By what a file is kept."""

    digest: str
    size: int


class Malformed(Exception):
    """A file that is no evidence. `message`: one line that says what is wrong, and where."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def bounded(content: bytes, what: str) -> None:
    """Raises Malformed for a file that is empty or too large to be read."""
    if not content.strip():
        raise Malformed(f"{what} is empty")
    if len(content) > MAX_SIZE:
        raise Malformed(f"{what} has {len(content)} bytes; at most {MAX_SIZE} are read")


def json_of(content: bytes, into: type[T], what: str) -> T:
    """A JSON document as a Struct. Raises Malformed."""
    return parsed(sound_json(content, what), into, what)


def sound_json(content: bytes, what: str) -> bytes:
    """A JSON document, its nesting and members looked at, without a mark of its byte order. Raises Malformed."""
    bounded(content, what)
    _check_depth(content, what)
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        json.loads(content, object_pairs_hook=_once)
    except ValueError as fault:
        raise Malformed(f"{what} is not JSON: {fault}") from fault
    return content


def parsed(sound: bytes, into: type[T], what: str) -> T:
    """What is `sound_json`, as a Struct. Raises Malformed."""
    try:
        return msgspec.json.decode(sound, type=into)
    except msgspec.ValidationError as fault:
        raise Malformed(f"{what}: {fault}") from fault
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as fault:
        raise Malformed(f"{what} is not JSON: {fault}") from fault


def kept(content: bytes) -> Kept:
    """What the figures of every file begin with."""
    return {"digest": sha256(content).hexdigest(), "size": len(content)}


def is_sha256(text: str) -> bool:
    """Whether it is a SHA-256 in hexadecimal, in lower case."""
    return _SHA256.fullmatch(text) is not None


def short(name: str) -> str:
    """A name out of a file, on one line and not longer than a name is."""
    line = "".join(each if each.isprintable() else " " for each in name)
    line = " ".join(line.split())
    return line if len(line) <= NAME else f"{line[: NAME - 1]}…"


def _once(members: list[tuple[str, object]]) -> None:
    """Readers differ in which of two members of one name they take, so a file that has two proves nothing."""
    names = {name for name, _ in members}
    if len(names) < len(members):
        twice = next(name for name in names if sum(name == each for each, _ in members) > 1)
        raise ValueError(f"the member {short(twice)!r} is there twice in one object")


def _check_depth(content: bytes, what: str) -> None:
    depth = 0
    for mark in _MARKS.finditer(content):
        byte = mark.group()
        if byte in _OPEN:
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed(f"{what} is nested more than {MAX_DEPTH} deep, at byte {mark.start()}")
        elif byte[0] != 0x22:  # not a string
            depth -= 1
