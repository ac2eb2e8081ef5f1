"""Questions as values: what the client is shown, and what its answers become."""

import enum
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID

import msgspec
import pytest

from erlmcp import ToolError
from erlmcp.mcp import (
    Elicit,
    Elicited,
    ElicitUrl,
    Image,
    Message,
    ModelPreferences,
    Question,
    Root,
    Roots,
    Sample,
    Sampled,
    Text,
    ToolResult,
    ToolUse,
)
from erlmcp.mcp.inputs import AnswerFault

VERSION = "2026-07-28"


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Order(msgspec.Struct):
    title: Annotated[str, msgspec.Meta(min_length=3, max_length=50, title="Title", description="What to make")]
    count: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    weight: float | None = None
    gift: bool = False
    size: Size = Size.SMALL
    color: Literal["red", "blue"] | None = None
    extras: list[Literal["bow", "card"]] = []
    due: date | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    ref: UUID | None = None
    code: Annotated[str, msgspec.Meta(pattern="^[a-z]*$")] = ""


def shown(question: Question[Any], version: str = VERSION) -> Any:
    return json.loads(question.request(version).params)


def read(question: Question[Any], answer: Any) -> Any:
    return question.request(VERSION).read(json.dumps(answer).encode())


def test_a_form_shows_each_field_of_a_type_as_the_protocol_has_it():
    form = shown(Elicit("Order", Order))["requestedSchema"]
    assert form["required"] == ["title"]
    assert form["properties"] == {
        "title": {
            "type": "string", "title": "Title", "description": "What to make", "minLength": 3, "maxLength": 50,
        },
        "count": {"type": "integer", "default": 1, "minimum": 1, "maximum": 9},
        "weight": {"type": "number"},
        "gift": {"type": "boolean", "default": False},
        "size": {"type": "string", "title": "Size", "enum": ["s", "l"], "default": "s"},
        "color": {"type": "string", "enum": ["red", "blue"]},
        "extras": {"type": "array", "default": [], "items": {"type": "string", "enum": ["bow", "card"]}},
        "due": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "ref": {"type": "string"},
        "code": {"type": "string", "default": ""},
    }  # fmt: skip


def test_an_accepted_form_becomes_its_type():
    content = {"title": "Chair", "size": "l", "extras": ["bow"], "due": "2026-12-24"}
    answer = read(Elicit("Order", Order), {"action": "accept", "content": content})
    assert answer == Elicited("accept", Order("Chair", size=Size.LARGE, extras=["bow"], due=date(2026, 12, 24)))
    assert answer.granted().title == "Chair"


@dataclass
class Pair:
    left: int
    right: int = 2


class Trio(TypedDict):
    one: str


def test_a_form_may_be_a_dataclass_a_typed_dict_or_a_schema():
    assert read(Elicit("Pair", Pair), {"action": "accept", "content": {"left": 1}}).granted() == Pair(1, 2)
    assert read(Elicit("Trio", Trio), {"action": "accept", "content": {"one": "x"}}).granted() == {"one": "x"}
    schema = {"type": "object", "properties": {"old": {"type": "string", "enum": ["a"], "enumNames": ["A"]}}}
    assert shown(Elicit("Old", schema))["requestedSchema"] == schema, "verbatim"
    assert read(Elicit("Old", schema), {"action": "accept", "content": {"old": "a"}}).granted() == {"old": "a"}
    with pytest.raises(AnswerFault, match='content: old: "b" is not one of'):
        read(Elicit("Old", schema), {"action": "accept", "content": {"old": "b"}})


def test_a_rule_that_forms_cannot_show_holds_all_the_same():
    with pytest.raises(AnswerFault, match="content: Expected `str` matching regex"):
        read(Elicit("Order", Order), {"action": "accept", "content": {"title": "Chair", "code": "A"}})


class Nested(msgspec.Struct):
    order: Order


class Listed(msgspec.Struct):
    names: list[str]


class Numbered(msgspec.Struct):
    choice: Literal[1, 2]


class Mixed(msgspec.Struct):
    either: int | str


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Nested, "Nested.order is no field of a form"),
        (Listed, "Listed.names is no field of a form: a list may have choices only"),
        (Numbered, "Numbered.choice is no field of a form"),
        (Mixed, "Mixed.either is no field of a form: it may be str, int"),
        (int, "int is no form: ask for a Struct"),
        (object, "object is no form"),
    ],
)
def test_what_is_no_form_is_refused_by_name(wrong: Any, words: str):
    with pytest.raises(TypeError, match=words):
        shown(Elicit("?", wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"type": "object"},
        {"type": "string", "properties": {}},
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": {"a": {"type": "string", "minLength": "many"}}},
    ],
)
def test_a_schema_that_is_no_form_is_refused(wrong: Any):
    with pytest.raises(ValueError, match="the schema of a form"):
        shown(Elicit("?", wrong))


