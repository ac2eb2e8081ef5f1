"""Heads as both twins read them: the grammar of RFC 9110 and 9112, and every bound on both sides."""

import re
from types import ModuleType

import pytest

from erlmcp._speedups import tables
from tests.speedups.framing import LIMITS, outcome
from tests.wire.twins import twins

FIELDS = b"Host: localhost:8080\r\n"


@pytest.fixture(params=twins().values(), ids=twins())
def twin(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def head(twin: ModuleType, data: bytes, limits: tuple[int, int, int] = LIMITS) -> object:
    return outcome(twin.parse_head, data, 0, 0, *limits)


def get(target: bytes = b"/", fields: bytes = FIELDS, version: bytes = b"HTTP/1.1", method: bytes = b"GET") -> bytes:
    return b"%s %s %s\r\n%s\r\n" % (method, target, version, fields)


def test_a_head_is_taken_apart(twin: ModuleType) -> None:
    data = b"POST /a/%20b?c=d?e HTTP/1.1\r\nHOST: x:1\r\nX-A:\t v w \t\r\nContent-Length: 07\r\n\r\nGET"
    assert twin.parse_head(data, 0, 0, *LIMITS) == (
        *(len(data) - 3, b"POST", b"/a/%20b", b"c=d?e", b"x:1"),
        {b"host": b"x:1", b"x-a": b"v w", b"content-length": b"07"},
        *((), 7, 1, True, False),
    )


def test_common_names_and_methods_come_out_as_one_object(twin: ModuleType) -> None:
    fields = twin.parse_head(get(fields=b"hOsT: a\r\nMCP-Method: b\r\n"), 0, 0, *LIMITS)[5]
    assert [name for name in fields if not any(name is common for common in tables.COMMON_NAMES)] == []


def test_repeated_fields_are_joined_and_named(twin: ModuleType) -> None:
    parsed = twin.parse_head(get(fields=FIELDS + b"Accept: a\r\nX: 1\r\naccept:\r\nACCEPT: c\r\n"), 0, 0, *LIMITS)
    assert parsed[5][b"accept"] == b"a, , c"
    assert parsed[6] == (b"accept",)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/", (b"/", b"", b"localhost:8080")),
        (b"//x/../y;p=1", (b"//x/../y;p=1", b"", b"localhost:8080")),
        (b"/?", (b"/", b"", b"localhost:8080")),
        (b"/[x]|{y}^`?[", (b"/[x]|{y}^`", b"[", b"localhost:8080")),
        (b"http://a.b:1/c?d", (b"/c", b"d", b"a.b:1")),
        (b"HTTP://A.b?d", (b"/", b"d", b"A.b")),
        (b"http://[::1]:80", (b"/", b"", b"[::1]:80")),
        (b"http://u@a/", 400),
        (b"http:///x", 400),
        (b"http:/x", 400),
        (b"ftp://a/", 400),
        (b"https://localhost/", 421),
        (b"*", 400),
        (b"x", 400),
        (b"/a#b", 400),
        (b'/a"b', 400),
        (b"/a<b", 400),
        (b"/a\\b", 400),
        (b"/a\xc3\xa9", 400),
        (b"/a%", 400),
        (b"/a%2", 400),
        (b"/a%2g", 400),
        (b"/a?%zz", 400),
    ],
    ids=repr,
)
def test_a_target_has_a_form_that_rfc_9112_knows(twin: ModuleType, target: bytes, expected: object) -> None:
    parsed = head(twin, get(target))
    assert (parsed[2:5] if isinstance(parsed, tuple) else parsed) == expected


def test_the_asterisk_form_is_for_options_alone(twin: ModuleType) -> None:
    assert head(twin, get(b"*", method=b"OPTIONS"))[2] == b"*"
    assert head(twin, get(b"http://a", method=b"OPTIONS"))[2] == b"*"
    assert head(twin, get(b"http://a/", method=b"OPTIONS"))[2] == b"/"


