"""Kaizen's figures, worked out anew from an export of receipts.

    python load/kaizen.py receipts.jsonl week 2026-11-24T06:00:00.000Z

Nothing here comes from `erlmcp`: the definitions are read from the specification (tcps.md §7) and written down the
simple way, with every receipt in memory, so that a mistake of the line is not ours too. Prints the report as JSON.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

Fields = dict[str, Any]

DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 90}
HOUR = 3_600_000
STAGES = (
    *("shacl_validation", "compilation", "test_execution", "security_scan", "deterministic_build"),
    *("quality_metrics", "release_verification", "smoke_test", "marketplace_validation", "publication"),
)
#: figure → target, whether less is better
TARGETS = {
    "lead_time_hours": (Fraction(2), True),
    "cycle_time_hours": (Fraction(1, 2), True),
    "defect_rate_percent": (Fraction(1), True),
    "rework_percent": (Fraction(5), True),
    "first_pass_yield_percent": (Fraction(95), False),
    "skus_per_day": (Fraction(10), False),
    "manual_interventions": (None, True),
}
COST = {"flaky_test": HOUR // 4, "manual_intervention": HOUR, "same_root_cause": 2 * HOUR, "fix_cycle": 2 * HOUR}


def report(receipts: list[Fields], period: str, now: str) -> Fields:
    """Figures and waste in the period until now; the last week and the one before it for the trend."""
    spans = [(_back(now, DAYS[period]), now), (_back(now, 7), now), (_back(now, 14), _back(now, 7))]
    measured = [
        measures(receipts, since, until, days) for (since, until), days in zip(spans, (DAYS[period], 7, 7), strict=True)
    ]
    wasted = waste(receipts, *spans[0])
    return {
        "figures": {name: _figure(name, [one[name] for one in measured]) for name in TARGETS},
        "receipts": sum(spans[0][0] <= one["at"] < now for one in receipts),
        "waste": wasted,
        "waste_hours": shown(Fraction(sum(one["milliseconds"] for one in wasted), HOUR)),
    }


def measures(receipts: list[Fields], since: str, until: str, days: int) -> dict[str, Fraction | None]:
    """The value of each figure in a window."""
    within = [one for one in receipts if since <= one["at"] < until]
    orders = [one["payload"]["outputs"]["work_order"] for one in within if one["type"] == "work_order_complete"]
    submitted = [one for one in receipts if one["type"] == "gate_submit"]
    first = _firsts(submitted)
    here = [one for one in submitted if since <= one["at"] < until]
    begun = [one for one in here if one["seq"] in first]
    skus = {one["sku_id"] for one in here}
    bad = {one["sku_id"] for one in here if not _passed(one)}
    by_hand = sum(one["type"] in {"work_order_release", "sku_abort"} for one in within)
    return {
        "lead_time_hours": _share(sum(_ms(o["created_at"], o["completed_at"]) for o in orders), len(orders) * HOUR),
        "cycle_time_hours": _share(sum(_ms(o["started_at"], o["completed_at"]) for o in orders), len(orders) * HOUR),
        "defect_rate_percent": _share(100 * len(bad), len(skus)),
        "rework_percent": _share(100 * (len(here) - len(begun)), len(here)),
        "first_pass_yield_percent": _share(100 * sum(map(_passed, begun)), len(begun)),
        "skus_per_day": Fraction(len(orders), days),
        "manual_interventions": Fraction(by_hand),
    }


def waste(receipts: list[Fields], since: str, until: str) -> list[Fields]:
    """Each waste with its receipts (the first hundred), the most of it first."""
    found: dict[tuple[str, str], Fields] = defaultdict(lambda: {"count": 0, "milliseconds": 0, "receipts": []})

    def add(kind: str, about: str, proof: Iterable[int], milliseconds: int) -> None:
        one = found[kind, about]
        one["count"] += 1
        one["milliseconds"] += milliseconds
        one["receipts"] += [seq for seq in proof if seq not in one["receipts"]]

    within = [one for one in receipts if since <= one["at"] < until]
    last = max((one["seq"] for one in within), default=0)
    by_hand(within, add)
    causes(within, add)
    lives: dict[str, list[Fields]] = defaultdict(list)
    for one in receipts:
        if one["sku_id"] and one["seq"] <= last:
            lives[one["sku_id"]].append(one)
    seqs = {one["seq"] for one in within}
    for life in lives.values():
        cycles(life, seqs, add)
        flaky(life, seqs, add)
    stages(lives, seqs, found)
    listed = [
        {"kind": kind, "about": about, **one, "receipts": sorted(one["receipts"])[:100]}
        for (kind, about), one in found.items()
        if one["milliseconds"] > 0
    ]
    return sorted(listed, key=lambda one: (-one["milliseconds"], one["kind"], one["about"]))


Add = Callable[[str, str, Iterable[int], int], None]


def by_hand(within: list[Fields], add: Add) -> None:
    """Releases and aborts; compilations that took longer than 300 s."""
    for one in within:
        if one["type"] in {"work_order_release", "sku_abort"}:
            add("manual_intervention", one["type"], [one["seq"]], COST["manual_intervention"])
        if one["type"] == "gate_submit" and _gate(one) == "compilation":
            evidence = one["payload"]["inputs"].get("evidence", [])
            took = sum(each.get("duration_ms", 0) for each in evidence if each["kind"] == "exit_code")
            if took > 300_000:
                add("slow_compilation", "compilation", [one["seq"]], took - 300_000)


def causes(within: list[Fields], add: Add) -> None:
    """The same root cause twice."""
    known: dict[str, tuple[int, str]] = {}
    for one in within:
        if one["type"] == "andon_resolve":
            text = one["payload"]["inputs"]["root_cause"]
            first, words = known.setdefault(" ".join(text.split()).casefold(), (one["seq"], text))
            if first != one["seq"]:
                add("same_root_cause", words, [first, one["seq"]], COST["same_root_cause"])


def cycles(life: list[Fields], seqs: set[int], add: Add) -> None:
    """A failed submission, and the next one to the same gate."""
    before: dict[str, Fields] = {}
    for one in life:
        if one["type"] == "gate_submit":
            last = before.get(_gate(one))
            if last is not None and not _passed(last) and one["seq"] in seqs:
                add("fix_cycle", _gate(one), [last["seq"], one["seq"]], COST["fix_cycle"])
            before[_gate(one)] = one


def flaky(life: list[Fields], seqs: set[int], add: Add) -> None:
    """A test that both passed and failed; it passed in a run that names all failures, skips nothing and is as large."""
    runs = []
    for one in life:
        if one["type"] == "gate_submit" and _gate(one) == "test_execution":
            reports = [each for each in one["payload"]["inputs"].get("evidence", []) if each["kind"] == "junit"]
            failed = [name for each in reports for name in each.get("failed", [])]
            skipped = sum(each.get("skipped", 0) for each in reports)
            size = sum(each["tests"] for each in reports) - skipped
            named = all(
                len(each.get("failed", [])) >= each.get("failures", 0) + each.get("errors", 0) for each in reports
            )
            runs.append((one["seq"], size, failed, named and not skipped and size > 0))
    proven: set[str] = set()
    for place, (seq, size, failed, complete) in enumerate(runs):
        earlier = runs[:place]
        for name in dict.fromkeys(name for run in runs[: place + 1] for name in run[2]):
            fell = next((run for run in earlier if name in run[2]), None)
            if name in failed and fell is None:
                other = max((run for run in earlier if run[3]), key=lambda run: (run[1], -run[0]), default=None)
                other = other if other is not None and other[1] >= size else None
            else:
                other = fell if name not in failed and complete and fell is not None and size >= fell[1] else None
            if other is not None and name not in proven:
                proven.add(name)
                if seq in seqs:
                    add("flaky_test", name, [other[0], seq], COST["flaky_test"])


def stages(lives: dict[str, list[Fields]], seqs: set[int], found: dict[tuple[str, str], Fields]) -> None:
    """Stages that took more than an hour on average."""
    spent: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for life in lives.values():
        entered = ""
        for one in life:
            sku = one["payload"]["outputs"].get("sku")
            if sku is None:
                continue
            if one["type"] in {"sku_advance", "sku_publish"} and one["seq"] in seqs:
                left = STAGES[STAGES.index(sku["stage"]) - 1]
                spent[left].append((one["seq"], _ms(entered, sku["entered_at"])))
            entered = sku["entered_at"]
    for stage, each in spent.items():
        beyond = sum(took for _, took in each) - len(each) * HOUR
        if beyond > 0:
            proof = sorted(seq for seq, _ in each)
            found["slow_stage", stage] = {"count": len(each), "milliseconds": beyond, "receipts": proof}


def _firsts(submitted: list[Fields]) -> set[int]:
    """The first submission of each sku to each gate, by its receipt."""
    first: dict[tuple[str, str], int] = {}
    for one in submitted:
        first.setdefault((one["sku_id"], _gate(one)), one["seq"])
    return set(first.values())


def _figure(name: str, values: list[Fraction | None]) -> Fields:
    value, week, before = values
    target, less = TARGETS[name]
    met = None if value is None or target is None else (value <= target if less else value >= target)
    gain, on_track = None, None
    if week is not None and before is not None:
        change = before - week if less else week - before
        gain = change * 100 / before if before else None
        best = week == 0 if less else name.endswith("percent") and week == 100
        on_track = best or (gain is not None and gain >= 5) or (not less and before == 0 and week > 0)
    return {
        "value": shown(value),
        "met": met,
        "week": shown(week),
        "before": shown(before),
        "improvement": shown(gain),
        "on_track": on_track,
    }


def shown(value: Fraction | None) -> str | None:
    """Two places, half up."""
    if value is None:
        return None
    exact = Decimal(value.numerator * 10**12) / Decimal(value.denominator) / Decimal(10**12)
    text = str(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))
    return text.removeprefix("-") if text == "-0.00" else text


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _gate(receipt: Fields) -> str:
    return str(receipt["payload"]["outputs"]["gate"]["gate"])


def _passed(receipt: Fields) -> bool:
    return bool(receipt["payload"]["outputs"]["gate"]["verdict"] == "passed")


def _ms(one: str, other: str) -> int:
    return max((datetime.fromisoformat(other) - datetime.fromisoformat(one)) // timedelta(milliseconds=1), 0)


def _back(now: str, days: int) -> str:
    return f"{(datetime.fromisoformat(now) - timedelta(days=days)).isoformat('T', 'milliseconds')[:23]}Z"


def main(path: str, period: str, now: str) -> None:
    """Print the report of an export."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    print(json.dumps(report([json.loads(line) for line in lines], period, now), indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
