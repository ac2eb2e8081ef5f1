"""What an Ask may hold: sizes and characters, checked before anything waits in line. Pure.

The numbers are ours: far above what a person or an agent writes, far below what would make one receipt a burden (a
receipt carries its inputs and the whole order after them, and is pushed to every worker).
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from msgspec.structs import replace

from erlmcp.tcps.andon import LEVELS
from erlmcp.tcps.canonical import MAX_INTEGER, canonical, fault
from erlmcp.tcps.commands import (
    AbortSku,
    AcknowledgeAndon,
    AddWhy,
    Ask,
    Cancel,
    Complete,
    CreateWorkOrder,
    EscalateAndon,
    MeasureKaizen,
    Metadata,
    ProposeKaizen,
    Pull,
    PullNext,
    Release,
    SetLimit,
    StartWorkOrder,
    SubmitGate,
    UpdateWorkOrder,
)
from erlmcp.tcps.dependency import DEPENDENCIES
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.figures import Coverage, Digests, Evidence, ExitCode, Junit, Sarif, Sbom, Spec
from erlmcp.tcps.kaizen_tally import PROOFS
from erlmcp.tcps.roles import permit
from erlmcp.tcps.root_cause import WHYS
from erlmcp.tcps.routing import priority_number

__all__ = [
    "ACTOR",
    "ASSIGNEE",
    "DESCRIPTION",
    "EVIDENCE",
    "FILES_BYTES",
    "FILE_BYTES",
    "ID",
    "IDEMPOTENCY_KEY",
    "LABEL",
    "LABELS",
    "METADATA_BYTES",
    "METADATA_DEPTH",
    "NAME",
    "NAMES",
    "REASON",
    "SOURCE",
    "TEXT",
    "TITLE",
    "WIP_LIMIT",
    "admit",
    "fitted",
]

# In characters:
ID: Final = 100  # ours have 21; whatever else is of this length is not found
TITLE: Final = 200
DESCRIPTION: Final = 16_384
SOURCE: Final = 500
LABEL: Final = 100
ASSIGNEE: Final = 100
REASON: Final = 2_000
TEXT: Final = 2_000  # of an andon's message, a why, what was found and done
NAME: Final = 500  # of a failed test, a rule, a component, a tool
IDEMPOTENCY_KEY: Final = 255
ACTOR: Final = 255
# In other units:
LABELS: Final = 50
METADATA_BYTES: Final = 16_384  # of its canonical JSON
METADATA_DEPTH: Final = 8
WIP_LIMIT: Final = 10_000
EVIDENCE: Final = 20  # of one submission
NAMES: Final = 1_000  # in the evidence of one submission (tcps.md §4)
FILE_BYTES: Final = 4 * 1024 * 1024  # of one file of evidence
FILES_BYTES: Final = 6 * 1024 * 1024  # of all in one Ask, which has to fit into a frame of the link (8 MiB)

_IDS: Final = ("id", "depends_on", "sku_id", "andon_id", "work_order_id")
_TEXTS: Final = ("message", "problem", "text", "root_cause", "fix_applied", "prevention_added", "prevention", "about")
_SHA256: Final = re.compile("[0-9a-f]{64}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")

# Lone surrogates are no characters, and the C0 and C1 controls print nothing but trouble in a terminal. U+2028 and
# U+2029 end lines. Marks that reorder text belong to right-to-left languages: whoever shows a text minds them.
_NOT_IN_A_LINE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_IN_A_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def admit(ask: Ask) -> None:
    """Raise Refused: forbidden to this role; or invalid: something is too long, empty where it must not be, no text."""
    _line("actor", ask.actor, ACTOR, least=1)
    _line("tool", ask.tool, ACTOR, least=1)
    if ask.idempotency_key is not None:
        _line("idempotency_key", ask.idempotency_key, IDEMPOTENCY_KEY, least=1)
    permit(ask)
    command = ask.command
    match command:
        case CreateWorkOrder() as create:
            _admit_create(create)
        case UpdateWorkOrder() as update:
            _line("id", update.id, ID)
            _admit_update(update)
        case StartWorkOrder() as start:
            _line("id", start.id, ID)
            _assignee(start.assignee)
        case Pull() | PullNext() as pull:
            _assignee(pull.assignee)
        case Complete(id=order_id):
            _line("id", order_id, ID)
        case Release() | Cancel() | AbortSku() as ended:
            _line("id", ended.id, ID)
            _text("reason", ended.reason, REASON, least=1)
        case SetLimit(limit=limit):
            _number("limit", limit, WIP_LIMIT)
        case _:
            _admit_floor(ask)
    if ask.files and not isinstance(command, SubmitGate):
        raise _invalid(f"{command.name} came with files", "no files")


def _admit_floor(ask: Ask) -> None:
    """Whatever is not about an order itself: all ids and texts by their names, then what is special."""
    command = ask.command
    for name in _IDS:
        if (value := getattr(command, name, None)) is not None:
            _line(name, value, ID)
    for name in _TEXTS:
        if (value := getattr(command, name, None)) is not None:
            _text(name, value, TEXT, least=1)
    match command:
        case AcknowledgeAndon(assignee=assignee):
            _assignee(assignee)
        case AddWhy(n=n):
            _number("n", n, WHYS)
        case EscalateAndon(level=level):
            _number("level", level, LEVELS)
        case ProposeKaizen() | MeasureKaizen():
            _admit_measured(command)
        case SubmitGate(evidence=evidence):
            _admit_evidence(evidence)
            _admit_files(ask)
        case _:
            pass


def _admit_measured(command: ProposeKaizen | MeasureKaizen) -> None:
    """No tool takes these: numbers and moments that a duty made up would be ours to explain."""
    for name in ("milliseconds", "count"):
        if not 0 <= (value := getattr(command, name, 0)) <= MAX_INTEGER:
            raise _invalid(f"{name} is {shown(value)}", f"{name} of 0 or more")
    if len(command.receipts) > PROOFS or not all(1 <= seq <= MAX_INTEGER for seq in command.receipts):
        raise _invalid("receipts has no seq, or too many", f"at most {PROOFS} receipts by their seq")
    for name in ("since", "until"):
        if not _MOMENT.fullmatch(getattr(command, name)):
            raise _invalid(f"{name} is no moment", f"a {name} like 2026-11-24T06:00:00.000Z")


def _admit_evidence(evidence: Sequence[Evidence]) -> None:
    if len(evidence) > EVIDENCE:
        raise _invalid(f"there are {len(evidence)} pieces of evidence", f"at most {EVIDENCE} pieces of evidence")
    names = [name for one in evidence for name in _names(one)]
    if len(names) > NAMES:
        raise _invalid(f"the evidence has {len(names):,} names", f"at most {NAMES:,} names in the evidence")
    for name in names:
        _line("a name in the evidence", name, NAME)
    for one in evidence:
        wrong = next((digest for digest in _digests(one) if not _SHA256.fullmatch(digest)), None)
        if wrong is not None:
            raise _invalid(f"{shown(wrong)!r} is no SHA-256", "a SHA-256 as 64 hexadecimal digits")
        for name in one.__struct_fields__:
            value = getattr(one, name)
            if isinstance(value, int) and name != "code" and not 0 <= value <= MAX_INTEGER:
                raise _invalid(f"{name} of the {one.kind} evidence is {shown(value)}", f"{name} of 0 or more")
        if words := _absurd(one):
            raise _invalid(f"the {one.kind} evidence has {words}", f"{one.kind} evidence whose figures fit together")


def fitted(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """With as many names of failed tests as one submission may have, the first ones. How many failed is counted."""
    failed = [one.failed if isinstance(one, Junit) else () for one in evidence]
    room = NAMES - sum(len(_names(one)) - len(names) for one, names in zip(evidence, failed, strict=True))
    found: list[Evidence] = []
    for one, names in zip(evidence, failed, strict=True):
        kept = names[: max(room, 0)]
        room -= len(kept)
        found.append(replace(one, failed=kept) if isinstance(one, Junit) and kept != names else one)
    return tuple(found)


def _digests(one: Evidence) -> tuple[str, ...]:
    match one:
        case Digests(first=first, second=second):
            return (one.digest, first, second)
        case Sbom(artifact_sha256=stated) if stated:
            return (one.digest, stated)
        case _:
            return (one.digest,)


def _names(one: Evidence) -> tuple[str, ...]:
    match one:
        case Junit(failed=names) | Sarif(rules=names) | Spec(messages=names):
            return (one.tool, *names)
        case Sbom(artifact=artifact, examples=names):
            return (one.tool, artifact, *names)
        case ExitCode(command=command):
            return (one.tool, command)
        case _:
            return (one.tool,)


def _absurd(one: Evidence) -> str:
    """What no report can say; "" if it can be."""
    match one:
        case Junit() if one.passed < 0:
            return f"{one.failures + one.errors + one.skipped} failures, errors and skipped of {one.tests} tests"
        case Coverage() if one.covered > one.lines:
            return f"{one.covered} covered of {one.lines} lines"
        case Sbom() if max(one.unlicensed, one.unpinned) > one.components:
            return f"more findings than its {one.components} components"
        case _:
            return ""


def _admit_files(ask: Ask) -> None:
    named = {one.digest for one in ask.command.evidence} if isinstance(ask.command, SubmitGate) else set()
    for file in ask.files:
        if len(file.content) > FILE_BYTES:
            raise _invalid(
                f"a file of evidence has {len(file.content):,} bytes", f"files of at most {FILE_BYTES:,} bytes"
            )
        if file.digest not in named:
            raise _invalid("a file came that no evidence names", "the files of the evidence alone")
        if sha256(file.content).hexdigest() != file.digest:
            raise _invalid(f"a file of evidence does not give the SHA-256 {file.digest}", "the file of that digest")
    if (total := sum(len(file.content) for file in ask.files)) > FILES_BYTES:
        raise _invalid(
            f"the files of evidence have {total:,} bytes",
            f"at most {FILES_BYTES:,} bytes in one call; what was kept before is given by its digest",
        )


def _admit_create(command: CreateWorkOrder) -> None:
    _line("title", command.title, TITLE, least=1)
    _text("description", command.description, DESCRIPTION)
    _line("source", command.source, SOURCE)
    if len(command.labels) > LABELS:
        raise _invalid(f"there are {len(command.labels)} labels", f"at most {LABELS} labels")
    for label in command.labels:
        _line("a label", label, LABEL, least=1)
    if command.priority is not None:
        priority_number(command.priority)
    if len(command.dependencies) > DEPENDENCIES:
        raise _invalid(f"there are {len(command.dependencies)} dependencies", f"at most {DEPENDENCIES} dependencies")
    for depends_on in command.dependencies:
        _line("a dependency", depends_on, ID)
    _assignee(command.assignee)
    if command.metadata:
        _admit_metadata(command.metadata)


def _admit_update(command: UpdateWorkOrder) -> None:
    if not 1 <= command.version <= MAX_INTEGER:
        raise _invalid(f"version is {shown(command.version)}", "the version that work_order_get shows")
    changes = (command.title, command.description, command.priority, command.assignee)
    if all(change is None for change in changes):
        raise _invalid("nothing is to be changed", "a title, description, priority or assignee")
    if command.title is not None:
        _line("title", command.title, TITLE, least=1)
    if command.description is not None:
        _text("description", command.description, DESCRIPTION)
    if command.priority is not None:
        priority_number(command.priority)
    _assignee(command.assignee)


def _admit_metadata(metadata: Metadata) -> None:
    if found := fault(metadata, METADATA_DEPTH):
        raise _invalid(
            f"metadata cannot be kept: {found}", f"JSON without decimals, nested {METADATA_DEPTH} deep at most"
        )
    size = len(canonical(metadata))
    if size > METADATA_BYTES:
        raise _invalid(f"metadata has {size:,} bytes", f"metadata of at most {METADATA_BYTES:,} bytes of JSON")


def _assignee(assignee: str | None) -> None:
    if assignee:
        _line("assignee", assignee, ASSIGNEE)


def _number(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise _invalid(f"{name} is {shown(value)}", f"a {name} from 1 to {most:,}")


def _line(name: str, value: str, most: int, *, least: int = 0) -> None:
    _sized(name, value, most, least)
    if not value.isprintable() and _NOT_IN_A_LINE.search(value):
        raise _invalid(f"{name} has a control character or a line break", f"{name} in one line of plain text")


def _text(name: str, value: str, most: int, *, least: int = 0) -> None:
    _sized(name, value, most, least)
    if not value.isprintable() and _NOT_IN_A_TEXT.search(value):
        raise _invalid(f"{name} has a control character", f"{name} of plain text; line breaks and tabs are fine")


def _sized(name: str, value: str, most: int, least: int) -> None:
    if len(value) > most:
        raise _invalid(f"{name} has {len(value):,} characters", f"{name} of at most {most:,} characters")
    if least and not value.strip():
        raise _invalid(f"{name} is empty", f"{name} of 1 to {most:,} characters")


def _invalid(wrong: str, right: str) -> Refused:
    return Refused(Code.INVALID, wrong, f"call again with {right}")
