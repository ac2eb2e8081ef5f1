"""What clients declare: what may be asked of them, and what is refused with -32021."""

from typing import Any

import pytest

from erlmcp import App, Context
from erlmcp.mcp import Elicit, ElicitUrl, ModelPreferences, Roots, Sample
from erlmcp.mcp.capabilities import APP_TYPE, UI, can
from tests.mcp.asking import EVERYTHING, Client
from tests.mcp.author import context
from tests.mcp.posts import said

TOOL = {"name": "look", "inputSchema": {"type": "object"}}
QUESTIONS = {
    "form": Elicit("Your name?", {"type": "object", "properties": {"name": {"type": "string"}}}),
    "url": ElicitUrl("Log in", "https://example.com/login"),
    "sample": Sample("Say", max_tokens=5, model_preferences=ModelPreferences(hints=["small"], speed=1)),
    "tools": Sample("Say", max_tokens=5, tools=[TOOL], tool_choice="auto"),
    "context": Sample("Say", max_tokens=5, include_context="thisServer"),
    "roots": Roots(),
}


def asking(*names: str) -> App:
    app = App("asking")

    @app.tool
    async def ask(ctx: Context) -> str:
        """Ask."""
        return str(await ctx.ask({name: QUESTIONS[name] for name in names}))

    return app


@pytest.mark.parametrize(
    ("declared", "name", "answer"),
    [
        ({}, "elicitation", False),
        ({"elicitation": {}}, "elicitation", True),
        ({"elicitation": {}}, "elicitation.url", False),
        ({"elicitation": {"url": {}}}, "elicitation", False),
        ({"elicitation": {"url": {}}}, "elicitation.url", True),
        ({"elicitation": {"form": {}, "url": {}}}, "elicitation.form", True),
        ({"elicitation": True}, "elicitation", False),
        ({"sampling": {}}, "sampling", True),
        ({"sampling": {}}, "sampling.tools", False),
        ({"sampling": {"tools": {}}}, "sampling.tools", True),
        ({"sampling": {"context": {}}}, "sampling.context", True),
        ({"roots": {"listChanged": True}}, "roots", True),
        ({"roots": None}, "roots", False),
        ({"extensions": {UI: {"mimeTypes": [APP_TYPE]}}}, "ui", True),
        ({"extensions": {UI: {"mimeTypes": ["text/html"]}}}, "ui", False),
        ({"extensions": {UI: {}}}, "ui", False),
        ({"extensions": {UI: {}}}, UI, True),
        ({"extensions": {"com.example/x": {}}}, "com.example/x", True),
        ({"extensions": []}, "com.example/x", False),
    ],
)
def test_a_client_can_what_it_declared(declared: dict[str, Any], name: str, answer: bool):
    assert can(declared, name) is answer


def test_a_name_that_nobody_declares_is_the_authors_mistake():
    with pytest.raises(ValueError, match=r"'sampler' is no capability; one of elicitation, .*sampling"):
        can({}, "sampler")


@pytest.mark.parametrize(
    ("question", "declared", "required"),
    [
        ("form", {}, {"elicitation": {"form": {}}}),
        ("form", {"elicitation": {"url": {}}}, {"elicitation": {"form": {}}}),
        ("url", {"elicitation": {}}, {"elicitation": {"url": {}}}),
        ("sample", {}, {"sampling": {}}),
        ("tools", {"sampling": {}}, {"sampling": {"tools": {}}}),
        ("tools", {}, {"sampling": {"tools": {}}}),
        ("context", {"sampling": {"tools": {}}}, {"sampling": {"context": {}}}),
        ("roots", {"sampling": {}}, {"roots": {}}),
    ],
)
async def test_a_client_is_asked_what_it_declared_and_nothing_else(question, declared, required):
    client = Client(asking(question))
    answer = await client.post("tools/call", {"name": "ask"}, declared)
    assert answer.status == 400
    error = said(answer)["error"]
    assert (error["code"], error["data"]) == (-32021, {"requiredCapabilities": required})
    assert "The client has not declared" in error["message"]
    assert set((await client.call("ask", EVERYTHING))["inputRequests"]) == {question}


async def test_all_that_is_missing_is_named_at_once():
    error = await Client(asking(*QUESTIONS)).call("ask", {"elicitation": {}})
    assert error["data"]["requiredCapabilities"] == {
        "elicitation": {"url": {}},
        "sampling": {"tools": {}, "context": {}},
        "roots": {},
    }


def test_an_author_can_look_first_in_both_eras():
    meta = b'{"_meta":{"io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}'
    assert context(params=meta).can("sampling")
    assert context(params=meta).capabilities == {"sampling": {}}
    assert not context(params=b'{"_meta":null}').can("sampling")
    assert not context().can("sampling")
    before = context(modern=False, protocol_version="2025-06-18", capabilities=b'{"elicitation":{}}')
    assert before.can("elicitation")
    assert not before.can("roots")


def test_a_context_says_who_asks():
    assert context().principal == "local"
    assert context(principal="ada").principal == "ada"
