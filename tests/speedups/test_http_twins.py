"""Both twins of the HTTP framing give the same outcome for any input, wherever it is cut."""

from types import ModuleType

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.speedups.framing import LIMITS, MOST, outcome
from tests.wire.cases import cases, payload
from tests.wire.twins import twins

HEADS = [payload(case) for case in cases() if len(payload(case)) < 2000 and payload(case)]
PIECES = [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b"%", b"%41", b"\0", b"\x7f", b"\xff", b"?", b"/",
b"*", b"#", b"[", b"]", b",", b"0",
          b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: a\r\n", b"Connection: close\r\n",
          b"Expect: 100-continue\r\n",
          b"HTTP/1.0", b"99999999999999999999", b";a=b", b'"']  # fmt: skip
CHUNKS = [
    b"5\r\nhello\r\n0\r\n\r\n",
    b'5;a=b;c="d\\""\r\nhello\r\n0\r\nX: y\r\n\r\n',
    b"1\r\na\r\n00\r\nA: b\r\nC: d\r\n\r\nGET",
    b"3e8\r\n",
]


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One of the seeds with up to three changes."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 10]))
        data[at : at + gone] = draw(st.sampled_from(PIECES) | st.binary(max_size=2))
    return bytes(data)


def agree(outcomes: list[object]) -> bool:
    return outcomes == [outcomes[0]] * len(outcomes)


@given(mutated(HEADS), st.integers(0, 2000), st.sampled_from([LIMITS, (60, 300, 5)]))
@settings(max_examples=400, deadline=None)
def test_both_twins_give_the_same_outcome_for_a_head_wherever_it_is_cut(
    data: bytes, cut: int, limits: tuple[int, int, int]
) -> None:
    outcomes: list[object] = []
    for each in twins().values():
        outcomes.append(outcome(each.parse_head, data, 0, 0, *limits))
        outcomes.append(outcome(each.parse_head, bytearray(data), 0, 0, *limits))
        first = outcome(each.parse_head, data[:cut], 0, 0, *limits)
        if first is None:
            first = outcome(each.parse_head, bytearray(data), 0, min(cut, len(data)), *limits)
        outcomes.append(first)
    assert agree(outcomes)


def body_of(twin: ModuleType, parts: list[bytes]) -> object:
    """What a chunked body in these pieces comes to: the body, None while it is not whole, or a status."""
    buffer, at, left, scanned, body = bytearray(), 0, 0, 0, b""
    for part in parts:
        buffer += part
        while left >= 0 and (step := twin.next_chunk(buffer, at, left, MOST)) is not None:
            at, start, end, left, _ = step
            body, scanned = body + bytes(buffer[start:end]), at
        if left < 0:
            end = twin.skip_trailer(buffer, at, scanned)
            scanned = len(buffer)
            if end is not None:
                return body
    return None


@given(mutated(CHUNKS), st.integers(0, 200))
@settings(max_examples=400, deadline=None)
def test_both_twins_give_the_same_outcome_for_a_chunked_body_wherever_it_is_cut(data: bytes, cut: int) -> None:
    cuts = [[data], [data[:cut], data[cut:]], [data[at : at + 1] for at in range(len(data))]]
    assert agree([outcome(body_of, each, parts) for each in twins().values() for parts in cuts])


@given(
    st.integers(100, 999),
    st.binary(max_size=5),
    st.integers(-2, 10**12),
    st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=12)), max_size=3).map(tuple),
)
@settings(max_examples=300, deadline=None)
def test_both_twins_write_the_same_response(
    status: int, content_type: bytes, length: int, fields: tuple[tuple[bytes, bytes], ...]
) -> None:
    outcomes: list[object] = []
    for each in twins().values():
        try:
            outcomes.append(each.encode_head(status, content_type, length, fields, b"Date: x\r\n", b"body"))
        except ValueError:
            outcomes.append(ValueError)
    assert agree(outcomes)
