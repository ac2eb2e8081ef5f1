"""What a log line looks like, and what it must never show."""

import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.telemetry.lines import (
    AccessEntry,
    Entry,
    human,
    human_access,
    json_bound,
    json_line,
    masked,
    timestamp,
)

NOON = 1_795_521_600.1239  # 2026-11-24T12:00:00.123Z


def entry(message: str, level: str = "info", **fields: object) -> Entry:
    return Entry(NOON, level, "erlmcp.node", message, message, fields)


def access(method: bytes = b"POST", path: bytes = b"/mcp", request_id: bytes | None = None) -> AccessEntry:
    return AccessEntry(100.0, 0.00041, method, path, 200, 230, "127.0.0.1:40000", request_id)


def one_human(entry: AccessEntry) -> str:
    return human_access([entry], 0.0, b"").decode()


def test_a_time_is_rfc_3339_in_utc_with_milliseconds():
    assert timestamp(NOON) == "2026-11-24T12:00:00.123Z"


def test_a_json_line_is_one_object_with_the_agreed_fields():
    line = json_line(entry("ready", request_id="r-1", took=3), {"worker": 2})
    assert line.endswith("}\n")
    assert json.loads(line) == {
        "ts": "2026-11-24T12:00:00.123Z",
        "level": "info",
        "logger": "erlmcp.node",
        "msg": "ready",
        "worker": 2,
        "request_id": "r-1",
        "took": 3,
    }


def test_extras_can_not_pose_as_the_agreed_fields():
    assert json.loads(json_line(entry("ready", level="x", ts="never"), {}))["ts"] == "2026-11-24T12:00:00.123Z"


def test_a_human_line_has_the_same_in_words():
    assert human(entry("ready", "warning", took=3), {"worker": 2}) == (
        "2026-11-24T12:00:00.123Z WARNING erlmcp.node  ready worker=2 took=3\n"
    )


def test_a_traceback_is_a_field_for_machines_and_indented_lines_for_people():
    try:
        raise RuntimeError("no token=abc here")
    except RuntimeError:
        crash = entry("crashed", "error")
        crash.exc_info = sys.exc_info()  # type: ignore[assignment]
    exception = json.loads(json_line(crash, {}))["exception"]
    assert exception.startswith("Traceback (most recent call last):")
    assert exception.endswith("RuntimeError: no token=*** here")
    first, *rest = human(crash, {}).splitlines()
    assert first.endswith("crashed")
    assert all(row.startswith("    ") for row in rest)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer eyJhbGciOi.J9.x-y_z", "Authorization: Bearer ***"),
        ("sent basic dXNlcjpwYXNz", "sent basic ***"),
        ("password=hunter2 user=bob", "password=*** user=bob"),
        ('{"api_key": "k-1", "a": 1}', '{"api_key": "***", "a": 1}'),
        ("postgres://erl:geheim@db/x", "postgres://erl:***@db/x"),
        ("GET /x?access_token=abc&b=1", "GET /x?access_token=***&b=1"),
        ("3 tokens of text, basic idea", "3 tokens of text, basic ***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_what_looks_like_a_credential_is_masked(text: str, shown: str):
    assert masked(text) == shown


@pytest.mark.parametrize(
    "name", ["authorization", "Cookie", "db_password", "access_token", "X-Api-Key", "client_secret"]
)
def test_a_field_named_like_a_secret_is_masked_whatever_it_holds(name: str):
    assert "abc" not in json_line(entry("x", **{name: "abc"}), {}) + human(entry("x", **{name: "abc"}), {})


def test_bound_fields_are_made_ready_to_insert():
    assert (json_bound({"worker": 2, "name": "a"}), json_bound({})) == (b',"worker":2,"name":"a"', b"")


def test_an_access_line_for_people():
    assert one_human(access()) == (
        "1970-01-01T00:01:40.000Z INFO    erlmcp.access  127.0.0.1:40000 POST /mcp 200 230B 0.410ms\n"
    )


@given(st.binary(max_size=700), st.binary(max_size=20), st.binary(max_size=20))
def test_no_bytes_of_a_peer_break_an_access_line_for_people(path: bytes, method: bytes, name: bytes):
    spoken = one_human(access(method, path, name))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", spoken)
    assert spoken.count("\n") == 1


@given(st.text(st.characters()), st.text(st.characters()), st.integers())
def test_no_text_breaks_a_line(message: str, field: str, number: int):
    record = entry(message, field=field, number=number)
    line = json_line(record, {})
    assert line.count("\n") == 1
    assert json.loads(line)["logger"] == "erlmcp.node"
    spoken = human(record, {})
    assert spoken.count("\n") == 1
    assert "\x1b" not in spoken
