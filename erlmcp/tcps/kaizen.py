"""Kaizen: what is measured of the line, its targets, its trend, and the waste in it. Pure: tallies in, a report out.

Every figure is a share or a mean of whole numbers (milliseconds, counts), worked out exactly and written as a decimal
with two places, half up. Nothing was measured: there is no figure, and no target is met. What a tally counts, and from
which receipts, `kaizen_tally` and `kaizen_history` know.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from erlmcp.tcps.kaizen_tally import Tally, Waste, decimal, hours
from erlmcp.tcps.kaizen_waste import KaizenLimits
from erlmcp.tcps.moments import stamp

__all__ = ["DAYS", "WEEK", "Figure", "KaizenPeriod", "KaizenReport", "KaizenTargets", "report_of", "windows_of"]

WEEK: Final = timedelta(days=7)
_HOUR: Final = 3_600_000


class KaizenPeriod(StrEnum):
    """What a report is about: so much time until now."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


#: Days of each.
DAYS: Final[Mapping[KaizenPeriod, int]] = MappingProxyType(
    {KaizenPeriod.DAY: 1, KaizenPeriod.WEEK: 7, KaizenPeriod.MONTH: 30, KaizenPeriod.QUARTER: 90}
)


class KaizenTargets(Struct, frozen=True):
    """What each figure is to be (tcps.md §7). `improvement`: per cent better each week."""

    lead_minutes: int = 120
    cycle_minutes: int = 30
    defect_percent: int = 1
    rework_percent: int = 5
    first_pass_percent: int = 95
    skus_per_day: int = 10
    improvement: int = 5


class Figure(Struct, frozen=True):
    """One measure. None: nothing was measured. `of`: how many things it is a mean or a share of.

    `week` and `before` are the last seven days and the seven before them; `improvement` in per cent of what was before,
    less than 0 where it got worse; `on_track`: it improved as it should, or cannot be better.
    """

    name: str
    value: str | None
    target: str | None
    met: bool | None
    of: int
    week: str | None
    before: str | None
    improvement: str | None
    on_track: bool | None


class KaizenReport(Struct, frozen=True):
    """The line in [since, until). `waste`: the most of it first."""

    period: KaizenPeriod
    since: str
    until: str
    receipts: int
    figures: tuple[Figure, ...]
    waste: tuple[Waste, ...]
    waste_hours: str


class _Measure(Struct, frozen=True):
    """`whole`: what stands beneath the line, 0 if nothing was measured. `scale`: of the value that is shown."""

    name: str
    target: Fraction | None
    less: bool  # is better
    part: str
    whole: str | None
    scale: Fraction


def windows_of(period: KaizenPeriod, now: datetime) -> tuple[tuple[str, str], ...]:
    """From when and until when: the period, the last week and the one before it."""
    weeks = [(now - WEEK, now), (now - 2 * WEEK, now - WEEK)]
    spans = [(now - timedelta(days=DAYS[period]), now), *weeks]
    return tuple((stamp(since), stamp(until)) for since, until in spans)


def report_of(
    period: KaizenPeriod, tallies: Sequence[Tally], targets: KaizenTargets, limits: KaizenLimits
) -> KaizenReport:
    """`tallies`: of the `windows_of` this period."""
    tally, week, before = tallies
    waste = tally.wasted(limits)
    return KaizenReport(
        period=period,
        since=tally.since,
        until=tally.until,
        receipts=tally.receipts,
        figures=tuple(_figure(one, (tally, week, before), targets, DAYS[period]) for one in _measures(targets)),
        waste=waste,
        waste_hours=hours(sum(one.milliseconds for one in waste)),
    )


def _measures(targets: KaizenTargets) -> tuple[_Measure, ...]:
    per_hour, percent = Fraction(1, _HOUR), Fraction(100)
    minutes = Fraction(1, 60)
    return (
        _Measure(
            "lead_time_hours", targets.lead_minutes * minutes, less=True, part="lead", whole="completed", scale=per_hour
        ),
        _Measure(
            "cycle_time_hours",
            targets.cycle_minutes * minutes,
            less=True,
            part="cycle",
            whole="completed",
            scale=per_hour,
        ),
        _Measure(
            "defect_rate_percent",
            Fraction(targets.defect_percent),
            less=True,
            part="defective",
            whole="judged",
            scale=percent,
        ),
        _Measure(
            "rework_percent",
            Fraction(targets.rework_percent),
            less=True,
            part="repeated",
            whole="submissions",
            scale=percent,
        ),
        _Measure(
            "first_pass_yield_percent",
            Fraction(targets.first_pass_percent),
            less=False,
            part="first_passed",
            whole="first",
            scale=percent,
        ),
        _Measure(
            "skus_per_day", Fraction(targets.skus_per_day), less=False, part="completed", whole=None, scale=Fraction(1)
        ),
        _Measure("manual_interventions", None, less=True, part="interventions", whole="receipts", scale=Fraction(1)),
    )


def _figure(measure: _Measure, tallies: tuple[Tally, Tally, Tally], targets: KaizenTargets, days: int) -> Figure:
    tally, week, before = tallies
    value, now, then = _value(measure, tally, days), _value(measure, week, 7), _value(measure, before, 7)
    target = measure.target
    met = None
    if value is not None and target is not None:
        met = value <= target if measure.less else value >= target
    gain, on_track = _trend(measure, now, then, targets.improvement)
    return Figure(
        name=measure.name,
        value=_shown(value),
        target=_shown(target),
        met=met,
        of=getattr(tally, measure.whole or measure.part),
        week=_shown(now),
        before=_shown(then),
        improvement=_shown(gain),
        on_track=on_track,
    )


def _value(measure: _Measure, tally: Tally, days: int) -> Fraction | None:
    part: int = getattr(tally, measure.part)
    if measure.name == "manual_interventions":
        return Fraction(part)
    whole: int = days if measure.whole is None else getattr(tally, measure.whole)
    return Fraction(part, whole) * measure.scale if whole else None


def _trend(
    measure: _Measure, now: Fraction | None, then: Fraction | None, percent: int
) -> tuple[Fraction | None, bool | None]:
    """How much better than before, in per cent, and whether that is enough."""
    if now is None or then is None:
        return None, None
    change = then - now if measure.less else now - then
    gain = change * 100 / then if then else None
    if gain is not None and gain >= percent:
        return gain, True
    best = now == 0 if measure.less else measure.scale == 100 and now == 100
    return gain, best or (not measure.less and not then and now > 0)


def _shown(value: Fraction | None) -> str | None:
    return None if value is None else decimal(value)
