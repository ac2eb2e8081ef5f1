"""The YAML that a SKILL.md begins with → a JSON object, as every host reads it: the core schema of YAML 1.2, and less.

PyYAML speaks YAML 1.1, in which `no` is false and `2026-01-01` a date; hosts parse the same text themselves and refuse
a skill whose entry says anything else (SEP-2640, Frontmatter Verification). So the scalars are read by the rules of
YAML 1.2.2 §10.3.2. Anchors and other tags are refused: they buy nothing here, and are how small YAML becomes large.
"""

import math
import re
from typing import Any, Final

import yaml

__all__ = ["FRONTMATTER_LIMIT", "parse_frontmatter"]

FRONTMATTER_LIMIT: Final = 64 * 1024
"""Bytes. A description ends at 1,024 characters; what is larger than this is no frontmatter."""

DEPTH_LIMIT: Final = 32
"""Levels of nesting."""

_FENCED: Final = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_TAG: Final = "tag:yaml.org,2002:"
_BASES: Final = {"0o": 8, "0x": 16}
_SCALARS: Final = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
}
"""How a plain scalar looks that is no string; the first that fits."""


def parse_frontmatter(text: str) -> dict[str, Any]:
    """The frontmatter of a SKILL.md as what JSON can hold. Raises ValueError, which says what is wrong and where."""
    fenced = _FENCED.match(text)
    if fenced is None:
        raise ValueError("it must begin with frontmatter: a line ---, YAML with name and description, a line ---")
    source = fenced[1]
    if len(source.encode()) > FRONTMATTER_LIMIT:
        raise ValueError(f"its frontmatter has {len(source.encode())} bytes; {FRONTMATTER_LIMIT} is the most")
    try:
        loaded = yaml.load(source, _Loader)  # noqa: S506 - a SafeLoader, and stricter
    except yaml.MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 2}" if error.problem_mark else ""  # line 1 is the fence
        raise ValueError(f"its frontmatter is not the YAML we take: {error.problem}{where}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"its frontmatter is not the YAML we take: {error}") from error
    if not isinstance(loaded, dict):
        raise ValueError("its frontmatter must be a mapping, with name and description at least")
    return loaded


def _fault(problem: str, node: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, problem, node.start_mark)


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise _fault("a key that is no text; quote it", key_node)
        if key in members:
            raise _fault(f"the key {key!r} is there twice", key_node)
        members[key] = loader.construct_object(value_node, deep=True)
    return members


def _sequence(loader: Any, node: Any) -> list[Any]:
    return [loader.construct_object(each, deep=True) for each in node.value]


def _text(_loader: Any, node: Any) -> str:
    if not isinstance(node.value, str):
        raise _fault("a tag on what is no text", node)
    return node.value


def _scalar(_loader: Any, node: Any) -> Any:
    """What is no string, by its looks: a tag that somebody wrote does not change them."""
    kind = node.tag.removeprefix(_TAG)
    if not isinstance(node.value, str) or not _SCALARS[kind].match(node.value):
        raise _fault(f"a {kind} that does not look like one", node)
    if kind == "null":
        return None
    if kind == "bool":
        return node.value.lower() == "true"
    if kind == "int":
        base = _BASES.get(node.value[:2], 10)
        return int(node.value, base)
    value = math.nan if node.value[-1].isalpha() else float(node.value)
    if not math.isfinite(value):
        raise _fault(f"{node.value}, which is no number in JSON; quote it", node)
    return value


def _refuse(_loader: Any, node: Any) -> Any:
    raise _fault(f"the tag {node.tag}", node)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """The core schema, in Python: what is parsed is small, and its anchors can be refused before they are followed."""

    yaml_implicit_resolvers = {None: [(_TAG + kind, looks) for kind, looks in _SCALARS.items()]}  # noqa: RUF012
    yaml_constructors = {
        _TAG + "map": _mapping,
        _TAG + "seq": _sequence,
        _TAG + "str": _text,
        None: _refuse,
    } | {_TAG + kind: _scalar for kind in _SCALARS}

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if getattr(event, "anchor", None) is not None:
            raise _fault("an anchor or an alias", event)
        if self._depth >= DEPTH_LIMIT:
            raise _fault(f"more than {DEPTH_LIMIT} levels of nesting", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node
