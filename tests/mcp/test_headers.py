"""Media types, and the values of mirroring headers."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.mcp.headers import acceptable, is_json, literal, refuse_media
from tests.mcp.posts import BOTH

JSON = {b"content-type": b"application/json"}


@pytest.mark.parametrize(
    "accept",
    [
        BOTH,
        b"text/event-stream,application/json",
        b"*/*",
        b"application/*, text/*",
        b"application/json;q=0.5, text/event-stream;q=0.1",
        b"APPLICATION/JSON, Text/Event-Stream",
        b"text/html, */*;q=0.1",
        b"application/json, text/event-stream;charset=utf-8",
        b"",
    ],
)
def test_a_client_that_takes_json_and_events_is_served(accept):
    assert acceptable(accept)


@pytest.mark.parametrize(
    "accept",
    [
        b"application/json",
        b"text/event-stream",
        b"text/html",
        b"application/*",
        b"text/*",
        b"application/json, text/event-stream;q=0",
        b"*/*, application/json;q=0.000",
        b"*/*;q=0",
        b"application/jsonx, text/event-stream",
        b",,;",
    ],
)
def test_a_client_that_can_not_read_one_of_our_two_answers_is_refused(accept):
    assert not acceptable(accept)
    answer = refuse_media(JSON | {b"accept": accept})
    assert answer is not None
    assert answer.status == 406


def test_a_client_that_names_no_type_takes_any():
    assert refuse_media(JSON) is None


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"application/json ; charset = utf-8 ;",
    ],
)
def test_json_in_utf_8_is_read(content_type):
    assert is_json(content_type)
    assert refuse_media({b"content-type": content_type}) is None


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"text/plain",
        b"application/json; charset=utf-16",
        b"application/jsonp",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=application/json",
        b"application/json, application/json",
    ],
)
def test_any_other_body_is_refused_and_told_what_is_wanted(content_type):
    answer = refuse_media({b"content-type": content_type})
    assert answer is not None
    assert (answer.status, answer.headers) == (415, ((b"accept", b"application/json"),))


def test_a_body_without_a_type_is_refused():
    answer = refuse_media({})
    assert answer is not None
    assert answer.status == 415


def test_a_compressed_body_is_refused_and_identity_is_not():
    answer = refuse_media(JSON | {b"content-encoding": b"gzip"})
    assert answer is not None
    assert (answer.status, answer.headers) == (415, ((b"accept-encoding", b"identity"),))
    assert refuse_media(JSON | {b"content-encoding": b"Identity"}) is None


@given(st.text())
def test_base64_in_the_sentinel_stands_for_its_text(text):
    encoded = base64.b64encode(text.encode("utf-8", "ignore"))
    assert literal(b"=?base64?" + encoded + b"?=") == text.encode("utf-8", "ignore").decode()


@pytest.mark.parametrize(
    "value",
    [
        b"=?base64?b3RoZXI?=",  # no padding
        b"=?base64?b3RoZXJ=?=",  # trailing bits that are not zero
        b"=?base64?b3Ro ZXI=?=",
        b"=?base64?b3RoZXI==?=",
        b"=?base64?_w==?=",  # the other alphabet
        b"=?base64?/w==?=",  # not UTF-8
        b"caf\xc3\xa9",  # not ASCII and not encoded
    ],
)
def test_a_malformed_value_stands_for_nothing(value):
    assert literal(value) is None


@pytest.mark.parametrize(
    "value", [b"=?BASE64?b3RoZXI=?=", b"=?base64?b3RoZXI=", b"b3RoZXI=?=", b"=?base64?=", b"", b"a b\tc"]
)
def test_a_value_without_both_markers_is_literal(value):
    assert literal(value) == value.decode()


@given(st.binary())
def test_no_bytes_make_a_header_question_fail(value):
    literal(value)
    acceptable(value)
    is_json(value)
