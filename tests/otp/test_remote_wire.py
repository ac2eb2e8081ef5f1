"""Frames are the same in whatever pieces they arrive, and what is no frame of ours ends the connection."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.otp import TooLarge
from erlmcp.otp.remote_ring import Ring
from erlmcp.otp.remote_wire import (
    LENGTH,
    BrokenWire,
    Call,
    Cast,
    Cutter,
    Drop,
    Fault,
    Goodbye,
    Hello,
    Kind,
    Message,
    Publish,
    Refusal,
    Reply,
    Subscribe,
    Subscribed,
    Welcome,
    hub_decoder,
    link_decoder,
    put,
)

LIMIT = 1000
payloads = st.binary(max_size=300)
from_link = st.one_of(
    st.builds(Call, st.integers(1, 2**40), st.text(max_size=8), st.integers(0, 10**6), payloads),
    st.builds(Hello, st.just(1), st.text(max_size=8), st.integers(0, 2**63), st.just(0), st.just(("a", "b"))),
    st.builds(Cast, st.text(max_size=8), payloads),
    st.builds(Drop, st.integers(1, 100)),
    st.builds(Subscribe, st.text(max_size=8)),
    st.builds(Publish, st.text(max_size=8), payloads),
)
from_hub = st.one_of(
    st.builds(Reply, st.integers(1, 2**40), payloads),
    st.builds(Fault, st.integers(1, 100), st.sampled_from(Kind), st.text(max_size=8)),
    st.builds(Message, st.integers(1, 2**40), st.text(max_size=8), payloads),
    st.builds(Welcome, st.just(1), st.integers(0, 2**63), st.integers(0, 9), st.booleans()),
    st.builds(Subscribed, st.text(max_size=8)),
    st.builds(Refusal, st.text(max_size=8)),
    st.builds(Goodbye),
)


def framed(*frames: msgspec.Struct, limit: int = LIMIT) -> bytes:
    buffer = bytearray()
    for frame in frames:
        put(frame, buffer, limit)
    return bytes(buffer)


@given(st.data())
def test_frames_are_the_same_whatever_pieces_they_arrive_in(data: st.DataObject):
    frames, decoder = data.draw(
        st.one_of(
            st.tuples(st.lists(from_link, max_size=6), st.just(hub_decoder)),
            st.tuples(st.lists(from_hub, max_size=6), st.just(link_decoder)),
        )
    )
    stream = framed(*frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    cutter = Cutter(decoder, LIMIT)
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += cutter.cut(stream[start:end])
    assert found == frames


def test_a_stream_can_be_cut_at_every_byte():
    frames = [Call(1, "till", 50, b"x" * 40), Cast("till", b""), Drop(1)]
    cutter = Cutter(hub_decoder, LIMIT)
    found = [frame for byte in framed(*frames) for frame in cutter.cut(bytes([byte]))]
    assert found == frames


def test_a_frame_may_be_as_long_as_the_limit_and_no_longer_on_both_sides():
    payload = b"x" * 900
    size = len(framed(Reply(1, payload))) - 4
    exact = framed(Reply(1, payload), limit=size)
    assert Cutter(link_decoder, size).cut(exact) == [Reply(1, payload)]
    with pytest.raises(BrokenWire, match=f"a frame of {size} bytes; at most {size - 1} are taken"):
        Cutter(link_decoder, size - 1).cut(exact)
    buffer = bytearray(b"before")
    with pytest.raises(TooLarge, match=f"a frame of {size} bytes is larger than the {size - 1} that fit"):
        put(Reply(1, payload), buffer, size - 1)
    assert buffer == b"before"


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x92\x07", msgspec.msgpack.encode([99, 1]), b"\x80"])
def test_a_frame_that_is_none_of_ours_breaks_the_wire(body: bytes):
    with pytest.raises(BrokenWire, match="a frame that is none"):
        Cutter(hub_decoder, LIMIT).cut(LENGTH.pack(len(body)) + body)


def test_a_ring_gives_what_came_after_the_last_seen():
    ring = Ring(3, 1000)
    messages = [ring.add("topic", bytes([n])) for n in range(3)]
    assert [ring.since(seen) for seen in range(4)] == [messages, messages[1:], messages[2:], []]


def test_a_ring_that_has_forgotten_says_so():
    ring = Ring(3, 1000)
    for n in range(4):
        ring.add("topic", bytes([n]))
    assert ring.since(0) is None
    assert [message.payload for message in ring.since(1) or ()] == [b"\1", b"\2", b"\3"]
    assert ring.since(5) is None  # of another hub


def test_a_ring_is_bounded_in_bytes_too():
    ring = Ring(100, 10)
    ring.add("topic", b"x" * 5)
    ring.add("topic", b"y" * 5)
    assert len(ring.since(0) or ()) == 2
    ring.add("topic", b"z")
    assert ring.since(0) is None
    assert [message.payload for message in ring.since(1) or ()] == [b"y" * 5, b"z"]


def test_a_ring_keeps_the_last_message_of_a_topic_that_asked_for_it():
    ring = Ring(1, 1000)
    ring.add("state", b"old", keep=True)
    kept = ring.add("state", b"new", keep=True)
    ring.add("state", b"passing")
    assert ring.kept("state") == kept
    assert ring.kept("other") is None
