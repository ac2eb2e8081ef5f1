"""A class of line that floods is thinned, and says how much is missing."""

from erlmcp.telemetry.flood import BURST, CLASSES_MOST, Flood
from erlmcp.telemetry.lines import Entry

NOW = 1000.5


def line(template: str = "bad request from %s", message: str = "bad request from x") -> Entry:
    return Entry(NOW, "warning", "erlmcp.http", message, template, {})


def test_a_burst_passes_and_the_next_line_does_not():
    flood = Flood()
    assert len([*flood.thin([line()] * BURST, NOW)]) == BURST
    assert [*flood.thin([line()], NOW)] == []


def test_the_next_second_tells_how_many_are_missing_and_starts_anew():
    flood = Flood()
    list(flood.thin([line()] * 100_000, NOW))
    summary, fresh = flood.thin([line()], NOW + 1)
    assert summary.message == f"{100_000 - BURST} more lines in one second like: bad request from %s"
    assert summary.fields == {"repeated": 100_000 - BURST}
    assert fresh.message == "bad request from x"


def test_a_quiet_second_has_no_summary():
    flood = Flood()
    list(flood.thin([line()], NOW))
    assert [*flood.thin([], NOW + 1)] == []


def test_one_class_does_not_silence_another():
    flood = Flood()
    list(flood.thin([line()] * (BURST + 1), NOW))
    assert len([*flood.thin([line("something else")], NOW)]) == 1


def test_the_classes_that_are_told_apart_are_bounded():
    flood = Flood()
    made_up = [line(str(number)) for number in range(CLASSES_MOST)]
    list(flood.thin(made_up, NOW))
    beyond = [line("one too many")] * (BURST + 1)
    assert len([*flood.thin(beyond, NOW)]) == BURST + 1
    assert len([*flood.thin([made_up[0]] * BURST, NOW)]) == BURST - 1
