"""Every wire case, the MCP ones too, against `erlmcp serve --workers 2`: its default limits, its real endpoint.

Those that take no patience also against a node of the pure twins.
"""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.serving import serving
from tests.wire.cases import cases, more_cases
from tests.wire.runner import run_case
from tests.wire.test_listener import problems_of
from tests.wire.test_more import problems_of as problems_of_our_own

pytestmark = pytest.mark.slow
QUICK = [case for case in cases() if not case.get("slow")]
QUICK_OF_OUR_OWN = [case for case in more_cases() if not case.get("slow")]
SLOW = [case for case in (*cases(), *more_cases()) if case.get("slow")]
EITHER = pytest.mark.parametrize("port", [{}, {"ERLMCP_PURE": "1"}], ids=["usual", "pure"], indirect=True)


@pytest.fixture(scope="module")
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a node with these settings."""
    with serving("erlmcp.apps.hello:app", 2, tmp_path_factory.mktemp("node"), **request.param) as url:
        yield urlsplit(url).port or 0


@EITHER
async def test_every_case_is_answered_by_the_whole_stack_as_it_expects(port: int) -> None:
    assert await problems_of(QUICK, port) == {}


@EITHER
async def test_every_case_of_our_own_is_answered_by_the_whole_stack_as_it_expects(port: int) -> None:
    assert await problems_of_our_own(QUICK_OF_OUR_OWN, port) == {}


@pytest.mark.parametrize("port", [{}], ids=["usual"], indirect=True)
async def test_slow_clients_meet_the_default_deadlines(port: int) -> None:
    """All at once: the longest waits for half a minute."""
    problems = await asyncio.gather(*(run_case(case, "127.0.0.1", port) for case in SLOW))
    assert dict(zip([case["id"] for case in SLOW], problems, strict=True)) == {case["id"]: [] for case in SLOW}
