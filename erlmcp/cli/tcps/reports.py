"""The files of evidence beside the caller: found, fresh, read into figures, and packed for `gate_submit`.

What cannot be used is refused here, before anything is sent, with which file and what is wrong with it.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from erlmcp.node.exits import Exit, Refusal
from erlmcp.tcps import Evidence
from erlmcp.tcps.evidence import MAX_SIZE, Malformed, exit_code, read, validation

__all__ = ["Given", "Report", "check_fresh", "pieces", "reports", "seen"]

PLAIN: Final = 64 * 1024  # bytes of a file that goes as it is; a longer one goes gzipped
SLACK: Final = 2.0  # seconds by which a file system's times are coarse (FAT: 2 s)

Seen = Mapping[Path, tuple[int, ...] | None]


class Given(Struct, frozen=True):
    """The files that were named, by what they are."""

    junit: tuple[Path, ...] = ()
    coverage: tuple[Path, ...] = ()
    sarif: tuple[Path, ...] = ()
    sbom: tuple[Path, ...] = ()
    spec: tuple[Path, ...] = ()
    schema: Path | None = None
    shacl: tuple[Path, ...] = ()
    digests: tuple[Path, Path] | None = None

    def reports(self) -> tuple[Path, ...]:
        """Those that a tool writes: of two builds the second, for the first was made before."""
        second = self.digests[1:] if self.digests else ()
        return (*self.junit, *self.coverage, *self.sarif, *self.sbom, *self.shacl, *second)


class Report(Struct, frozen=True):
    """One piece of evidence: where it came from, its bytes, and the figures in it."""

    source: str
    content: bytes
    figures: Evidence


def seen(paths: Sequence[Path]) -> Seen:
    """How the files look now, to see afterwards whether they were written."""
    return {path: _mark(path) for path in paths}


def check_fresh(before: Seen, began: float) -> None:
    """Refusal(EVIDENCE) for a file that the command, which began then (seconds since 1970), did not write."""
    for path, mark in before.items():
        now = _mark(path)
        if now is None:
            continue  # reading it says so
        old = now[0] / 1e9 < began - SLACK
        if now == mark or old:
            raise Refusal(
                Exit.EVIDENCE,
                f"{path} is older than the command that was to write it: it says nothing of this run\n"
                "next: look at where the command writes its report; --allow-stale takes it as it is",
            )


def reports(given: Given) -> list[Report]:
    """All of them, read. Refusal(EVIDENCE)."""
    found = [
        _report(kind, str(path), _content(path))
        for kind, paths in (
            ("junit", given.junit),
            ("coverage", given.coverage),
            ("sarif", given.sarif),
            ("sbom", given.sbom),
            ("spec", given.shacl),
        )
        for path in paths
    ]
    if given.spec:
        found.append(_specification(given))
    if given.digests:
        found.append(_two_builds(*given.digests))
    return found


def ended(code: int, command: str, duration_ms: int, log: str) -> Report:
    """A command's end as evidence."""
    return _report("exit_code", command, exit_code(code, command, duration_ms, log))


def pieces(found: Sequence[Report]) -> list[dict[str, Any]]:
    """As `gate_submit` takes them."""
    return [{"kind": one.figures.kind, **_packed(one.content)} for one in found]


def _specification(given: Given) -> Report:
    if given.schema is None:
        raise Refusal(Exit.USAGE, "--spec needs --schema, the JSON Schema that it is to conform to")
    named = " ".join(map(str, given.spec))
    try:
        bundle = validation(_content(given.schema), [_content(path) for path in given.spec])
    except Malformed as fault:
        raise _unusable(f"{named}, {given.schema}", fault.message) from fault
    return _report("spec", named, bundle)


def _two_builds(first: Path, second: Path) -> Report:
    """Artifacts may be larger than a file of evidence: only their digests go."""
    if first.resolve() == second.resolve():
        raise _unusable(str(first), "one file is not two builds")
    shas = {}
    for name, path in (("first", first), ("second", second)):
        try:
            with path.open("rb") as file:
                shas[name] = file_digest(file, "sha256").hexdigest()
            empty = path.stat().st_size == 0
        except OSError as fault:
            raise _unusable(str(path), fault.strerror or str(fault)) from fault
        if empty:
            raise _unusable(str(path), "it is empty")
    return _report("digests", f"{first} {second}", json.dumps(shas).encode())


def _report(kind: str, source: str, content: bytes) -> Report:
    try:
        return Report(source, content, read(kind, content))
    except Malformed as fault:
        raise _unusable(source, fault.message) from fault


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SIZE + 1)
    except OSError as fault:
        raise _unusable(str(path), fault.strerror or str(fault)) from fault


def _unusable(source: str, why: str) -> Refusal:
    return Refusal(
        Exit.EVIDENCE,
        f"{source}: {why}\nnext: give the file as the tool wrote it, whole; nothing was submitted",
    )


def _mark(path: Path) -> tuple[int, ...] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_ctime_ns, told.st_ino, told.st_size


def _packed(content: bytes) -> dict[str, str]:
    if len(content) <= PLAIN:
        try:
            return {"content": content.decode()}
        except UnicodeDecodeError:
            pass
    return {"content_base64": b64encode(gzip.compress(content, mtime=0)).decode()}
