"""Resources, and templates of their URIs."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp import App, Context, ToolError
from erlmcp.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, RpcError
from erlmcp.mcp import Annotations, Embedded, ResourceNotFound
from erlmcp.mcp.uri_template import MAX_URI, UriTemplate
from tests.mcp.author import answer, context, listed


async def read(app: App, uri: str) -> Any:
    return (await answer(app.read(uri, context())))["contents"]


def resource_of(value: Any, uri: str = "a://b", **options: Any) -> App:
    app = App("x")
    app.resource(uri, **options)(lambda: value)
    return app


def test_what_an_author_says_about_a_resource_is_listed():
    app = App("x")

    @app.resource(
        "config://app",
        name="config",
        title="Configuration",
        mime_type="text/toml",
        size=12,
        annotations=Annotations(priority=1.0),
        meta={"k": 1},
    )
    def config() -> str:
        """The configuration.

        More.
        """
        return ""

    @app.resource("user://{id}/profile")
    def profile(id: int) -> str:  # noqa: A002 - the variable's name
        return ""

    assert listed(app, "resources") == [
        {
            "uri": "config://app",
            "name": "config",
            "description": "The configuration.",
            "mimeType": "text/toml",
            "size": 12,
            "annotations": {"priority": 1.0},
            "title": "Configuration",
            "_meta": {"k": 1},
        }
    ]
    assert listed(app, "resourceTemplates") == [{"uriTemplate": "user://{id}/profile", "name": "profile"}]


@pytest.mark.parametrize(
    ("value", "contents"),
    [
        ("text", {"mimeType": "text/plain", "text": "text"}),
        ("", {"mimeType": "text/plain", "text": ""}),
        (b"\x00\x01", {"mimeType": "application/octet-stream", "blob": "AAE="}),
        (b"", {"mimeType": "application/octet-stream", "blob": ""}),
        ({"a": [1]}, {"mimeType": "application/json", "text": '{"a":[1]}'}),
        ([1, 2], {"mimeType": "application/json", "text": "[1,2]"}),
        ([], {"mimeType": "application/json", "text": "[]"}),
    ],
    ids=str,
)
async def test_text_blobs_and_data_are_read_as_what_they_are(value: Any, contents: dict[str, Any]):
    assert await read(resource_of(value), "a://b") == [{"uri": "a://b", **contents}]


async def test_the_mime_type_is_the_authors_when_told():
    assert (await read(resource_of("x", mime_type="text/html"), "a://b"))[0]["mimeType"] == "text/html"


async def test_one_resource_may_have_several_contents():
    app = resource_of([Embedded("a://b/1", "one"), Embedded("a://b/2", b"2", "image/png")])
    assert await read(app, "a://b") == [
        {"uri": "a://b/1", "text": "one"},
        {"uri": "a://b/2", "mimeType": "image/png", "blob": "Mg=="},
    ]


async def test_the_meta_of_a_resource_goes_with_its_contents():
    assert (await read(resource_of("x", meta={"ui": {}}), "a://b"))[0]["_meta"] == {"ui": {}}


async def test_none_is_no_resource():
    with pytest.raises(TypeError, match="resource a://b returned None; return its contents, or raise ResourceNotFound"):
        await read(resource_of(None), "a://b")


def test_a_uri_that_is_not_registered_is_not_found():
    with pytest.raises(ResourceNotFound) as refused:
        resource_of("x").read("a://c", context())
    assert refused.value.uri == "a://c"


async def test_a_function_may_say_that_there_is_nothing():
    app = App("x")

    @app.resource("user://{id}")
    def user(id: int, ctx: Context) -> str:  # noqa: A002 - the variable's name
        raise ResourceNotFound(f"user://{id}")

    with pytest.raises(ResourceNotFound):
        await read(app, "user://5")


async def test_variables_arrive_as_the_types_that_the_function_names():
    app, seen = App("x"), []

    @app.resource("user://{id}/posts/{slug}", inline=True)
    def post(slug: str, id: int) -> str:  # noqa: A002 - the variable's name
        seen.append((id, slug))
        return "x"

    assert (await read(app, "user://12/posts/caf%C3%A9%20noir"))[0]["uri"] == "user://12/posts/caf%C3%A9%20noir"
    assert seen == [(12, "café noir")]


async def test_a_variable_that_does_not_fit_is_the_callers_fault():
    app = App("x")

    @app.resource("user://{id}")
    async def user(id: int) -> str:  # noqa: A002 - the variable's name
        return "x"

    with pytest.raises(RpcError) as refused:
        app.read("user://abc", context())
    assert refused.value.code == INVALID_PARAMS
    assert refused.value.message == "user://{id}: argument id: expected an integer"
    assert refused.value.data == b'{"uri":"user://abc"}'


async def test_a_fixed_uri_goes_before_a_template_and_the_first_template_before_the_next():
    app = App("x")
    app.resource("a://{x}", inline=True)(lambda x: f"first {x}")
    app.resource("a://{y*}", inline=True)(lambda y: f"second {y}")
    app.resource("a://fixed", inline=True)(lambda: "fixed")
    assert (await read(app, "a://fixed"))[0]["text"] == "fixed"
    assert (await read(app, "a://one"))[0]["text"] == "first one"
    assert (await read(app, "a://one/two"))[0]["text"] == "second one/two"


async def test_a_tool_error_in_a_resource_is_an_error_with_its_words():
    app = App("x")

    @app.resource("a://b")
    def resource() -> str:
        raise ToolError("closed on Sundays")

    with pytest.raises(RpcError, match="closed on Sundays") as refused:
        await read(app, "a://b")
    assert refused.value.code == INVALID_PARAMS


async def test_a_resource_that_takes_too_long_is_an_error():
    import asyncio  # noqa: PLC0415

    app = App("x")

    @app.resource("a://b", timeout=0.01)
    async def resource() -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(RpcError, match=r"timed out after 0\.01 s") as refused:
        await read(app, "a://b")
    assert refused.value.code == INTERNAL_ERROR


@pytest.mark.parametrize(
    ("uri", "function", "message"),
    [
        ("a://{id}", lambda: "", "has the variable id, which is no parameter"),
        ("a://b", lambda id: "", "parameter id is no variable of a://b"),  # noqa: A006
        ("a://{id}", lambda id, other: "", "parameter other is no variable"),  # noqa: A006
    ],
)
def test_parameters_and_variables_must_be_the_same(uri: str, function: Any, message: str):
    with pytest.raises(TypeError, match=message):
        App("x").resource(uri)(function)


@pytest.mark.parametrize("uri", ["", "config", "/etc/passwd", "1a://b", "{scheme}://x"])
def test_a_uri_has_a_scheme(uri: str):
    with pytest.raises(ValueError, match="it starts with a scheme"):
        App("x").resource(uri)(lambda scheme="": "")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("a://{id", "a brace without its partner"),
        ("a://id}", "a brace without its partner"),
        ("a://{a}{b}", "two variables without text between them"),
        ("a://{a}/{a}", "a variable occurs twice"),
        ("a://{?q}/more", "is not supported"),
        ("a://{a,b}", "is not supported"),
        ("a://{}", "is not supported"),
        ("a://{a:3}", "is not supported"),
    ],
)
def test_a_template_beyond_the_subset_is_refused(template: str, message: str):
    with pytest.raises(ValueError, match=message):
        UriTemplate(template)


@pytest.mark.parametrize(
    ("template", "uri", "values"),
    [
        ("a://{id}", "a://1", {"id": "1"}),
        ("a://{id}", "a://", None),
        ("a://{id}", "b://1", None),
        ("a://{id}", "a://1/2", None),
        ("a://{id}", "a://1%2F2", None),
        ("a://{id}", "a://..", None),
        ("a://{id}", "a://%2e%2e", None),
        ("a://{id}", "a://%00", None),
        ("a://{id}", "a://%FF", None),
        ("a://{id}", "a://%C3%BC+%25", {"id": "ü+%"}),
        ("a://{id}", "a://ü", {"id": "ü"}),
        ("a://{id}", "a://%zz", {"id": "%zz"}),
        ("a://{id}/p", "a://1/p", {"id": "1"}),
        ("a://{id}/p", "a://1/q", None),
        ("a://{id}/p", "a:///p", None),
        ("a://{id}/p", "a://1/p/p", None),
        ("a://{n}.{e}", "a://x.tar.gz", {"n": "x", "e": "tar.gz"}),
        ("a://{n}.gz", "a://x.gz.gz", {"n": "x.gz"}),
        ("a://{p*}", "a://b/c/d", {"p": "b/c/d"}),
        ("a://{+p}", "a://b%2Fc", {"p": "b/c"}),
        ("a://{p*}", "a://b/../c", None),
        ("a://{p*}", "a://b/%2E%2e/c", None),
        ("a://{p*}", "a://b..c", {"p": "b..c"}),
        ("a://{p*}/end", "a://b/c/end", {"p": "b/c"}),
        ("a://{x}/to/{p*}", "a://b/to/c/to/d", {"x": "b", "p": "c/to/d"}),
    ],
)
def test_a_template_reads_what_it_says_and_nothing_more(template: str, uri: str, values: dict[str, str] | None):
    assert UriTemplate(template).match(uri) == values


def test_the_length_of_a_uri_is_bounded():
    template = UriTemplate("a:{x}")
    assert template.match("a:" + "x" * (MAX_URI - 2)) is not None
    assert template.match("a:" + "x" * (MAX_URI - 1)) is None


@given(first=st.text(min_size=1), second=st.text(min_size=1))
def test_what_is_percent_encoded_comes_back(first: str, second: str):
    values = {"a": first, "b": second}
    uri = f"x://{quote(first, safe='', errors='replace')}/y/{quote(second, safe='', errors='replace')}"
    legal = all("/" not in each and each != ".." and "\0" not in each for each in values.values())
    expected = {name: value.encode(errors="replace").decode() for name, value in values.items()}
    assert UriTemplate("x://{a}/y/{b}").match(uri) == (expected if legal else None)
