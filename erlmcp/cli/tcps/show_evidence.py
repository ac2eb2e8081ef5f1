"""How the figures of evidence look to people. Pure: figures in, a table and the names behind it out."""

from collections.abc import Sequence
from typing import Final

from erlmcp.cli.tcps.picture import Block, Facts, Table
from erlmcp.cli.tcps.reports import Report
from erlmcp.tcps import Coverage, Digests, Evidence, ExitCode, Junit, Sarif, Sbom, Spec, percent

__all__ = ["evidence"]

NAMES: Final = 10  # of failed tests, rules or messages that are shown; the receipt has more


def evidence(found: Sequence[Report]) -> Sequence[Block]:
    """What was found in which file, and the names of what is wrong."""
    rows = [(one.figures.kind, one.source, _said(one.figures)) for one in found]
    blocks: list[Block] = [Table(("evidence", "from", "figures"), rows, 1)]
    for one in found:
        title, names = _wrong(one.figures)
        if names:
            more = [("", f"… and {len(names) - NAMES} more")] if len(names) > NAMES else []
            blocks.append(Facts(title, [*(("-", name) for name in names[:NAMES]), *more]))
    return blocks


def _said(one: Evidence) -> str:  # noqa: PLR0911 - a table of seven kinds
    match one:
        case Junit():
            failed = one.failures + one.errors
            return f"{one.passed} of {one.executed} tests passed, {failed} failed, {one.skipped} skipped"
        case Coverage():
            share = percent(one.covered, one.lines) if one.lines else "0.0 %"
            return f"{share}, {one.covered} of {one.lines} lines"
        case Sarif():
            counts = f"{one.errors} errors, {one.warnings} warnings, {one.notes} notes"
            return f"{counts}, by {one.tool}" if one.tool else counts
        case Sbom():
            lacks = f"{one.unlicensed} without licence, {one.unpinned} not pinned"
            return f"{one.artifact or 'no artifact'}: {one.components} components, {lacks}"
        case Spec():
            outcome = "conforms" if one.conforms else f"{one.violations} violations"
            return f"{outcome}, {one.checked} checked"
        case Digests():
            same = one.first == one.second
            return f"{one.first[:12]} twice" if same else f"{one.first[:12]} and {one.second[:12]}: they differ"
        case ExitCode():
            return f"exit code {one.code} after {one.duration_ms / 1000:.1f} s"


def _wrong(one: Evidence) -> tuple[str, tuple[str, ...]]:
    match one:
        case Junit():
            return "failed tests", one.failed
        case Sarif():
            return "rules", one.rules
        case Spec():
            return "violations of the specification", one.messages
        case Sbom():
            return "components without licence or version", one.examples
        case _:
            return "", ()
