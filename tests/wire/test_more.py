"""Our own wire cases: at the connection on both twins, cut at every byte; whole, against a listener.

Against a real node they are in `test_node`.
"""

import asyncio
from types import ModuleType

import pytest

from erlmcp.http import Options
from tests.wire.cases import Case, cases, more_cases, payload
from tests.wire.runner import run_case
from tests.wire.stub import serving
from tests.wire.test_connection import outcome, status
from tests.wire.twins import twins, use

CASES = more_cases()
HTTP_CASES = [case for case in CASES if case["category"] != "mcp-http"]
FRAGMENTED = [case for case in HTTP_CASES if case["fragment"]]
CATEGORIES = sorted({case["category"] for case in FRAGMENTED})
AT_ONCE = 20  # connections: some cases are heavy, and each asks for /health within a second


@pytest.fixture(params=twins().values(), ids=twins())
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    use(request.param, monkeypatch)
    return request.param


async def problems_of(chosen: list[Case], port: int) -> dict[str, list[str]]:
    """What is wrong with which case."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> list[str]:
        async with gate:
            return await run_case(case, "127.0.0.1", port)

    results = await asyncio.gather(*map(one, chosen))
    return {case["id"]: problems for case, problems in zip(chosen, results, strict=True) if problems}


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_case_has_one_outcome_however_it_is_cut(category: str, twin: ModuleType) -> None:
    for case in FRAGMENTED:
        if case["category"] == category:
            data = payload(case)
            whole = outcome([data])
            assert outcome([data[at : at + 1] for at in range(len(data))]) == whole, case["id"]
            for at in range(1, len(data)):
                assert outcome([data[:at], data[at:]]) == whole, f"{case['id']} cut at {at}"


def test_both_twins_read_the_same_from_every_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for case in CASES:
        outcomes = []
        for each in twins().values():
            use(each, monkeypatch)
            outcomes.append(outcome([payload(case)]))
        assert outcomes == [outcomes[0]] * len(outcomes), case["id"]


def test_every_case_is_read_as_it_expects(twin: ModuleType) -> None:
    for case in FRAGMENTED:
        statuses = [status(event) for event in outcome([payload(case)])]
        assert (statuses or ["close"])[0] in case["expect"] or not statuses, case["id"]
        assert len(statuses) <= case.get("max_responses", len(statuses)), case["id"]


async def test_every_case_is_answered_by_a_listener_as_it_expects(twin: ModuleType) -> None:
    own_errors = {case["id"] for case in HTTP_CASES if "rpc_error" in case}  # the stub behind it is no MCP server
    chosen = [case for case in HTTP_CASES if not case.get("slow") and case["id"] not in own_errors]
    async with serving(Options()) as (_listener, port):
        assert await problems_of(chosen, port) == {}


def test_cases_have_names_of_their_own() -> None:
    names = [case["id"] for case in (*cases(), *CASES)]
    assert len(names) == len(set(names))
