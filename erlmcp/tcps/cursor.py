"""Cursors of lists: where the next page begins, as text that means something to us alone."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from erlmcp.tcps.canonical import MAX_INTEGER
from erlmcp.tcps.errors import Code, Refused, shown

__all__ = ["START", "read", "write"]

#: Before any cursor: every sequence is smaller.
START: Final = MAX_INTEGER

_MARK: Final = re.compile(r"([a-z_]{1,20}):([0-9]{1,16})")


def write(of: str, before: int) -> str:
    """A cursor into the list `of`."""
    return urlsafe_b64encode(f"{of}:{before}".encode()).decode().rstrip("=")


def read(of: str, cursor: str | None) -> int:
    """What was written; START for None. Raises Refused(invalid) on one that is none, or of another list."""
    if cursor is None:
        return START
    try:
        mark = _MARK.fullmatch(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode())
    except ValueError:  # binascii.Error and UnicodeError are among them
        mark = None
    if mark is None or mark[1] != of or write(of, int(mark[2])) != cursor:
        raise Refused(
            Code.INVALID,
            f"cursor {shown(cursor)!r} is none of this list",
            "call again with the next_cursor that the page before gave, or without a cursor to begin at the first page",
        )
    return int(mark[2])
