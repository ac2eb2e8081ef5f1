"""Arguments in headers: what the specification's tables say (streamable-http, Custom Headers from Tool Parameters)."""

from typing import Any

import pytest

from erlmcp.client.param_headers import field_value, fields_for, param_headers

HEADER = "x-mcp-header"


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def marked(kind: str = "string", name: Any = "Region") -> dict[str, Any]:
    return {"type": kind, HEADER: name}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("us-west1", b"us-west1"),
        ("us west 1", b"us west 1"),
        ("", b""),
        ("Hello, 世界", b"=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", b"=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", b"=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", b"=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ],
)
def test_a_text_that_is_not_safe_goes_in_base64(text: str, value: bytes) -> None:
    assert field_value(text) == value


def test_values_are_repeated_as_their_type_says_and_what_is_absent_is_left_out() -> None:
    wanted = param_headers(
        schema(
            a=marked(),
            b=marked("integer", "N"),
            c=marked("boolean", "Yes"),
            d=marked(name="None"),
            e=schema(f=marked(name="Deep")),
        )
    )
    arguments = {"a": "x", "b": 42.0, "c": False, "d": None, "e": {"f": "y"}}
    assert list(fields_for(wanted, arguments)) == [
        (b"Mcp-Param-Region", b"x"),
        (b"Mcp-Param-N", b"42"),
        (b"Mcp-Param-Yes", b"false"),
        (b"Mcp-Param-Deep", b"y"),
    ]
    assert list(fields_for(wanted, {"e": 3})) == []


@pytest.mark.parametrize(
    ("spot", "why"),
    [
        (marked("number"), "only a string"),
        (marked("object"), "only a string"),
        (marked(name=""), "no header name"),
        (marked(name="a b"), "no header name"),
        (marked(name="a\r\nb"), "no header name"),
        (marked(name=7), "no header name"),
        ({"type": "array", "items": marked()}, "no chain of properties"),
        ({"anyOf": [marked()]}, "no chain of properties"),
        ({"type": "object", "$defs": {"a": marked()}}, "no chain of properties"),
    ],
)
def test_a_schema_that_breaks_the_rules_is_refused_with_the_reason(spot: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        param_headers(schema(a=spot))


def test_two_headers_of_one_name_are_refused_whatever_their_case() -> None:
    with pytest.raises(ValueError, match="twice"):
        param_headers(schema(a=marked(name="Region"), b=marked(name="REGION")))


def test_a_property_of_that_name_and_data_that_looks_like_it_are_none() -> None:
    assert param_headers(schema(**{HEADER: {"type": "string", "default": {HEADER: "x"}}})) == ()


def test_a_schema_that_nests_without_end_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"not": deep}
    with pytest.raises(ValueError, match="deeper"):
        param_headers(deep)