@pytest.mark.parametrize(
    ("target", "status"), [(b"a:1", 501), (b"[::1]:1", 501), (b"a", 400), (b"/a", 400), (b"a:b", 400)]
)
def test_connect_is_not_implemented(twin: ModuleType, target: bytes, status: int) -> None:
    assert head(twin, get(target, method=b"CONNECT")) == status


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (b"HTTP/1.0", 0), (b"HTTP/1.1", 1), (b"HTTP/1.9", 1), (b"HTTP/2.0", 505), (b"HTTP/0.9", 505),
        (b"HTTP/1.10", 400), (b"HTTP/1", 400), (b"HTTP/1.", 400), (b"http/1.1", 400), (b"HTTP/01.1", 400),
        (b"HTTP/1,1", 400),
    ],
)  # fmt: skip
def test_a_version_is_one_digit_a_point_and_one_digit(twin: ModuleType, version: bytes, expected: int) -> None:
    parsed = head(twin, get(version=version))
    assert (parsed[8] if isinstance(parsed, tuple) else parsed) == expected


@pytest.mark.parametrize(
    "line",
    [b"GET", b"GET /", b"GET  / HTTP/1.1", b" GET / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET\t/ HTTP/1.1",
     b"GET / x HTTP/1.1",
     b"G(T / HTTP/1.1", b": / HTTP/1.1", b"/ HTTP/1.1", b"\x16\x03\x01", b"GET / HTTP/1.1\x0b"],
)  # fmt: skip
def test_a_malformed_request_line_is_refused(twin: ModuleType, line: bytes) -> None:
    assert head(twin, line + b"\r\n" + FIELDS + b"\r\n") == 400


@pytest.mark.parametrize(
    "host",
    [b"a", b"a:", b"a:0", b"a:65535", b"A-b_c.d~", b"1.2.3.4:80", b"[::]", b"[::1]:80", b"[1:2:3:4:5:6:7:8]",
     b"[::ffff:1.2.3.4]",
     b"[1:2:3:4:5:6:1.2.3.4]", b"[1::8]", b"[1:2:3:4:5:6:7::]", b"%41b", b"a.", b"a!$&'()*+;="],
)  # fmt: skip
def test_a_host_is_a_name_or_an_address_and_perhaps_a_port(twin: ModuleType, host: bytes) -> None:
    assert head(twin, get(fields=b"Host: %s\r\n" % host))[4] == host


@pytest.mark.parametrize(
    "host",
    [b"", b":80", b"a:65536", b"a:123456", b"a:-1", b"a:+1", b"a:b", b"a:1:2", b"a b", b"a, b", b"a,b", b"u@a",
     b"a/", b"a?b", b"a#b",
     b"http://a", b"[]", b"[:]", b"[:::]", b"[1::2::3]", b"[1:2:3:4:5:6:7:8:9]", b"[1:2:3:4:5:6:7]", b"[12345::]",
     b"[::1", b"::1", b"[::1]a",
     b"[::1.2.3]", b"[::1.2.3.256]", b"[::01.2.3.4]", b"[1.2.3.4::]", b"[1.2.3.4]", b"[fe80::1%eth0]", b"[v1.a]",
     b"[g::]", b"%4", b"a%zz", b"a\\b",
     b"\xc3\xa4", b"a\x7f", b"1:2:3:4:5:6:7:8"],
)  # fmt: skip
def test_what_is_no_host_is_refused(twin: ModuleType, host: bytes) -> None:
    assert head(twin, get(fields=b"Host: %s\r\n" % host)) == 400
    assert re.search(rb"[/?]", host) or head(twin, get(b"http://%s/" % host)) == 400


def test_http_1_1_needs_one_host_and_1_0_none(twin: ModuleType) -> None:
    assert head(twin, get(fields=b"")) == 400
    assert head(twin, get(fields=b"Host: a\r\nHost: a\r\n")) == 400
    assert head(twin, get(fields=b"", version=b"HTTP/1.0"))[4] == b""
    assert head(twin, get(fields=b"Host: a b\r\n", version=b"HTTP/1.0")) == 400


