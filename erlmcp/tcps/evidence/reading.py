"""Which kind of evidence is read by what, and the two kinds that are no reports: digests, and a command that ended."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from erlmcp.tcps.evidence.coverage import read_coverage
from erlmcp.tcps.evidence.junit import read_junit
from erlmcp.tcps.evidence.malformed import Malformed, is_sha256, json_of, kept, short
from erlmcp.tcps.evidence.sarif import read_sarif
from erlmcp.tcps.evidence.sbom import read_sbom
from erlmcp.tcps.evidence.spec import read_spec, validation
from erlmcp.tcps.figures import Digests, Evidence, ExitCode

__all__ = ["KINDS", "digests", "exit_code", "read", "validation"]


class _Pair(Struct, forbid_unknown_fields=True):
    first: str
    second: str


class _Ended(Struct, forbid_unknown_fields=True):
    code: int
    duration_ms: int = 0
    command: str = ""
    log: str = ""


def read(kind: str, content: bytes) -> Evidence:
    """The figures of a file of this kind. Raises Malformed."""
    reader = _READERS.get(kind)
    if reader is None:
        raise Malformed(f"there is no evidence of the kind {short(kind)!r}; kinds are {', '.join(KINDS)}")
    return reader(content)


def digests(first: bytes, second: bytes) -> bytes:
    """The file of kind `digests` that says: these artifacts came out of two builds of the same."""
    return msgspec.json.encode(_Pair(sha256(first).hexdigest(), sha256(second).hexdigest()))


def exit_code(code: int, command: str, duration_ms: int, log: str) -> bytes:
    """The file of kind `exit_code` that says: this command ended so, and that is what it had to say."""
    return msgspec.json.encode(_Ended(code, duration_ms, command, log))


def _read_digests(content: bytes) -> Digests:
    pair = json_of(content, _Pair, "the pair of digests")
    first, second = pair.first.lower(), pair.second.lower()
    for word, digest in (("first", first), ("second", second)):
        if not is_sha256(digest):
            raise Malformed(f"the pair of digests: {word} is {short(digest)!r}, which is no SHA-256 in hexadecimal")
    return Digests(**kept(content), first=first, second=second)


def _read_exit_code(content: bytes) -> ExitCode:
    ended = json_of(content, _Ended, "the command's end")
    if not -255 <= ended.code <= 255 or ended.duration_ms < 0:
        raise Malformed(f"the command's end: code {ended.code} after {ended.duration_ms} ms is not how a command ends")
    return ExitCode(
        **kept(content),
        code=ended.code,
        duration_ms=ended.duration_ms,
        command=short(ended.command),
    )


_READERS: Final[Mapping[str, Callable[[bytes], Evidence]]] = MappingProxyType(
    {
        "spec": read_spec,
        "exit_code": _read_exit_code,
        "junit": read_junit,
        "coverage": read_coverage,
        "sarif": read_sarif,
        "digests": _read_digests,
        "sbom": read_sbom,
    }
)
KINDS: Final = tuple(_READERS)
"""The kinds, in the order of the gates that take them."""
