"""The trace of a request: read where it is well formed, and nothing where it is not."""

import json
from typing import Any

import pytest

from erlmcp.mcp import Trace
from tests.mcp.author import context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def trace(**meta: Any) -> Trace | None:
    return context(params=json.dumps({"_meta": meta}).encode()).trace


def test_a_request_tells_the_trace_that_it_belongs_to():
    assert trace(traceparent=PARENT, tracestate="a=1,b=2", baggage="user=ada") == Trace(
        TRACE, SPAN, sampled=True, traceparent=PARENT, tracestate="a=1,b=2", baggage="user=ada"
    )
    unsampled = trace(traceparent=f"00-{TRACE}-{SPAN}-00")
    assert unsampled is not None
    assert not unsampled.sampled


def test_a_later_version_may_say_more_and_this_one_may_not():
    assert trace(traceparent=f"01-{TRACE}-{SPAN}-01-more") is not None
    assert trace(traceparent=f"00-{TRACE}-{SPAN}-01-more") is None


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "00",
        5,
        None,
        {},
        PARENT.upper(),
        PARENT + "0",
        " " + PARENT,
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_a_malformed_trace_is_none(malformed: Any):
    assert trace(traceparent=malformed, tracestate="a=1") is None


def test_no_trace_is_none():
    assert trace() is None
    assert context().trace is None


@pytest.mark.parametrize(("name", "limit"), [("tracestate", 512), ("baggage", 8192)])
def test_what_comes_along_is_kept_up_to_what_everybody_passes_on(name: str, limit: int):
    for size, kept in ((limit, "x" * limit), (limit + 1, "")):
        assert getattr(trace(traceparent=PARENT, **{name: "x" * size}), name) == kept


@pytest.mark.parametrize("value", [5, None, ["a"], "a\r\nInjected: 1", "é"])
def test_what_is_no_header_value_is_dropped(value: Any):
    told = trace(traceparent=PARENT, tracestate=value, baggage=value)
    assert told is not None
    assert (told.tracestate, told.baggage) == ("", "")
