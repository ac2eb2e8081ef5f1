"""The connection without a socket: framing, limits on both sides, what is kept and what is closed."""

from types import ModuleType

import pytest

from erlmcp._speedups import tables
from erlmcp.http import Options, Request, Response
from erlmcp.http.connection import BODY, CLOSED, CONTINUE, HEAD, IDLE, LARGE, STEPS, Connection, send
from erlmcp.http.errors import Refusal
from tests.http.fakes import DATE, get, post
from tests.wire.twins import twins, use


@pytest.fixture(params=twins().values(), ids=twins(), autouse=True)
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    use(request.param, monkeypatch)
    return request.param


def read(connection: Connection, data: bytes) -> list[object]:
    """Bodies of the requests in these bytes, statuses of the refusals."""
    connection.receive(data)
    events: list[object] = []
    while (event := connection.next()) is not None or connection.more:
        if event is not None:
            events.append(event.body if isinstance(event, Request) else event.response.status)
    return events


def chunked(body: bytes, size: int) -> bytes:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return get(b"Transfer-Encoding: chunked\r\n", b"POST") + framed + b"0\r\n\r\n"


def test_a_request_carries_what_was_sent() -> None:
    connection = Connection(Options(), "127.0.0.1:1")
    connection.receive(b"POST http://A:1/p?q HTTP/1.0\r\nHost: b\r\nContent-Length: 2\r\nX: 1\r\nx: 2\r\n\r\nhi")
    headers = {b"host": b"b", b"content-length": b"2", b"x": b"1, 2"}
    assert connection.next() == Request(
        b"POST", b"/p", b"q", b"A:1", headers, (b"x",), b"hi", "127.0.0.1:1", minor=0, keep_alive=False
    )


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_comes_whole_however_it_was_framed(size: int) -> None:
    body = bytes(range(256)) * 40
    connection = Connection(Options())
    assert read(connection, chunked(body, size) + post(body) + get()) == [body, body, b""]
    data = chunked(body, size) + post(body)
    pieces = [data[at : at + 999] for at in range(0, len(data), 999)]
    assert [event for piece in pieces for event in read(connection, piece)] == [body, body]


def test_one_call_looks_at_so_many_chunks_and_says_that_there_are_more() -> None:
    connection = Connection(Options())
    connection.receive(chunked(b"a" * (2 * STEPS - 1), 1) + get())
    assert (connection.next(), connection.more) == (None, True)
    assert (isinstance(connection.next(), Request), connection.more) == (True, False)
    assert isinstance(connection.next(), Request)
    connection.receive(chunked(b"a" * (STEPS + 1), 1))
    assert (connection.next(), connection.more) == (None, True)
    connection.close()
    assert (connection.next(), connection.more) == (None, False)


def test_a_body_may_be_as_long_as_its_limit_and_no_longer() -> None:
    options = Options(max_body=100)
    assert read(Connection(options), post(b"a" * 100)) == [b"a" * 100]
    assert read(Connection(options), post(b"a" * 101)) == [413]
    assert read(Connection(options), chunked(b"a" * 100, 50)) == [b"a" * 100]
    assert read(Connection(options), chunked(b"a" * 101, 50)) == [413]
    assert read(Connection(options), chunked(b"a" * 101, 100)) == [413]


def test_a_body_that_is_too_long_is_refused_from_its_head() -> None:
    head = get(b"Content-Length: 5000000\r\nExpect: 100-continue\r\n", b"POST")
    connection = Connection(Options())
    assert read(connection, head) == [413]
    assert connection.interim() == b""


