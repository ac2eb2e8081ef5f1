"""How large an ask may be: each bound on both sides, and what is said beyond it."""

from hashlib import sha256

import pytest

from erlmcp.tcps import (
    AbortSku,
    AcknowledgeAndon,
    AddDependency,
    AddWhy,
    AndonType,
    Ask,
    Bucket,
    Cancel,
    Code,
    Complete,
    Coverage,
    CreateWorkOrder,
    Digests,
    EscalateAndon,
    ExitCode,
    File,
    FinalizeRootCause,
    Gate,
    Junit,
    PublishSku,
    PullAndon,
    PullNext,
    Refused,
    Release,
    ResolveAndon,
    Sbom,
    SetLimit,
    SignalType,
    StartRootCause,
    StartWorkOrder,
    SubmitGate,
    UpdateWorkOrder,
)
from erlmcp.tcps.canonical import MAX_INTEGER
from erlmcp.tcps.dependency import DEPENDENCIES
from erlmcp.tcps.limits import (
    ACTOR,
    ASSIGNEE,
    DESCRIPTION,
    EVIDENCE,
    FILE_BYTES,
    FILES_BYTES,
    ID,
    IDEMPOTENCY_KEY,
    LABEL,
    LABELS,
    METADATA_BYTES,
    METADATA_DEPTH,
    NAME,
    NAMES,
    REASON,
    SOURCE,
    TEXT,
    TITLE,
    WIP_LIMIT,
    admit,
)
from tests.tcps.proof import ONE


def create(**fields):
    return CreateWorkOrder(SignalType.INTERNAL, **{"title": "x", **fields})


def junit(**figures):
    return Junit(**{"digest": ONE, "size": 9, "tests": 10**16, **figures})


def submit(*evidence):
    return SubmitGate("SKU-1", Gate.TEST_EXECUTION, evidence)


def pull(**fields):
    return PullAndon(**{"work_order_id": "WO-1", "type": AndonType.MANUAL, "message": "x", **fields})


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
    (lambda n: create(dependencies=("WO-1",) * n), DEPENDENCIES, "there are 51 dependencies"),
    (lambda n: create(dependencies=("x" * n,)), ID, "a dependency has 101 characters"),
    (lambda n: AddDependency("WO-1", "x" * n), ID, "depends_on has 101 characters"),
    (lambda n: PublishSku("x" * n), ID, "id has 101 characters"),
    (lambda n: AbortSku("SKU-1", "x" * n), REASON, "reason has 2,001 characters"),
    (lambda n: pull(work_order_id="x" * n), ID, "work_order_id has 101 characters"),
    (lambda n: pull(message="x" * n), TEXT, "message has 2,001 characters"),
    (lambda n: AcknowledgeAndon("ANDON-1", "x" * n), ASSIGNEE, "assignee has 101 characters"),
    (lambda n: ResolveAndon("ANDON-1", "x" * n, "x", "x"), TEXT, "root_cause has 2,001 characters"),
    (lambda n: ResolveAndon("ANDON-1", "x", "x" * n, "x"), TEXT, "fix_applied has 2,001 characters"),
    (lambda n: ResolveAndon("ANDON-1", "x", "x", "x" * n), TEXT, "prevention_added has 2,001 characters"),
    (lambda n: StartRootCause("x" * n, "x"), ID, "andon_id has 101 characters"),
    (lambda n: StartRootCause("ANDON-1", "x" * n), TEXT, "problem has 2,001 characters"),
    (lambda n: AddWhy("RC-1", 1, "x" * n), TEXT, "text has 2,001 characters"),
    (lambda n: AddWhy("RC-1", n, "x"), 5, "n is 6"),
    (lambda n: FinalizeRootCause("RC-1", "x", "x" * n), TEXT, "prevention has 2,001 characters"),
    (lambda n: EscalateAndon("ANDON-1", n), 3, "level is 4"),
    (lambda n: submit(*[junit(tests=1)] * n), EVIDENCE, "there are 21 pieces of evidence"),
    (lambda n: submit(junit(tests=1, failed=("x",) * (n - 1))), NAMES, "the evidence has 1,001 names"),
    (lambda n: submit(junit(tests=1, failed=("x" * n,))), NAME, "a name in the evidence has 501 characters"),
    (
        lambda n: submit(ExitCode(digest=ONE, size=1, code=0, command="x" * n)),
        NAME,
        "a name in the evidence has 501 characters",
    ),
    (
        lambda n: submit(Sbom(digest=ONE, size=1, components=1, artifact="x" * n)),
        NAME,
        "a name in the evidence has 501 characters",
    ),
    (lambda n: submit(junit(tests=n)), MAX_INTEGER, "tests of the junit evidence is 9007199254740992"),
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
        (AbortSku("SKU-1", ""), "reason is empty"),
        (pull(message=" "), "message is empty"),
        (AddWhy("RC-1", 0, "x"), "n is 0"),
        (AddWhy("RC-1", 1, ""), "text is empty"),
        (EscalateAndon("ANDON-1", 0), "level is 0"),
        (submit(junit(tests=-1)), "tests of the junit evidence is -1"),
        (submit(junit(tests=1, digest="x")), "'x' is no SHA-256"),
        (submit(junit(tests=1, digest=ONE.replace("1", "A"))), f"'{'A' * 40}…' is no SHA-256"),
        (submit(Digests(digest=ONE, size=1, first=ONE, second="")), "'' is no SHA-256"),
        (submit(Sbom(digest=ONE, size=1, components=1, artifact_sha256="x")), "'x' is no SHA-256"),
        (submit(junit(tests=1, failures=2)), "the junit evidence has 2 failures, errors and skipped of 1 tests"),
        (submit(Coverage(digest=ONE, size=1, lines=1, covered=2)), "the coverage evidence has 2 covered of 1 lines"),
        (
            submit(Sbom(digest=ONE, size=1, components=1, unpinned=2)),
            "the sbom evidence has more findings than its 1 components",
        ),
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


def sized(*sizes):
    files = [bytes([number]) * size for number, size in enumerate(sizes)]
    kept = tuple(File(sha256(content).hexdigest(), content) for content in files)
    evidence = [ExitCode(digest=file.digest, size=len(file.content), code=-9) for file in kept]
    return {"command": submit(*evidence), "files": kept}


def test_a_file_has_four_mebibytes_at_most_and_all_of_a_call_six():
    assert verdict(**sized(FILE_BYTES)) == "admitted"
    assert verdict(**sized(FILE_BYTES + 1)) == "a file of evidence has 4,194,305 bytes"
    assert verdict(**sized(FILE_BYTES, FILES_BYTES - FILE_BYTES)) == "admitted"
    assert verdict(**sized(FILE_BYTES, FILES_BYTES - FILE_BYTES + 1)) == "the files of evidence have 6,291,457 bytes"


def test_a_file_is_what_its_digest_says_and_some_evidence_names_it():
    good = sized(9)
    other = File(ONE, b"other")
    assert verdict(good["command"], files=(other,)) == "a file came that no evidence names"
    wrong = File(good["files"][0].digest, b"other")
    assert verdict(good["command"], files=(wrong,)).startswith("a file of evidence does not give the SHA-256 ")
    assert verdict(PullNext(), files=(other,)) == "work_order_pull_next came with files"
