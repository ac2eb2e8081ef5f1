"""Evidence as a command carries it: the figures of a file, its SHA-256 and its size. Pure values.

Whoever reads the files (a door, or the program beside the caller) makes them; a gate judges them; a receipt keeps them.
It does not know the formats. There are no floats in it: times are whole milliseconds, shares are two counts.
"""

from msgspec import Struct

__all__ = ["Coverage", "Digests", "Evidence", "ExitCode", "Junit", "Sarif", "Sbom", "Spec"]


class _Figures(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", kw_only=True):
    """`digest`: SHA-256 of the file, in hexadecimal; `size`: its bytes. `tool`: who made it, as it says itself."""

    digest: str
    size: int
    tool: str = ""

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)


class Junit(_Figures, frozen=True, tag="junit", kw_only=True):
    """A JUnit XML report. `tests` counts all, the skipped too. `failed`: names of those that failed or broke."""

    tests: int
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    duration_ms: int = 0
    failed: tuple[str, ...] = ()

    @property
    def executed(self) -> int:
        return self.tests - self.skipped

    @property
    def passed(self) -> int:
        return self.executed - self.failures - self.errors


class Coverage(_Figures, frozen=True, tag="coverage", kw_only=True):
    """A coverage report, Cobertura or LCOV: how many lines there are, and how many were run."""

    lines: int
    covered: int


class Sarif(_Figures, frozen=True, tag="sarif", kw_only=True):
    """A SARIF 2.1 log: results by level, without the suppressed ones. `rules`: those of the worst results, by id."""

    errors: int = 0
    warnings: int = 0
    notes: int = 0
    none: int = 0
    rules: tuple[str, ...] = ()


class Sbom(_Figures, frozen=True, tag="sbom", kw_only=True):
    """A bill of materials, CycloneDX or SPDX.

    `artifact`: name and version of what it is of, "" if it does not say; `artifact_sha256` likewise. `unlicensed` and
    `unpinned` count the components without a licence and without a version; `examples`: names of some of those.
    """

    artifact: str = ""
    artifact_sha256: str = ""
    components: int
    unlicensed: int = 0
    unpinned: int = 0
    examples: tuple[str, ...] = ()


class Spec(_Figures, frozen=True, tag="spec", kw_only=True):
    """A specification that was validated against a JSON Schema, or a SHACL report of it.

    `conforms`: what the validator says in the end; `checked`: documents or shapes that it looked at.
    """

    conforms: bool
    checked: int
    violations: int = 0
    messages: tuple[str, ...] = ()


class Digests(_Figures, frozen=True, tag="digests", kw_only=True):
    """SHA-256 of the artifacts of two builds, in hexadecimal. `digest` is of the text that names the two."""

    first: str
    second: str


class ExitCode(_Figures, frozen=True, tag="exit_code", kw_only=True):
    """A command that ended. `digest` and `size` are of its log."""

    code: int
    duration_ms: int = 0
    command: str = ""


Evidence = Junit | Coverage | Sarif | Sbom | Spec | Digests | ExitCode
