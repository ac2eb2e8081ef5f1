"""JSON-RPC framing, on both twins: what is JSON, where the members are, how deep, how fast it grows."""

import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from erlmcp._speedups import FramingError
from erlmcp._speedups import jsonrpc as pure
from erlmcp._speedups.tables import JSON_FEW_KEYS, JSON_MAX_DEPTH, JSON_MAX_DIGITS
from tests.speedups.json_vectors import ACCEPTED, REFUSED

try:
    from erlmcp._speedups import _jsonrpc as compiled
except ImportError:
    compiled = None

TWINS = [pytest.param(pure, id="pure")]
TWINS.append(pytest.param(compiled, id="compiled", marks=pytest.mark.skipif(compiled is None, reason="not compiled")))
both = pytest.mark.skipif(compiled is None, reason="not compiled")


@pytest.fixture(params=TWINS)
def twin(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def outcome(function: Any, *arguments: Any) -> Any:
    """A value, or a refusal as (status, reason): the only two things a twin may do with a complete text."""
    try:
        return function(*arguments)
    except FramingError as error:
        return error.status, error.reason


def refused(value: Any) -> bool:
    return len(value) == 2 and value[0] == 400 and isinstance(value[1], str)


def no_constant(name: str) -> None:
    raise ValueError(name)


def no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("twice")
    return dict(pairs)


def json_accepts(text: bytes) -> bool:
    """The standard library's view, made strict: UTF-8 only, no NaN, no name twice, no half of a surrogate pair."""
    try:
        value = json.loads(text.decode(), object_pairs_hook=no_twice, parse_constant=no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


# ---- the grammar


@pytest.mark.parametrize("text", ACCEPTED, ids=repr)
def test_what_rfc_8259_allows_is_accepted(twin, text):
    assert not refused(outcome(twin.scan, text, 64))
    assert not refused(outcome(twin.scan, b'{"x":%b}' % text, 64))
    assert not refused(outcome(twin.scan, b'[%b,{"y":%b}]' % (text, text), 64))
    assert json_accepts(text)


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:40]))
def test_what_rfc_8259_forbids_is_refused_wherever_it_stands(twin, text):
    assert refused(outcome(twin.scan, text, 64))
    if text.strip():
        assert refused(outcome(twin.scan, b'{"x":%b}' % text, 64))
        assert refused(outcome(twin.scan, b"[0,%b]" % text, 64))


@both
@pytest.mark.parametrize("text", ACCEPTED + REFUSED, ids=lambda text: repr(text[:40]))
def test_both_twins_say_the_same_of_every_beginning_of_a_text(text):
    text = text[:200]
    for end in range(len(text) + 1):
        assert outcome(compiled.scan, text[:end], 64) == outcome(pure.scan, text[:end], 64)


