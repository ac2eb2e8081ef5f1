"""Bills of materials in JSON: CycloneDX 1.2 to 1.7, SPDX 2.2 and 2.3."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, Raw, Struct, UnsetType, field

from erlmcp.tcps.evidence.malformed import EXAMPLES, Malformed, is_sha256, kept, parsed, short, sound_json
from erlmcp.tcps.figures import Sbom

__all__ = ["read_sbom"]

WHAT: Final = "the SBOM"
CYCLONEDX: Final = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
SPDX: Final = ("SPDX-2.2", "SPDX-2.3")
SAYS_NOTHING: Final = ("", "NOASSERTION", "NONE")
RANGE: Final = frozenset("<>=^~*| ")
"""What a version has that is none, but a range of some."""


class _Head(Struct, rename="camel"):
    bom_format: str = ""
    spec_version: str = ""
    spdx_version: str = ""
    context: Raw | UnsetType = field(default=UNSET, name="@context")


class _Hash(Struct):
    alg: str
    content: str


class _Component(Struct):
    name: str
    type: str = "library"
    version: str = ""
    licenses: list[dict[str, Raw]] = []
    hashes: list[_Hash] = []
    components: "list[_Component]" = []


class _Metadata(Struct):
    component: _Component | None = None


class _CycloneDx(Struct):
    metadata: _Metadata = field(default_factory=_Metadata)
    components: list[_Component] = []


class _Checksum(Struct, rename="camel"):
    algorithm: str
    checksum_value: str


class _Package(Struct, rename="camel"):
    name: str
    spdx_id: str = field(name="SPDXID")
    version_info: str = ""
    license_concluded: str = ""
    license_declared: str = ""
    checksums: list[_Checksum] = []


class _Relationship(Struct, rename="camel"):
    spdx_element_id: str
    relationship_type: str
    related_spdx_element: str


class _Spdx(Struct, rename="camel"):
    packages: list[_Package] = []
    document_describes: list[str] = []
    relationships: list[_Relationship] = []


class _Part(Struct, frozen=True):
    """A component as either format has it."""

    name: str
    version: str
    licensed: bool
    sha256: str = ""


def read_sbom(content: bytes) -> Sbom:
    """Its figures. Raises Malformed, also for a version of a format that is not read."""
    sound = sound_json(content, WHAT)
    head = parsed(sound, _Head, WHAT)
    if head.bom_format == "CycloneDX":
        if head.spec_version not in CYCLONEDX:
            raise Malformed(f"{WHAT} is CycloneDX {short(head.spec_version)!r}; read are {', '.join(CYCLONEDX)}")
        artifact, parts = _cyclonedx(parsed(sound, _CycloneDx, WHAT))
    elif head.spdx_version:
        if head.spdx_version not in SPDX:
            raise Malformed(f"{WHAT} is {short(head.spdx_version)!r}; read are {', '.join(SPDX)}")
        artifact, parts = _spdx(parsed(sound, _Spdx, WHAT))
    elif head.context is not UNSET:
        raise Malformed(f"{WHAT} looks like SPDX 3, which is not read yet: export it as SPDX 2.3 or CycloneDX")
    else:
        raise Malformed(f"{WHAT} is neither CycloneDX (bomFormat) nor SPDX (spdxVersion)")
    return _figures(content, artifact, parts)


def _figures(content: bytes, artifact: _Part | None, parts: list[_Part]) -> Sbom:
    unlicensed = [part for part in parts if not part.licensed]
    unpinned = [part for part in parts if not _pinned(part.version)]
    named = dict.fromkeys(short(f"{part.name} {part.version}") for part in (*unlicensed, *unpinned))
    return Sbom(
        **kept(content),
        artifact=short(f"{artifact.name} {artifact.version}") if artifact else "",
        artifact_sha256=artifact.sha256 if artifact else "",
        components=len(parts),
        unlicensed=len(unlicensed),
        unpinned=len(unpinned),
        examples=tuple(named)[:EXAMPLES],
    )


def _pinned(version: str) -> bool:
    return bool(version) and version.lower() not in {"latest", "unknown", "noassertion"} and not RANGE & set(version)


def _cyclonedx(bom: _CycloneDx) -> tuple[_Part | None, list[_Part]]:
    root = bom.metadata.component
    within = [*bom.components, *(root.components if root else ())]
    parts = [_part(each) for each in _all(within) if each.type != "file"]  # a file has neither version nor licence
    return (_part(root) if root else None), parts


def _all(components: list[_Component]) -> Iterator[_Component]:
    waiting = [*reversed(components)]
    while waiting:
        component = waiting.pop()
        yield component
        waiting.extend(reversed(component.components))


def _part(component: _Component) -> _Part:
    licensed = any(each.get("license") or each.get("expression") for each in component.licenses)
    digest = next((each.content for each in component.hashes if each.alg == "SHA-256"), "")
    return _Part(component.name, component.version, licensed, _hexadecimal(digest))


def _spdx(document: _Spdx) -> tuple[_Part | None, list[_Part]]:
    described = set(document.document_describes) | {
        each.related_spdx_element for each in document.relationships if each.relationship_type == "DESCRIBES"
    }
    described |= {each.spdx_element_id for each in document.relationships if each.relationship_type == "DESCRIBED_BY"}
    artifact = next((each for each in document.packages if each.spdx_id in described), None)
    parts = [_of_package(each) for each in document.packages if each.spdx_id not in described]
    return (_of_package(artifact) if artifact else None), parts


def _of_package(package: _Package) -> _Part:
    licensed = any(each.strip() not in SAYS_NOTHING for each in (package.license_concluded, package.license_declared))
    digest = next((each.checksum_value for each in package.checksums if each.algorithm == "SHA256"), "")
    return _Part(package.name, package.version_info, licensed, _hexadecimal(digest))


def _hexadecimal(digest: str) -> str:
    """A SHA-256 in lower case; Malformed for what is none. Empty stays empty."""
    digest = digest.lower()
    if digest and not is_sha256(digest):
        raise Malformed(f"{WHAT}: {short(digest)!r} is no SHA-256")
    return digest
