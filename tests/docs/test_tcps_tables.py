"""The tables of docs/TCPS.md that are printed from the source: states, gates, andons and roles.

When one of them has changed, the failure shows the table as it has to be.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from erlmcp.tcps import (
    ANDON_TRANSITIONS,
    KAIZEN_TRANSITIONS,
    NEEDS_ROOT_CAUSE,
    ROOT_CAUSE_TRANSITIONS,
    SEVERITY,
    SEVERITY_OF,
    SKU_TRANSITIONS,
    TAKES,
    TRANSITIONS,
    TYPE_OF_GATE,
    Command,
    Gate,
    Role,
    least,
)
from tests.serving import ROOT

PAGE = (ROOT / "docs" / "TCPS.md").read_text()


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    names = list(head)
    lines = [names, ["---"] * len(names), *map(list, rows)]
    return "".join(f"| {' | '.join(line)} |\n" if line[0] != "---" else f"|{'|'.join(line)}|\n" for line in lines)


def code(*words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words)


def name(command: type[Any]) -> str:
    return str(command.__struct_config__.tag)


def states(transitions: Mapping[tuple[Any, type[Any]], Any]) -> str:
    """From, by which commands, to: commands that lead to the same are in one row."""
    moves: dict[tuple[Any, tuple[Any, ...]], list[str]] = {}
    for (before, command), after in transitions.items():
        moves.setdefault((before, after if isinstance(after, tuple) else (after,)), []).append(name(command))
    return table(
        ("from", "command", "to"),
        (
            (code(before) if before else "not there", code(*commands), " or ".join(code(each) for each in after))
            for (before, after), commands in moves.items()
        ),
    )


def gates() -> str:
    return table(
        ("gate", "takes", "violations are", "andon on failure"),
        (
            (
                code(gate),
                "; or ".join(" and ".join(code(kind) for kind in sorted(kinds)) for kinds in TAKES[gate] if kinds)
                or "no evidence",
                SEVERITY_OF[gate],
                code(TYPE_OF_GATE[gate]) if gate in TYPE_OF_GATE else "none: it does not block",
            )
            for gate in Gate
        ),
    )


def severities() -> str:
    return table(
        ("andon", "severity, unless another is given", "five whys before it is resolved"),
        ((code(kind), of, "yes" if of in NEEDS_ROOT_CAUSE else "no") for kind, of in SEVERITY.items()),
    )


def roles() -> str:
    commands = sorted(Command.__args__, key=name)
    return table(
        ("role", "commands"),
        ((code(role), code(*(name(each) for each in commands if least(each) is role))) for role in Role),
    )


@pytest.mark.parametrize(
    ("heading", "printed"),
    [
        ("### States of a work order", lambda: states(TRANSITIONS)),
        ("### States of a sku", lambda: states(SKU_TRANSITIONS)),
        ("### States of an andon", lambda: states(ANDON_TRANSITIONS)),
        ("### States of a root cause", lambda: states(ROOT_CAUSE_TRANSITIONS)),
        ("### States of a proposal", lambda: states(KAIZEN_TRANSITIONS)),
        ("### Gates", gates),
        ("### Andons", severities),
        ("### Roles", roles),
    ],
)
def test_a_table_is_that_of_the_source(heading: str, printed: Callable[[], str]) -> None:
    section = PAGE.partition(f"{heading}\n")[2].partition("\n### ")[0]
    assert printed() in section, f"{heading} has to hold:\n{printed()}"
