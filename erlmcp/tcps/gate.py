"""Gates: what each one judges, and its verdict. Pure: figures, limits and the sku's past in, a verdict out.

Nothing passes by default, and no figure is assumed: a gate that was not given what it judges has not run.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from msgspec import Struct

from erlmcp.tcps.commands import Gate, Severity
from erlmcp.tcps.errors import Code, Refused
from erlmcp.tcps.figures import Coverage, Digests, Evidence, ExitCode, Junit, Sarif, Sbom, Spec
from erlmcp.tcps.sku import Verdict

__all__ = [
    "SEVERITY_OF",
    "TAKES",
    "GateResult",
    "Past",
    "SarifLevel",
    "Thresholds",
    "Violation",
    "judge",
    "missed",
    "percent",
]

T = TypeVar("T")

SarifLevel = Literal["error", "warning", "note"]


class Thresholds(Struct, frozen=True):
    """The limits of the gates. Rates in per cent; `security_level`: results of this level or a worse one fail."""

    pass_rate: int = 95
    coverage: int = 80
    security_level: SarifLevel = "warning"


class Violation(Struct, frozen=True):
    """One limit that was not met. Decimals are text."""

    metric: str
    actual: str
    expected: str
    severity: Severity


class GateResult(Struct, frozen=True):
    """What a gate said. `digests`: of the evidence it judged."""

    gate: Gate
    verdict: Verdict
    violations: tuple[Violation, ...] = ()
    digests: tuple[str, ...] = ()


class Past(Struct, frozen=True):
    """What the store knows of a sku.

    `unresolved`: gates with a failed submission whose andon is not resolved; `tests`: the evidence that gate 3 judged
    last; `build`: the SHA-256 that gate 5 judged last; `chain`: what is wrong with the receipts, "" for nothing.
    """

    unresolved: tuple[Gate, ...] = ()
    tests: tuple[Evidence, ...] = ()
    build: str = ""
    chain: str = ""


#: What each gate takes: one of these sets, and nothing else. Several files of a kind count together.
TAKES: Final[Mapping[Gate, tuple[frozenset[str], ...]]] = MappingProxyType(
    {
        Gate.SHACL_VALIDATION: (frozenset({"spec"}),),
        Gate.COMPILATION: (frozenset({"exit_code"}), frozenset({"sarif"}), frozenset({"exit_code", "sarif"})),
        Gate.TEST_EXECUTION: (frozenset({"junit", "coverage"}),),
        Gate.SECURITY_SCAN: (frozenset({"sarif"}),),
        Gate.DETERMINISTIC_BUILD: (frozenset({"digests"}),),
        Gate.QUALITY_METRICS: (frozenset(),),
        Gate.RELEASE_VERIFICATION: (frozenset({"sbom"}),),
        Gate.SMOKE_TEST: (frozenset({"exit_code"}), frozenset({"junit"}), frozenset({"exit_code", "junit"})),
    }
)
#: Of a gate's violations. The andon that they raise has its own (`andon.SEVERITY`).
SEVERITY_OF: Final[Mapping[Gate, Severity]] = MappingProxyType(
    dict.fromkeys(Gate, Severity.CRITICAL)
    | dict.fromkeys((Gate.QUALITY_METRICS, Gate.RELEASE_VERIFICATION), Severity.HIGH)
    | {Gate.SMOKE_TEST: Severity.LOW}
)

_Found = tuple[str, str, str]  # metric, actual, expected
_LEVELS: Final = ("error", "warning", "note")


def judge(gate: Gate, evidence: Sequence[Evidence], thresholds: Thresholds, past: Past) -> GateResult:
    """The verdict, passed or failed. Raises Refused (gate_not_run: something is missing; invalid: too much)."""
    _check_kinds(gate, evidence)
    found = _JUDGES[gate](evidence, thresholds, past)
    severity = SEVERITY_OF[gate]
    violations = tuple(Violation(*one, severity) for one in found)
    digests = tuple(dict.fromkeys(one.digest for one in evidence))
    return GateResult(gate, Verdict.FAILED if violations else Verdict.PASSED, violations, digests)


def _check_kinds(gate: Gate, evidence: Sequence[Evidence]) -> None:
    kinds = {one.kind for one in evidence}
    takes = TAKES[gate]
    if kinds in takes:
        return
    known = frozenset[str]().union(*takes)
    words = " or ".join(" and ".join(sorted(one)) for one in takes if len(one) < 2 or len(takes) == 1)
    if surplus := sorted(kinds - known):
        takes_words = f"takes {words}" if words else "takes no evidence: it judges the sku's own receipts"
        raise Refused(
            Code.INVALID,
            f"gate {gate} {takes_words}, not {', '.join(surplus)}",
            f"call gate_submit for {gate} with {words or 'no evidence'}",
        )
    missing = min((one - kinds for one in takes), key=len)
    raise Refused(
        Code.GATE_NOT_RUN,
        f"gate {gate} was given no {' and no '.join(sorted(missing))}: it has not run, and nothing passes by default",
        f"call gate_submit for {gate} with evidence of the kind {words}",
    )


def _spec(evidence: Sequence[Evidence], _: Thresholds, __: Past) -> list[_Found]:
    specs = _of(Spec, evidence)
    checked, violations = sum(one.checked for one in specs), sum(one.violations for one in specs)
    found = [] if checked else [("specifications", "0", "at least 1")]
    if violations or not all(one.conforms for one in specs):
        found.append(("violations", str(violations or "does not conform"), "0"))
    return found


def _compilation(evidence: Sequence[Evidence], _: Thresholds, __: Past) -> list[_Found]:
    errors = sum(one.errors for one in _of(Sarif, evidence))
    return _exit(evidence) + ([("errors", str(errors), "0")] if errors else [])


def _exit(evidence: Sequence[Evidence]) -> list[_Found]:
    return [("exit_code", str(one.code), "0") for one in _of(ExitCode, evidence) if one.code]


def _tests(evidence: Sequence[Evidence], thresholds: Thresholds, _: Past) -> list[_Found]:
    return _pass_rate(evidence, thresholds.pass_rate) + _coverage(evidence, thresholds.coverage)


def _pass_rate(evidence: Sequence[Evidence], least: int) -> list[_Found]:
    reports = _of(Junit, evidence)
    executed, passed = sum(one.executed for one in reports), sum(one.passed for one in reports)
    if executed < 1:
        return [("tests", "0", "at least 1")]
    if passed * 100 < least * executed:
        return [("pass_rate", percent(passed, executed), f"at least {least} %")]
    return []


def _coverage(evidence: Sequence[Evidence], least: int) -> list[_Found]:
    reports = _of(Coverage, evidence)
    lines, covered = sum(one.lines for one in reports), sum(one.covered for one in reports)
    if lines < 1:
        return [("coverage", "of no lines", f"at least {least} %")]
    return [("coverage", percent(covered, lines), f"at least {least} %")] if covered * 100 < least * lines else []


def _security(evidence: Sequence[Evidence], thresholds: Thresholds, _: Past) -> list[_Found]:
    logs = _of(Sarif, evidence)
    counts = {
        "error": sum(one.errors for one in logs),
        "warning": sum(one.warnings for one in logs),
        "note": sum(one.notes for one in logs),
    }
    judged = _LEVELS[: _LEVELS.index(thresholds.security_level) + 1]
    return [(f"findings_{level}", str(counts[level]), "0") for level in judged if counts[level]]


def _builds(evidence: Sequence[Evidence], _: Thresholds, __: Past) -> list[_Found]:
    pairs = _of(Digests, evidence)
    return [("sha256", one.second, f"{one.first}, as the first build") for one in pairs if one.first != one.second]


def _quality(_: Sequence[Evidence], thresholds: Thresholds, past: Past) -> list[_Found]:
    found = [("andon", f"of a failed {gate} is not resolved", "resolved") for gate in past.unresolved]
    return found + _pass_rate(past.tests, thresholds.pass_rate) + _coverage(past.tests, thresholds.coverage)


def _release(evidence: Sequence[Evidence], _: Thresholds, past: Past) -> list[_Found]:
    boms = _of(Sbom, evidence)
    found: list[_Found] = []
    if not any(one.artifact for one in boms):
        found.append(("artifact", "not named by the SBOM", "named"))
    if past.build and any(one.artifact_sha256 not in {"", past.build} for one in boms):
        stated = next(one.artifact_sha256 for one in boms if one.artifact_sha256 not in {"", past.build})
        found.append(("artifact_sha256", stated, f"{past.build}, as deterministic_build judged"))
    for metric, count in (
        ("components_without_licence", sum(one.unlicensed for one in boms)),
        ("components_not_pinned", sum(one.unpinned for one in boms)),
    ):
        if count:
            found.append((metric, str(count), "0"))
    if past.chain:
        found.append(("receipt_chain", past.chain, "unbroken"))
    return found


def _smoke(evidence: Sequence[Evidence], _: Thresholds, __: Past) -> list[_Found]:
    reports = _of(Junit, evidence)
    return _exit(evidence) + (_pass_rate(reports, 100) if reports else [])


def missed(violations: Sequence[Violation]) -> str:
    """Them in a line."""
    return "; ".join(f"{one.metric} {one.actual}, expected {one.expected}" for one in violations)


def percent(part: int, whole: int) -> str:
    """`94.9 %`, cut off and never rounded up: what misses a limit must not look as if it met it."""
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10} %"


def _of(kind: type[T], evidence: Sequence[Evidence]) -> list[T]:
    return [one for one in evidence if isinstance(one, kind)]


_JUDGES: Final[Mapping[Gate, Callable[[Sequence[Evidence], Thresholds, Past], list[_Found]]]] = MappingProxyType(
    {
        Gate.SHACL_VALIDATION: _spec,
        Gate.COMPILATION: _compilation,
        Gate.TEST_EXECUTION: _tests,
        Gate.SECURITY_SCAN: _security,
        Gate.DETERMINISTIC_BUILD: _builds,
        Gate.QUALITY_METRICS: _quality,
        Gate.RELEASE_VERIFICATION: _release,
        Gate.SMOKE_TEST: _smoke,
    }
)