def test_a_body_may_be_forbidden_altogether() -> None:
    options = Options(max_body=0)
    assert read(Connection(options), get()) == [b""]
    assert read(Connection(options), post(b"a")) == [413]
    assert read(Connection(options), get(b"Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n") == [b""]
    assert read(Connection(options), get(b"Transfer-Encoding: chunked\r\n") + b"1\r\na") == [413]


def test_extensions_of_a_body_may_be_as_long_as_their_limit_and_no_longer() -> None:
    head = get(b"Transfer-Encoding: chunked\r\n", b"POST")
    line = b"1;" + b"e" * 1023 + b"\r\na\r\n"  # 1024 bytes of extension
    most = tables.MAX_EXTENSIONS // 1024
    assert read(Connection(Options()), head + line * most + b"0\r\n\r\n") == [b"a" * most]
    assert read(Connection(Options()), head + line * most + b"0;e\r\n\r\n") == [400]


def test_the_limits_of_a_head_are_those_of_the_options() -> None:
    options = Options(max_request_line=256, max_head=512, max_fields=3)
    assert read(Connection(options), get(path=b"/" + b"a" * 242)) == [b""]
    assert read(Connection(options), get(path=b"/" + b"a" * 243)) == [414]
    assert read(Connection(options), get(b"X: a\r\nY: b\r\n")) == [b""]
    assert read(Connection(options), get(b"X: a\r\nY: b\r\nZ: c\r\n")) == [431]
    rest = 512 - len(get(b"X: \r\n"))
    assert read(Connection(options), get(b"X: %s\r\n" % (b"a" * rest))) == [b""]
    assert read(Connection(options), get(b"X: %s\r\n" % (b"a" * (rest + 1)))) == [431]


def test_nothing_is_read_after_a_refusal() -> None:
    connection = Connection(Options())
    assert read(connection, get() + b"bad\r\n\r\n" + get()) == [b"", 400]
    assert read(connection, get()) == []
    assert connection.phase() == CLOSED


@pytest.mark.parametrize(
    "last", [get(b"Connection: close\r\n"), get(version=b"HTTP/1.0"), post(b"x", b"Connection: close\r\n")]
)
def test_nothing_is_read_after_the_last_request(last: bytes) -> None:
    assert len(read(Connection(Options()), last + get())) == 1


def test_http_1_0_is_kept_only_when_it_asks() -> None:
    assert len(read(Connection(Options()), get(b"Connection: keep-alive\r\n", version=b"HTTP/1.0") + get())) == 2


def test_100_continue_is_due_once_while_the_body_is_missing() -> None:
    connection = Connection(Options())
    head = get(b"Content-Length: 2\r\nExpect: 100-continue\r\n", b"POST")
    assert read(connection, head) == []
    assert (connection.interim(), connection.interim()) == (CONTINUE, b"")
    assert read(connection, b"hi") == [b"hi"]
    assert connection.interim() == b""


def test_100_continue_is_not_due_when_the_body_is_there_or_there_is_none() -> None:
    for data in (
        get(b"Content-Length: 2\r\nExpect: 100-continue\r\n", b"POST") + b"hi",
        get(b"Content-Length: 2\r\nExpect: 100-continue\r\n", b"POST") + b"h",
        get(b"Expect: 100-continue\r\n"),
        get(b"Content-Length: 2\r\nExpect: 100-continue\r\n", b"POST", b"HTTP/1.0"),
    ):
        connection = Connection(Options())
        read(connection, data)
        assert connection.interim() == b""


@pytest.mark.parametrize(
    ("data", "phase", "status"),
    [
        (b"", IDLE, None),
        (b"\r\n\r\n", IDLE, None),
        (b"G", HEAD, 408),
        (get(), IDLE, None),
        (get() + b"G", HEAD, 408),
        (post(b"hello")[:-1], BODY, 408),
        (get(b"Transfer-Encoding: chunked\r\n", b"POST") + b"1\r\na\r\n", BODY, 408),
        (get(b"Transfer-Encoding: chunked\r\n", b"POST") + b"0\r\nX", BODY, 408),
        (get(b"Connection: close\r\n"), CLOSED, None),
        (b"bad\r\n", CLOSED, None),
    ],
    ids=repr,
)
def test_it_knows_what_the_peer_owes(data: bytes, phase: str, status: int | None) -> None:
    connection = Connection(Options())
    read(connection, data)
    assert connection.phase() == phase
    refusal = connection.expired()
    assert (refusal.response.status if refusal else None) == status
    connection = Connection(Options())
    read(connection, data)
    refusal = connection.truncated()
    assert (refusal.response.status if refusal else None) == (status and 400)
    assert refusal is None or connection.phase() == CLOSED


def test_small_pieces_of_a_body_are_gathered_in_one_place() -> None:
    connection = Connection(Options())
    read(connection, get(b"Content-Length: 2000\r\n", b"POST"))
    for _ in range(1999):
        read(connection, b"a")
    assert len(connection._parts) == 1
    assert read(connection, b"a") == [b"a" * 2000]


# ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def request(method: bytes = b"GET", minor: int = 1) -> Request:
    return Request(method, b"/", b"", b"", {}, minor=minor)


def head(response: Response, asked: Request | None, *, last: bool = False) -> list[bytes]:
    return b"".join(send(asked, response, (), DATE, last)).partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]


def test_a_response_to_head_says_the_length_and_sends_no_body() -> None:
    whole = b"".join(send(request(b"HEAD"), Response(200, b"hello", b"a/b"), (), DATE, False))
    assert whole == b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n" + DATE + b"\r\n"


def test_the_fate_of_the_connection_is_said_where_it_is_not_the_default() -> None:
    response = Response(200, b"")
    date = DATE.strip()
    assert head(response, request()) == [b"Content-Length: 0", date]
    assert head(response, request(), last=True) == [b"Content-Length: 0", date, b"Connection: close"]
    assert head(response, request(minor=0)) == [b"Content-Length: 0", date, b"Connection: keep-alive"]
    assert head(response, None, last=True) == [b"Content-Length: 0", date, b"Connection: close"]


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_content_has_no_length_either(status: int) -> None:
    assert head(Response(status, b"x"), request()) == [DATE.strip()]


def test_a_large_body_is_not_copied() -> None:
    small, large = b"a" * (LARGE - 1), b"a" * LARGE
    assert len(send(request(), Response(200, small), (), DATE, False)) == 1
    assert send(request(), Response(200, large), (), DATE, False)[1] is large


def test_a_refusal_closes() -> None:
    connection = Connection(Options())
    connection.receive(b"bad\r\n\r\n")
    refusal = connection.next()
    assert isinstance(refusal, Refusal)
    assert refusal.response.close
    assert refusal.response.content_type == b"application/problem+json"
