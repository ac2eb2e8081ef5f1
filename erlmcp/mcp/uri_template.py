"""URI templates as resources use them: `user://{id}/profile`, `file:///{path*}`. A strict, linear matcher.

A subset of RFC 6570, read backwards: `{name}` stands for one path segment or a part of one, `{name*}` and `{+name}`
may cross slashes, and `{?name,other}` at the end stands for a query whose parts may each be left out. A variable ends
where the text that follows it in the template first occurs, so matching never backtracks.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

MAX_URI: Final = 8192
"""Bytes of a URI that are looked at; RFC 9110 §4.1 asks for 8000 at least. A longer one names nothing."""

_EXPRESSION: Final = re.compile(r"\{([^{}]*)\}")
_QUERY: Final = re.compile(r"\{\?([A-Za-z_][A-Za-z0-9_]*(?:,[A-Za-z_][A-Za-z0-9_]*)*)\}$")
_VARIABLE: Final = re.compile(r"(\+?)([A-Za-z_][A-Za-z0-9_]*)(\*?)")


class Variable(NamedTuple):
    name: str
    crosses: bool
    """Whether its value may hold slashes."""
    following: str
    """The literal text behind it; empty only at the end."""


class UriTemplate:
    """A template, read once."""

    def __init__(self, template: str) -> None:
        """Raises ValueError for what this subset does not have."""
        self.text = template
        path, self._query = _without_query(template)
        pieces = _EXPRESSION.split(path)  # literal, expression, literal, …
        if any("{" in literal or "}" in literal for literal in pieces[::2]):
            raise ValueError(f"{template}: a brace without its partner")
        self._head = pieces[0]
        self._variables = [_variable(template, *pair) for pair in zip(pieces[1::2], pieces[2::2], strict=True)]
        names = self.names
        if len(set(names)) < len(names):
            raise ValueError(f"{template}: a variable occurs twice")
        if any(not each.following for each in self._variables[:-1]):
            raise ValueError(f"{template}: two variables without text between them cannot be told apart")

    @property
    def names(self) -> list[str]:
        return [*(each.name for each in self._variables), *self._query]

    def match(self, uri: str) -> dict[str, str] | None:
        """Variable → percent-decoded value, or None when the URI is not of this template.

        A value is never empty, holds no `..` segment, and holds a slash, encoded or not, only where the template lets
        it cross: what a template does not say, a URI cannot smuggle in.
        """
        if len(uri) > MAX_URI or not uri.startswith(self._head):
            return None
        values: dict[str, str] = {}
        if self._query:
            uri, _, query = uri.partition("?")
            found = _queried(query, self._query) if query else {}
            if found is None:
                return None
            values = found
        at = len(self._head)
        for variable in self._variables:
            last = variable is self._variables[-1]
            end = _end_of(uri, at, variable.following, last=last)
            value = _decoded(uri[at:end]) if end > at else None
            if value is None or not _allowed(value, crosses=variable.crosses):
                return None
            values[variable.name] = value
            at = end + len(variable.following)
        return values if at == len(uri) else None


def _without_query(template: str) -> tuple[str, tuple[str, ...]]:
    """A template without its `{?…}`, and the variables of that."""
    found = _QUERY.search(template)
    return (template[: found.start()], tuple(found[1].split(","))) if found else (template, ())


def _queried(query: str, names: tuple[str, ...]) -> dict[str, str] | None:
    """None for a part that the template does not name, names twice, or that is not UTF-8."""
    values: dict[str, str] = {}
    for part in query.split("&"):
        name, _, raw = part.partition("=")
        value = _decoded(raw)
        if name not in names or name in values or value is None or "\0" in value:
            return None
        values[name] = value
    return values


def _variable(template: str, expression: str, following: str) -> Variable:
    found = _VARIABLE.fullmatch(expression)
    if not found:
        raise ValueError(
            f"{template}: {{{expression}}} is not supported; use {{name}}, {{name*}} to cross slashes, {{?name}} last"
        )
    return Variable(found[2], bool(found[1] or found[3]), following)


def _end_of(uri: str, start: int, following: str, *, last: bool) -> int:
    """Where a variable's value ends; -1 when the text behind it is not there."""
    if last:
        return len(uri) - len(following) if uri.endswith(following) else -1
    return uri.find(following, start + 1)


def _decoded(raw: str) -> str | None:
    """None for what is not UTF-8 behind the percent signs."""
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeError:
        return None


def _allowed(value: str, *, crosses: bool) -> bool:
    return (crosses or "/" not in value) and ".." not in value.split("/") and "\0" not in value
