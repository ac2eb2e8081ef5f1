"""What the published schema admits and what the decoder admits are the same, with the exceptions named here.

The oracle is jsonschema-rs. Where a type has a `format` or an encoding (dates, UUIDs, base64, decimals), JSON Schema
only annotates and the decoder checks: it is stricter there. Where it says `uniqueItems` (sets), the decoder takes
repeated items: it is laxer there.
"""

import datetime
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import jsonschema_rs
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from erlmcp.mcp import schema as schemas
from erlmcp.mcp import signature as signatures
from erlmcp.mcp.arguments import ArgumentFault, Arguments


class Point(msgspec.Struct):
    x: int
    y: float = 0.0


ORIGIN = Point(0)


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    near: Point | None = None


class Tree(msgspec.Struct):
    value: bool
    below: list["Tree"] = []


class Settings(TypedDict):
    depth: int
    label: NotRequired[str | None]


def everything(
    *,
    count: int,
    ratio: float,
    name: str,
    on: bool,
    anything: Any,
    limit: Annotated[int, msgspec.Meta(ge=-3, le=3)],
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5,
    word: Annotated[str, msgspec.Meta(min_length=1, max_length=3)] = "a",
    choice: Literal["a", 1, None] = "a",
    maybe: int | None = None,
    either: int | str | bool = 0,
    numbers: list[int] = [],  # noqa: B006
    pair: tuple[int, str] = (0, ""),
    counts: dict[str, int] = {},  # noqa: B006
    point: Point = ORIGIN,
    strict: Strict | None = None,
    tree: Tree | None = None,
    settings: Settings | None = None,
) -> None: ...


def arguments_of(function: Any) -> tuple[Arguments, dict[str, Any]]:
    signature = signatures.read(function)
    schema = schemas.of_arguments(signature, {})
    return Arguments(signatures.struct_of(signature), msgspec.json.encode(schema)), schema


ARGUMENTS, SCHEMA = arguments_of(everything)
ORACLE = jsonschema_rs.Draft202012Validator(SCHEMA)
VALID: dict[str, Any] = {"count": 1, "ratio": 0.5, "name": "n", "on": True, "anything": None, "limit": 0}

# Numbers are kept within the doubles that both sides read exactly alike; beyond them `1e400` is refused by the
# decoder and merely large to the oracle (tests/mcp/test_schema.py pins it).
number = st.one_of(
    st.integers(-5, 5),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-5, 5).map(float),
)
scalar = st.one_of(st.none(), st.booleans(), number, st.text(max_size=5), st.sampled_from(["a", "b", "1"]))
json_value = st.recursive(
    scalar,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["x", "y", "name", "near", "value", "below", "depth", "label", "z"]), inner),
    ),
    max_leaves=6,
)


def accepted(raw: bytes) -> bool:
    try:
        ARGUMENTS.decode(raw)
    except ArgumentFault:
        return False
    return True


@settings(max_examples=250, deadline=None)
@given(name=st.sampled_from([*SCHEMA["properties"], "unknown"]), value=json_value)
@example(name="count", value=42.0)
@example(name="on", value=1.0)
@example(name="choice", value=1.0)
@example(name="choice", value=True)
@example(name="either", value=1.5)
@example(name="strict", value={"name": "n", "near": {"x": 1.0}})
@example(name="strict", value={"name": "n", "z": 1})
@example(name="tree", value={"value": True, "below": [{"value": 1}]})
@example(name="settings", value={"depth": 2.0, "label": None})
@example(name="pair", value=[1.0, "a", 2])
@example(name="word", value="\U0001f600\U0001f600\U0001f600")
def test_the_decoder_admits_what_the_schema_admits_and_nothing_else(name: str, value: Any):
    arguments = {**VALID, name: value}
    raw = msgspec.json.encode(arguments)
    assert accepted(raw) == ORACLE.is_valid(msgspec.json.decode(raw)), raw


@settings(max_examples=60, deadline=None)
@given(left_out=st.sets(st.sampled_from(sorted(VALID))))
def test_both_miss_the_same_arguments(left_out: set[str]):
    arguments = {name: value for name, value in VALID.items() if name not in left_out}
    assert accepted(msgspec.json.encode(arguments)) == ORACLE.is_valid(arguments) == (not left_out)


def test_every_default_is_admitted_by_the_schema():
    for name, spot in SCHEMA["properties"].items():
        if "default" in spot:
            assert ORACLE.is_valid({**VALID, name: spot["default"]}), name


@pytest.mark.parametrize(
    ("hint", "value"),
    [(uuid.UUID, "x"), (datetime.date, "x"), (bytes, "~"), (Decimal, "x")],
)
def test_formats_are_checked_by_the_decoder_alone(hint: Any, value: str):
    def tool(value): ...

    tool.__annotations__ = {"value": hint}
    arguments, schema = arguments_of(tool)
    assert jsonschema_rs.is_valid(schema, {"value": value})
    with pytest.raises(ArgumentFault):
        arguments.decode(msgspec.json.encode({"value": value}))


def test_a_set_takes_repeated_items_though_its_schema_does_not():
    def tool(value: set[int]): ...

    arguments, schema = arguments_of(tool)
    assert not jsonschema_rs.is_valid(schema, {"value": [1, 1]})
    assert arguments.decode(b'{"value":[1,1]}').value == {1}
