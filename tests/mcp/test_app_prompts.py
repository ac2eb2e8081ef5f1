"""Prompts, whose arguments are text on the wire."""

import datetime
import enum
from typing import Any

import msgspec
import pytest

from erlmcp import App, Context, ToolError
from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp import Embedded, Image, Message
from tests.mcp.author import answer, context, listed


class Tone(enum.Enum):
    DRY = "dry"


class Point(msgspec.Struct):
    x: int


def prompt_of(value: Any) -> App:
    app = App("x")
    app.prompt(name="p", inline=True)(lambda: value)
    return app


async def get(app: App, arguments: Any = None, name: str = "p") -> Any:
    prompt = app.prompts.get(name)
    assert prompt is not None
    raw = msgspec.json.encode(arguments) if arguments is not None else None
    return await answer(prompt.get(raw, context(id=b"9")))


def test_a_prompt_is_listed_with_its_arguments():
    app = App("x")

    @app.prompt(title="Review")
    def review(code: str, tone: Tone = Tone.DRY, lines: int = 10, ctx: Context | None = None) -> str:
        """Review some code.

        Args:
            code: What to review.
            tone: How to say it.
        """
        return code

    @app.prompt
    def plain() -> str:
        return ""

    assert listed(app, "prompts") == [
        {
            "name": "review",
            "description": "Review some code.",
            "arguments": [
                {"name": "code", "description": "What to review.", "required": True},
                {"name": "tone", "description": "How to say it.", "required": False},
                {"name": "lines", "required": False},
            ],
            "title": "Review",
        },
        {"name": "plain"},
    ]


def said(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": {"type": "text", "text": text}}


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ("hi", [said("hi")]),
        (Message("hi", "assistant"), [said("hi", "assistant")]),
        (["one", Message("two", "assistant")], [said("one"), said("two", "assistant")]),
        ([], []),
        (Image(b""), [{"role": "user", "content": {"type": "image", "data": "", "mimeType": "image/png"}}]),
        (
            Message(Embedded("a://b", "t")),
            [{"role": "user", "content": {"type": "resource", "resource": {"uri": "a://b", "text": "t"}}}],
        ),
    ],
    ids=str,
)
async def test_what_a_prompt_returns_becomes_messages(value: Any, messages: list[Any]):
    assert await get(prompt_of(value)) == {"messages": messages}


async def test_a_description_goes_with_the_messages():
    app = App("x")
    app.prompt(name="p", description="D")(lambda: "hi")
    assert await get(app) == {"description": "D", "messages": [said("hi")]}


@pytest.mark.parametrize("value", [None, 5, {"role": "user"}, [1]])
async def test_anything_else_is_a_crash(value: Any):
    with pytest.raises(TypeError, match=r"prompt p returned a .*; return str, Message, content, or a list of them"):
        await get(prompt_of(value))


@pytest.mark.parametrize(
    ("hint", "sent", "received"),
    [
        (str, "5", "5"),
        (str, "null", "null"),
        (int, "5", 5),
        (float, "5", 5.0),
        (bool, "true", True),
        (int | None, "5", 5),
        (Tone, "dry", Tone.DRY),
        (datetime.date, "2026-01-02", datetime.date(2026, 1, 2)),
        (list[int], "[1,2]", [1, 2]),
        (dict[str, int], '{"a":1}', {"a": 1}),
        (Point, '{"x":1}', Point(1)),
        (list[str] | None, '["a"]', ["a"]),
        (Any, "x", "x"),
    ],
    ids=str,
)
async def test_text_becomes_the_type_that_the_function_names(hint: Any, sent: str, received: Any):
    app, seen = App("x"), []

    def p(value):
        seen.append(value)
        return ""

    p.__annotations__ = {"value": hint}
    app.prompt(p, inline=True)
    await get(app, {"value": sent})
    assert seen == [received]
    assert type(seen[0]) is type(received)


@pytest.mark.parametrize(
    ("hint", "arguments", "message"),
    [
        (int, {"value": "five"}, "prompt p: argument value: expected an integer"),
        (int, {"value": 5}, "prompt p: argument value must be a string, as all arguments of a prompt are"),
        (int, {}, "prompt p: argument value is required"),
        (int, None, "prompt p: argument value is required"),
        (int, {"value": "5", "other": "6"}, "prompt p: unknown argument other; known are: value"),
        (Tone, {"value": "wet"}, "prompt p: argument value: invalid enum value 'wet'; one of \"dry\""),
        (list[int], {"value": "["}, "prompt p: argument value: expected JSON in the text: Input data was truncated"),
        (list[int], {"value": '["a"]'}, "prompt p: argument value[0]: expected an integer"),
    ],
    ids=str,
)
async def test_arguments_that_do_not_fit_are_the_callers_fault(hint: Any, arguments: Any, message: str):
    app = App("x")

    def p(value): ...

    p.__annotations__ = {"value": hint}
    app.prompt(p, inline=True)
    with pytest.raises(RpcError) as refused:
        await get(app, arguments)
    assert (refused.value.code, refused.value.message) == (INVALID_PARAMS, message)


async def test_what_the_function_raises_is_not_mistaken_for_a_fault_of_the_arguments():
    app = App("x")

    @app.prompt(name="p", inline=True)
    def broken() -> str:
        msgspec.json.decode(b"{")
        return ""

    with pytest.raises(msgspec.DecodeError):
        await get(app)


async def test_a_prompt_may_be_async_or_threaded_and_takes_the_context():
    app = App("x")

    @app.prompt
    async def one(ctx: Context) -> str:
        return ctx.request_id

    @app.prompt
    def two(ctx: Context) -> str:
        return ctx.request_id

    assert await get(app, name="one") == await get(app, name="two") == {"messages": [said("9")]}


async def test_a_tool_error_in_a_prompt_is_an_error_with_its_words():
    app = App("x")

    @app.prompt
    def p() -> str:
        raise ToolError("not today")

    with pytest.raises(RpcError, match="not today"):
        await get(app)


def test_a_prompt_that_is_taken_is_refused():
    app = prompt_of("x")
    with pytest.raises(ValueError, match="prompt 'p' is registered twice"):
        app.prompt(name="p")(lambda: "")
