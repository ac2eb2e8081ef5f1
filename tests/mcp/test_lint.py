"""What `erlmcp inspect` finds: each rule on both sides, and nothing where nothing is."""

from typing import Annotated, Any

import pytest
from msgspec import Meta

from erlmcp import App
from erlmcp.mcp import Finding, Given, Options, lint, offer_of


def found(app: App) -> list[tuple[str, str]]:
    """Rule and place of each finding."""
    app.bind(Options())
    return [(each.rule, each.where) for each in lint(app)]


def one(schema: dict[str, Any] | None = None, **options: Any) -> App:
    """An app with one tool that has nothing to mend but what is asked for."""
    app = App("a", version="1.0")
    options = {"name": "look", "description": "Look at it.", **options}
    app.tool(input_schema={"type": "object", **(schema or {})}, **options)(lambda **_: "x")
    return app


def property_of(spot: Any, **more: Any) -> App:
    return one({"properties": {"a": {"type": "string", "description": "an a", **spot}}, **more})


def test_a_sound_app_has_nothing_to_mend() -> None:
    app = App("sound", version="1.0", instructions="Ask.")

    @app.tool(annotations={"destructiveHint": True})
    def delete(id: Annotated[int, Meta(description="which one")], force: bool | None = None) -> str:  # noqa: A002
        """Delete one.

        Args:
            force: without asking
        """
        return f"{id} {force}"

    @app.resource("a://{b}", mime_type="text/plain")
    def read(b: str) -> str:
        """One."""
        return b

    @app.prompt
    def ask(about: Annotated[str, Meta(description="what")]) -> str:
        """Ask."""
        return about

    assert found(app) == []


@pytest.mark.parametrize(
    ("app", "rule"),
    [
        (one(description=None), "description"),
        (one(description="x" * 1025), "long-description"),
        (one(name="a" * 65), "name"),
        (one(name="a.b"), "name"),
        (one(name="delete_it"), "destructive"),
        (one(annotations={"readOnlyHint": True, "destructiveHint": True}), "contradiction"),
        (one({"properties": {"a": {"type": "string"}}}), "argument"),
        (one({"properties": {"a": {"description": "an a"}}}), "any"),
        (one({"properties": {"api_key": {"type": "string", "description": "yours"}}}), "secret"),
        (property_of({"anyOf": [{"type": "string"}, {"type": "null"}]}), "nullable"),
    ],
)
def test_a_rule_finds_what_it_is_for(app: App, rule: str) -> None:
    assert (rule, f"tool {next(iter(app.tools)).key}") in found(app)


@pytest.mark.parametrize(
    "app",
    [
        one(description="x" * 1024),
        one(name="a" * 64),
        one(name="delete_it", annotations={"destructiveHint": False}),
        one(name="undeleted"),
        property_of({"$ref": "#/$defs/there"}, **{"$defs": {"there": {"type": "string"}}}),
        property_of({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}),
    ],
)
def test_it_leaves_alone_what_is_right(app: App) -> None:
    assert found(app) == []


def nested(depth: int) -> dict[str, Any]:
    spot: dict[str, Any] = {"type": "string"}
    for _ in range(depth - 2):
        spot = {"type": "object", "properties": {"b": spot}}
    return {"type": "array", "items": spot}


def test_nesting_is_counted_with_the_arguments_themselves() -> None:
    assert found(property_of(nested(6))) == []
    assert found(property_of(nested(7))) == [("deep", "tool look")]


def test_a_schema_that_contains_itself_has_an_end() -> None:
    tree = {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
    assert found(property_of({"$ref": "#/$defs/tree"}, **{"$defs": {"tree": tree}})) == []


def test_too_many_tools_titles_alike_and_an_app_that_tells_nothing() -> None:
    app = App("a")
    for number in range(41):
        app.tool(lambda: "x", name=f"t{number}", description=f"Number {number}.", title="T" if number < 2 else None)
    assert found(app) == [
        ("version", "app a"),
        ("many-tools", "app a"),
        ("instructions", "app a"),
        ("same-title", "tool t1"),
    ]
    app.remove_tool("t40")
    assert ("many-tools", "app a") not in found(app)


def test_resources_and_prompts_are_looked_at() -> None:
    app = App("a", version="1.0")
    app.resource("a://b")(lambda: "x")
    app.resource("a://{b}")(lambda b: b)
    app.prompt(lambda topic: topic, name="ask")
    assert found(app) == [
        ("description", "resource a://b"),
        ("media-type", "resource a://b"),
        ("description", "template a://{b}"),
        ("media-type", "template a://{b}"),
        ("description", "prompt ask"),
        ("argument", "prompt ask"),
    ]


async def test_an_offer_is_the_whole_app_with_what_its_providers_give() -> None:
    app = App("a", version="1.0", title="A")

    @app.provider
    def some(given: Given) -> None:
        given.tool(lambda: "x", name="given", description="Given.")

    app.bind(Options())
    await app.inquire()
    offer = offer_of(app)
    assert [tool["name"] for tool in offer.tools] == ["given"]
    assert "tools" in offer.capabilities["2026-07-28"]
    assert "tools" in offer.capabilities["2024-11-05"]
    assert "initialize" in offer.methods["2025-11-25"]
    assert "server/discover" in offer.methods["2026-07-28"]
    assert offer.findings == []


def test_a_finding_says_what_to_do() -> None:
    app = one(description=None)
    app.bind(Options())
    assert list(lint(app)) == [
        Finding("description", "error", "tool look", "has no description, and models choose by it: write a docstring")
    ]
