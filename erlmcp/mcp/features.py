"""An ordered set of named features (tools, resources, templates or prompts) and its pages behind opaque cursors.

It knows the definitions only as bytes, encoded once at registration; what they mean is the features' own business.
"""

import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, Protocol, TypeVar

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError

PAGES_KEPT: Final = 4096
"""Encoded pages kept in memory. Cursors name whole pages, so this is reached only by lists of that many pages."""


class Feature(Protocol):
    @property
    def key(self) -> str:
        """What tells it from the others of its set: a name or a URI."""

    def definition(self, modern: bool) -> bytes:
        """Its entry in the list, as a JSON object."""


F = TypeVar("F", bound=Feature)


class Features(Generic[F]):
    """Features in the order of their registration, found by key and listed by page."""

    def __init__(self, member: str, noun: str) -> None:
        """`member` is the list's name in a result (`"tools"`), `noun` what a message calls one of them (`"tool"`)."""
        self._member = member
        self._noun = noun
        self._by_key: dict[str, F] = {}
        self._given: dict[object, Mapping[str, F]] = {}
        self._pages: dict[tuple[int, int, bool], bytes] = {}
        self.get: Final[Callable[[str], F | None]] = self._by_key.get

    def check(self, key: str) -> None:
        """Raises ValueError for a key that is taken."""
        if key in self._by_key:
            raise ValueError(f"{self._noun} {key!r} is registered twice; names must differ")

    def add(self, feature: F) -> None:
        """Raises ValueError for a key that is taken."""
        self.check(feature.key)
        self._by_key[feature.key] = feature
        self._changed()

    def remove(self, key: str) -> None:
        """Raises KeyError for a key that is not there, or not to be taken away as somebody gives it."""
        if key not in self._by_key or any(key in given for given in self._given.values()):
            raise KeyError(f"there is no {self._noun} {key!r} that was registered")
        del self._by_key[key]
        self._changed()

    def merged(self, source: object, features: Iterable[F]) -> dict[str, F]:
        """What there would be if `source` gave these, and no more what it gave before: first what was registered, then
        what each source gives, in the order of the sources. Raises ValueError for a key that is taken."""
        given = self._given | {source: _by_key(features, self._noun)}
        others = {key for each in self._given.values() for key in each}
        merged = {key: feature for key, feature in self._by_key.items() if key not in others}
        for each in given.values():
            for key, feature in each.items():
                if key in merged:
                    raise ValueError(f"{self._noun} {key!r} is given, and taken already; names must differ")
                merged[key] = feature
        return merged

    def give(self, source: object, features: Iterable[F]) -> None:
        """Swap what `source` gave before for these, in one step. Raises ValueError, and changes nothing, for a key that
        is taken."""
        features = list(features)
        merged = self.merged(source, features)
        self._given[source] = _by_key(features, self._noun)
        self._by_key.clear()  # the very dict stays, as `get` is bound to it
        self._by_key.update(merged)
        self._changed()

    def _changed(self) -> None:
        if self._pages:
            self._pages.clear()

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[F]:
        return iter(self._by_key.values())

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def page(self, cursor: str | None, size: int, modern: bool) -> bytes:
        """One page as a result's members, `"tools":[…]` and `"nextCursor":"…"` when more follow.

        None and the empty cursor name the first page. Raises RpcError (-32602) for a cursor that names no page.
        """
        start = _start_of(cursor, size, len(self._by_key)) if cursor else 0
        page = self._pages.get((start, size, modern))
        if page is None:
            page = self._encode(start, size, modern)
            if len(self._pages) < PAGES_KEPT:
                self._pages[start, size, modern] = page
        return page

    def _encode(self, start: int, size: int, modern: bool) -> bytes:
        features = list(self._by_key.values())[start : start + size]
        listed = b'"%b":[%b]' % (self._member.encode(), b",".join([each.definition(modern) for each in features]))
        after = start + size
        return listed if after >= len(self._by_key) else b'%b,"nextCursor":"%b"' % (listed, _cursor(after))


def _by_key(features: Iterable[F], noun: str) -> dict[str, F]:
    found: dict[str, F] = {}
    for feature in features:
        if feature.key in found:
            raise ValueError(f"{noun} {feature.key!r} is given twice; names must differ")
        found[feature.key] = feature
    return found


def _cursor(start: int) -> bytes:
    return binascii.b2a_hex(b"at:%d" % start)


def _start_of(cursor: str, size: int, count: int) -> int:
    try:
        head, _, digits = binascii.a2b_hex(cursor).partition(b":")
    except ValueError:  # not hexadecimal, or not ASCII
        head, digits = b"", b""
    start = int(digits) if head == b"at" and digits.isdigit() and len(digits) <= len(str(count)) else 0
    if not 0 < start < count or start % size or cursor.encode(errors="replace") != _cursor(start):
        raise RpcError(INVALID_PARAMS, "unknown cursor; list again from the start, without a cursor")
    return start
