"""From a signature and a docstring to JSON Schema, and from raw arguments to values."""

import datetime
import enum
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict, Union

import jsonschema_rs
import msgspec
import pytest

from erlmcp import App, Context
from tests.mcp import postponed
from tests.mcp.author import call, listed, text


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(msgspec.Struct):
    x: int
    y: int = 0


@dataclass
class Size:
    width: float
    height: float = 1.0


class Options(TypedDict):
    depth: int
    label: NotRequired[str]


class Node(msgspec.Struct):
    value: int
    children: list["Node"] = []


def tool_of(function: Any, **options: Any) -> tuple[App, dict[str, Any]]:
    app = App("x")
    app.tool(name="tool", **options)(function)
    (definition,) = listed(app)
    jsonschema_rs.meta.validate(definition["inputSchema"])
    return app, definition


def schema_of(function: Any, **options: Any) -> dict[str, Any]:
    return tool_of(function, **options)[1]["inputSchema"]


async def got(function: Any, arguments: Any) -> Any:
    """What the function received, seen by itself; a str when the arguments were refused."""
    seen: list[Any] = []

    def tool(value): ...

    tool.__annotations__ = {"value": function}
    tool = _noting(tool, seen)
    app, _ = tool_of(tool)
    result = await call(app, "tool", arguments)
    return seen[0] if seen else text(result)


def _noting(like: Any, seen: list[Any]) -> Any:
    def noting(value):
        seen.append(value)

    noting.__annotations__ = dict(like.__annotations__)
    return noting


def test_the_root_is_an_object_written_out():
    def search(query: str, limit: int = 10, exact: bool = False) -> None: ...

    assert schema_of(search) == {
        "type": "object",
        "properties": {
            "query": {"type": "string"},
            "limit": {"type": "integer", "default": 10},
            "exact": {"type": "boolean", "default": False},
        },
        "required": ["query"],
        "additionalProperties": False,
    }


def test_a_function_without_parameters_takes_an_empty_object():
    assert schema_of(lambda: None) == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


def test_shared_types_stand_in_defs_beside_the_root():
    def draw(start: Point, end: Point, colour: Colour = Colour.RED) -> None: ...

    schema = schema_of(draw)
    assert schema["properties"] == {
        "start": {"$ref": "#/$defs/Point"},
        "end": {"$ref": "#/$defs/Point"},
        "colour": {"$ref": "#/$defs/Colour", "default": "red"},
    }
    assert set(schema["$defs"]) == {"Point", "Colour"}


def test_two_types_of_one_name_stay_two():
    def move(start: Point, end: postponed.Point) -> None: ...

    schema = schema_of(move)
    first, second = (schema["properties"][name]["$ref"].removeprefix("#/$defs/") for name in ("start", "end"))
    assert set(schema["$defs"][first]["properties"]) == {"x", "y"}
    assert set(schema["$defs"][second]["properties"]) == {"latitude", "longitude"}


def test_the_first_paragraph_describes_the_tool_and_the_args_section_its_parameters():
    def search(query: str, limit: int = 10, loose: bool = False) -> None:
        """Search the archive
        by words.

        Further prose is for people.

        Args:
            query: What to look for:
                words, not a pattern.
            limit (int): How many at most.

        Returns:
            limit: not this one.
        """

    _, definition = tool_of(search)
    assert definition["description"] == "Search the archive by words."
    properties = definition["inputSchema"]["properties"]
    assert properties["query"]["description"] == "What to look for: words, not a pattern."
    assert properties["limit"]["description"] == "How many at most."
    assert "description" not in properties["loose"]


def test_a_docstring_of_only_an_args_section_describes_no_tool():
    def search(query: str) -> None:
        """Args:
        query: What to look for.
        """

    _, definition = tool_of(search)
    assert "description" not in definition


def test_an_annotation_describes_before_the_docstring_does():
    def search(query: Annotated[str, msgspec.Meta(description="From here.", min_length=3)]) -> None:
        """Search.

        Args:
            query: Not from here.
        """

    assert schema_of(search)["properties"]["query"] == {
        "type": "string",
        "minLength": 3,
        "description": "From here.",
    }


def test_a_docstring_that_describes_no_parameter_is_a_mistake():
    def search(query: str) -> None:
        """Search.

        Args:
            qeury: What to look for.
        """

    with pytest.raises(TypeError, match="search: its docstring describes 'qeury', which is no parameter of it"):
        tool_of(search)


