"""The smallest app, as anybody's."""

import pytest

from erlmcp.apps.hello import app
from erlmcp.mcp.types import Argument, PromptReference
from tests.mcp.author import answer, call, context, listed


async def test_it_has_a_tool_a_resource_and_a_prompt():
    assert (await call(app, "add", {"a": 2, "b": 3}))["structuredContent"] == {"result": 5}
    (contents,) = (await answer(app.read("hello://world", context())))["contents"]
    assert contents["text"] == "Hello, world!"
    introduce = app.prompts.get("introduce")
    assert introduce is not None
    said = await answer(introduce.get(b'{"name":"Ada"}', context()))
    assert said["messages"][0]["content"]["text"] == "Introduce Ada in one sentence."


@pytest.mark.parametrize("member", ["tools", "prompts", "resourceTemplates"])
def test_everything_in_it_is_described(member: str):
    assert all(each["description"] for each in listed(app, member))


def test_it_completes_nothing():
    assert not app.completes
    assert app.complete(PromptReference("introduce"), Argument("name", "A"), {}, context()).startswith(b'"completion"')
