"""Files that real tools wrote, read for what is known to be in them."""

from hashlib import sha256

from erlmcp.tcps.evidence import read
from erlmcp.tcps.figures import Coverage, Junit
from tests.npm import install
from tests.tcps.evidence.tools import node_report, report

SUITE = "@modelcontextprotocol/conformance@0.1.16"  # for the Node that runs it


def test_pytest_counts_a_test_that_failed_and_whose_teardown_broke_as_both():
    content = report("junit.xml")
    figures = read("junit", content)
    assert isinstance(figures, Junit)
    assert (figures.tests, figures.failures, figures.errors, figures.skipped) == (6, 2, 1, 1)
    assert (figures.executed, figures.passed) == (5, 2)
    assert figures.failed == ("test_shop.test_fails_twice", "test_shop.test_fails_twice", "test_shop.test_wrong")
    assert (figures.digest, figures.size) == (sha256(content).hexdigest(), len(content))


def test_coverage_py_says_the_same_in_cobertura_and_in_lcov():
    cobertura, lcov = read("coverage", report("cobertura.xml")), read("coverage", report("lcov.info"))
    assert isinstance(cobertura, Coverage)
    assert isinstance(lcov, Coverage)
    assert (cobertura.lines, cobertura.covered) == (lcov.lines, lcov.covered) == (9, 7)


def test_ruff_and_bandit_find_the_shell_by_their_own_rules():
    ruff, bandit = read("sarif", report("ruff.sarif")), read("sarif", report("bandit.sarif"))
    assert ruff.tool.startswith("ruff ")
    assert ruff.errors == 4
    assert set(ruff.rules) == {"D103", "S602"}
    assert (bandit.tool, bandit.errors, bandit.notes, bandit.rules) == ("Bandit", 1, 1, ("B602",))


def test_cyclonedx_bom_names_the_artifact_and_every_package():
    figures = read("sbom", report("bom.json"))
    assert figures.artifact.startswith("erlmcp ")
    assert figures.components > 10
    assert figures.unpinned == 0


def test_nodes_own_runner_nests_its_suites():
    figures = read("junit", node_report(install(SUITE).node, "junit"))
    assert (figures.tests, figures.failures, figures.skipped, figures.failed) == (4, 1, 1, ("test.bad",))
    coverage = read("coverage", node_report(install(SUITE).node, "lcov"))
    assert (coverage.lines, coverage.covered) == (6, 4)
