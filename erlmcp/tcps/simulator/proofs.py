"""The files that a simulated build writes: real formats, read by the real readers of evidence. Pure."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final

import msgspec

from erlmcp.tcps import evidence
from erlmcp.tcps.commands import File, Gate, SubmitGate

__all__ = ["submission"]

_SCHEMA: Final = {"type": "object", "required": ["name"]}


def submission(
    sku_id: str, gate: Gate, *, good: bool, compiled_ms: int = 42_000
) -> tuple[SubmitGate, tuple[File, ...]]:
    """The command, and the files that come along. `compiled_ms`: what a compilation took."""
    files = _FILES[gate](good, compiled_ms) if gate in _FILES else ()
    read = tuple(evidence.read(kind, content) for kind, content in files)
    kept = {one.digest: File(one.digest, content) for one, (_, content) in zip(read, files, strict=True)}
    return SubmitGate(sku_id, gate, read), tuple(kept.values())


_Files = tuple[tuple[str, bytes], ...]


def _spec(good: bool, _: int) -> _Files:
    document = {"name": "thing"} if good else {"title": "thing"}
    return (("spec", msgspec.json.encode({"schema": _SCHEMA, "documents": [document]})),)


def _compiled(good: bool, took: int) -> _Files:
    return (("exit_code", evidence.exit_code(0 if good else 2, "make", took, "" if good else "thing.c:7: error")),)


def _tested(good: bool, _: int) -> _Files:
    broken = "" if good else '<failure message="expected 2, got 3"/>'
    cases = "".join(
        f'<testcase classname="thing" name="test_{number}" time="0.01">{broken if number < 3 else ""}</testcase>'
        for number in range(20)
    )
    failures = 0 if good else 3
    junit = f'<testsuite name="thing" tests="20" failures="{failures}" errors="0" skipped="0">{cases}</testsuite>'
    lines = "".join(f"DA:{number},{int(number <= 90)}\n" for number in range(1, 101))
    return (("junit", junit.encode()), ("coverage", f"SF:thing.c\n{lines}LF:100\nLH:90\nend_of_record\n".encode()))


def _scanned(good: bool, _: int) -> _Files:
    results = [] if good else [{"ruleId": "B602", "level": "error", "message": {"text": "a shell is called"}}]
    run = {"tool": {"driver": {"name": "scanner", "rules": []}}, "results": results}
    return (("sarif", msgspec.json.encode({"version": "2.1.0", "runs": [run]})),)


def _built(good: bool, _: int) -> _Files:
    return (("digests", evidence.digests(b"thing 1.0", b"thing 1.0" if good else b"thing 1.0, at noon")),)


def _billed(good: bool, _: int) -> _Files:
    licences = {"licenses": [{"license": {"id": "MIT"}}]}
    built = sha256(b"thing 1.0").hexdigest()
    thing = {"type": "library", "name": "thing", "version": "1.0", "hashes": [{"alg": "SHA-256", "content": built}]}
    part = {"type": "library", "name": "part", **({"version": "2.1"} if good else {}), **licences}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": thing}, "components": [part]}
    return (("sbom", msgspec.json.encode(bom)),)


_FILES: Final[Mapping[Gate, Callable[[bool, int], _Files]]] = MappingProxyType(
    {
        Gate.SHACL_VALIDATION: _spec,
        Gate.COMPILATION: _compiled,
        Gate.TEST_EXECUTION: _tested,
        Gate.SECURITY_SCAN: _scanned,
        Gate.DETERMINISTIC_BUILD: _built,
        Gate.RELEASE_VERIFICATION: _billed,
        Gate.SMOKE_TEST: _compiled,
    }
)
