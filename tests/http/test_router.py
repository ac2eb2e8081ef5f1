"""Which route answers which path and method, and what the others get."""

import pytest

from erlmcp.http import Cors, Origins, Request, Response, Route, Router, problem

ROUTES = [
    Route(b"/a", lambda _request: Response(200, b"a")),
    Route(b"/b", lambda _request: Response(200, b"b"), (b"POST", b"PUT"), name="bee"),
    Route(b"/b", lambda _request: Response(200, b"d"), (b"DELETE",)),
    Route(b"/files", lambda _request: Response(200, b"files"), prefix=True),
    Route(b"/files/deep/", lambda _request: Response(200, b"deep"), prefix=True),
    Route(b"/files/exact", lambda _request: Response(200, b"exact")),
]


def ask(router: Router, method: bytes, path: bytes, headers: dict[bytes, bytes] | None = None) -> Response:
    request = Request(method, path, b"", b"", headers or {})
    route, response = router.match(request)
    if route is None:
        assert response is not None
        return response
    refusals = [refusal for guard in route.guards if (refusal := guard(request)) is not None]
    answer = refusals[0] if refusals else route.handler(request)
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (b"GET", b"/a", b"a"), (b"HEAD", b"/a", b"a"), (b"POST", b"/b", b"b"), (b"PUT", b"/b", b"b"),
        (b"DELETE", b"/b", b"d"),
        (b"GET", b"/files", b"files"), (b"GET", b"/files/", b"files"), (b"GET", b"/files/x/y", b"files"),
        (b"GET", b"/files/deep", b"files"), (b"GET", b"/files/deep/", b"deep"), (b"GET", b"/files/deep/x", b"deep"),
        (b"GET", b"/files/exact", b"exact"),
    ],
)  # fmt: skip
def test_a_path_is_answered_by_its_route(method: bytes, path: bytes, body: bytes) -> None:
    assert ask(Router(ROUTES), method, path).body == body


@pytest.mark.parametrize(
    "path", [b"/", b"/a/", b"/A", b"/%61", b"/x/../a", b"//a", b"/./a", b"/filesystem", b"/a?", b"*"]
)
def test_only_the_exact_bytes_of_a_path_are_that_path(path: bytes) -> None:
    assert ask(Router(ROUTES), b"GET", path).status in {404, 204}
    assert ask(Router(ROUTES), b"GET", path).body != b"a"


def test_an_unknown_path_is_404_and_an_unknown_method_501() -> None:
    assert ask(Router(ROUTES), b"GET", b"/none").status == 404
    assert ask(Router(ROUTES), b"FROB", b"/none").status == 501
    assert ask(Router(ROUTES), b"FROB", b"/a").status == 501
    assert ask(Router(ROUTES), b"get", b"/a").status == 501


def test_an_unknown_path_is_told_what_there_is_by_who_knows_it() -> None:
    answer = ask(Router(ROUTES, "There is nothing at this path; look at /a."), b"GET", b"/")
    assert answer == problem(404, "There is nothing at this path; look at /a.")


@pytest.mark.parametrize(
    ("path", "allow"),
    [(b"/a", b"GET, HEAD, OPTIONS"), (b"/b", b"DELETE, OPTIONS, POST, PUT"), (b"/files/x", b"GET, HEAD, OPTIONS")],
)
def test_a_known_path_with_another_method_says_which_it_serves(path: bytes, allow: bytes) -> None:
    refusal = ask(Router(ROUTES), b"PATCH", path)
    assert (refusal.status, refusal.headers) == (405, ((b"Allow", allow),))
    options = ask(Router(ROUTES), b"OPTIONS", path)
    assert (options.status, options.headers) == (204, ((b"Allow", allow),))


def test_options_for_the_whole_server() -> None:
    assert ask(Router(ROUTES), b"OPTIONS", b"*") == Response(
        204, headers=((b"Allow", b"DELETE, GET, HEAD, OPTIONS, POST, PUT"),)
    )


@pytest.mark.parametrize("method", [b"GET", b"POST", b"OPTIONS", b"PUT"])
def test_guards_stand_before_every_answer_of_a_path(method: bytes) -> None:
    guarded = Route(b"/g", lambda _request: Response(200), guards=(lambda _request: problem(403, "no"),))
    assert ask(Router([guarded]), method, b"/g").status == 403


def test_two_routes_can_not_answer_the_same() -> None:
    with pytest.raises(ValueError, match="two routes answer GET /a"):
        Router([ROUTES[0], ROUTES[0]])


def test_a_route_is_named_after_its_path_unless_it_has_a_name() -> None:
    router = Router(ROUTES)
    names = [
        router.match(Request(method, path, b"", b"", {}))[0] for method, path in ((b"GET", b"/a"), (b"POST", b"/b"))
    ]
    assert [route and route.name for route in names] == ["/a", "bee"]


def test_a_preflight_is_answered_with_what_the_page_asked_for() -> None:
    cors = Cors(Origins(["https://app.example"]), ("Mcp-Session-Id",))
    router = Router([Route(b"/c", lambda _request: Response(200), (b"POST",), cors=cors)])
    headers = {
        b"origin": b"https://app.example",
        b"access-control-request-method": b"POST",
        b"access-control-request-headers": b"mcp-param-x",
    }
    answer = ask(router, b"OPTIONS", b"/c", headers)
    assert answer.status == 204
    assert dict(answer.headers) == {
        b"Allow": b"OPTIONS, POST",
        b"Access-Control-Allow-Methods": b"OPTIONS, POST",
        b"Access-Control-Max-Age": b"600",
        b"Access-Control-Allow-Headers": b"mcp-param-x",
    }
    assert ask(router, b"OPTIONS", b"/c", {b"origin": b"https://app.example"}).headers == (
        (b"Allow", b"OPTIONS, POST"),
    )
