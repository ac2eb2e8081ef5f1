"""Files of evidence as tools write them, small ones: what passes each gate, and what fails the tests."""

from typing import Any

__all__ = ["FAILING", "PASSING", "cobertura", "junit"]


def junit(tests: int, failed: int = 0) -> str:
    """A JUnit XML report."""
    cases = "".join(
        f'<testcase classname="shop" name="test_{n}">{"<failure/>" if n < failed else ""}</testcase>'
        for n in range(tests)
    )
    return f'<testsuite name="pytest" tests="{tests}" failures="{failed}">{cases}</testsuite>'


def cobertura(lines: int, covered: int) -> str:
    """A Cobertura report of one file."""
    rows = "".join(f'<line number="{n + 1}" hits="{int(n < covered)}"/>' for n in range(lines))
    return (
        f'<coverage><packages><package><classes><class filename="a.py"><lines>{rows}</lines></class>'
        "</classes></package></packages></coverage>"
    )


def _piece(kind: str, content: str) -> dict[str, Any]:
    return {"kind": kind, "content": content}


SARIF = '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "bandit"}}, "results": []}]}'
SBOM = (
    '{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"type": "library", "name": "shop",'
    ' "version": "1.0"}}, "components": [{"type": "library", "name": "a", "version": "2.0",'
    ' "licenses": [{"license": {"id": "MIT"}}]}]}'
)
BUILD = "1" * 64

#: By gate: the evidence that it takes, good enough to pass.
PASSING: dict[str, list[dict[str, Any]]] = {
    "shacl_validation": [_piece("spec", '{"schema": {"type": "object"}, "documents": [{"name": "shop"}]}')],
    "compilation": [_piece("exit_code", '{"code": 0, "command": "make"}')],
    "test_execution": [_piece("junit", junit(20)), _piece("coverage", cobertura(10, 9))],
    "security_scan": [_piece("sarif", SARIF)],
    "deterministic_build": [_piece("digests", f'{{"first": "{BUILD}", "second": "{BUILD}"}}')],
    "quality_metrics": [],
    "release_verification": [_piece("sbom", SBOM)],
    "smoke_test": [_piece("exit_code", '{"code": 0}')],
}
#: Two of twenty tests fail, and half of the lines are not run.
FAILING = [_piece("junit", junit(20, 2)), _piece("coverage", cobertura(10, 5))]
