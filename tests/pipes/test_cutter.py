"""Lines out of pieces: whatever the pieces, the lines are the same, and one too long costs nobody else anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp._speedups import FramingError
from erlmcp.pipes import Cutter

LIMIT = 8


def cut(pieces: list[bytes], limit: int = LIMIT) -> list[bytes | str]:
    cutter = Cutter(limit)
    found = [line for piece in pieces for line in cutter.feed(piece)] + cutter.end()
    return [line.reason if isinstance(line, FramingError) else line for line in found]


TOO_LONG = f"a line is longer than {LIMIT} bytes"


@pytest.mark.parametrize(
    ("stream", "lines"),
    [
        (b"one\ntwo\n", [b"one", b"two"]),
        (b"one\r\n\r\n\ntwo", [b"one", b"two"]),
        (b"12345678\n", [b"12345678"]),
        (b"123456789\n", [TOO_LONG]),
        (b"a\n123456789\nb\n", [b"a", TOO_LONG, b"b"]),
        (b"123456789\n123456789\nb", [TOO_LONG, TOO_LONG, b"b"]),
        (b"123456789 and it never ends", [TOO_LONG]),
        (b"", []),
        (b"\n", []),
    ],
)
def test_a_stream_has_the_same_lines_however_it_is_cut(stream, lines):
    assert cut([stream]) == lines
    assert cut([stream[at : at + 1] for at in range(len(stream))]) == lines
    for at in range(len(stream)):
        assert cut([stream[:at], stream[at:]]) == lines


@given(st.lists(st.binary(max_size=12), max_size=12), st.integers(1, 12))
def test_pieces_never_matter(pieces, limit):
    assert cut(pieces, limit) == cut([b"".join(pieces)], limit)
