"""Which functions can be tools, and what is said of those that cannot: one line, with what to write instead."""

import enum
from typing import Any

import pytest

from erlmcp import App, Context
from tests.mcp import postponed
from tests.mcp.author import call, text


def tool_of(function: Any) -> App:
    app = App("x")
    app.tool(name="tool")(function)
    return app


def positional_only(a: int, /) -> None: ...


def collects(*values: int) -> None: ...


def collects_names(**values: int) -> None: ...


def two_contexts(a: Context, b: Context) -> None: ...


class Alien:
    def __init__(self, x: int) -> None: ...


class Desk:
    def order(self, item: str) -> str:
        return item

    @classmethod
    def open(cls, item: str) -> str:
        return item

    @staticmethod
    def close(item: str) -> str:
        return item


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (positional_only, "positional_only: parameter a: int is positional-only"),
        (collects, r"collects: parameter \*values: int collects positional arguments"),
        (collects_names, r"collects_names: parameter \*\*values: int collects any argument"),
        (two_contexts, "two_contexts: parameters .* both want the Context"),
        (
            Desk.order,
            r"order: parameter self is for an object of Desk, .*: register the bound method, app\.tool\(obj\.order\)",
        ),
        (
            Desk.__dict__["open"],
            r"open is a class method: register it once the class is there, app\.tool\(Class\.open\)",
        ),
    ],
)
def test_a_function_that_named_arguments_cannot_fill_is_refused(function: Any, message: str):
    with pytest.raises(TypeError, match=message):
        tool_of(function)


@pytest.mark.parametrize("method", [Desk().order, Desk.open, Desk.close])
async def test_a_method_that_is_bound_is_a_function_like_any_other(method: Any):
    app = tool_of(method)
    assert text(await call(app, "tool", {"item": "tea"})) == "tea"


async def test_a_function_around_no_class_may_call_its_parameter_self():
    def local(self: str) -> str:
        return self

    def bare(self) -> str:
        return str(self)

    for function in (local, bare):
        app = tool_of(function)
        assert text(await call(app, "tool", {"self": "tea"})) == "tea"


class Odd(enum.Enum):
    A = object()


@pytest.mark.parametrize(
    ("hint", "why"),
    [
        (
            Alien,
            f"{__name__}.Alien; make it a dataclass, a TypedDict or a msgspec.Struct, or take a dict and read that",
        ),
        (list[Alien], f"{__name__}.Alien; make it a dataclass"),
        (dict[str, Alien | None], f"{__name__}.Alien; make it a dataclass"),
        (object, "object says nothing; annotate Any, where anything will do"),
        (complex, "complex; make it a dataclass"),
        (int | Alien, "Type unions containing a custom type may not contain any additional types other than `None`"),
        (Odd, "Enums must contain either all str or all int values"),
    ],
)
def test_a_type_that_json_cannot_fill_is_told_in_one_line_with_what_to_write_instead(hint: Any, why: str):
    def takes(a: int, thing: hint) -> None: ...

    with pytest.raises(TypeError) as refusal:
        tool_of(takes)
    assert str(refusal.value).startswith(f"takes: parameter thing has a type that JSON cannot fill: {why}")
    assert "\n" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_an_annotation_that_nobody_defined_is_refused_by_name():
    with pytest.raises(TypeError, match="lost: an annotation names 'Missing'"):
        tool_of(postponed.lost)


async def test_a_type_around_the_function_is_found_through_its_closure():
    app = tool_of(postponed.local())
    assert text(await call(app, "tool", {"it": {"name": "n"}})) == "n"
