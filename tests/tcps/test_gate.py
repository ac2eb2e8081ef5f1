"""What each gate judges: every limit on both sides, and nothing that passes by default. Pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.tcps import (
    TAKES,
    Code,
    Coverage,
    Digests,
    ExitCode,
    Gate,
    Junit,
    Past,
    Refused,
    Sarif,
    Sbom,
    Spec,
    Thresholds,
    Verdict,
    judge,
)
from tests.tcps.proof import BAD, GOOD, ONE, OTHER, proof

STAGING = Thresholds(pass_rate=80, coverage=70)


def verdict(gate, *figures, thresholds=None, past=None):
    """Each violation as metric, actual, expected."""
    evidence = [proof(kind, fields)[0] for kind, fields in figures]
    result = judge(gate, evidence, thresholds or Thresholds(), past or Past())
    assert (result.verdict is Verdict.FAILED) == bool(result.violations)
    assert result.gate is gate
    assert result.digests == tuple(dict.fromkeys(one.digest for one in evidence))
    return [(one.metric, one.actual, one.expected) for one in result.violations]


def report(total, failures=0, skipped=0, errors=0):
    return Junit, {"tests": total, "failures": failures, "skipped": skipped, "errors": errors}


def coverage(covered, lines=1000):
    return Coverage, {"lines": lines, "covered": covered}


@pytest.mark.parametrize(
    ("figures", "violations"),
    [
        ([(Spec, {"conforms": True, "checked": 1})], []),
        ([(Spec, {"conforms": True, "checked": 1, "violations": 1})], [("violations", "1", "0")]),
        ([(Spec, {"conforms": False, "checked": 1})], [("violations", "does not conform", "0")]),
        ([(Spec, {"conforms": True, "checked": 0})], [("specifications", "0", "at least 1")]),
    ],
)
def test_a_specification_conforms_whole_or_not(figures, violations):
    assert verdict(Gate.SHACL_VALIDATION, *figures) == violations


@pytest.mark.parametrize(
    ("figures", "violations"),
    [
        ([(ExitCode, {"code": 0})], []),
        ([(ExitCode, {"code": 1})], [("exit_code", "1", "0")]),
        ([(ExitCode, {"code": -9})], [("exit_code", "-9", "0")]),
        ([(Sarif, {"warnings": 9, "notes": 9})], []),
        ([(Sarif, {"errors": 1})], [("errors", "1", "0")]),
        ([(ExitCode, {"code": 0}), (Sarif, {"errors": 2})], [("errors", "2", "0")]),
    ],
)
def test_compilation_has_no_errors(figures, violations):
    assert verdict(Gate.COMPILATION, *figures) == violations


@pytest.mark.parametrize(
    ("figures", "violations"),
    [
        ([report(20, failures=1), coverage(800)], []),
        ([report(1000, failures=50), coverage(800)], []),
        ([report(1000, failures=51), coverage(800)], [("pass_rate", "94.9 %", "at least 95 %")]),
        ([report(1000, errors=51), coverage(800)], [("pass_rate", "94.9 %", "at least 95 %")]),
        ([report(100_000, failures=5001), coverage(800)], [("pass_rate", "94.9 %", "at least 95 %")]),
        ([report(1, skipped=1), coverage(800)], [("tests", "0", "at least 1")]),
        ([report(0), coverage(800)], [("tests", "0", "at least 1")]),
        ([report(21, failures=1, skipped=1), coverage(800)], []),
        ([report(20), coverage(799)], [("coverage", "79.9 %", "at least 80 %")]),
        ([report(20), coverage(0, lines=0)], [("coverage", "of no lines", "at least 80 %")]),
        ([report(0), coverage(0)], [("tests", "0", "at least 1"), ("coverage", "0.0 %", "at least 80 %")]),
        ([report(10, failures=1), report(10), coverage(500, 500), coverage(300, 500)], []),  # files count together
    ],
)
def test_tests_are_run_pass_and_cover(figures, violations):
    assert verdict(Gate.TEST_EXECUTION, *figures) == violations


def test_the_limits_are_those_that_are_configured():
    figures = report(100, failures=20), coverage(700)
    assert verdict(Gate.TEST_EXECUTION, *figures, thresholds=STAGING) == []
    figures = report(100, failures=21), coverage(699)
    assert verdict(Gate.TEST_EXECUTION, *figures, thresholds=STAGING) == [
        ("pass_rate", "79.0 %", "at least 80 %"),
        ("coverage", "69.9 %", "at least 70 %"),
    ]


@pytest.mark.parametrize(
    ("level", "found"),
    [
        ("error", [("findings_error", "1", "0")]),
        ("warning", [("findings_error", "1", "0"), ("findings_warning", "2", "0")]),
        ("note", [("findings_error", "1", "0"), ("findings_warning", "2", "0"), ("findings_note", "3", "0")]),
    ],
)
def test_findings_at_or_above_the_level_fail(level, found):
    log = Sarif, {"errors": 1, "warnings": 2, "notes": 3, "none": 4}
    assert verdict(Gate.SECURITY_SCAN, log, thresholds=Thresholds(security_level=level)) == found
    assert verdict(Gate.SECURITY_SCAN, (Sarif, {"none": 4}), thresholds=Thresholds(security_level=level)) == []


def test_two_builds_are_the_same_or_not():
    assert verdict(Gate.DETERMINISTIC_BUILD, (Digests, {"first": ONE, "second": ONE})) == []
    found = verdict(Gate.DETERMINISTIC_BUILD, (Digests, {"first": ONE, "second": OTHER}))
    assert found == [("sha256", OTHER, f"{ONE}, as the first build")]


def test_quality_is_judged_by_what_happened():
    good = tuple(proof(kind, fields)[0] for kind, fields in GOOD[Gate.TEST_EXECUTION])
    bad = tuple(proof(kind, fields)[0] for kind, fields in BAD[Gate.TEST_EXECUTION])
    assert verdict(Gate.QUALITY_METRICS, past=Past(tests=good)) == []
    assert verdict(Gate.QUALITY_METRICS, past=Past(tests=good, unresolved=(Gate.COMPILATION,))) == [
        ("andon", "of a failed compilation is not resolved", "resolved")
    ]
    assert verdict(Gate.QUALITY_METRICS, past=Past(tests=bad)) == [("pass_rate", "90.0 %", "at least 95 %")]
    assert verdict(Gate.QUALITY_METRICS, past=Past()) == [
        ("tests", "0", "at least 1"),
        ("coverage", "of no lines", "at least 80 %"),
    ]


@pytest.mark.parametrize(
    ("fields", "past", "violations"),
    [
        ({"artifact": "thing 1.0", "components": 7}, Past(), []),
        ({"artifact": "thing 1.0", "components": 0}, Past(), []),
        ({"components": 7}, Past(), [("artifact", "not named by the SBOM", "named")]),
        (
            {"artifact": "t", "components": 7, "unlicensed": 1, "unpinned": 2},
            Past(),
            [("components_without_licence", "1", "0"), ("components_not_pinned", "2", "0")],
        ),
        ({"artifact": "t", "components": 7}, Past(chain="broken"), [("receipt_chain", "broken", "unbroken")]),
        ({"artifact": "t", "components": 1, "artifact_sha256": ONE}, Past(build=ONE), []),
        ({"artifact": "t", "components": 1}, Past(build=ONE), []),
        (
            {"artifact": "t", "components": 1, "artifact_sha256": OTHER},
            Past(build=ONE),
            [("artifact_sha256", OTHER, f"{ONE}, as deterministic_build judged")],
        ),
    ],
)
def test_a_release_has_an_artifact_licences_pins_and_a_chain(fields, past, violations):
    assert verdict(Gate.RELEASE_VERIFICATION, (Sbom, fields), past=past) == violations


@pytest.mark.parametrize(
    ("figures", "violations"),
    [
        ([(ExitCode, {"code": 0})], []),
        ([(ExitCode, {"code": 2})], [("exit_code", "2", "0")]),
        ([report(1)], []),
        ([report(1, skipped=1)], [("tests", "0", "at least 1")]),
        ([report(100, failures=1)], [("pass_rate", "99.0 %", "at least 100 %")]),
    ],
)
def test_smoke_is_an_exit_code_or_a_few_tests(figures, violations):
    assert verdict(Gate.SMOKE_TEST, *figures) == violations


@pytest.mark.parametrize("gate", [gate for gate in Gate if gate is not Gate.QUALITY_METRICS])
def test_a_gate_without_evidence_has_not_run(gate):
    with pytest.raises(Refused, match="it has not run, and nothing passes by default") as caught:
        verdict(gate)
    assert caught.value.code is Code.GATE_NOT_RUN


def test_half_of_the_evidence_is_none():
    for half in (report(20), coverage(900)):
        with pytest.raises(Refused, match=r"was given no (coverage|junit)") as caught:
            verdict(Gate.TEST_EXECUTION, half)
        assert caught.value.code is Code.GATE_NOT_RUN
        assert caught.value.next == "call gate_submit for test_execution with evidence of the kind coverage and junit"


def test_evidence_of_another_kind_is_refused():
    for gate, figures in (
        (Gate.SECURITY_SCAN, [report(20)]),
        (Gate.TEST_EXECUTION, [*GOOD[Gate.TEST_EXECUTION], (Sarif, {})]),
        (Gate.QUALITY_METRICS, [report(20)]),
    ):
        with pytest.raises(Refused, match=f"gate {gate} takes ") as caught:
            verdict(gate, *figures)
        assert caught.value.code is Code.INVALID


def test_every_gate_passes_with_good_evidence_and_fails_with_bad():
    past = Past(tests=tuple(proof(kind, fields)[0] for kind, fields in GOOD[Gate.TEST_EXECUTION]))
    assert all(verdict(gate, *GOOD[gate], past=past) == [] for gate in Gate)
    assert all(verdict(gate, *BAD[gate], past=past) for gate in BAD)
    assert {gate for gate in Gate if TAKES[gate] != (frozenset(),)} == BAD.keys()


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 100))
def test_what_is_shown_of_a_rate_never_looks_better_than_it_is(part, rest, least):
    """`79.99 %` of 80 is shown as 79.9 %, not as 80.0 %."""
    lines = part + rest
    found = verdict(
        Gate.TEST_EXECUTION,
        report(1),
        coverage(part, lines),
        thresholds=Thresholds(pass_rate=0, coverage=least),
    )
    passes = lines > 0 and part * 100 >= least * lines
    assert (found == []) is passes
    if found and lines:
        assert float(found[0][1].split()[0]) < least
