"""SARIF 2.1.0 (OASIS): the results of analysers, by level, without those that are suppressed."""

from collections import Counter
from typing import Final, Literal

from msgspec import Struct, field

from erlmcp.tcps.evidence.malformed import EXAMPLES, Malformed, json_of, kept, short
from erlmcp.tcps.figures import Sarif

__all__ = ["read_sarif"]

WHAT: Final = "the SARIF log"

Level = Literal["none", "note", "warning", "error"]
_ORDER: Final[tuple[Level, ...]] = ("error", "warning", "note", "none")


class _Configuration(Struct):
    level: Level = "warning"


class _Rule(Struct, rename="camel"):
    id: str = ""
    default_configuration: _Configuration = field(default_factory=_Configuration)


class _Component(Struct):
    name: str
    version: str = ""
    rules: list[_Rule] = []


class _Tool(Struct):
    driver: _Component
    extensions: list[_Component] = []


class _Reference(Struct):
    id: str = ""
    index: int = -1


class _Suppression(Struct):
    status: Literal["accepted", "underReview", "rejected"] = "accepted"


class _Result(Struct, rename="camel"):
    rule_id: str = ""
    rule_index: int = -1
    rule: _Reference = field(default_factory=_Reference)
    kind: Literal["notApplicable", "pass", "fail", "review", "open", "informational"] = "fail"
    level: Level | None = None
    baseline_state: Literal["new", "unchanged", "updated", "absent"] = "new"
    suppressions: list[_Suppression] | None = None


class _Invocation(Struct, rename="camel"):
    execution_successful: bool


class _Run(Struct):
    tool: _Tool
    results: list[_Result] | None = None
    invocations: list[_Invocation] = []


class _Log(Struct):
    version: Literal["2.1.0"]
    runs: list[_Run]


def read_sarif(content: bytes) -> Sarif:
    """Its figures. Raises Malformed; a log of which a run did not finish is one, too."""
    log = json_of(content, _Log, WHAT)
    if not log.runs:
        raise Malformed(f"{WHAT} has no runs: nothing was analysed")
    counts: Counter[Level] = Counter()
    rules: dict[Level, dict[str, None]] = {level: {} for level in _ORDER}
    for number, run in enumerate(log.runs):
        _check(run, number)
        levels = _defaults(run)
        for result in run.results or ():
            if _counts(result):
                level = _level(result, levels, run)
                counts[level] += 1
                rules[level][short(_id(result, run))] = None
    worst: Level = next((level for level in _ORDER if counts[level]), "none")
    driver = log.runs[0].tool.driver
    return Sarif(
        **kept(content),
        tool=short(f"{driver.name} {driver.version}"),
        errors=counts["error"],
        warnings=counts["warning"],
        notes=counts["note"],
        none=counts["none"],
        rules=tuple(rules[worst])[:EXAMPLES],
    )


def _check(run: _Run, number: int) -> None:
    name = short(run.tool.driver.name)
    if run.results is None:
        raise Malformed(f"{WHAT}: run {number} ({name}) has no results: it says not even that there are none")
    if not all(invocation.execution_successful for invocation in run.invocations):
        raise Malformed(f"{WHAT}: run {number} ({name}) says that it did not succeed")


def _counts(result: _Result) -> bool:
    """Whether it is a finding of now that nobody has accepted (2.1.0 §3.27.23, §3.35)."""
    accepted = any(each.status == "accepted" for each in result.suppressions or ())
    return result.baseline_state != "absent" and not accepted


def _defaults(run: _Run) -> dict[str, Level]:
    components = (run.tool.driver, *run.tool.extensions)
    return {rule.id: rule.default_configuration.level for each in components for rule in each.rules}


def _rule(result: _Result, run: _Run) -> _Rule | None:
    index = result.rule_index if result.rule_index >= 0 else result.rule.index
    rules = run.tool.driver.rules
    return rules[index] if 0 <= index < len(rules) else None


def _id(result: _Result, run: _Run) -> str:
    rule = _rule(result, run)
    return result.rule_id or result.rule.id or (rule.id if rule else "") or "a result without a rule"


def _level(result: _Result, defaults: dict[str, Level], run: _Run) -> Level:
    """Its own; else none where it is no failure, its rule's, or warning (2.1.0 §3.27.10)."""
    if result.level is not None:
        return result.level
    if result.kind != "fail":
        return "none"
    identity = _id(result, run)
    while identity:  # rules may have parents in their ids: CA1000/1 is of CA1000 (§3.27.5)
        if identity in defaults:
            return defaults[identity]
        identity = identity.rpartition("/")[0]
    return "warning"
