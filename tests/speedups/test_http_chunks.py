"""Chunked bodies and responses as both twins frame them, and every bound on both sides."""

from types import ModuleType

import pytest

from erlmcp._speedups import tables
from tests.speedups.framing import MOST, outcome
from tests.wire.twins import twins


@pytest.fixture(params=twins().values(), ids=twins())
def twin(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


# ── chunks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def chunk(twin: ModuleType, data: bytes, left: int = 0, most: int = MOST) -> object:
    return outcome(twin.next_chunk, data, 0, left, most)


def test_a_chunk_gives_its_payload_in_as_many_steps_as_it_comes_in(twin: ModuleType) -> None:
    assert chunk(twin, b"5\r\nhello\r\n0\r\n") == (10, 3, 8, 0, 0)
    assert chunk(twin, b"0005\r\nhel") == (9, 6, 9, 4, 0)
    assert chunk(twin, b"lo", 4) == (2, 0, 2, 2, 0)
    assert chunk(twin, b"lo\r", 4) == (3, 0, 2, 1, 0)
    assert chunk(twin, b"\r", 2) == (1, 0, 0, 1, 0)
    assert chunk(twin, b"\n0", 1) == (1, 0, 0, 0, 0)
    assert chunk(twin, b"", 4) is None
    assert chunk(twin, b"00\r\n\r\n") == (4, 4, 4, -1, 0)
    assert chunk(twin, b"a;b\r\n") == (5, 5, 5, 12, 2)


@pytest.mark.parametrize("data", [b"", b"5", b"5\r", b"5;a", b'5;a="b', b"0"])
def test_a_chunk_line_may_come_in_pieces(twin: ModuleType, data: bytes) -> None:
    assert chunk(twin, data) is None


@pytest.mark.parametrize(
    "line",
    [b"", b" 5", b"5 ", b"5\t", b"+5", b"-5", b"0x5", b"5_0", b"g", b"5;", b"5;;a", b"5;=b", b"5;a=", b'5;a="b',
     b'5;a="b"c', b"5;a b", b"5;a[",
     b"5\r", b"5\n", b"5;a\0", b'5;a="\x7f"', b"0" * 17, b"f" * 17, b"5 a", b"\xb2", b"5,5", b"5;a\x0b"],
)  # fmt: skip
def test_a_malformed_chunk_line_is_refused(twin: ModuleType, line: bytes) -> None:
    assert chunk(twin, line + b"\r\nhello\r\n") == 400


@pytest.mark.parametrize("extension", [b";a", b";a=b", b" ; a = b", b';a="b;\\" \xff"', b";a=b;c\t;d=1", b';a=""'])
def test_well_formed_extensions_are_skipped_and_counted(twin: ModuleType, extension: bytes) -> None:
    assert chunk(twin, b"5" + extension + b"\r\nhello\r\n")[4] == len(extension)


@pytest.mark.parametrize("tail", [b"hello0", b"helloXY", b"hello\r0", b"hello\n", b"hello\nX", b"helloX"])
def test_data_without_crlf_after_them_are_refused_as_soon_as_seen(twin: ModuleType, tail: bytes) -> None:
    assert chunk(twin, b"5\r\n" + tail) == 400
    assert chunk(twin, tail[5:], 2) == 400


def test_a_chunk_may_be_as_large_as_allowed_and_no_larger(twin: ModuleType) -> None:
    assert chunk(twin, b"3e8\r\n") == (5, 5, 5, 1002, 0)
    assert chunk(twin, b"3e9\r\n") == 413
    assert chunk(twin, b"ffffffffffffffff\r\n") == 413
    assert chunk(twin, b"8000000000000000\r\n") == 413
    assert chunk(twin, b"00000000000003e8\r\n")[3] == 1002


def test_a_chunk_line_may_be_as_long_as_its_limit_and_no_longer(twin: ModuleType) -> None:
    line = b"5;" + b"a" * (tables.MAX_CHUNK_LINE - 2)
    assert chunk(twin, line + b"\r\n") == (len(line) + 2, len(line) + 2, len(line) + 2, 7, len(line) - 1)
    assert chunk(twin, line + b"a\r\n") == 400
    assert chunk(twin, line + b"aa") == 400


def trailer(twin: ModuleType, data: bytes) -> object:
    return outcome(twin.skip_trailer, data, 0, 0)


def test_a_trailer_section_is_checked_and_skipped(twin: ModuleType) -> None:
    assert trailer(twin, b"\r\nGET") == 2
    assert trailer(twin, b"X: y\r\nMcp-Method: a\r\n\r\nGET") == 23
    assert trailer(twin, b"") is None
    assert trailer(twin, b"\r") is None
    assert trailer(twin, b"X: y\r\n") is None


@pytest.mark.parametrize(
    "line",
    [b"x", b"x : y", b" x: y", b"x: y\r\n z", b"x: \0", b"x: a\nb", b": y", b"Content-Length: 1",
     b"transfer-encoding: chunked", b"Host: a"],
)  # fmt: skip
def test_a_malformed_or_forbidden_trailer_is_refused(twin: ModuleType, line: bytes) -> None:
    assert trailer(twin, line + b"\r\n\r\n") == 400


def test_a_trailer_section_may_be_as_long_as_its_limits_and_no_longer(twin: ModuleType) -> None:
    most = b"X: y\r\n" * tables.MAX_TRAILER_FIELDS
    assert trailer(twin, most + b"\r\n") == len(most) + 2
    assert trailer(twin, most + b"X: y\r\n\r\n") == 431
    long = b"X: " + b"a" * (tables.MAX_TRAILER - 7)
    assert trailer(twin, long + b"\r\n\r\n") == tables.MAX_TRAILER
    assert trailer(twin, long + b"a\r\n\r\n") == 431


# ── responses ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_response_is_put_together(twin: ModuleType) -> None:
    date = b"Date: x\r\n"
    assert twin.encode_head(200, b"a/b", 2, ((b"X", b"y"),), date, b"{}") == (
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\nX: y\r\nDate: x\r\n\r\n{}"
    )
    assert (
        twin.encode_head(299, b"", tables.CHUNKED, (), b"", b"")
        == b"HTTP/1.1 299 \r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert twin.encode_head(204, b"", tables.UNFRAMED, (), b"", b"") == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert b"Content-Length: 1234567890\r\n" in twin.encode_head(200, b"", 1234567890, (), b"", b"")
    assert b"Content-Length: 0\r\n" in twin.encode_head(200, b"", 0, (), b"", b"")


@pytest.mark.parametrize(
    ("name", "value"),
    [(b"", b"x"), (b"a b", b"x"), (b"a:", b"x"), (b"a\r\n", b"x"), (b"a", b"x\r\nSet-Cookie: y"), (b"a", b"\n"),
     (b"a", b"\0"),
     (b"Content-Length", b"1"), (b"transfer-ENCODING", b"chunked"), (b"Connection", b"x"), (b"Date", b"x"),
     (b"Content-Type", b"x")],
)  # fmt: skip
def test_a_response_can_not_be_split_by_a_field(twin: ModuleType, name: bytes, value: bytes) -> None:
    with pytest.raises(ValueError, match="field"):
        twin.encode_head(200, b"", 0, ((name, value),), b"", b"")


def test_a_content_type_can_not_split_a_response(twin: ModuleType) -> None:
    with pytest.raises(ValueError, match="field"):
        twin.encode_head(200, b"a\r\nX: y", 0, (), b"", b"")