@pytest.mark.parametrize(
    "line",
    [b"x", b": x", b" x: y", b"\tx: y", b"x : y", b"x\t: y", b"x\x00: y", b"x: \x00", b"x: a\x7f", b"x: \x0b",
     b"x: a\rb", b"x: a\nb",
     b"\xe9: y", b"x(: y", b"x: a\r", b"x: a\n", b"\r", b"\n"],
)  # fmt: skip
def test_a_malformed_field_is_refused(twin: ModuleType, line: bytes) -> None:
    assert head(twin, get(fields=FIELDS + line + b"\r\n")) == 400
    assert head(twin, get(fields=line + b"\r\n" + FIELDS)) == 400


def test_every_token_byte_may_stand_in_a_name_and_high_bytes_in_a_value(twin: ModuleType) -> None:
    fields = head(twin, get(fields=FIELDS + tables.TCHAR + b":\xe9\xff\t x\r\n"))[5]
    assert fields[tables.TCHAR.lower()] == b"\xe9\xff\t x"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b"", 0),
        (b"Content-Length: 0\r\n", 0),
        (b"Content-Length: 0000000000000000000000000000012\r\n", 12),
        (b"Content-Length: 999999999999999999\r\n", 999999999999999999),
        (b"Content-Length: 18446744073709551617\r\n", tables.MAX_LENGTH),
        (b"Content-Length: +1\r\n", 400),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: 1_0\r\n", 400),
        (b"Content-Length: 0x1\r\n", 400),
        (b"Content-Length: 1 2\r\n", 400),
        (b"Content-Length: 1,1\r\n", 400),
        (b"Content-Length: 1.0\r\n", 400),
        (b"Content-Length: \r\n", 400),
        (b"Content-Length: \xb2\r\n", 400),
        (b"Content-Length: 1\r\nContent-Length: 1\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n", tables.CHUNKED),
        (b"Transfer-Encoding:\t cHuNkEd \r\n", tables.CHUNKED),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"Transfer-Encoding: chunked, chunked\r\n", 400),
        (b"Transfer-Encoding: chunked, gzip\r\n", 400),
        (b"Transfer-Encoding: gzip\r\n", 400),
        (b"Transfer-Encoding: identity\r\n", 400),
        (b"Transfer-Encoding: ,chunked\r\n", 400),
        (b"Transfer-Encoding: chunked,\r\n", 400),
        (b"Transfer-Encoding: chunked;q=1\r\n", 400),
        (b"Transfer-Encoding: \r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400),
        (b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Content-Length: 1\r\nTransfer-Encoding: \r\n", 400),
        (b"Content_Length: 5\r\nTransfer_Encoding: chunked\r\n", 0),
    ],
    ids=repr,
)
def test_the_length_of_a_body_is_read_in_one_way_only(twin: ModuleType, fields: bytes, expected: int) -> None:
    parsed = head(twin, get(fields=FIELDS + fields))
    assert (parsed[7] if isinstance(parsed, tuple) else parsed) == expected


def test_http_1_0_has_no_transfer_coding(twin: ModuleType) -> None:
    assert head(twin, get(fields=FIELDS + b"Transfer-Encoding: chunked\r\n", version=b"HTTP/1.0")) == 400


def test_a_content_type_may_not_come_twice(twin: ModuleType) -> None:
    assert head(twin, get(fields=FIELDS + b"Content-Type: a\r\nContent-Type: a\r\n")) == 400


@pytest.mark.parametrize(
    ("connection", "kept"),
    [(None, (True, False)), (b"close", (False, False)), (b"CLOSE", (False, False)), (b"keep-alive", (True, True)),
     (b"Keep-Alive", (True, True)),
     (b"x, close", (False, False)), (b"keep-alive,close", (False, False)), (b"x\t,\tkeep-alive ,", (True, True)),
     (b"closed", (True, False)),
     (b"Upgrade", (True, False)), (b"", (True, False)), (b'"close"', (True, False))],
)  # fmt: skip
def test_a_connection_is_kept_as_rfc_9112_says(
    twin: ModuleType, connection: bytes | None, kept: tuple[bool, bool]
) -> None:
    fields = FIELDS + (b"" if connection is None else b"Connection: %s\r\n" % connection)
    assert (head(twin, get(fields=fields))[9], head(twin, get(fields=fields, version=b"HTTP/1.0"))[9]) == kept


