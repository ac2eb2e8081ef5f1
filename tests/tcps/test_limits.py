"""How large an ask may be: each bound on both sides, and what is said beyond it."""

import pytest

from erlmcp.tcps import (
    Ask,
    Bucket,
    Cancel,
    Code,
    Complete,
    CreateWorkOrder,
    PullNext,
    Refused,
    Release,
    SetLimit,
    SignalType,
    StartWorkOrder,
    UpdateWorkOrder,
)
from erlmcp.tcps.limits import (
    ACTOR,
    ASSIGNEE,
    DESCRIPTION,
    ID,
    IDEMPOTENCY_KEY,
    LABEL,
    LABELS,
    METADATA_BYTES,
    METADATA_DEPTH,
    REASON,
    SOURCE,
    TITLE,
    WIP_LIMIT,
    admit,
)


def create(**fields):
    return CreateWorkOrder(SignalType.INTERNAL, **{"title": "x", **fields})


def nested(depth):
    return {"a": nested(depth - 1)} if depth > 1 else {"a": 1}


def verdict(command, **about):
    ask = Ask(**{"actor": "local", "tool": "t", "command": command, **about})
    try:
        admit(ask)
    except Refused as refused:
        refusal = refused.refusal
    else:
        return "admitted"
    assert refusal.code is Code.INVALID
    assert refusal.next.startswith("call again with ")
    return refusal.message


BOUNDS = [
    (lambda n: create(title="x" * n), TITLE, "title has 201 characters"),
    (lambda n: UpdateWorkOrder("WO-1", 1, title="x" * n), TITLE, "title has 201 characters"),
    (lambda n: create(description="ü" * n), DESCRIPTION, "description has 16,385 characters"),
    (lambda n: UpdateWorkOrder("WO-1", 1, description="x" * n), DESCRIPTION, "description has 16,385 characters"),
    (lambda n: create(source="x" * n), SOURCE, "source has 501 characters"),
    (lambda n: create(labels=("x",) * n), LABELS, "there are 51 labels"),
    (lambda n: create(labels=("a", "x" * n)), LABEL, "a label has 101 characters"),
    (lambda n: create(assignee="x" * n), ASSIGNEE, "assignee has 101 characters"),
    (lambda n: StartWorkOrder("WO-1", "x" * n), ASSIGNEE, "assignee has 101 characters"),
    (lambda n: PullNext("x" * n), ASSIGNEE, "assignee has 101 characters"),
    (lambda n: UpdateWorkOrder("WO-1", 1, assignee="x" * n), ASSIGNEE, "assignee has 101 characters"),
    (lambda n: StartWorkOrder("x" * n), ID, "id has 101 characters"),
    (lambda n: UpdateWorkOrder("x" * n, 1, title="x"), ID, "id has 101 characters"),
    (lambda n: Complete("x" * n), ID, "id has 101 characters"),
    (lambda n: Release("x" * n, "why"), ID, "id has 101 characters"),
    (lambda n: Cancel("x" * n, "why"), ID, "id has 101 characters"),
    (lambda n: Release("WO-1", "x" * n), REASON, "reason has 2,001 characters"),
    (lambda n: Cancel("WO-1", "x" * n), REASON, "reason has 2,001 characters"),
    (lambda n: create(metadata={"a": "x" * (n - 8)}), METADATA_BYTES, "metadata has 16,385 bytes"),
    (lambda n: create(metadata=nested(n)), METADATA_DEPTH, "metadata cannot be kept: it is nested too deep"),
    (lambda n: SetLimit(Bucket.COST, n), WIP_LIMIT, "limit is 10001"),
]


@pytest.mark.parametrize(("command", "most", "words"), BOUNDS)
def test_the_largest_is_admitted_and_one_more_is_not(command, most, words):
    assert [verdict(command(most)), verdict(command(most + 1))] == ["admitted", words]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (create(title=""), "title is empty"),
        (create(title=" \u3000"), "title is empty"),
        (UpdateWorkOrder("WO-1", 1, title=""), "title is empty"),
        (create(labels=("",)), "a label is empty"),
        (Release("WO-1", ""), "reason is empty"),
        (Cancel("WO-1", "\n"), "reason is empty"),
        (SetLimit(Bucket.COST, 0), "limit is 0"),
        (SetLimit(Bucket.COST, -(10**500)), "limit is a number beyond all bounds"),
        (UpdateWorkOrder("WO-1", 0, title="x"), "version is 0"),
        (UpdateWorkOrder("WO-1", 2**64, title="x"), "version is a number beyond all bounds"),
        (UpdateWorkOrder("WO-1", 1), "nothing is to be changed"),
        (create(priority=11), "priority is 11, and must be from 1 to 10"),
        (UpdateWorkOrder("WO-1", 1, priority=0), "priority is 0, and must be from 1 to 10"),
    ],
)
def test_what_must_not_be_empty_or_small_is_refused(command, words):
    assert verdict(command) == words


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1b", "\x7f", "\x9b", "\u2028", "\u2029", "\ud800"])
def test_one_line_of_text_has_no_control_characters(character):
    for command in (create(title=f"a{character}b"), create(source=character), create(labels=(f"a{character}",))):
        assert verdict(command).endswith("has a control character or a line break")


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\udfff"])
def test_an_id_has_no_character_that_no_id_can_have(character):
    assert verdict(Complete(f"WO-{character}")) == "id has a control character or a line break"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\udfff"])
def test_longer_text_has_no_control_characters_but_line_breaks_and_tabs(character):
    assert verdict(create(description=f"a{character}b")) == "description has a control character"
    assert verdict(Release("WO-1", f"a{character}b")) == "reason has a control character"
    assert verdict(create(description="a\r\n\tb\u2028\u200f")) == "admitted"


def test_every_language_is_welcome():
    assert verdict(create(title="Überprüfung 検査 😀 \u2067فحص\u2069", labels=("ошибка",))) == "admitted"


def test_decimals_in_metadata_are_refused_and_it_says_how_to_write_them():
    words = verdict(create(metadata={"score": 9.8}))
    assert words == "metadata cannot be kept: 9.8 is no integer: write decimals as text"
    assert verdict(create(metadata={"score": "9.8", "n": [1, None, True]})) == "admitted"


def test_an_empty_assignee_means_nobody():
    assert verdict(create(assignee="")) == "admitted"
    assert verdict(UpdateWorkOrder("WO-1", 1, assignee="")) == "admitted"


def test_who_asks_and_the_key_are_bounded_too():
    for most, about in ((ACTOR, "actor"), (ACTOR, "tool"), (IDEMPOTENCY_KEY, "idempotency_key")):
        assert verdict(PullNext(), **{about: "x" * most}) == "admitted"
        assert verdict(PullNext(), **{about: "x" * (most + 1)}) == f"{about} has 256 characters"
        assert verdict(PullNext(), **{about: ""}) == f"{about} is empty"
