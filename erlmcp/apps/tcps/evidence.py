"""Evidence as it comes with a call: each piece a file, or the digest of one that is kept; read into figures.

It does not know what a gate wants. What it cannot read it refuses, saying which piece, what is wrong with it and where.
"""

import binascii
import zlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from erlmcp.tcps import EVIDENCE, FILE_BYTES, FILES_BYTES, Code, Evidence, File, Refused, fitted
from erlmcp.tcps.evidence import Malformed, read

__all__ = ["Piece", "check", "taken"]

Kind = Literal["spec", "exit_code", "junit", "coverage", "sarif", "digests", "sbom"]

GZIP: Final = b"\x1f\x8b"  # RFC 1952 §2.3.1; no file of evidence begins so
_GZIP_ONLY: Final = 31  # zlib's number for it


class Piece(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of evidence: its kind, and one of content, content_base64 and digest."""

    kind: Annotated[
        Kind,
        Meta(
            description="What the file is. spec: a SHACL validation report as JSON-LD or N-Triples, or"
            ' {"schema": …, "documents": […]}, JSON documents to be validated against a JSON Schema here.'
            ' exit_code: how a command ended, {"code": 0, "command": "make", "duration_ms": 1200, "log": "…"}, of'
            " which only code is required. junit: a JUnit XML report of tests. coverage: Cobertura XML or LCOV. sarif:"
            ' SARIF 2.1 JSON. digests: the SHA-256 of the artifacts of two builds, {"first": "…", "second": "…"}.'
            " sbom: CycloneDX or SPDX JSON."
        ),
    ]
    content: Annotated[str | None, Meta(description="The file itself, as text.")] = None
    content_base64: Annotated[
        str | None,
        Meta(
            description="The file itself as base64. It may be gzipped before: do so when the call would have more than"
            " 4 MiB otherwise."
        ),
    ] = None
    digest: Annotated[
        str | None, Meta(description="Instead of a file: the SHA-256 of one that was submitted before, in hexadecimal.")
    ] = None


def check(pieces: Sequence[Piece]) -> None:
    """Whether there are not too many, and each is one file. Raises Refused(invalid)."""
    if len(pieces) > EVIDENCE:
        raise _invalid(f"there are {len(pieces)} pieces of evidence", f"at most {EVIDENCE} pieces of evidence")
    for number, piece in enumerate(pieces, 1):
        given = [name for name in ("content", "content_base64", "digest") if getattr(piece, name) is not None]
        if len(given) != 1:
            raise _invalid(
                f"evidence {number}, {piece.kind}, has {' and '.join(given) or 'no content'}",
                "one of content, content_base64 and digest for each piece of evidence",
            )


def taken(pieces: Sequence[Piece], kept: Mapping[str, bytes]) -> tuple[tuple[Evidence, ...], tuple[File, ...]]:
    """The figures of all pieces, and the files that are not `kept` yet (by the digests that name them).

    Raises Refused(invalid). Takes its time: not for the loop.
    """
    figures: list[Evidence] = []
    files: dict[str, File] = {}
    size = 0
    for number, piece in enumerate(pieces, 1):
        what = f"evidence {number}, {piece.kind}"
        content = kept[piece.digest] if piece.digest is not None else _content(piece, what)
        size += len(content)
        if size > FILES_BYTES:
            raise _invalid(
                f"the files of evidence have more than {FILES_BYTES:,} bytes",
                "fewer files, or smaller ones: reports of parts count together",
            )
        one = _figures(piece.kind, content, what)
        figures.append(one)
        if piece.digest is None:
            files[one.digest] = File(one.digest, content)
    return fitted(figures), tuple(files.values())


def _figures(kind: str, content: bytes, what: str) -> Evidence:
    try:
        return read(kind, content)
    except Malformed as fault:
        raise _invalid(
            f"{what}: {fault.message}", f"a {kind} file as the tool wrote it, whole and unchanged"
        ) from fault


def _content(piece: Piece, what: str) -> bytes:
    if piece.content is not None:
        return piece.content.encode()
    try:
        content = b64decode(piece.content_base64 or "", validate=True)
    except (binascii.Error, ValueError) as fault:
        raise _invalid(f"{what}: content_base64 is no base64: {fault}", "the file in base64 (RFC 4648 §4)") from fault
    return _unpacked(content, what) if content.startswith(GZIP) else content


def _unpacked(packed: bytes, what: str) -> bytes:
    """Never more than a file may have, whatever is packed."""
    unpack = zlib.decompressobj(_GZIP_ONLY)
    try:
        content = unpack.decompress(packed, FILE_BYTES + 1)
    except zlib.error as fault:
        raise _invalid(f"{what}: content_base64 is no sound gzip: {fault}", "the file gzipped anew") from fault
    if len(content) > FILE_BYTES:
        raise _invalid(f"{what}: more than {FILE_BYTES:,} bytes are packed", f"files of at most {FILE_BYTES:,} bytes")
    if not unpack.eof or unpack.unused_data:
        wrong = "goes on after its end" if unpack.eof else "is cut off"
        raise _invalid(f"{what}: the gzip in content_base64 {wrong}", "the file gzipped anew, whole")
    return content


def _invalid(wrong: str, right: str) -> Refused:
    return Refused(Code.INVALID, wrong, f"call gate_submit again with {right}")
