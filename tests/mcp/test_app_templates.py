"""Typed variables of resource templates, queries, and hints of a resource's own about caching."""

import enum
from datetime import date
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp import App
from erlmcp.http import Response
from erlmcp.jsonrpc import RpcError
from erlmcp.mcp import Icon, ResourceNotFound
from erlmcp.mcp.uri_template import UriTemplate
from tests.mcp.author import answer, context, listed
from tests.mcp.posts import endpoint, legacy, modern, said


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


async def read(app: App, uri: str) -> Any:
    return (await answer(app.read(uri, context())))["contents"][0]["text"]


def typed() -> App:
    app = App("a")

    @app.resource("order://{n}/{size}/{kind}/{on}/{key}", inline=True)
    def order(n: int, size: Size, kind: Literal["post", "courier"], on: date, key: UUID) -> str:
        return f"{n + 1} {size.name} {kind} {on.year} {key.int}"

    @app.resource("search://items{?q,limit,open}", inline=True)
    def search(q: str, limit: int = 10, open: bool | None = None) -> str:  # noqa: A002 - a word of the query
        return f"{q!r} {limit} {open}"

    return app


UID = "00000000-0000-0000-0000-000000000007"


async def test_variables_arrive_as_their_types() -> None:
    assert await read(typed(), f"order://4/large/post/2026-07-28/{UID}") == "5 LARGE post 2026 7"


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        (f"order://x/large/post/2026-07-28/{UID}", "argument n: expected an integer"),
        (
            f"order://4/huge/post/2026-07-28/{UID}",
            'argument size: invalid enum value \'huge\'; one of "large", "small"',
        ),
        (
            f"order://4/large/owl/2026-07-28/{UID}",
            'argument kind: invalid enum value \'owl\'; one of "courier", "post"',
        ),
        (f"order://4/large/post/today/{UID}", "argument on: "),
        ("search://items?limit=5", "argument q is required"),
        ("search://items?q=a&limit=x", "argument limit: expected an integer"),
    ],
)
async def test_a_value_that_does_not_fit_is_invalid_params_with_the_uri(uri: str, complaint: str) -> None:
    with pytest.raises(RpcError) as refused:
        await read(typed(), uri)
    assert refused.value.code == -32602
    assert complaint in refused.value.message
    assert refused.value.data == b'{"uri":"%b"}' % uri.encode()


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("search://items?q=a", "'a' 10 None"),
        ("search://items?limit=5&q=a%20b%26c", "'a b&c' 5 None"),
        ("search://items?q=", "'' 10 None"),
        ("search://items?q=a/../b&open=true", "'a/../b' 10 True"),
    ],
)
async def test_parts_of_a_query_come_in_any_order_and_may_be_left_out(uri: str, text: str) -> None:
    assert await read(typed(), uri) == text


@pytest.mark.parametrize(
    "uri", ["search://items?q=a&q=b", "search://items?x=1", "search://items?q=%ff", "search://it?q=a"]
)
async def test_what_the_template_does_not_say_a_query_cannot_smuggle_in(uri: str) -> None:
    with pytest.raises(ResourceNotFound):
        await read(typed(), uri)


@given(st.dictionaries(st.sampled_from(["q", "limit"]), st.text("ab/&=%? ü", max_size=5)))
def test_a_query_is_read_as_it_was_written(values: dict[str, str]) -> None:
    from urllib.parse import quote  # noqa: PLC0415 - only here

    uri = (
        "s://x" + ("?" if values else "") + "&".join(f"{key}={quote(value, safe='')}" for key, value in values.items())
    )
    assert UriTemplate("s://x{?q,limit}").match(uri) == values


def test_a_query_stands_at_the_end() -> None:
    assert listed(typed(), "resourceTemplates")[1]["uriTemplate"] == "search://items{?q,limit,open}"
    with pytest.raises(ValueError, match="is not supported"):
        App("a").resource("s://{?q}/x")(lambda q: q)
    with pytest.raises(ValueError, match="occurs twice"):
        App("a").resource("s://{q}{?q}")(lambda q: q)


def kept() -> App:
    app = App("a", cache_ttl_ms=5, description="An app.", icons=[Icon("https://x/i.png", theme="light")])
    app.resource("a://kept", cache_ttl_ms=60_000, cache_scope="public", inline=True)(lambda: "x")
    app.resource("a://scope", cache_scope="public", inline=True)(lambda: "x")
    app.resource("a://usual", inline=True)(lambda: "x")
    app.tool(lambda: "x", name="x")
    return app


@pytest.mark.parametrize(
    ("uri", "hints"), [("kept", (60_000, "public")), ("scope", (5, "public")), ("usual", (5, "private"))]
)
def test_a_resource_may_have_hints_of_its_own(uri: str, hints: tuple[int, str]) -> None:
    door = endpoint(kept())
    response = door(modern("resources/read", {"uri": f"a://{uri}"}))
    assert isinstance(response, Response)
    result = said(response)["result"]
    assert (result["ttlMs"], result["cacheScope"], result["resultType"]) == (*hints, "complete")
    assert list(result["_meta"]) == ["io.modelcontextprotocol/serverInfo"]
    older = door(legacy("resources/read", {"uri": f"a://{uri}"}))
    assert isinstance(older, Response)
    assert said(older)["result"].keys() == {"contents"}


def test_hints_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="cache_ttl_ms must be 0 or more"):
        App("a").resource("a://x", cache_ttl_ms=-1)(lambda: "x")
    with pytest.raises(ValueError, match="cache_scope must be one of"):
        App("a").resource("a://x", cache_scope="all")(lambda: "x")  # type: ignore[arg-type]


def test_the_app_tells_its_description_and_icons() -> None:
    response = endpoint(kept())(modern("server/discover"))
    assert isinstance(response, Response)
    info = said(response)["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]
    assert info["description"] == "An app."
    assert info["icons"] == [{"src": "https://x/i.png", "theme": "light"}]
