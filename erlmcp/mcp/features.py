"""An ordered set of named features (tools, resources, templates or prompts) and its pages behind opaque cursors.

It knows the definitions only as bytes, encoded once at registration; what they mean is the features' own business.
"""

import binascii
from collections.abc import Callable, Iterator
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
        self._pages: dict[tuple[int, int, bool], bytes] = {}
        self.get: Final[Callable[[str], F | None]] = self._by_key.get

    def add(self, feature: F) -> None:
        """Raises ValueError for a key that is taken."""
        if feature.key in self._by_key:
            raise ValueError(f"{self._noun} {feature.key!r} is registered twice; names must differ")
        self._by_key[feature.key] = feature
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