def test_describing_the_context_is_no_mistake_and_it_is_no_argument():
    def search(query: str, ctx: Context) -> None:
        """Search.

        Args:
            query: What to look for.
            ctx: The call's.
        """

    assert list(schema_of(search)["properties"]) == ["query"]


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (Any, {}),
        (str, {"type": "string"}),
        (float, {"type": "number"}),
        (bytes, {"type": "string", "contentEncoding": "base64"}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP045 - both spellings exist
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),  # noqa: UP007 - as above
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (Decimal, {"type": "string", "format": "decimal"}),
        (datetime.date, {"type": "string", "format": "date"}),
        (Annotated[int, msgspec.Meta(ge=1, le=5)], {"type": "integer", "minimum": 1, "maximum": 5}),
    ],
    ids=str,
)
def test_each_type_has_its_schema(hint: Any, schema: dict[str, Any]):
    def tool(value): ...

    tool.__annotations__ = {"value": hint}
    assert schema_of(tool)["properties"]["value"] == schema


def test_a_parameter_without_annotation_is_any_json_value():
    def tool(value, other=3): ...

    assert schema_of(tool)["properties"] == {"value": {}, "other": {"default": 3}}


def test_a_type_may_refer_to_itself():
    def walk(root: Node) -> None: ...

    assert schema_of(walk)["$defs"]["Node"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}


def test_postponed_annotations_are_read():
    assert schema_of(postponed.locate)["properties"]["point"] == {"$ref": "#/$defs/Point"}


def test_a_default_of_none_makes_a_parameter_optional():
    def tool(limit: int = None): ...  # noqa: RUF013 - the point

    assert schema_of(tool)["properties"]["limit"] == {
        "anyOf": [{"type": "integer"}, {"type": "null"}],
        "default": None,
    }


def test_a_default_that_json_has_no_word_for_is_left_out_of_the_schema():
    unset = object()

    def tool(value: Any = unset): ...

    assert schema_of(tool) == {
        "type": "object",
        "properties": {"value": {}},
        "required": [],
        "additionalProperties": False,
    }


async def test_a_mutable_default_is_the_one_the_author_wrote():
    start = [1, 2]
    app = App("x")

    @app.tool
    def tool(values: list[int] = start) -> bool:
        return values is start

    assert listed(app)[0]["inputSchema"]["properties"]["values"]["default"] == [1, 2]
    assert (await call(app, "tool"))["structuredContent"] == {"result": True}


@pytest.mark.parametrize(
    ("hint", "sent", "received"),
    [
        (int, 5, 5),
        (float, 5, 5.0),
        (str, "five", "five"),
        (bool, True, True),
        (bytes, "aGk=", b"hi"),
        (Colour, "blue", Colour.BLUE),
        (Literal[1, "a"], "a", "a"),
        (int | None, None, None),
        (list[int], [1, 2], [1, 2]),
        (tuple[int, str], [1, "a"], (1, "a")),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (set[int], [1, 2], {1, 2}),
        (Point, {"x": 1}, Point(1, 0)),
        (list[Point], [{"x": 1, "y": 2}], [Point(1, 2)]),
        (Size, {"width": 2}, Size(2.0)),
        (Options, {"depth": 1}, {"depth": 1}),
        (uuid.UUID, "12345678-1234-5678-1234-567812345678", uuid.UUID("12345678-1234-5678-1234-567812345678")),
        (Decimal, "1.10", Decimal("1.10")),
        (datetime.datetime, "2026-01-02T03:04:05Z", datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)),
        (datetime.date, "2026-01-02", datetime.date(2026, 1, 2)),
        (datetime.timedelta, "P1D", datetime.timedelta(days=1)),
        (Any, {"a": [1, None]}, {"a": [1, None]}),
        (int, 10**30, 10**30),
    ],
    ids=str,
)
async def test_arguments_arrive_as_the_types_that_the_function_names(hint: Any, sent: Any, received: Any):
    value = await got(hint, {"value": sent})
    assert value == received
    assert type(value) is type(received)


@pytest.mark.parametrize(
    ("hint", "sent", "received"),
    [
        (int, b"42.0", 42),
        (int, b"-42.00", -42),
        (int, b"-0.0", 0),
        (int, b"1e3", 1000),
        (int, b"12.5e1", 125),
        (int, b"1E+23", 10**23),
        (int | None, b"42.0", 42),
        (list[int], b"[1, 2.0, 3e0]", [1, 2, 3]),
        (dict[str, int], b'{"2.0": 2.0}', {"2.0": 2}),
        (Point, b'{"x": 1.0, "y": 2.0}', Point(1, 2)),
        (Literal[1, 2], b"2.0", 2),
        (Annotated[int, msgspec.Meta(ge=3)], b"3.0", 3),
        (tuple[int, Decimal], b"[1.0, 1.10]", (1, Decimal("1.10"))),
        (tuple[int, str], rb'[1.0, "1.0 \" 2.0 \\"]', (1, '1.0 " 2.0 \\')),
        (tuple[int, float], b"[1.0, 2.0]", (1, 2.0)),
    ],
)
async def test_an_integral_float_passes_for_an_integer_at_any_depth(hint: Any, sent: bytes, received: Any):
    value = await got(hint, b'{"value": %b}' % sent)
    assert value == received
    assert type(value) is type(received)


