"""RFC 8785, for what receipts are made of."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.tcps.canonical import MAX_INTEGER, canonical, fault

# RFC 8785 section 3.2.3, with numbers that are none of ours left out: the order of its keys is by UTF-16 code unit.
RFC_KEYS = {
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\U0001f600": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis",
}


def test_keys_are_sorted_by_utf16_code_unit_as_in_the_rfc():
    order = list(json.loads(canonical(RFC_KEYS), object_pairs_hook=dict).values())
    assert order == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 8785 section 3.2.2.2: what is escaped, and how; everything else stands for itself.
        ("\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/", '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ("\b\t\n\f\r\x00\x1f\x7f\u2028", '"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f\u2028"'),
        ([None, True, False], "[null,true,false]"),
        ([0, -1, MAX_INTEGER, -MAX_INTEGER], "[0,-1,9007199254740991,-9007199254740991]"),
        ({"b": {"d": 1, "c": []}, "a": ""}, '{"a":"","b":{"c":[],"d":1}}'),
        ({}, "{}"),
    ],
)
def test_texts_numbers_and_literals_are_written_as_the_rfc_says(value, text):
    assert canonical(value) == text.encode()


def test_structs_are_written_as_their_fields_in_order_of_their_names():
    class Thing(msgspec.Struct):
        b: int
        a: str

    assert canonical(Thing(1, "x")) == b'{"a":"x","b":1}'


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def oracle(value):
    """The RFC, straight."""
    match value:
        case dict():
            keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
            return "{" + ",".join(f"{oracle(key)}:{oracle(value[key])}" for key in keys) + "}"
        case list():
            return "[" + ",".join(map(oracle, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@given(plain)
def test_any_plain_value_is_written_like_the_rfc_read_literally(value):
    assert fault(value, 20) is None
    assert canonical(value).decode() == oracle(value)
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.5, "write decimals as text"),
        ([1.0], "write decimals as text"),
        ({"a": {"b": float("nan")}}, "write decimals as text"),
        (MAX_INTEGER + 1, "beyond 2^53-1"),
        (-MAX_INTEGER - 1, "beyond 2^53-1"),
        pytest.param(10**5000, "a number beyond all bounds is beyond 2^53-1", id="huge"),
        ("\ud800", "half of a surrogate pair"),
        ({"\udfff": 1}, "half of a surrogate pair"),
        ({1: 2}, "the key 1 is no text"),
        ({"a": {1, 2}}, "a set is no JSON"),
        ([[[]]], "nested too deep"),
        ([[{}]], "nested too deep"),
    ],
)
def test_what_cannot_be_written_is_named(value, words):
    assert words in fault(value, 2)


def test_nesting_is_bounded_on_both_sides():
    assert fault([[1]], 2) is None
    assert fault([[1]], 1) == "it is nested too deep"
