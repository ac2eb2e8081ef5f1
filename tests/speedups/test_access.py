"""The access log's lines, on both twins: what they say, and that no bytes of a peer break them."""

import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erlmcp._speedups import access as pure
from erlmcp._speedups.tables import ACCESS_PATH_MOST

try:
    from erlmcp._speedups import _access as compiled
except ImportError:
    compiled = None

TWINS = [pytest.param(pure, id="pure")]
TWINS.append(pytest.param(compiled, id="compiled", marks=pytest.mark.skipif(compiled is None, reason="not compiled")))
PEER = "127.0.0.1:40000"
SEEN = (100.0, 0.00041, b"POST", b"/mcp", 200, 230, PEER, b"r-1")


@pytest.fixture(params=TWINS)
def twin(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def values(twin: ModuleType, *exchange: Any, wall: float = 0.0, bound: bytes = b"") -> dict[str, Any]:
    return json.loads(twin.access_lines([exchange], wall, bound))


def test_a_line_is_the_same_object_as_json_would_make(twin: ModuleType) -> None:
    assert twin.access_lines([SEEN], 0.0, b',"worker":2').endswith(b"}\n")
    assert values(twin, *SEEN[:7], b'q"1', bound=b',"worker":2') == {
        "ts": "1970-01-01T00:01:40.000Z",
        "level": "info",
        "logger": "erlmcp.access",
        "msg": "request",
        "worker": 2,
        "peer": PEER,
        "method": "POST",
        "path": "/mcp",
        "status": 200,
        "bytes": 230,
        "ms": 0.41,
        "request_id": 'q"1',
    }


def test_no_exchange_gives_no_line(twin: ModuleType) -> None:
    assert twin.access_lines([], 0.0, b"") == b""


def test_lines_come_in_order_each_with_its_own_time(twin: ModuleType) -> None:
    ends = [100.0, 100.0, 100.25, 161.999, 3.5]
    lines = twin.access_lines([(end, *SEEN[1:]) for end in ends], 10.0, b"").splitlines()
    stamps = ["01:50.000", "01:50.000", "01:50.250", "02:51.999", "00:13.500"]
    assert [json.loads(line)["ts"] for line in lines] == [f"1970-01-01T00:{stamp}Z" for stamp in stamps]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "0.000"), (4.9e-7, "0.000"), (1.5e-6, "0.002"), (12.3456789, "12345.679")]
)
def test_what_it_took_is_told_in_milliseconds_to_the_microsecond(twin: ModuleType, seconds: float, shown: str) -> None:
    assert b'"ms":%b}' % shown.encode() in twin.access_lines([(1.0, seconds, *SEEN[2:7], None)], 0.0, b"")


@pytest.mark.parametrize("length", [ACCESS_PATH_MOST, ACCESS_PATH_MOST + 1])
def test_a_path_is_shown_up_to_its_limit_and_cut_with_a_mark_beyond(twin: ModuleType, length: int) -> None:
    path = values(twin, *SEEN[:3], b"/" * length, *SEEN[4:])["path"]
    assert path == "/" * ACCESS_PATH_MOST + "…" * (length > ACCESS_PATH_MOST)


texts = st.binary(max_size=ACCESS_PATH_MOST + 40) | st.text().map(str.encode)
times = st.floats(0, 1e9)
exchanges = st.tuples(
    times, times, texts, texts, st.integers(0, 999), st.integers(0, 2**62), st.just(PEER), st.none() | texts
)


@given(st.lists(exchanges, max_size=5), st.floats(0, 3e9))
@settings(deadline=None)
def test_whatever_a_peer_sends_each_line_is_json_and_both_twins_agree(seen: list[Any], wall: float) -> None:
    written = pure.access_lines(seen, wall, b"")
    assert written.count(b"\n") == len(seen)
    assert [json.loads(line)["bytes"] for line in written.splitlines()] == [one[5] for one in seen]
    assert compiled is None or compiled.access_lines(seen, wall, b"") == written


@pytest.mark.parametrize("odd", [{0: -1.5}, {1: -0.25}, {4: -1}, {5: -(2**40)}, {6: ""}])
def test_both_twins_agree_on_numbers_that_no_exchange_has(odd: dict[int, Any]) -> None:
    seen = [tuple(odd.get(place, value) for place, value in enumerate(SEEN))] * 2
    assert compiled is None or compiled.access_lines(seen, 1.0, b"") == pure.access_lines(seen, 1.0, b"")
