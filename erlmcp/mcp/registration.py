"""What registering a tool, a resource or a prompt has in common: what its author may say, and how it is listed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from erlmcp.mcp.callee import CalleeOptions
from erlmcp.mcp.content import Icon
from erlmcp.mcp.docstring import Docstring


class FeatureOptions(CalleeOptions, total=False):
    """What an author may say about any feature beside its function."""

    name: str | None
    """What clients call it by; the function's name when left out."""
    title: str | None
    """What people read instead of the name."""
    description: str | None
    """What it is for; the first paragraph of the docstring when left out."""
    icons: list[Icon] | None
    meta: Mapping[str, Any] | None
    """The definition's `_meta`."""


def renamed(definition: bytes, members: Mapping[str, Any]) -> bytes:
    """A definition with other members in the place of those of the same names."""
    known = msgspec.json.decode(definition, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({**known, **members})


def check_options(options: Mapping[str, Any], known: type, subject: str) -> None:
    """Raises TypeError for a keyword that is none, ValueError for a timeout that is none."""
    if unknown := sorted(options.keys() - known.__annotations__.keys()):
        raise TypeError(f"{subject} has no option {unknown[0]!r}; it has {', '.join(sorted(known.__annotations__))}")
    timeout = options.get("timeout")
    if timeout is not None and options.get("inline"):
        raise ValueError(f"{subject}: an inline function has no timeout; it blocks the loop until it returns")
    if timeout is not None and not 0 < timeout < float("inf"):
        raise ValueError(f"{subject}: timeout must be a number of seconds greater than 0, not {timeout}")


def description_of(told: Docstring, options: FeatureOptions) -> str | None:
    described = options.get("description")
    return described if described is not None else told.summary or None


def definition(members: Mapping[str, Any], options: FeatureOptions) -> bytes:
    """A feature's entry in its list: `members` and what all features have, without what is not told."""
    common: dict[str, Any] = {
        "title": options.get("title"),
        "icons": options.get("icons"),
        "_meta": options.get("meta"),
    }
    return msgspec.json.encode({key: value for key, value in ({**members, **common}).items() if value is not None})
