"""`gate_submit` takes files as they are, and says what is wrong with those that are none."""

import asyncio
import gzip
import threading
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from erlmcp.apps.tcps import gates
from erlmcp.apps.tcps.evidence import taken
from erlmcp.tcps import EVIDENCE, FILE_BYTES, FILES_BYTES, TAKES, Gate
from erlmcp.tcps.limits import NAMES
from tests.apps.plant import Plant, plant
from tests.apps.proofs import FAILING, PASSING, junit
from tests.mcp import posts

MIB = 1024 * 1024


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Plant]:
    async with plant(tmp_path) as opened:
        yield opened


def packed(content: bytes) -> str:
    return b64encode(gzip.compress(content)).decode()


async def test_files_take_a_sku_through_all_gates_to_its_publication(line: Plant) -> None:
    made = await line.sku(gate="smoke_test")
    await line.call("gate_submit", sku_id=made, gate="smoke_test", evidence=PASSING["smoke_test"])
    shown = (await line.call("sku_get", id=made))["sku"]
    await line.call("work_order_complete", id=shown["work_order_id"])
    await line.call("sku_advance", id=made)
    published = await line.call("sku_publish", id=made)
    assert (published["sku"]["stage"], published["sku"]["status"]) == ("publication", "published")
    assert [each["verdict"] for each in (await line.call("gate_status", sku_id=made))["gates"]] == ["passed"] * 8


async def test_a_failing_verdict_is_an_answer_with_its_violations_and_its_andon(line: Plant) -> None:
    made = await line.sku(gate="test_execution")
    answer = await line.call("gate_submit", sku_id=made, gate="test_execution", evidence=FAILING)
    assert answer.keys() == {"sku", "gate", "andon", "receipt_seq"}
    assert (answer["gate"]["verdict"], answer["andon"]["type"]) == ("failed", "test_failure")
    assert [(each["metric"], each["actual"]) for each in answer["gate"]["violations"]] == [
        ("pass_rate", "90.0 %"),
        ("coverage", "50.0 %"),
    ]
    receipt = (await line.call("receipt_get", seq=answer["receipt_seq"]))["receipt"]
    figures = receipt["payload"]["inputs"]["evidence"]
    assert figures[0]["failed"] == ["shop.test_0", "shop.test_1"]
    assert [each["digest"] for each in figures] == [sha256(each["content"].encode()).hexdigest() for each in FAILING]


async def test_a_file_comes_as_text_as_base64_gzipped_or_by_its_digest_and_is_the_same(line: Plant) -> None:
    made = await line.sku()
    spec = PASSING["shacl_validation"][0]["content"].encode()
    digest = sha256(spec).hexdigest()
    for way in (
        {"content": spec.decode()},
        {"content_base64": b64encode(spec).decode()},
        {"content_base64": packed(spec)},
        {"digest": digest},
        {"digest": digest.upper()},
    ):
        answer = await line.call("gate_submit", sku_id=made, gate="shacl_validation", evidence=[{"kind": "spec"} | way])
        assert (answer["gate"]["verdict"], answer["gate"]["digests"]) == ("passed", [digest])


@pytest.mark.parametrize(
    ("piece", "wrong", "right"),
    [
        ({"kind": "junit"}, "evidence 1, junit, has no content", "one of content, content_base64 and digest"),
        ({"kind": "junit", "content": "", "digest": "0"}, "has content and digest", "one of content"),
        ({"kind": "junit", "content": ""}, "evidence 1, junit: the JUnit report is empty", "whole and unchanged"),
        ({"kind": "junit", "content": "<testsuite>"}, "is not XML at line 1, column", "a junit file as the tool wrote"),
        ({"kind": "sarif", "content": '{"version": '}, "evidence 1, sarif: ", "a sarif file as the tool wrote it"),
        ({"kind": "exit_code", "content": "0"}, "the command's end: Expected `object`", "exit_code file"),
        ({"kind": "junit", "content_base64": "?"}, "content_base64 is no base64", "the file in base64"),
        ({"kind": "junit", "content_base64": packed(b"x" * 99)[:24]}, "is cut off", "gzipped anew, whole"),
        ({"kind": "junit", "content_base64": "H4sIAAAA"}, "evidence 1, junit: ", "gzipped anew"),
    ],
)
async def test_what_is_no_evidence_is_refused_with_what_is_wrong_and_what_is_right(
    line: Plant, piece: dict[str, Any], wrong: str, right: str
) -> None:
    made = await line.sku(gate="test_execution")
    told = await line.no("gate_submit", sku_id=made, gate="test_execution", evidence=[piece])
    assert told["code"] == "invalid"
    assert wrong in told["message"]
    assert told["next"].startswith("call gate_submit again with ")
    assert right in told["next"]


async def test_a_digest_that_nothing_has_is_not_found(line: Plant) -> None:
    made = await line.sku()
    told = await line.no(
        "gate_submit", sku_id=made, gate="shacl_validation", evidence=[{"kind": "spec", "digest": "0" * 64}]
    )
    assert (told["code"], told["next"]) == ("not_found", "call gate_submit with the content instead of the digest")


