"""Server-sent events: what WHATWG HTML 9.2.6 says of every line, whatever the cuts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.client.errors import Garbled
from erlmcp.client.events import Event, EventReader


def read(*chunks: bytes, limit: int = 1000) -> list[Event]:
    reader = EventReader(limit)
    return [event for chunk in chunks for event in reader.feed(chunk)]


def data(*chunks: bytes) -> list[bytes]:
    return [event.data for event in read(*chunks)]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_may_end_in_three_ways(end: bytes) -> None:
    assert data(b"data: a" + end + b"data: b" + end + end + b"data: c" + end + end) == [b"a\nb", b"c"]


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (b"data:a\n\n", [b"a"]),
        (b"data: a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data\n\n", [b""]),
        (b"data\ndata\n\n", [b"\n"]),
        (b": comment\n\ndata: a\n: in between\n\n", [b"a"]),
        (b"event: x\n\n", []),
        (b"data: never ended\n", []),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\nother: b\ndatax: c\n\n", [b"a"]),
    ],
)
def test_a_stream_means_what_the_standard_says(text: bytes, events: list[bytes]) -> None:
    assert data(text) == events


def test_the_id_stays_until_another_one_comes_and_is_taken_over_with_its_event() -> None:
    reader = EventReader(1000)
    reader.feed(b"id: 1\ndata: a\n\ndata: b\n\n")
    assert reader.last_id == b"1"
    reader.feed(b"id: 2\n")
    assert reader.last_id == b"1"
    reader.feed(b"\n")
    assert reader.last_id == b"2"
    reader.feed(b"id: 3\0\n\nid\n\n")
    assert reader.last_id == b""


def test_retry_is_digits_and_has_an_end() -> None:
    reader = EventReader(1000)
    reader.feed(b"retry: soon\n\n")
    assert reader.retry is None
    reader.feed(b"retry: 250\n\n")
    assert reader.retry == 0.25
    reader.feed(b"retry: 99999999999999999999\n\n")
    assert reader.retry == 60


def test_a_name_is_the_events_own() -> None:
    assert read(b"event: endpoint\ndata: a\n\ndata: b\n\n") == [Event(b"a", b"endpoint"), Event(b"b")]


def test_an_event_has_a_largest_size() -> None:
    assert data(b"data: " + b"x" * 993 + b"\n\n") == [b"x" * 993]
    with pytest.raises(Garbled, match="more than 1000 bytes"):
        read(b"data: " + b"x" * 1000 + b"\n\n")


def test_a_line_without_an_end_is_refused_at_the_limit() -> None:
    with pytest.raises(Garbled, match="more than 1000 bytes"):
        read(*[b"x" * 100] * 11)


def test_any_number_of_keep_alives_is_no_event() -> None:
    assert read(*[b": waiting\n"] * 1000, *[b":\r", b"\n"] * 1000) == []


@given(
    st.lists(
        st.sampled_from([b"data: a", b"data:", b"id: 1", b"retry: 5", b": c", b"event: e", b"\n", b"\r", b"\r\n"])
    ),
    st.data(),
)
def test_cuts_change_nothing(parts: list[bytes], cuts: st.DataObject) -> None:
    text = b"".join(parts)
    whole, pieces = EventReader(1000), EventReader(1000)
    expected = whole.feed(text)
    got: list[Event] = []
    while text:
        at = cuts.draw(st.integers(1, len(text)))
        got += pieces.feed(text[:at])
        text = text[at:]
    assert (got, pieces.last_id, pieces.retry) == (expected, whole.last_id, whole.retry)
