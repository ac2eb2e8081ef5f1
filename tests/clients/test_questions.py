"""Questions to the official Python client of 2026-07-28, and rounds that each meet another of four workers."""

import json
import urllib.request
from typing import Any

import pytest
from mcp import Client
from mcp_types import CreateMessageResult, ElicitResult, ListRootsResult, Root, TextContent

from tests.mcp.posts import PREFIX, modern

PATIENCE = 5.0  # seconds
ROUNDS = 40
"""Enough that a state which only its own worker opens would be refused: one in four rounds stays where it was."""


async def fill(_context: Any, params: Any) -> ElicitResult:
    """A user who fills in whatever is asked for."""
    answers = {"name": "Ada", "color": "blue", "ok": True, "context": "tea"}
    content = {key: answers[key] for key in params.requested_schema["properties"]}
    return ElicitResult(action="accept", content=content)


async def speak(_context: Any, params: Any) -> CreateMessageResult:
    """A model that says how much it was let say."""
    return CreateMessageResult(role="assistant", content=TextContent(text=f"up to {params.max_tokens}"), model="m")


async def roots(_context: Any) -> ListRootsResult:
    return ListRootsResult(roots=[Root(uri="file:///work", name="Work")])


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("test_input_required_result_elicitation", "Hello, Ada!"),
        ("test_input_required_result_sampling", "up to 100"),
        ("test_input_required_result_list_roots", "file:///work"),
        ("test_input_required_result_multiple_inputs", "up to 50 Ada works in 1 roots."),
        ("test_input_required_result_multi_round", "Ada likes blue."),
        ("test_input_required_result_request_state", "state-ok"),
    ],
)
async def test_the_official_client_answers_what_it_is_asked(everything: str, tool: str, text: str) -> None:
    asked = {"elicitation_callback": fill, "sampling_callback": speak, "list_roots_callback": roots}
    async with Client(everything, mode="2026-07-28", read_timeout_seconds=PATIENCE, **asked) as session:
        answer = await session.call_tool(tool, {})
    assert answer.content[0].model_dump()["text"] == text


def post(url: str, **params: Any) -> dict[str, Any]:
    """The result of a call, over a connection of its own."""
    name = "test_input_required_result_multi_round"
    meta = {PREFIX + "clientCapabilities": {"elicitation": {}}}
    request = modern("tools/call", {"name": name, **params}, meta=meta)
    headers = {key.decode(): value.decode() for key, value in request.headers.items() if key != b"host"}
    with urllib.request.urlopen(urllib.request.Request(url, request.body, headers), timeout=PATIENCE) as answer:
        result: dict[str, Any] = json.load(answer)["result"]
        return result


def test_each_round_may_meet_another_worker(everything: str) -> None:
    for number in range(ROUNDS):
        name = {"step1": {"action": "accept", "content": {"name": f"Ada {number}"}}}
        color = {"step2": {"action": "accept", "content": {"color": "red"}}}
        first = post(everything)
        second = post(everything, inputResponses=name, requestState=first["requestState"])
        third = post(everything, inputResponses=color, requestState=second["requestState"])
        assert third["content"][0]["text"] == f"Ada {number} likes red."
