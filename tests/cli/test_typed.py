"""`key=value` by a schema: what becomes a number, a list, a text, and what is refused."""

from typing import Any

import pytest

from erlmcp.cli.typed import arguments_of

SCHEMA: dict[str, Any] = {
    "properties": {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "price": {"type": "number"},
        "fast": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string"}},
        "numbers": {"type": "array", "items": {"type": "integer"}},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "many": {"type": ["array", "null"], "items": {"$ref": "#/$defs/kind"}},
        "kind": {"$ref": "#/$defs/kind"},
        "level": {"enum": [1, 2, 3]},
        "parcel": {"type": "object"},
        "any": {},
    },
    "$defs": {"kind": {"type": "string", "enum": ["a", "b"]}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("pairs", "arguments"),
    [
        (["text=7"], {"text": "7"}),
        (["text=a=b"], {"text": "a=b"}),
        (["text="], {"text": ""}),
        (["count=7"], {"count": 7}),
        (["count=7.0"], {"count": 7}),
        (["price=7"], {"price": 7}),
        (["price=0.5"], {"price": 0.5}),
        (["fast=true"], {"fast": True}),
        (["names=a"], {"names": ["a"]}),
        (["names=1", "names=2"], {"names": ["1", "2"]}),
        (["numbers=1", "numbers=2"], {"numbers": [1, 2]}),
        (["numbers=[1,2]"], {"numbers": [1, 2]}),
        (["maybe=null"], {"maybe": None}),
        (["either=7"], {"either": 7}),
        (["either=seven"], {"either": "seven"}),
        (["many=a", "many=b"], {"many": ["a", "b"]}),
        (["kind=a"], {"kind": "a"}),
        (["level=2"], {"level": 2}),
        (['parcel={"weight":1}'], {"parcel": {"weight": 1}}),
        (["any=[1]"], {"any": [1]}),
        (["any=word"], {"any": "word"}),
        (["text=a", "count=1"], {"text": "a", "count": 1}),
    ],
)
def test_a_value_has_the_type_that_the_schema_asks_for(pairs: list[str], arguments: dict[str, Any]) -> None:
    assert arguments_of(pairs, SCHEMA) == arguments


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        (["text"], "'text' is no argument; write it as name=value"),
        (["=x"], "is no argument"),
        (["txt=x"], "there is no argument txt; did you mean text?"),
        (["zzzz=x"], "there is no argument zzzz; there are text, count"),
        (["count=x"], "argument count must be of type integer, and 'x' is not"),
        (["count=1.5"], "must be of type integer"),
        (["count=true"], "must be of type integer"),
        (["price=NaN"], "must be of type number"),
        (["fast=yes"], "must be of type boolean"),
        (["maybe=x"], "must be of type integer or null"),
        (["numbers=1", "numbers=x"], "argument numbers must be of type integer"),
        (["count=1", "count=2"], "argument count is there 2 times, and is no list"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(pairs: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("?", r"\?")):
        arguments_of(pairs, SCHEMA)


def test_a_schema_that_admits_more_takes_what_it_does_not_name() -> None:
    assert arguments_of(["a=1", "b=x"], {}) == {"a": 1, "b": "x"}


def test_a_reference_in_a_circle_is_any_type() -> None:
    schema = {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"$ref": "#/$defs/x"}}}
    assert arguments_of(["a=1"], schema) == {"a": 1}