@pytest.mark.parametrize(
    ("hint", "sent"),
    [
        (int, b"42.5"),
        (int, b"1e-3"),
        (int, b"1e400"),
        (int, b"-1e400"),
        (int, b"1e999999999"),
        (bool, b"1.0"),
        (bool, b"1"),
        (str, b"42.0"),
        (int, b'"42"'),
        (int, b"true"),
        (float, b'"1"'),
        (Annotated[int, msgspec.Meta(ge=3)], b"2.0"),
        (tuple[int, bool], b"[1.0, 1.0]"),
    ],
)
async def test_nothing_else_is_coerced(hint: Any, sent: bytes):
    refusal = await got(hint, b'{"value": %b}' % sent)
    assert refusal.startswith("argument value")


async def test_a_float_argument_keeps_its_type_when_no_integer_is_wanted():
    value = await got(Any, b'{"value": 42.0}')
    assert type(value) is float


def nested(a: int, points: list[Point], colour: Colour = Colour.RED, sizes: dict[str, int] = {}) -> None:  # noqa: B006
    """Takes one of everything."""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"a": "1", "points": []}, "argument a: expected an integer, got a string"),
        ({"a": 1.5, "points": []}, "argument a: expected an integer, got a number"),
        ({"a": None, "points": []}, "argument a: expected an integer, got null"),
        ({"a": True, "points": []}, "argument a: expected an integer, got a boolean"),
        ({"a": 1, "points": {}}, "argument points: expected an array, got an object"),
        ({"a": 1, "points": [{"x": "1"}]}, "argument points[0].x: expected an integer, got a string"),
        ({"a": 1, "points": [{}]}, "argument points[0].x is required"),
        ({"points": []}, "argument a is required"),
        ({"a": 1, "points": [], "b": 2}, "unknown argument b; known are: a, points, colour, sizes"),
        (
            {"a": 1, "points": [], "colour": "green"},
            'argument colour: invalid enum value \'green\'; one of "blue", "red"',
        ),
        ({"a": 1, "points": [], "sizes": {"k": "v"}}, "argument sizes[...]: expected an integer, got a string"),
        ([], "the arguments: expected an object, got an array"),
    ],
    ids=str,
)
async def test_a_fault_is_one_sentence_that_names_the_argument(arguments: Any, sentence: str):
    app, _ = tool_of(nested)
    result = await call(app, "tool", arguments)
    assert result == {"content": [{"type": "text", "text": sentence}], "isError": True}


async def test_a_bound_is_named_in_the_fault():
    assert await got(Annotated[int, msgspec.Meta(ge=3)], {"value": 1}) == "argument value: expected an integer >= 3"
    assert await got(Annotated[str, msgspec.Meta(max_length=2)], {"value": "abc"}) == (
        "argument value: expected a string of length <= 2"
    )


async def test_an_unknown_argument_of_a_tool_without_any_is_told_so():
    app, _ = tool_of(lambda: None)
    assert text(await call(app, "tool", {"a": 1})) == "unknown argument a; known are: none"


async def test_a_refused_value_is_not_repeated_at_length():
    app, _ = tool_of(nested)
    for arguments in ({"a": 1, "points": [], "colour": "x" * 10_000}, {"y" * 10_000: 1}):
        assert len(text(await call(app, "tool", arguments))) < 400


async def test_choices_deep_in_the_arguments_are_named_too():
    fault = await got(list[Colour | None], {"value": ["red", "green"]})
    assert fault == 'argument value[1]: invalid enum value \'green\'; one of "blue", "red"'


async def test_a_lone_surrogate_is_a_fault_and_no_crash():
    refusal = await got(str, rb'{"value": "\ud800"}')
    assert refusal.startswith("the arguments cannot be read")


async def test_a_lone_surrogate_behind_an_integral_float_is_one_too():
    fault = await got(tuple[int, str], rb'{"value": [1.0, "\ud800"]}')
    assert fault.startswith("the arguments cannot be read")


async def test_a_refused_value_cannot_pretend_to_be_a_place():
    fault = await got(list[Colour], {"value": ["x` - at `$.other`"]})
    assert fault == 'argument value[0]: invalid enum value \'x` - at `$.other`\'; one of "blue", "red"'


async def test_a_long_text_beside_an_integral_float_is_passed_over():
    value = await got(tuple[int, str], b'{"value": [1.0, "' + rb"\"1.0" * 500_000 + b'"]}')
    assert value == (1, '"1.0' * 500_000)


async def test_no_arguments_are_an_empty_object():
    app, _ = tool_of(lambda: None)
    assert await call(app, "tool", None) == {"content": [], "isError": False}
