"""Views: HTML beside a tool's result, in the words of MCP Apps; hosts without it have the text."""

import json
from typing import Any

import pytest

from erlmcp import App, Context
from erlmcp.mcp import Csp, Endpoint, Options
from erlmcp.mcp.capabilities import APP_TYPE, UI
from tests.mcp.asking import Client, text
from tests.mcp.posts import legacy, modern, said

HTML = "<!doctype html><title>Weather</title>"
VIEW = "ui://weather/view"
DECLARED = {
    "csp": {"connectDomains": ["https://api.example.com"], "resourceDomains": ["https://cdn.example.com"]},
    "permissions": {"geolocation": {}},
    "domain": "weather.example.com",
    "prefersBorder": True,
}


def weather() -> App:
    app = App("weather")

    @app.ui(
        VIEW,
        csp=Csp(connect_domains=["https://api.example.com"], resource_domains=["https://cdn.example.com"]),
        permissions=["geolocation"],
        domain="weather.example.com",
        prefers_border=True,
        meta={"own": 1},
    )
    def view() -> str:
        """Shows the weather."""
        return HTML

    @app.tool(ui=VIEW, meta={"own": 2})
    async def forecast(ctx: Context) -> str:
        """Tell the weather."""
        return "see the view" if ctx.can("ui") else "sunny, 21 °C"

    @app.tool(ui_visibility=["app"])
    def refresh() -> str:
        """For the view only."""
        return "sunny"

    @app.tool(meta={"ui": {"resourceUri": VIEW, "visibility": ["model", "app"]}})
    def by_hand() -> str:
        """Named in its meta."""
        return "sunny"

    return app


def ask(app: App, method: str, params: dict[str, Any] | None = None) -> Any:
    app.bind(Options())
    return said(Endpoint(app, Options())(modern(method, params)))["result"]  # type: ignore[arg-type]


def test_a_tool_names_its_view_and_who_may_call_it():
    meta = {tool["name"]: tool["_meta"] for tool in ask(weather(), "tools/list")["tools"]}
    assert meta == {
        "forecast": {"own": 2, "ui": {"resourceUri": VIEW}},
        "refresh": {"ui": {"visibility": ["app"]}},
        "by_hand": {"ui": {"resourceUri": VIEW, "visibility": ["model", "app"]}},
    }


async def test_a_view_is_a_resource_that_says_what_it_needs_listed_and_read():
    app = weather()
    (listed,) = ask(app, "resources/list")["resources"]
    assert (listed["uri"], listed["mimeType"]) == (VIEW, APP_TYPE)
    assert listed["_meta"] == {"own": 1, "ui": DECLARED}
    read = said(await Client(app).post("resources/read", {"uri": VIEW}))["result"]
    contents = {"uri": VIEW, "mimeType": APP_TYPE, "text": HTML, "_meta": {"own": 1, "ui": DECLARED}}
    assert read["contents"] == [contents]


def test_an_app_with_views_says_so_and_one_without_does_not():
    assert ask(weather(), "server/discover")["capabilities"]["extensions"] == {UI: {}}
    plain = App("plain")
    plain.tool(lambda: "x", name="x", description="x")
    assert "extensions" not in ask(plain, "server/discover")["capabilities"]


async def test_a_host_without_views_has_the_text():
    client = Client(weather())
    with_views = {"extensions": {UI: {"mimeTypes": [APP_TYPE]}}}
    assert text(await client.call("forecast", {})) == "sunny, 21 °C"
    assert text(await client.call("forecast", with_views)) == "see the view"


def test_an_older_client_sees_the_same_definitions():
    app = weather()
    app.bind(Options())
    listed = said(Endpoint(app, Options())(legacy("tools/list")))["result"]["tools"]  # type: ignore[arg-type]
    assert listed[0]["_meta"]["ui"] == {"resourceUri": VIEW}


def test_a_mounted_apps_views_go_with_it():
    outer = App("outer")
    outer.mount(weather(), "w")
    meta = {tool["name"]: tool["_meta"] for tool in ask(outer, "tools/list")["tools"]}
    assert meta["w_forecast"] == {"own": 2, "ui": {"resourceUri": "ui://w/weather/view"}}
    assert ask(outer, "resources/list")["resources"][0]["uri"] == "ui://w/weather/view"


def shown_in(uri: str, **options: Any) -> App:
    app = App("wrong")
    app.resource("ui://plain", mime_type="text/html")(lambda: HTML)
    app.resource("http://x/view", mime_type=APP_TYPE)(lambda: HTML)
    app.tool(lambda: "x", name="x", ui=uri, **options)
    return app


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("ui://gone", "tool x is shown in ui://gone, which is not registered: @app.ui"),
        ("ui://plain", "tool x is shown in ui://plain, which is no view"),
        ("http://x/view", "tool x is shown in http://x/view, which is no view"),
    ],
)
def test_a_tool_whose_view_is_not_there_is_refused_before_serving(uri: str, words: str):
    with pytest.raises(ValueError, match=words):
        shown_in(uri).bind(Options())


@pytest.mark.parametrize("visibility", [[], ["user"], ["model", "user"]])
def test_a_tool_that_nobody_can_see_is_refused(visibility: Any):
    with pytest.raises(ValueError, match="tool x: ui_visibility is a list of model and app"):
        shown_in("ui://plain", ui_visibility=visibility)


@pytest.mark.parametrize(
    ("uri", "options", "words"),
    [
        ("https://example.com", {}, "no address of a view"),
        ("ui://{which}", {}, "no address of a view"),
        (VIEW, {"mime_type": "text/html"}, f"hosts show {APP_TYPE} only"),
        (VIEW, {"permissions": ["usb"]}, "asks for 'usb'; there are camera"),
    ],
)
def test_what_is_no_view_is_refused(uri: str, options: Any, words: str):
    with pytest.raises(ValueError, match=words):
        App("wrong").ui(uri, **options)


def test_a_view_without_wishes_has_no_meta():
    app = App("plain")
    app.ui(VIEW, mime_type=APP_TYPE)(lambda: HTML)
    assert "_meta" not in json.dumps(ask(app, "resources/list")["resources"])
