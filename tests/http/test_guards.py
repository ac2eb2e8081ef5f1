"""Host, Origin and CORS: who is let in, who is not, and what the refusal says to do."""

import pytest

from erlmcp.http import Cors, Origins, Request, host_guard, origin_guard


def request(authority: bytes = b"localhost", origin: bytes | None = None) -> Request:
    return Request(b"POST", b"/", b"", authority, {} if origin is None else {b"origin": origin})


@pytest.mark.parametrize(
    "authority",
    [b"localhost", b"localhost:8080", b"LocalHost:9", b"localhost:", b"127.0.0.1", b"127.0.0.1:1", b"[::1]",
     b"[::1]:8080",
     b"mcp.example", b"MCP.example:443", b"exact.example:8443"],
)  # fmt: skip
def test_a_host_on_the_list_is_let_in(authority: bytes) -> None:
    assert host_guard(["mcp.example", "exact.example:8443"], 8080)(request(authority)) is None


@pytest.mark.parametrize(
    "authority",
    [b"", b"evil.example", b"localhost.evil.example", b"evillocalhost", b"localhost.", b"mcp.example.",
     b"exact.example",
     b"exact.example:1", b"127.0.0.2", b"[::2]", b"::1", b"localhost:80:80", b"localhost:x", b"[::1", b"0.0.0.0"],
)  # fmt: skip
def test_another_host_is_misdirected(authority: bytes) -> None:
    refusal = host_guard(["mcp.example", "exact.example:8443"], 8080)(request(authority))
    assert refusal is not None
    assert refusal.status == 421
    assert b"--allowed-host" in refusal.body


def test_the_refusal_names_the_host_but_not_without_end() -> None:
    refusal = host_guard([], 1)(request(b"e" * 1000))
    assert refusal is not None
    assert b"e" * 100 in refusal.body
    assert b"e" * 101 not in refusal.body


ALLOWED = Origins(["https://app.example", "https://Mcp.example:443/mcp"], ["host.example"])


@pytest.mark.parametrize(
    "origin",
    [None, b"http://localhost", b"http://localhost:6274", b"https://127.0.0.1:1", b"http://[::1]:3000",
     b"https://app.example",
     b"https://mcp.example", b"http://host.example", b"https://host.example:8443", b"HTTPS://APP.example"],
)  # fmt: skip
def test_an_allowed_origin_or_none_is_let_in(origin: bytes | None) -> None:
    assert origin_guard(ALLOWED)(request(origin=origin)) is None


@pytest.mark.parametrize(
    "origin",
    [b"", b"null", b"http://evil.example", b"http://localhost.evil.example", b"http://evil.example/?http://localhost",
     b"http://app.example", b"https://app.example:8443", b"https://app.example.evil", b"https://app.example/",
     b"file://localhost",
     b"http://localhost, http://localhost", b"http://localhost http://evil.example", b"localhost", b"http://",
     b"://localhost",
     b"http://user@localhost", b"http://localhost:80:80", b"http://mcp.example", b"chrome-extension://localhost"],
)  # fmt: skip
def test_another_origin_is_refused(origin: bytes) -> None:
    refusal = origin_guard(ALLOWED)(request(origin=origin))
    assert refusal is not None
    assert refusal.status == 403
    assert b"--allowed-origin and that origin, or --allowed-host or --public-url" in refusal.body


@pytest.mark.parametrize("url", ["app.example", "ftp://app.example", "https://", "*", ""])
def test_what_is_no_origin_is_refused_when_configured(url: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        Origins([url])


def test_an_answer_to_a_page_says_who_may_read_it() -> None:
    cors = Cors(ALLOWED, ("Mcp-Session-Id", "WWW-Authenticate"))
    assert cors.headers(request(origin=b"https://app.example")) == (
        (b"Access-Control-Allow-Origin", b"https://app.example"),
        (b"Vary", b"Origin"),
        (b"Access-Control-Expose-Headers", b"Mcp-Session-Id, WWW-Authenticate"),
    )
    assert cors.headers(request()) == ()
    assert cors.headers(request(origin=b"http://evil.example")) == ()
