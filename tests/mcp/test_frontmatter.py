"""The frontmatter of a skill: YAML as every host reads it, or a sentence that says what is wrong."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.mcp.frontmatter import DEPTH_LIMIT, FRONTMATTER_LIMIT, parse_frontmatter


def of(yaml: str) -> object:
    return parse_frontmatter(f"---\n{yaml}\n---\n# Text\n")


def test_frontmatter_is_what_stands_between_the_two_fences():
    assert parse_frontmatter("---\nname: a\n---\n---\nname: b\n---\n") == {"name": "a"}


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm():
    assert parse_frontmatter("\ufeff---\r\nname: a\r\nwhat: b\r\n--- \r\ntext") == {"name": "a", "what": "b"}


def test_nested_values_and_block_texts_are_kept():
    assert of("a: |\n  one\n  two\nb: >-\n  one\n  two\nc: {d: [1, 'x']}\ne:\n- f\n- g: h") == {
        "a": "one\ntwo\n",
        "b": "one two",
        "c": {"d": [1, "x"]},
        "e": ["f", {"g": "h"}],
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("Null", None),
        ("12", 12),
        ("-12", -12),
        ("010", 10),
        ("0o17", 15),
        ("0xfF", 255),
        ("1.0", 1.0),
        ("-.5e3", -500.0),
        ("1e3", 1000.0),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object):
    assert of(f"a: {text}") == {"a": value}
    assert type(of(f"a: {text}")["a"]) is type(value)  # type: ignore[index]


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "2026-01-01", "1_000", "190:20:30", "0b1", "1.0.0", "=", "<<"]
)
def test_what_only_yaml_1_1_reads_as_something_else_stays_text(text: str):
    assert of(f"a: {text}") == {"a": text}


def test_a_quoted_scalar_is_text():
    assert of("a: '12'\nb: \"true\"\nc: ''") == {"a": "12", "b": "true", "c": ""}


@pytest.mark.parametrize(
    ("yaml", "reason"),
    [
        ("a: &x 1\nb: *x", "an anchor or an alias, line 2"),
        ("a: *x", "an anchor or an alias, line 2"),
        ("a: 1\na: 2", "the key 'a' is there twice, line 3"),
        ("1: 2", "a key that is no text; quote it, line 2"),
        ("[1]: 2", "a key that is no text"),
        ("a: !!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system, line 2"),
        ("a: !!binary aGk=", "the tag tag:yaml.org,2002:binary"),
        ("a: !mine x", "the tag !mine"),
        ("a: !!int x", "a int that does not look like one"),
        ("a: !!str [1]", "a tag on what is no text"),
        ("a: .inf", ".inf, which is no number in JSON; quote it, line 2"),
        ("a: .nan", ".nan, which is no number in JSON"),
        ("a: [1", "not the YAML we take"),
        ("a: " + "[" * 5000, f"more than {DEPTH_LIMIT} levels of nesting, line 2"),
        ("a: \x07", "not the YAML we take"),
        ("- a", "must be a mapping"),
        ("", "must be a mapping"),
    ],
)
def test_what_is_not_taken_is_told_with_its_line(yaml: str, reason: str):
    with pytest.raises(ValueError) as fault:  # noqa: PT011 - what it says comes next
        of(yaml)
    assert reason in str(fault.value)


@pytest.mark.parametrize("text", ["# Text\n", "---\nname: a\n", "", "\n---\nname: a\n---\n", "----\na: b\n---\n"])
def test_a_text_without_two_fences_has_no_frontmatter(text: str):
    with pytest.raises(ValueError, match="must begin with frontmatter"):
        parse_frontmatter(text)


def test_frontmatter_may_be_as_large_as_its_limit_and_no_larger():
    filler = "a: " + "x" * (FRONTMATTER_LIMIT - len("a: \n"))
    assert of(filler) == {"a": filler[3:]}
    with pytest.raises(ValueError, match=f"{FRONTMATTER_LIMIT + 1} bytes; {FRONTMATTER_LIMIT} is the most"):
        of(filler + "x")


def test_frontmatter_may_be_as_deep_as_its_limit_and_no_deeper():
    depth = DEPTH_LIMIT - 2  # the mapping and its text are the others
    assert of("a: " + "[" * depth + "x" + "]" * depth)
    with pytest.raises(ValueError, match=f"more than {DEPTH_LIMIT} levels"):
        of("a: " + "[" * (depth + 1) + "x" + "]" * (depth + 1))


@given(st.text(alphabet=st.sampled_from("ab01:-[]{}&*!|>'\"#~.%@ \n\t,?e"), max_size=80))
def test_any_text_gives_a_json_object_or_a_sentence(text: str):
    try:
        value = of(text)
    except ValueError as fault:
        assert str(fault)  # noqa: PT017 - either is right
        return
    assert msgspec.json.decode(msgspec.json.encode(value)) == value