async def test_a_file_has_four_mebibytes_at_most_however_it_is_packed(line: Plant) -> None:
    made = await line.sku()
    start, end = b'{"schema": true, "documents": ["', b'"]}'
    for size, verdict in ((FILE_BYTES, "passed"), (FILE_BYTES + 1, None)):
        content = start + b"x" * (size - len(start) - len(end)) + end
        evidence = [{"kind": "spec", "content_base64": packed(content)}]
        asked = {"sku_id": made, "gate": "shacl_validation", "evidence": evidence}
        if verdict is None:
            told = await line.no("gate_submit", **asked)
            assert (told["code"], "more than 4,194,304 bytes are packed" in told["message"]) == ("invalid", True)
        else:
            assert (await line.call("gate_submit", **asked))["gate"]["verdict"] == verdict


async def test_the_files_of_a_call_have_six_mebibytes_together(line: Plant) -> None:
    made = await line.sku()
    pieces = [
        {"kind": "spec", "content_base64": packed(b'{"schema": true, "documents": ["' + b"%d" % n * (3 * MIB) + b'"]}')}
        for n in range(3)
    ]
    told = await line.no("gate_submit", sku_id=made, gate="shacl_validation", evidence=pieces)
    assert (told["code"], f"{FILES_BYTES:,}" in told["message"]) == ("invalid", True)


async def test_a_call_has_twenty_pieces_of_evidence_at_most(line: Plant) -> None:
    made = await line.sku(gate="compilation")
    piece = PASSING["compilation"][0]
    asked = {"sku_id": made, "gate": "compilation"}
    told = await line.no("gate_submit", **asked, evidence=[piece] * (EVIDENCE + 1))
    assert (told["code"], told["message"]) == ("invalid", "there are 21 pieces of evidence")
    answer = await line.call("gate_submit", **asked, evidence=[piece] * EVIDENCE)
    assert answer["gate"]["verdict"] == "passed"


async def test_the_same_key_and_files_get_the_same_verdict_and_other_files_a_conflict(line: Plant) -> None:
    made = await line.sku(gate="compilation")
    asked = {"sku_id": made, "gate": "compilation", "idempotency_key": "once"}
    first = await line.call("gate_submit", **asked, evidence=PASSING["compilation"])
    assert await line.call("gate_submit", **asked, evidence=PASSING["compilation"]) == first
    other = [{"kind": "exit_code", "content": '{"code": 1}'}]
    assert (await line.no("gate_submit", **asked, evidence=other))["code"] == "conflict"


async def test_the_tool_says_what_each_gate_takes_and_what_each_kind_is(line: Plant) -> None:
    listed = (await line.ask(posts.modern("tools/list")))["result"]["tools"]
    tool = next(tool for tool in listed if tool["name"] == "gate_submit")
    for number, gate in enumerate(Gate, 1):
        said = tool["description"].partition(f"{number} {gate}: ")[2].partition(". ")[0]
        kinds = {kind for takes in TAKES[gate] for kind in takes}
        assert {word.strip(",") for word in said.split()} & set().union(
            *(k for t in TAKES.values() for k in t)
        ) == kinds
    piece = tool["inputSchema"]["$defs"]["Piece"]["properties"]
    assert all(f"{kind}: " in piece["kind"]["description"] for kind in piece["kind"]["enum"])


async def test_somebody_else_is_answered_while_evidence_is_read(line: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await line.sku()
    answered = threading.Event()

    def slowly(*arguments: Any) -> Any:
        assert answered.wait(5)
        return taken(*arguments)

    monkeypatch.setattr(gates, "taken", slowly)
    asked = {"sku_id": made, "gate": "shacl_validation", "evidence": PASSING["shacl_validation"]}
    submitted = asyncio.ensure_future(line.call("gate_submit", **asked))
    await line.call("kanban_status", bucket="cost")
    answered.set()
    assert (await submitted)["gate"]["verdict"] == "passed"


async def test_a_report_of_tens_of_thousands_of_tests_is_taken(line: Plant) -> None:
    made = await line.sku(gate="test_execution")
    report = junit(60_000).encode()
    assert 3 * MIB < len(report) < FILE_BYTES
    evidence = [{"kind": "junit", "content_base64": packed(report)}, PASSING["test_execution"][1]]
    answer = await line.call("gate_submit", sku_id=made, gate="test_execution", evidence=evidence)
    assert answer["gate"]["verdict"] == "passed"


@pytest.mark.parametrize("reports", [(1_500,), (998,), (999,), (600, 601, 3)])
async def test_however_many_tests_fail_the_gate_judges_all_and_the_receipt_names_the_first(
    line: Plant, reports: tuple[int, ...]
) -> None:
    made = await line.sku(gate="test_execution")
    files = [{"kind": "junit", "content_base64": packed(junit(failed, failed).encode())} for failed in reports]
    evidence = [*files, PASSING["test_execution"][1]]
    answer = await line.call("gate_submit", sku_id=made, gate="test_execution", evidence=evidence)
    assert (answer["gate"]["verdict"], answer["andon"]["type"]) == ("failed", "test_failure")
    receipt = (await line.call("receipt_get", seq=answer["receipt_seq"]))["receipt"]
    figures = receipt["payload"]["inputs"]["evidence"]
    assert [each["failures"] for each in figures[:-1]] == list(reports)
    named = sum(len(each.get("failed", ())) for each in figures)
    assert named == min(sum(reports), NAMES - len(evidence))  # who made a file is a name as well
