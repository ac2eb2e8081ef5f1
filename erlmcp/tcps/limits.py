"""What an Ask may hold: sizes and characters, checked before anything waits in line. Pure.

The numbers are ours: far above what a person or an agent writes, far below what would make one receipt a burden (a
receipt carries its inputs and the whole order after them, and is pushed to every worker).
"""

import re
from typing import Final

from erlmcp.tcps.canonical import MAX_INTEGER, canonical, fault
from erlmcp.tcps.commands import (
    Ask,
    Cancel,
    Complete,
    CreateWorkOrder,
    Metadata,
    Pull,
    PullNext,
    Release,
    SetLimit,
    StartWorkOrder,
    UpdateWorkOrder,
)
from erlmcp.tcps.errors import Code, Refused, shown
from erlmcp.tcps.routing import priority_number

__all__ = [
    "ACTOR",
    "ASSIGNEE",
    "DESCRIPTION",
    "ID",
    "IDEMPOTENCY_KEY",
    "LABEL",
    "LABELS",
    "METADATA_BYTES",
    "METADATA_DEPTH",
    "REASON",
    "SOURCE",
    "TITLE",
    "WIP_LIMIT",
    "admit",
]

# In characters:
ID: Final = 100  # ours have 21; whatever else is of this length is not found
TITLE: Final = 200
DESCRIPTION: Final = 16_384
SOURCE: Final = 500
LABEL: Final = 100
ASSIGNEE: Final = 100
REASON: Final = 2_000
IDEMPOTENCY_KEY: Final = 255
ACTOR: Final = 255
# In other units:
LABELS: Final = 50
METADATA_BYTES: Final = 16_384  # of its canonical JSON
METADATA_DEPTH: Final = 8
WIP_LIMIT: Final = 10_000

_NAMING: Final = (UpdateWorkOrder, StartWorkOrder, Complete, Release, Cancel)  # an order, by its id

# Lone surrogates are no characters, and the C0 and C1 controls print nothing but trouble in a terminal. U+2028 and
# U+2029 end lines. Marks that reorder text belong to right-to-left languages: whoever shows a text minds them.
_NOT_IN_A_LINE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_IN_A_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def admit(ask: Ask) -> None:
    """Raise Refused(invalid) if something is too long, empty where it must not be, or no text."""
    _line("actor", ask.actor, ACTOR, least=1)
    _line("tool", ask.tool, ACTOR, least=1)
    if ask.idempotency_key is not None:
        _line("idempotency_key", ask.idempotency_key, IDEMPOTENCY_KEY, least=1)
    command = ask.command
    if isinstance(command, _NAMING):
        _line("id", command.id, ID)
    match command:
        case CreateWorkOrder() as create:
            _admit_create(create)
        case UpdateWorkOrder() as update:
            _admit_update(update)
        case StartWorkOrder() | Pull() | PullNext() as start:
            _assignee(start.assignee)
        case Release(reason=reason) | Cancel(reason=reason):
            _text("reason", reason, REASON, least=1)
        case SetLimit(limit=limit) if not 1 <= limit <= WIP_LIMIT:
            raise _invalid(f"limit is {shown(limit)}", f"a limit from 1 to {WIP_LIMIT:,}")
        case _:
            pass


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