def test_two_connection_fields_are_one_list(twin: ModuleType) -> None:
    assert head(twin, get(fields=FIELDS + b"Connection: keep-alive\r\nConnection: close\r\n"))[9] is False


@pytest.mark.parametrize(
    ("expect", "expected"),
    [(b"100-continue", True), (b"100-Continue", True), (b"200-ok", 417), (b"", 417), (b"100-continue, x", 417),
     (b"100-continue;a", 417)],
)  # fmt: skip
def test_the_only_expectation_is_100_continue(twin: ModuleType, expect: bytes, expected: object) -> None:
    fields = FIELDS + b"Expect: %s\r\n" % expect
    parsed = head(twin, get(fields=fields))
    assert (parsed[10] if isinstance(parsed, tuple) else parsed) == expected
    assert head(twin, get(fields=fields, version=b"HTTP/1.0"))[10] is False


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_line_may_be_as_long_as_its_limit_and_no_longer(twin: ModuleType) -> None:
    line = b"GET /%s HTTP/1.1" % (b"a" * 100)
    assert isinstance(head(twin, line + b"\r\n" + FIELDS + b"\r\n", (len(line), 32768, 100)), tuple)
    assert head(twin, line + b"\r\n" + FIELDS + b"\r\n", (len(line) - 1, 32768, 100)) == 414
    assert head(twin, line[:-1] + b"X" * 2, (len(line) - 1, 32768, 100)) == 414
    assert head(twin, line + b"\r", (len(line), 32768, 100)) is None


def test_a_head_may_be_as_long_as_its_limit_and_no_longer(twin: ModuleType) -> None:
    data = get(fields=FIELDS + b"X: " + b"a" * 300 + b"\r\n")
    assert isinstance(head(twin, data, (100, len(data), 100)), tuple)
    assert head(twin, data, (100, len(data) - 1, 100)) == 431
    assert head(twin, data[:-1], (100, len(data) - 1, 100)) == 431
    assert head(twin, data[:-2], (100, len(data) - 1, 100)) is None


def test_there_may_be_as_many_fields_as_the_limit_and_no_more(twin: ModuleType) -> None:
    data = get(fields=FIELDS + b"".join(b"X-%d: y\r\n" % number for number in range(9)))
    assert isinstance(head(twin, data, (100, 1000, 10)), tuple)
    assert head(twin, data, (100, 1000, 9)) == 431
    repeated = get(fields=FIELDS + b"X: y\r\n" * 9)
    assert isinstance(head(twin, repeated, (100, 1000, 10)), tuple)
    assert head(twin, repeated, (100, 1000, 9)) == 431


def test_a_few_empty_lines_before_a_request_are_forgiven_and_many_are_not(twin: ModuleType) -> None:
    most = b"\r\n" * tables.MAX_BLANK_LINES
    assert head(twin, most + get())[0] == len(most + get())
    assert head(twin, most) is None
    assert head(twin, most + b"\r") is None
    assert head(twin, most + b"\r\n") == 400
    assert head(twin, b"\n" + get()) == 400
    assert head(twin, b"\r" + get()) == 400


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\rX",
        b"\x16",
        b"GET /\r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET / HTTP/1.1\r\nX: \0",
    ],
)
def test_a_fault_is_reported_before_the_head_is_whole(twin: ModuleType, data: bytes) -> None:
    assert head(twin, data) in {400, 505}


def test_a_head_that_comes_byte_by_byte_is_looked_at_once(twin: ModuleType) -> None:
    """Not a clock but a witness: a change to what was scanned before goes unseen."""
    data = bytearray(get(fields=FIELDS + b"X: " + b"a" * 5000))
    assert twin.parse_head(data, 0, 0, *LIMITS) is None
    data[100] = 0
    assert twin.parse_head(data + b"a", 0, len(data), *LIMITS) is None
