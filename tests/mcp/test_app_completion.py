"""Completion of a prompt's arguments and of a template's variables."""

from typing import Any

import pytest

from erlmcp import App, Context
from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp import Completion
from erlmcp.mcp.completion import MAX_VALUES
from erlmcp.mcp.options import Options
from erlmcp.mcp.types import Argument, PromptReference, ResourceReference
from tests.mcp.author import answer, context


def app_of(function: Any = None, **options: Any) -> App:
    app = App("x")
    app.prompt(name="p")(lambda a, b="": "")
    app.resource("user://{id}/{part}")(lambda id, part: "")  # noqa: A006 - the variable's name
    app.resource("a://fixed")(lambda: "")
    if function is not None:
        app.completion(**({"prompt": "p", "argument": "a", "inline": True} | options))(function)
    return app


async def complete(app: App, value: str, ref: Any = None, argument: str = "a", arguments: Any = None) -> Any:
    made = app.complete(ref or PromptReference("p"), Argument(argument, value), arguments or {}, context(id=b"9"))
    return (await answer(made))["completion"]


async def test_a_function_of_the_value_completes_it():
    app = app_of(lambda value: [each for each in ("paris", "parma", "rome") if each.startswith(value)])
    assert await complete(app, "par") == {"values": ["paris", "parma"], "hasMore": False, "total": 2}


async def test_a_function_may_see_the_arguments_that_are_settled_and_the_context():
    def function(value: str, arguments: dict[str, str], ctx: Context) -> list[str]:
        return [f"{value} {arguments['b']} {ctx.request_id}"]

    assert (await complete(app_of(function), "v", arguments={"b": "w"}))["values"] == ["v w 9"]


async def test_variables_of_a_template_are_completed_under_its_text():
    app = app_of(lambda value: [value * 2], prompt=None, resource="user://{id}/{part}", argument="id")
    ref = ResourceReference("user://{id}/{part}")
    assert (await complete(app, "1", ref, "id"))["values"] == ["11"]
    assert (await complete(app, "1", ref, "part"))["values"] == []


async def test_a_completion_may_be_async_or_threaded():
    async def later(value: str) -> list[str]:
        return [value]

    assert (await complete(app_of(later, inline=False), "x"))["values"] == ["x"]
    assert (await complete(app_of(lambda value: [value], inline=False), "x"))["values"] == ["x"]


@pytest.mark.parametrize(
    ("count", "shown", "more"), [(MAX_VALUES, MAX_VALUES, False), (MAX_VALUES + 1, MAX_VALUES, True)]
)
async def test_at_most_a_hundred_values_are_shown(count: int, shown: int, more: bool):
    completion = await complete(app_of(lambda value: [str(number) for number in range(count)]), "")
    assert (len(completion["values"]), completion["hasMore"], completion["total"]) == (shown, more, count)


@pytest.mark.parametrize(
    ("found", "members"),
    [
        (Completion(["a"]), {"values": ["a"], "hasMore": False}),
        (Completion(["a"], total=5), {"values": ["a"], "hasMore": True, "total": 5}),
        (Completion(["a"], has_more=True), {"values": ["a"], "hasMore": True}),
        (Completion(["a"], total=5, has_more=False), {"values": ["a"], "hasMore": False, "total": 5}),
        (None, {"values": [], "hasMore": False, "total": 0}),
        (("a", "b"), {"values": ["a", "b"], "hasMore": False, "total": 2}),
    ],
    ids=str,
)
async def test_an_author_may_know_more_than_is_shown(found: Any, members: dict[str, Any]):
    assert await complete(app_of(lambda value: found), "") == members


@pytest.mark.parametrize("found", ["abc", [1], Completion("abc")])
async def test_anything_but_a_list_of_text_is_a_crash(found: Any):
    with pytest.raises(TypeError, match="must return a list of str, or a Completion"):
        await complete(app_of(lambda value: found), "")


async def test_an_argument_that_nobody_completes_has_no_suggestions():
    assert await complete(app_of(), "x") == {"values": [], "total": 0, "hasMore": False}
    assert (await complete(app_of(), "x", ResourceReference("a://fixed")))["values"] == []


@pytest.mark.parametrize("ref", [PromptReference("q"), ResourceReference("user://1/x")])
async def test_what_is_not_registered_cannot_be_completed(ref: Any):
    with pytest.raises(RpcError, match="nothing to complete") as refused:
        await complete(app_of(), "x", ref)
    assert refused.value.code == INVALID_PARAMS


def test_an_app_completes_once_a_completion_is_registered():
    assert not app_of().completes
    assert app_of(lambda value: []).completes


@pytest.mark.parametrize(
    "options", [{"prompt": "q"}, {"argument": "c"}, {"prompt": None, "resource": "user://{id}", "argument": "id"}]
)
def test_a_completion_of_what_is_not_there_is_refused_before_serving(options: dict[str, Any]):
    app = app_of(lambda value: [], **options)
    with pytest.raises(ValueError, match=r"a completion is registered for argument .*, which does not exist"):
        app.bind(Options())


@pytest.mark.parametrize("options", [{"resource": "user://{id}/{part}"}, {"prompt": None}, {"argument": None}])
def test_a_completion_is_of_one_argument_of_one_thing(options: dict[str, Any]):
    with pytest.raises(TypeError, match=r"@app\.completion wants prompt="):
        app_of(lambda value: [], **options)


def test_an_argument_is_completed_once():
    app = app_of(lambda value: [])
    with pytest.raises(ValueError, match="argument 'a' of prompt 'p' is completed twice"):
        app.completion(prompt="p", argument="a")(lambda value: [])


def nothing() -> list[str]: ...


@pytest.mark.parametrize("function", [nothing, lambda a, b, c: []])
def test_a_completion_takes_a_value_and_maybe_the_arguments(function: Any):
    with pytest.raises(TypeError, match=r"a completion takes \(value\) or \(value, arguments\)"):
        app_of(function)
