"""The limits that an operator sets: what is refused as a setting, and that each holds on both sides."""

from typing import get_args

import msgspec
import pytest

from erlmcp.mcp import Options
from erlmcp.mcp.notices import LEVELS
from erlmcp.mcp.types import LogLevel
from tests.mcp.posts import endpoint, outcome, post

FREE = {"strict_initialize", "tool_rate_limit", "tool_max_concurrency"}


@pytest.mark.parametrize("name", [name for name in Options.__struct_fields__ if name not in FREE])
def test_a_limit_must_be_greater_than_nothing(name):
    assert getattr(Options(**{name: 1}), name) == 1
    with pytest.raises(msgspec.ValidationError, match=rf"{name} must be greater than 0|>= 1 - at `\$.{name}`"):
        msgspec.convert({name: 0}, Options)


def test_an_unknown_setting_is_refused():
    with pytest.raises(msgspec.ValidationError, match="unknown field `page_siez`"):
        msgspec.convert({"page_siez": 1}, Options)


def test_no_depth_is_allowed_that_the_decoder_refuses():
    most = endpoint(max_depth=msgspec.convert({"max_depth": 512}, Options).max_depth)
    body = b'{"jsonrpc":"2.0","id":1,"method":"nothing","params":{"a":%b1%b}}' % (b"[" * 510, b"]" * 510)
    assert outcome(most(post(body, {})))[1] == -32601
    with pytest.raises(msgspec.ValidationError, match="<= 512"):
        msgspec.convert({"max_depth": 513}, Options)


@pytest.mark.parametrize(("deep", "code"), [(8, -32601), (9, -32700)])
def test_a_body_nests_as_deep_as_it_may_and_no_deeper(deep, code):
    params = b'{"a":' * (deep - 1) + b"1" + b"}" * (deep - 1)
    body = b'{"jsonrpc":"2.0","id":1,"method":"nothing","params":%b}' % params
    assert outcome(endpoint(max_depth=8)(post(body, {})))[1] == code


def test_the_levels_of_the_wire_are_those_of_a_context():
    assert get_args(LogLevel) == LEVELS
