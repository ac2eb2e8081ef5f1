"""Specifications: a validation against a JSON Schema, done here, or a SHACL validation report that somebody brings.

A SHACL report is RDF (W3C SHACL §3.6). Read are the two of its spellings that need no library: JSON-LD and N-Triples.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import jsonschema_rs
import msgspec
from msgspec import Struct

from erlmcp.tcps.evidence.malformed import EXAMPLES, Malformed, bounded, json_of, kept, short
from erlmcp.tcps.figures import Spec

__all__ = ["read_spec", "validation"]

SHACL: Final = "the SHACL report"
BUNDLE: Final = "the validation"
NAMESPACE: Final = "http://www.w3.org/ns/shacl#"

_TRIPLE: Final = re.compile(r'(<[^<>"\s]*>|_:\S+)\s+<([^<>"\s]*)>\s+(.+?)\s*\.\s*(?:#.*)?', re.DOTALL)


class _Bundle(Struct, forbid_unknown_fields=True):
    schema: Any
    documents: list[Any]


def validation(schema: bytes, documents: Sequence[bytes]) -> bytes:
    """The file of kind `spec` that says: these JSON documents are to conform to this JSON Schema.

    Raises Malformed for what is no JSON.
    """
    against = json_of(schema, Any, "the schema")
    read = [json_of(each, Any, f"document {n}") for n, each in enumerate(documents)]
    return msgspec.json.encode({"schema": against, "documents": read})


def read_spec(content: bytes) -> Spec:
    """The figures of a validation or of a SHACL report; the first character tells. Raises Malformed."""
    bounded(content, "the specification's report")
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"{" and b'"documents"' in content and NAMESPACE.encode() not in content:
        return _validated(content)
    if start in {b"{", b"["}:
        return _report(content, _json_ld(content))
    if start in {b"<", b"_", b"#"}:
        return _report(content, _n_triples(content))
    raise Malformed(
        f"{SHACL} is neither JSON-LD nor N-Triples: have it written as JSON-LD (pyshacl -f json-ld); for JSON Schema,"
        ' give {"schema": …, "documents": […]}'
    )


def _validated(content: bytes) -> Spec:
    bundle = json_of(content, _Bundle, BUNDLE)
    check = _validator(bundle.schema)
    messages = []
    for number, document in enumerate(bundle.documents):
        for fault in check(document):
            place = "".join(f"/{each}" for each in fault.instance_path)
            messages.append(short(f"document {number} at {place or '/'}: {fault.message}"))
    return Spec(
        **kept(content),
        tool="jsonschema-rs",
        conforms=not messages,
        checked=len(bundle.documents),
        violations=len(messages),
        messages=tuple(messages[:EXAMPLES]),
    )


def _validator(schema: Any) -> Callable[[Any], Iterator[Any]]:
    """Nothing is fetched, and patterns are of the kind that cannot take for ever."""
    try:
        validator = jsonschema_rs.validator_for(schema, retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions())
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as fault:
        raise Malformed(f"{BUNDLE}: its schema cannot be used: {short(str(fault))}") from fault
    return validator.iter_errors


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} would have to be fetched")


class _Report(Struct):
    """What there is to know of the reports in a graph."""

    conforms: list[bool]
    results: int
    messages: list[str]


def _report(content: bytes, found: _Report) -> Spec:
    if not found.conforms:
        raise Malformed(f"{SHACL} holds no sh:ValidationReport with sh:conforms")
    conforms = all(found.conforms)
    if conforms and found.results:
        raise Malformed(f"{SHACL} says that all conforms, and has {found.results} results")
    return Spec(
        **kept(content),
        tool="SHACL",
        conforms=conforms,
        checked=len(found.conforms),
        violations=found.results,
        messages=tuple(short(each) for each in found.messages[:EXAMPLES]),
    )


def _json_ld(content: bytes) -> _Report:
    """Expanded, or compact with `sh:` or the whole name: what validators write. A context is never fetched."""
    found = _Report([], 0, [])
    waiting: list[Any] = [json_of(content, Any, SHACL)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            members = {_term(key): value for key, value in node.items()}
            if "conforms" in members:
                found.conforms.extend(_boolean(each) for each in _values(members["conforms"]))
            if "ValidationResult" in {_term(str(each)) for each in _values(node.get("@type", []))}:
                found.results += 1
                found.messages.extend(str(each) for each in _values(members.get("resultMessage", [])))
            waiting.extend(value for key, value in node.items() if key != "@context")
    return found


def _term(name: str) -> str:
    return name.removeprefix(NAMESPACE).removeprefix("sh:")


def _values(value: Any) -> list[Any]:
    each = value if isinstance(value, list) else [value]
    return [one["@value"] if isinstance(one, dict) and "@value" in one else one for one in each]


def _boolean(value: Any) -> bool:
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise Malformed(f"{SHACL}: sh:conforms is {short(str(value))!r}, neither true nor false")


def _n_triples(content: bytes) -> _Report:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Malformed(f"{SHACL} is not UTF-8 at byte {fault.start}") from fault
    found = _Report([], 0, [])
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        if not line or line.startswith("#"):
            continue
        triple = _TRIPLE.fullmatch(line)
        if triple is None:
            raise Malformed(f"{SHACL}, line {number}: {short(line)!r} is no triple of N-Triples")
        predicate, target = triple[2], triple[3]
        if predicate == f"{NAMESPACE}conforms":
            found.conforms.append(_boolean(target.partition("^^")[0].strip('"')))
        elif target == f"<{NAMESPACE}ValidationResult>":
            found.results += 1
        elif predicate == f"{NAMESPACE}resultMessage":
            found.messages.append(target.strip('"'))
    return found
