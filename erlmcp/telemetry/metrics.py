"""Counting what the doors report: one table look-up, one bucket search and two additions per observation.

`Metrics.exchange` is the HTTP listener's observer, `Metrics.call` the MCP endpoint's. Both write this worker's own slot
of the slab and nothing else; adding up over the workers is the scrape's work (`exposition`).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable

from msgspec import Struct

from erlmcp.http import Exchange
from erlmcp.telemetry.catalogue import CALLS, EXCHANGES, HTTP_METHODS, LOG_DROPPED, OPERATIONS, OTHER, TOOLS_MOST
from erlmcp.telemetry.slab import Slab, Table

__all__ = ["CallRows", "Labels", "Metrics"]

TOOL_CALL = "tools/call"
REMEMBERED = 4096  # combinations; an app that raises codes of its own invention must not grow the look-up for ever
FINE = frozenset(("ok", "input_required", "task"))  # outcomes that are no error; the last two: more is to come
OUTCOMES = {outcome: outcome for outcome in (*FINE, "tool_error")}  # any other outcome of a call is an error


class Labels(Struct, frozen=True):
    """The label values that exist, announced at start: route names, MCP methods, tools."""

    routes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


class Metrics:
    """This worker's counters, in slot number `slot` of the slab."""

    def __init__(self, slab: Slab, slot: int, labels: Labels) -> None:
        mine = slab.slots[slot]
        mine.claim()
        tables = mine.tables()
        self._cells = mine.cells
        self._dropped = _row(tables[LOG_DROPPED.name], ("",))
        self._dropped_before = 0
        #: `on_exchange` of an HTTP listener
        self.exchange: Callable[[Exchange], None] = _exchange_observer(
            mine.cells, mine.floats, ExchangeRows(tables[EXCHANGES.name], labels.routes)
        )
        #: `on_call` of an MCP endpoint: method, target, outcome (`ok`, `tool_error`, … or a code), seconds
        self.call: Callable[[str, str, str, float], None] = _call_observer(
            mine.cells, mine.floats, CallRows(tables[OPERATIONS.name], tables[CALLS.name], labels)
        )

    def lost_lines(self, total: int) -> None:
        """How many log lines this process has lost so far."""
        self._cells[self._dropped] += total - self._dropped_before
        self._dropped_before = total


def _row(table: Table, labels: tuple[str, ...]) -> int:
    """The row of these labels, or the one of `other` in every label, which every table keeps free for this."""
    found = table.row(labels)
    if found is None:
        found = table.row((OTHER,) * len(labels))
    assert found is not None, "every table reserves its row of others first"  # noqa: S101 - our own invariant
    return found


class ExchangeRows:
    """(method, route, status) → row. Only announced values are `known`, so that made-up ones cost no memory."""

    def __init__(self, table: Table, routes: Iterable[str]) -> None:
        self._table = table
        self._routes = frozenset(routes)
        self._methods = {method.encode(): method for method in HTTP_METHODS}
        self.known: dict[tuple[bytes, str, int], int] = {}  # a plain dict: looked up in every request
        _row(table, (OTHER, OTHER, OTHER))

    def learn(self, key: tuple[bytes, str, int]) -> int:
        """The row of a key that is not known."""
        method, route, status = key
        known = method in self._methods and route in self._routes
        labels = (self._methods.get(method, OTHER), route if route in self._routes else OTHER, str(status))
        row = _row(self._table, labels)
        if known and len(self.known) < REMEMBERED:
            self.known[key] = row
        return row


class CallRows:
    """(method, target, outcome) → row of the operation, row of the tool. `known` as above."""

    def __init__(self, operations: Table, calls: Table, labels: Labels) -> None:
        self._operations = operations
        self._calls = calls
        self._methods = frozenset(labels.methods)
        self._tools = frozenset(labels.tools[:TOOLS_MOST])
        self.known: dict[tuple[str, str, str], tuple[int, int | None]] = {}
        _row(operations, (OTHER, OTHER))
        _row(calls, (OTHER, OTHER))

    def learn(self, key: tuple[str, str, str]) -> tuple[int, int | None]:
        """The rows of a key that is not known."""
        method, target, outcome = key
        error = "" if outcome in FINE else outcome
        operation = _row(self._operations, (method if method in self._methods else OTHER, error))
        call = None
        if method == TOOL_CALL:
            call = _row(self._calls, (target if target in self._tools else OTHER, OUTCOMES.get(outcome, "error")))
        known = method in self._methods and (call is None or target in self._tools)
        if known and len(self.known) < REMEMBERED:
            self.known[key] = operation, call
        return operation, call


# The observers are closures: local names make them a third cheaper than methods. Most durations are below the first
# bound and need no search (bench/test_telemetry.py).


def _exchange_observer(
    cells: memoryview, floats: "memoryview[float]", rows: ExchangeRows
) -> Callable[[Exchange], None]:
    bounds, first = EXCHANGES.bounds, EXCHANGES.bounds[0]
    known, learn = rows.known, rows.learn

    def observe(exchange: Exchange) -> None:
        request = exchange.request
        key = (b"" if request is None else request.method, exchange.route, exchange.status)
        try:
            row = known[key]
        except KeyError:
            row = learn(key)
        elapsed = exchange.elapsed
        floats[row] += elapsed
        cells[row + 1 + (0 if elapsed <= first else bisect_left(bounds, elapsed))] += 1

    return observe


def _call_observer(
    cells: memoryview, floats: "memoryview[float]", rows: CallRows
) -> Callable[[str, str, str, float], None]:
    bounds, first = OPERATIONS.bounds, OPERATIONS.bounds[0]
    known, learn = rows.known, rows.learn

    def observe(method: str, target: str, outcome: str, elapsed: float) -> None:
        key = (method, target if method == TOOL_CALL else "", outcome)
        try:
            operation, call = known[key]
        except KeyError:
            operation, call = learn(key)
        floats[operation] += elapsed
        cells[operation + 1 + (0 if elapsed <= first else bisect_left(bounds, elapsed))] += 1
        if call is not None:
            cells[call] += 1

    return observe
