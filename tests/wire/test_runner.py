"""The runner itself: a case that is answered otherwise than it expects is reported, whatever the difference."""

import pytest

from erlmcp.http import Options
from tests.wire.cases import Case
from tests.wire.runner import parse, run_case
from tests.wire.stub import serving

GET = "R0VUIC9oZWFsdGggSFRUUC8xLjENCkhvc3Q6IGxvY2FsaG9zdDo4MDgwDQoNCg=="
GOOD: Case = {"id": "X", "bytes_b64": GET, "expect": ["200"], "after": "open"}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"expect": ["400"]}, "first answer 200"),
        ({"after": "close"}, "did not close"),
        ({"max_responses": 0}, "at most 0"),
        ({"sequences": [["200", "200"]]}, "match none"),
        ({"sequences": [["200", "close"]]}, "match none"),
        ({"forbid": ["healthy"]}, "contains 'healthy'"),
        ({"require": ["allow:"]}, "lacks 'allow:'"),
        ({"json_id": 7}, "id is not 7"),
        ({"json_id_if_200": 7}, "id is not 7"),
        ({"rpc_error": [-32600]}, "error code None"),
        ({"json_ids": [7]}, "ids [None]"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_what_differs_from_the_case_is_reported(changed: Case, problem: str) -> None:
    async with serving(Options()) as (_listener, port):
        assert await run_case(GOOD, "127.0.0.1", port) == []
        problems = await run_case(GOOD | changed, "127.0.0.1", port)
    assert any(problem in line for line in problems), problems


def test_interim_and_final_responses_are_told_apart() -> None:
    finals, interims, fault = parse(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTT", closed=False)
    assert ([answer.status for answer in finals], interims, fault) == ([204], [100], "")


def test_what_is_no_response_is_a_problem() -> None:
    assert parse(b"hello\r\n\r\n", closed=True)[2] == "no status line: 'hello'"