FRAGMENTS = [
    *b'"\\{}[],:0123456789-+.eEunltrfasdc \n\x00\x1f/'.decode(),
    "\xe9",
    "\u20ac",
    "\U0001f600",
    "true",
    "null",
]
FRAGMENTS += ["\\u0061", "\\ud83d", "\\ude00", '"a":', '"id":1,', '"a"', "{}", "[]", "[[", '{"a":{"b":', "12345678"]
fragments = st.lists(st.sampled_from(FRAGMENTS) | st.characters(codec="utf-8")).map(
    lambda parts: "".join(parts).encode()
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=12),
    max_leaves=20,
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A JSON text with a few bytes dropped, doubled or replaced."""
    text = json.dumps(draw(values), ensure_ascii=draw(st.booleans())).encode()
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        new = draw(st.sampled_from([part.encode() for part in FRAGMENTS] + [b"", b"\xff", b"\xc3", b"\xed\xa0\x80"]))
        text = text[:at] + new + text[at + draw(st.integers(0, 2)) :]
    return text


@both
@settings(deadline=None)
@given(st.binary(max_size=40) | fragments | spoilt(), st.sampled_from([1, 2, 3, 64]))
@example(b'{"\\u0061\\ud83d\\ude00":1}', 64)
def test_both_twins_give_the_same_outcome_for_the_same_bytes(text, depth):
    assert outcome(compiled.scan, text, depth) == outcome(pure.scan, text, depth)


@settings(deadline=None)
@given(fragments | spoilt())
def test_the_twins_accept_what_the_json_module_accepts(text):
    for twin in filter(None, (pure, compiled)):
        assert refused(outcome(twin.scan, text, 512)) is not json_accepts(text)


@settings(deadline=None)
@given(values, st.booleans())
def test_a_name_spelled_another_way_is_still_the_same_name(value, ascii_only):
    name = json.dumps("n\xe4me\n\U0001f600", ensure_ascii=ascii_only)
    other = '"\\u006e\\u00E4m\\u0065\\u000a\\uD83D\\uDE00"'
    text = f'{{{name}:{json.dumps(value)},"x":0,{other}:1}}'
    for twin in filter(None, (pure, compiled)):
        assert "occurs twice" in outcome(twin.scan, text.encode(), 512)[1]


# ---- the members


def test_the_members_of_a_message_come_out_as_raw_text(twin):
    body = (
        b' {"params" : {"a":[1, {"id":9}]} ,"id":"x\\n\xc3\xa9" , "method":\t"t\\/l", "jsonrpc":"2.0", "x":{"id":1}}\n'
    )
    assert twin.scan(body, 64) == (ord("{"), b'"2.0"', b'"x\\n\xc3\xa9"', b'"t\\/l"', b'{"a":[1, {"id":9}]}', False)


def test_absent_members_are_empty(twin):
    assert twin.scan(b"{}", 64) == (ord("{"), b"", b"", b"", b"", False)
    assert twin.scan(b'{"idx":1,"Method":2,"para":3}', 64) == (ord("{"), b"", b"", b"", b"", False)


def test_member_names_count_as_decoded(twin):
    body = b'{"\\u0069d":1,"\\u006dethod":"m","par\\u0061ms":{},"\\u006Asonrpc":"2.0"}'
    assert twin.scan(body, 64) == (ord("{"), b'"2.0"', b"1", b'"m"', b"{}", False)


@pytest.mark.parametrize("name", [b"result", b"error", b"\\u0065rror"])
def test_a_result_or_an_error_marks_a_reply(twin, name):
    assert twin.scan(b'{"id":1,"%b":null}' % name, 64) == (ord("{"), b"", b"1", b"", b"", True)


def test_only_the_root_object_has_members(twin):
    assert twin.scan(b'[{"id":1,"method":"m"}]', 64) == (ord("["), b"", b"", b"", b"", False)
    assert twin.scan(b'"id"', 64) == (ord('"'), b"", b"", b"", b"", False)


# ---- the limits


@pytest.mark.parametrize("depth", [1, 2, 64, JSON_MAX_DEPTH])
def test_depth_is_allowed_up_to_the_limit_and_refused_above(twin, depth):
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        fits = opening * (depth - 1) + b"[]" + closing * (depth - 1)
        assert not refused(outcome(twin.scan, fits, depth))
        above = outcome(twin.scan, opening * depth + b"[]" + closing * depth, depth)
        assert above == (400, f"nested deeper than {depth} levels at byte {len(opening) * depth}")


def test_a_hundred_thousand_open_arrays_are_refused_without_recursion(twin):
    text = b"[" * 100_000 + b"]" * 100_000
    assert outcome(twin.scan, text, 64) == (400, "nested deeper than 64 levels at byte 64")


@pytest.mark.parametrize("depth", [0, -1, JSON_MAX_DEPTH + 1])
def test_a_depth_limit_that_can_not_be_kept_is_a_fault_of_the_caller(twin, depth):
    with pytest.raises(ValueError, match=f"max_depth is {depth}, but must be 1 to {JSON_MAX_DEPTH}"):
        twin.scan(b"{}", depth)


def test_numbers_are_allowed_up_to_the_digits_that_python_converts(twin):
    longest = b"9" * JSON_MAX_DIGITS
    assert int(longest) > 0
    assert not refused(outcome(twin.scan, longest, 1))
    assert not refused(outcome(twin.scan, b"-" + longest, 1))
    assert outcome(twin.scan, b"[%b9]" % longest, 1) == (400, "the number at byte 1 is longer than 4300 digits")


@pytest.mark.parametrize("count", [2, JSON_FEW_KEYS, JSON_FEW_KEYS + 1, 33, 500])
def test_the_last_name_is_compared_with_the_first_however_many_there_are(twin, count):
    names = [f'"{k}":{k}' for k in range(count)]
    assert not refused(outcome(twin.scan, ("{" + ",".join(names) + "}").encode(), 8))
    text = "{" + ",".join([*names, '"\\u0030":0']) + "}"
    where = text.rindex('"\\u0030"')
    assert outcome(twin.scan, text.encode(), 8) == (400, f"the member name at byte {where} occurs twice in its object")


def test_names_may_repeat_in_different_objects(twin):
    row = "{" + ",".join(f'"{k}":{{"0":[{{"0":1}}]}}' for k in range(20)) + "}"
    assert not refused(outcome(twin.scan, f'[{row},{row},{{"a":{row}}}]'.encode(), 8))


@pytest.mark.parametrize(
    "unit",
    [b'"%08d":0,', b'"\\u0061%08d":0,', b'"%d":"\xe2\x82\xac\\n\\ud83d\\ude00",', b'"%d":[{},[],-1.5e3],'],
    ids=["names", "escaped names", "strings", "containers"],
)
def test_a_hundred_thousand_names_are_compared_without_comparing_all_pairs(twin, unit):
    text = b"{" + b"".join(unit % k for k in range(100_000)) + b'"z":0}'  # in pairs: five thousand million comparisons
    assert not refused(outcome(twin.scan, text, 8))


def test_four_mebibytes_are_scanned(twin):
    text = b'{"method":"m","params":{"a":"%b"}}' % (b"x" * (4 << 20))
    assert len(twin.scan(text, 64)[4]) == (4 << 20) + 8


# ---- lines and frames


def test_lines_are_split_at_lf_and_crlf_and_blank_ones_dropped(twin):
    assert twin.split_lines(b'{"a":1}\n{"b":2}\r\n\n\r\n{"c"', 100) == ([b'{"a":1}', b'{"b":2}'], b'{"c"')
    assert twin.split_lines(b"", 100) == ([], b"")
    assert twin.split_lines(b"a\rb\n\r", 100) == ([b"a\rb"], b"\r")


def test_a_line_is_allowed_up_to_the_limit_and_refused_above(twin):
    assert twin.split_lines(b"12345\n12345", 5) == ([b"12345"], b"12345")
    too_long = (400, "a line is longer than 5 bytes")
    assert outcome(twin.split_lines, b"123456\n", 5) == too_long
    assert outcome(twin.split_lines, b"123456", 5) == too_long


def test_lines_before_one_that_is_too_long_are_not_lost(twin):
    assert twin.split_lines(b"1\n2\n123456\n3\n", 5) == ([b"1", b"2"], b"123456\n3\n")
    assert twin.split_lines(b"1\n123456", 5) == ([b"1"], b"123456")


@both
@settings(deadline=None)
@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"bcd", b"efghij"])).map(b"".join), st.integers(1, 8))
def test_both_twins_split_lines_alike(buffer, limit):
    assert outcome(compiled.split_lines, buffer, limit) == outcome(pure.split_lines, buffer, limit)


def test_a_reply_is_framed_from_its_id_and_the_members_of_its_result(twin):
    assert twin.frame_reply(b'"x"', b'"content":[]') == b'{"jsonrpc":"2.0","id":"x","result":{"content":[]}}'
    assert twin.frame_reply(b"7", b"") == b'{"jsonrpc":"2.0","id":7,"result":{}}'
    assert twin.frame_reply(b"7", b'"a":1', b',"b":2') == b'{"jsonrpc":"2.0","id":7,"result":{"a":1,"b":2}}'


def test_an_event_has_one_data_line_whatever_the_json_looks_like(twin):
    assert twin.frame_event(b'{"a":1}') == b'data: {"a":1}\n\n'
    assert twin.frame_event(b'{\r\n"a":\n1\r}') == b'data: {  "a": 1 }\n\n'


@both
@settings(deadline=None)
@given(st.binary(), st.binary())
def test_both_twins_frame_alike(one, other):
    assert compiled.frame_reply(one, other) == pure.frame_reply(one, other)
    assert compiled.frame_reply(one, other, one) == pure.frame_reply(one, other, one)
    assert compiled.frame_event(one) == pure.frame_event(one)
