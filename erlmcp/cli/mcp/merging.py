"""One entry into a client's configuration, everything else left as it is. Pure: text in, text or a reason out."""

import json
import re
from typing import Any, Final

__all__ = ["Unmergeable", "merged", "snippet"]

INDENT: Final = "  "
MARK: Final = "\ufeff"
_STRING_OR_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_STRING_OR_COMMA: Final = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
_INDENTED: Final = re.compile(r'^([ \t]+)"', re.MULTILINE)


class Unmergeable(Exception):
    """The text must not be rewritten; the message says why, for a person."""


def merged(text: str, way: tuple[str, ...], name: str, entry: dict[str, Any], *, replace: bool) -> str:
    """`text` with `entry` called `name` in the object that `way` leads to; objects on the way are made.

    The same text when the entry is there already. `replace`: take the place of an entry that is not ours. Raises
    Unmergeable.
    """
    document = _read(text) if text.strip() else {}
    holder = document
    for depth, key in enumerate(way):
        holder = holder.setdefault(key, {})
        if not isinstance(holder, dict):
            raise Unmergeable(f"{'.'.join(way[: depth + 1])} in it is no object")
    present = holder.get(name)
    if present == entry:
        return text
    if present is not None and not replace and not _is_ours(present, entry):
        raise Unmergeable(f"it has another server called {name}: choose another --name, or say --force to replace it")
    holder[name] = entry
    indent = _indent_of(text)
    spliced = _splice(text, (*way, name), entry, indent) if text.strip() else ""
    if spliced and json.loads(spliced.removeprefix(MARK)) == document:
        return spliced
    return json.dumps(document, indent=indent, ensure_ascii=False) + "\n"


def snippet(way: tuple[str, ...], name: str, entry: dict[str, Any]) -> str:
    """What a person would write: the entry with the objects around it."""
    whole: dict[str, Any] = {name: entry}
    for key in reversed(way):
        whole = {key: whole}
    return json.dumps(whole, indent=INDENT, ensure_ascii=False)


def _read(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text.removeprefix(MARK), object_pairs_hook=_once)
    except json.JSONDecodeError as fault:
        if _is_commented(text):
            raise Unmergeable("it has comments or trailing commas, which would be lost") from None
        raise Unmergeable(f"it is no JSON: line {fault.lineno}, column {fault.colno}: {fault.msg}") from None
    except RecursionError:
        raise Unmergeable("it nests too deep") from None
    if not isinstance(document, dict):
        raise Unmergeable("it is no JSON object")
    return document


def _splice(text: str, path: tuple[str, ...], entry: dict[str, Any], indent: str) -> str:
    """`text`, with nothing but the entry changed: put in its old place, or behind the last member of its object."""
    at = text.index("{")
    for depth, key in enumerate(path):
        members, close = _members(text, at)
        rest = path[depth + 1 :]
        if key in members:
            start, end = members[key]
            if not rest:
                return text[:start] + _laid_out(entry, indent, depth + 1) + text[end:]
            at = start
            continue
        value: dict[str, Any] = entry
        for inner in reversed(rest):
            value = {inner: value}
        line = f"{indent * (depth + 1)}{json.dumps(key)}: {_laid_out(value, indent, depth + 1)}"
        if members:
            last = max(end for _, end in members.values())
            return f"{text[:last]},\n{line}{text[last:]}"
        return f"{text[: at + 1]}\n{line}\n{indent * depth}{text[close:]}"
    return ""


def _members(text: str, at: int) -> tuple[dict[str, tuple[int, int]], int]:
    """Of the object that begins at `at`: where each member's value begins and ends, and where the object does."""
    decode = json.JSONDecoder().raw_decode
    members: dict[str, tuple[int, int]] = {}
    at = _blank(text, at + 1)
    while text[at] != "}":
        key, at = decode(text, at)
        start = _blank(text, _blank(text, at) + 1)
        _, end = decode(text, start)
        members[key] = (start, end)
        at = _blank(text, end)
        if text[at] == ",":
            at = _blank(text, at + 1)
    return members, at


def _blank(text: str, at: int) -> int:
    """The next position that holds no space."""
    while text[at] in " \t\r\n":
        at += 1
    return at


def _laid_out(value: dict[str, Any], indent: str, depth: int) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False).replace("\n", "\n" + indent * depth)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one of two members of one name would be lost."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise Unmergeable(f"it has {next(n for n in names if names.count(n) > 1)!r} twice in one object")
    return found


def _is_commented(text: str) -> bool:
    """Whether it is JSON but for comments and trailing commas, as VS Code allows."""
    bare = _STRING_OR_COMMENT.sub(lambda found: found[1] or "", text)
    bare = _STRING_OR_COMMA.sub(lambda found: found[1] or "", bare)
    try:
        json.loads(bare)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _is_ours(present: Any, entry: dict[str, Any]) -> bool:
    """Whether an entry is one that we wrote: it starts erlmcp, or has the address that is being installed."""
    if not isinstance(present, dict):
        return False
    words = [present.get("command"), *(present.get("args") or [])]
    return words[2:5] == ["-m", "erlmcp", "stdio"] or ("url" in entry and present.get("url") == entry["url"])


def _indent_of(text: str) -> str:
    """How the text is indented; two blanks when it does not say."""
    found = _INDENTED.search(text)
    return found[1] if found else INDENT
