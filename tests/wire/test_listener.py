"""The wire cases over a socket, against a real listener in this process: whole, and cut in five places."""

import asyncio
from types import ModuleType

import pytest

from erlmcp.http import Options
from tests.wire.cases import Case, cases, payload
from tests.wire.runner import run_case
from tests.wire.stub import serving
from tests.wire.twins import twins, use

AT_ONCE = 60  # connections
CUTS = 5
HTTP_CASES = [case for case in cases() if case["category"] != "mcp-http"]


@pytest.fixture(params=twins().values(), ids=twins())
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    use(request.param, monkeypatch)
    return request.param


def runs(case: Case) -> list[int | None]:
    """Where to cut: nowhere, and for a fragmentable case at five places spread over it."""
    size = len(payload(case))
    return [None] + [size * part // (CUTS + 1) for part in range(1, CUTS + 1) if case["fragment"]]


async def problems_of(chosen: list[Case], port: int, deadline: float | None = None) -> dict[str, list[str]]:
    """What is wrong with which case, where it was cut."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case, cut: int | None) -> tuple[str, list[str]]:
        async with gate:
            return f"{case['id']} cut at {cut}", await run_case(case, "127.0.0.1", port, cut, deadline)

    results = await asyncio.gather(*(one(case, cut) for case in chosen for cut in runs(case)))
    return {name: problems for name, problems in results if problems}


async def test_every_case_is_answered_as_it_expects(twin: ModuleType) -> None:
    async with serving(Options()) as (_listener, port):
        assert await problems_of([case for case in HTTP_CASES if not case.get("slow")], port) == {}


async def test_slow_clients_are_dropped_at_their_deadline(twin: ModuleType) -> None:
    options = Options(head_timeout=1.0, body_timeout=1.0, body_timeout_cap=2.0)
    async with serving(options) as (_listener, port):
        assert await problems_of([case for case in HTTP_CASES if case.get("slow")], port, deadline=5.0) == {}