@pytest.mark.parametrize(("action", "words"), [("decline", "the user declined"), ("cancel", "the user cancelled")])
def test_a_user_may_say_no_and_content_is_not_looked_at(action: str, words: str):
    answer = read(Elicit("Order", Order), {"action": action, "content": {"title": 5}})
    assert (answer.accepted, answer.content) == (False, None)
    with pytest.raises(ToolError, match=words):
        answer.granted()


def test_a_link_is_asked_in_each_revision_as_it_has_it():
    link = ElicitUrl("Log in", "https://example.com/")
    assert shown(link) == {"mode": "url", "message": "Log in", "url": "https://example.com/"}
    assert set(shown(link, "2025-11-25")) == {"mode", "message", "url", "elicitationId"}
    assert read(link, {"action": "accept"}) == Elicited("accept")
    with pytest.raises(ValueError, match="no URL to open"):
        shown(ElicitUrl("Log in", "example"))


def test_roots_are_read():
    assert shown(Roots()) == {}
    answer = {"roots": [{"uri": "file:///a", "name": "A"}, {"uri": "file:///b", "_meta": {}}]}
    assert read(Roots(), answer) == (Root("file:///a", "A"), Root("file:///b"))
    with pytest.raises(AnswerFault, match="roots"):
        read(Roots(), {"roots": [{"name": "A"}]})


def test_a_sampling_says_all_that_the_protocol_has():
    tool = {"name": "look", "inputSchema": {"type": "object"}}
    question = Sample(
        ["Hi", Message("Hello", "assistant"), Image(b"\x01")],
        max_tokens=9,
        system_prompt="Be brief.",
        model_preferences=ModelPreferences(hints=["small"], cost=1, speed=0.5),
        include_context="thisServer",
        temperature=0.1,
        stop_sequences=["."],
        metadata={"a": 1},
        tools=[tool],
        tool_choice="required",
    )
    assert shown(question) == {
        "messages": [
            {"role": "user", "content": {"type": "text", "text": "Hi"}},
            {"role": "assistant", "content": {"type": "text", "text": "Hello"}},
            {"role": "user", "content": {"type": "image", "data": "AQ==", "mimeType": "image/png"}},
        ],
        "maxTokens": 9,
        "systemPrompt": "Be brief.",
        "modelPreferences": {"hints": [{"name": "small"}], "costPriority": 1, "speedPriority": 0.5},
        "includeContext": "thisServer",
        "temperature": 0.1,
        "stopSequences": ["."],
        "metadata": {"a": 1},
        "tools": [tool],
        "toolChoice": {"mode": "required"},
    }
    assert shown(Sample("Hi", max_tokens=1)) == {
        "messages": [{"role": "user", "content": {"type": "text", "text": "Hi"}}],
        "maxTokens": 1,
    }
    with pytest.raises(ValueError, match="max_tokens must be 1 or more, not 0"):
        shown(Sample("Hi", max_tokens=0))


def test_what_a_model_said_is_one_block_or_several():
    said = {"role": "assistant", "content": {"type": "text", "text": "Hi"}, "model": "m"}
    assert read(Sample("Hi", max_tokens=5), said) == Sampled((Text("Hi"),), "m")
    image = {"type": "image", "data": "AQ==", "mimeType": "image/webp"}
    several = said | {"content": [said["content"], image, said["content"]], "stopReason": "endTurn"}
    answer = read(Sample("Hi", max_tokens=5), several)
    assert answer.content == (Text("Hi"), Image(b"\x01", "image/webp"), Text("Hi"))
    assert (answer.text, answer.stop_reason) == ("HiHi", "endTurn")


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "assistant", "content": {"type": "text"}, "model": "m"},
        {"role": "assistant", "content": {"type": "video"}, "model": "m"},
        {"role": "system", "content": [], "model": "m"},
        {"content": []},
        [],
    ],
)
def test_what_no_model_says_is_no_answer(wrong: Any):
    with pytest.raises(AnswerFault):
        read(Sample("Hi", max_tokens=5), wrong)


def test_a_model_that_used_tools_gets_their_results_in_one_message():
    use = {"type": "tool_use", "id": "1", "name": "look", "input": {"at": 2}}
    wants = {"role": "assistant", "content": [use], "model": "m", "stopReason": "toolUse"}
    answer = read(Sample("Hi", max_tokens=5), wants)
    assert answer.tool_uses == (ToolUse("1", "look", {"at": 2}),)
    results = [ToolResult("1", ["seen"], structured_content={"ok": 1}), ToolResult("2", is_error=True, meta={"a": 1})]
    assert shown(Sample(["Hi", answer, results], max_tokens=5))["messages"][1:] == [
        {"role": "assistant", "content": [use]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "toolUseId": "1",
                    "content": [{"type": "text", "text": "seen"}],
                    "structuredContent": {"ok": 1},
                },
                {"type": "tool_result", "toolUseId": "2", "content": [], "isError": True, "_meta": {"a": 1}},
            ],
        },
    ]
