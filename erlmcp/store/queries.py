"""Named SQL: files of statements, each under a line `-- name: take_slot`, with `:name` parameters.

All statements of a package can be read in one sitting, and a call names one. It knows no database: the opened one
checks every statement against its schema.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path

from msgspec import Struct

from erlmcp.store.errors import QueryError

__all__ = ["Queries", "Query", "parameters"]

_HEADER = re.compile(r"^--\s*name:\s*(?P<name>.*?)\s*$")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: Text that may hold a colon which starts no parameter, and then the parameter itself.
_TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|::|:(?P<parameter>[a-z_][a-z0-9_]*)", re.DOTALL
)


class Query(Struct, frozen=True):
    """A statement. `origin`: `queries.sql:12`, for messages."""

    name: str
    sql: str
    parameters: tuple[str, ...]
    origin: str


class Queries:
    """A set of named statements."""

    def __init__(self, queries: Mapping[str, Query] | None = None) -> None:
        self._queries = dict(queries or {})

    @classmethod
    def load(cls, source: Path | Traversable) -> "Queries":
        """Read one file, or all `*.sql` of a directory. Raises QueryError naming file and line."""
        files = [source] if source.is_file() else sorted(source.iterdir(), key=lambda file: file.name)
        found: dict[str, Query] = {}
        for file in files:
            if file.name.endswith(".sql"):
                for query in _parse(file.read_text(encoding="utf-8"), file.name):
                    _add(found, query)
        return cls(found)

    def __getitem__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise QueryError(f"there is no query {name!r}: no loaded file has the line '-- name: {name}'") from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._queries.values())

    def __len__(self) -> int:
        return len(self._queries)

    def __or__(self, other: "Queries") -> "Queries":
        """Both sets. A name that is in both is a QueryError."""
        both = dict(self._queries)
        for query in other:
            _add(both, query)
        return Queries(both)


def parameters(sql: str) -> tuple[str, ...]:
    """The names of the parameters, each once, in the order of their first use."""
    names = (token["parameter"] for token in _TOKEN.finditer(sql))
    return tuple(dict.fromkeys(name for name in names if name))


def _add(queries: dict[str, Query], query: Query) -> None:
    if query.name in queries:
        raise QueryError(f"{query.origin}: query {query.name} is there already, in {queries[query.name].origin}")
    queries[query.name] = query


def _parse(text: str, file: str) -> Iterator[Query]:
    name, start, lines = "", 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header is None:
            lines.append(line)
            continue
        yield from _query(name, lines, f"{file}:{start or 1}")
        name, start, lines = header["name"], number, []
        if not _NAME.fullmatch(name):
            raise QueryError(f"{file}:{number}: {name!r} is no name for a query: use small letters, digits and _")
    yield from _query(name, lines, f"{file}:{start or 1}")


def _query(name: str, lines: list[str], origin: str) -> Iterator[Query]:
    sql = "\n".join(lines).strip()
    bare = re.sub(r"--[^\n]*", "", sql).strip()
    if name and not bare:
        raise QueryError(f"{origin}: query {name} has no statement")
    if bare and not name:
        raise QueryError(f"{origin}: a statement comes before the first '-- name:' line")
    if name:
        yield Query(name, sql.rstrip(";").rstrip(), parameters(sql), origin)
