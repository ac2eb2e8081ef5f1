"""The wire cases at the connection, without a socket: cut at every byte, on both twins, the outcome is the same."""

from types import ModuleType

import pytest

from erlmcp.http import Options, Request
from erlmcp.http.connection import Connection
from tests.wire.cases import Case, cases, payload
from tests.wire.stub import router
from tests.wire.twins import twins, use

FRAGMENTED = [case for case in cases() if case["fragment"]]
Outcome = list[object]


@pytest.fixture(params=twins().values(), ids=twins())
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    use(request.param, monkeypatch)
    return request.param


def outcome(parts: list[bytes]) -> Outcome:
    """The requests read, and the status of the refusal that ended them, if one did."""
    connection = Connection(Options())
    events: Outcome = []
    for part in parts:
        connection.receive(part)
        events += unread(connection)
    return events


def taken(data: bytes) -> Outcome:
    """The same for bytes that come while nothing is unread."""
    connection = Connection(Options())
    request = connection.take(data)
    return unread(connection) if request is None else [request]


def unread(connection: Connection) -> Outcome:
    events: Outcome = []
    while (event := connection.next()) is not None or connection.more:
        if event is not None:
            events.append(event if isinstance(event, Request) else event.response.status)
    return events


def status(event: object) -> str:
    """What a router and its guards would have answered."""
    if not isinstance(event, Request):
        return str(event)
    route, response = router().match(event)
    guarded = (guard(event) for guard in route.guards) if route else ()
    return str((response or next(filter(None, guarded), None) or route.handler(event)).status)


@pytest.mark.parametrize("case", FRAGMENTED, ids=lambda case: case["id"])
def test_a_case_has_one_outcome_however_it_is_cut(case: Case, twin: ModuleType) -> None:
    data = payload(case)
    whole = outcome([data])
    assert outcome([data[at : at + 1] for at in range(len(data))]) == whole
    for at in range(1, len(data)):
        assert outcome([data[:at], data[at:]]) == whole, f"cut at {at}"


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_a_case_has_the_same_outcome_when_it_is_taken_in_one_step(case: Case, twin: ModuleType) -> None:
    assert taken(payload(case)) == outcome([payload(case)])


@pytest.mark.parametrize("case", FRAGMENTED, ids=lambda case: case["id"])
def test_both_twins_read_the_same_from_a_case(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = []
    for each in twins().values():
        use(each, monkeypatch)
        outcomes.append(outcome([payload(case)]))
    assert outcomes == [outcomes[0]] * len(outcomes)


@pytest.mark.parametrize("case", [case for case in FRAGMENTED if case["category"] != "mcp-http"], ids=lambda c: c["id"])
def test_a_case_is_answered_as_it_expects(case: Case, twin: ModuleType) -> None:
    statuses = [status(event) for event in outcome([payload(case)])]
    assert (statuses or ["close"])[0] in case["expect"]
    assert len(statuses) <= case.get("max_responses", len(statuses))


def test_no_case_was_left_out() -> None:
    assert len(cases()) == 163
    assert len({case["id"] for case in cases()}) == 163
