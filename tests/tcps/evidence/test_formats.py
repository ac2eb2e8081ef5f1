"""Small files by hand: what counts, what is refused, and where the complaint points."""

import json

import pytest

from erlmcp.tcps.evidence import MAX_SIZE, Malformed, digests, exit_code, read, validation

DIGEST = "a" * 64


def refused(kind, content):
    with pytest.raises(Malformed) as caught:
        read(kind, content if isinstance(content, bytes) else content.encode())
    assert "\n" not in caught.value.message
    return caught.value.message


def sarif(*results, **run):
    tool = {"driver": {"name": "t", "rules": [{"id": "R", "defaultConfiguration": {"level": "note"}}]}}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **run}]}).encode()


def cyclonedx(*components, **more):
    root = {"metadata": {"component": {"name": "app", "version": "1.0", "type": "application"}}}
    return json.dumps(
        {"bomFormat": "CycloneDX", "specVersion": "1.6", **root, "components": components, **more}
    ).encode()


# What holds for all


@pytest.mark.parametrize("kind", ["junit", "coverage", "sarif", "sbom", "spec", "digests", "exit_code"])
def test_an_empty_file_proves_nothing(kind):
    assert "is empty" in refused(kind, b"  \n")


def test_a_file_of_4_mib_is_read_and_one_byte_more_is_not():
    start, end = b"<testsuite><testcase name='a'/>", b"</testsuite>"
    padding = b" " * (MAX_SIZE - len(start) - len(end))
    assert read("junit", start + padding + end).tests == 1
    assert "at most 4194304 are read" in refused("junit", start + padding + b" " + end)


def test_xml_is_read_100_deep_and_not_101():
    nested = b"<testsuite>" * 100 + b"</testsuite>" * 100
    assert read("junit", nested).tests == 0
    assert "nested more than 100 deep, at line 1" in refused("junit", b"<testsuite>" + nested + b"</testsuite>")


def test_json_is_read_100_deep_and_not_101():
    fine = sarif({"properties": 0}).replace(b"0}", b"[" * 95 + b"]" * 95 + b"}")
    assert read("sarif", fine).warnings == 1
    deep = sarif({"properties": 0}).replace(b"0}", b"[" * 96 + b"]" * 96 + b"}")
    assert "nested more than 100 deep" in refused("sarif", deep)


def test_no_entity_is_ever_read():
    bomb = "<!DOCTYPE x [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><testsuite name='&b;'/>"
    assert "entities are not read" in refused("junit", bomb)
    assert "entities are not read" in refused("junit", "<!DOCTYPE x [<!ENTITY a SYSTEM '/etc/passwd'>]><testsuite/>")


def test_a_document_type_without_declarations_is_passed_over():
    page = '<!DOCTYPE coverage SYSTEM "http://cobertura.invalid/coverage-04.dtd">'
    assert read("coverage", f'{page}<coverage lines-valid="2" lines-covered="1"/>'.encode()).covered == 1


def test_a_truncated_file_is_refused_with_its_place():
    assert refused("junit", "<testsuite>\n<testcase").startswith("the JUnit report is not XML at line 2, column")
    assert "is not JSON" in refused("sarif", sarif()[:-3])


def test_two_members_of_one_name_prove_nothing():
    assert "'runs' is there twice" in refused("sarif", b'{"version":"2.1.0","runs":[],"runs":[]}')


def test_an_unknown_kind_is_told_which_there_are():
    assert refused("pdf", b"x").endswith("kinds are spec, exit_code, junit, coverage, sarif, digests, sbom")


# JUnit


def test_a_suite_that_lost_a_part_is_refused():
    assert "says that it had 2 tests, and shows 1" in refused(
        "junit", '<testsuite tests="2"><testcase name="a"/></testsuite>'
    )
    lost = '<testsuite tests="1" failures="1"><testcase name="a"/></testsuite>'
    assert "says that it had 1 failures and errors, and shows 0" in refused("junit", lost)


def test_a_retried_test_that_passed_in_the_end_passed():
    assert read("junit", b"<testsuite><testcase name='a'><flakyFailure/></testcase></testsuite>").passed == 1


def test_other_xml_is_no_junit_report():
    assert "begins with <html>" in refused("junit", "<html/>")
    assert "is in no suite" in refused("junit", "<testsuite><x><testcase/></x></testsuite>")
    assert "is no count" in refused("junit", '<testsuite tests="many"/>')
    assert "is no time in seconds" in refused("junit", '<testsuite><testcase time="soon"/></testsuite>')


def test_1000_names_of_failed_tests_are_kept_and_all_are_counted():
    cases = "".join(f"<testcase name='t{n}'><failure/></testcase>" for n in range(1001))
    figures = read("junit", f"<testsuite>{cases}</testsuite>".encode())
    assert (figures.failures, len(figures.failed)) == (1001, 1000)


# Coverage


def test_a_line_counts_once_and_as_covered_if_it_ever_was():
    lines = "<class filename='a'><lines><line number='1' hits='0'/><line number='1' hits='3'/></lines></class>"
    assert read("coverage", f"<coverage>{lines}</coverage>".encode()).covered == 1
    record = "SF:a\nDA:1,0\nDA:2,0\nend_of_record\nSF:a\nDA:1,1\nend_of_record\n"
    figures = read("coverage", record.encode())
    assert (figures.lines, figures.covered) == (2, 1)


def test_the_worse_of_what_is_said_and_what_is_shown_counts():
    shown = "<class filename='a'><lines><line number='1' hits='1'/></lines></class>"
    figures = read("coverage", f'<coverage lines-valid="10" lines-covered="4">{shown}</coverage>'.encode())
    assert (figures.lines, figures.covered) == (10, 4)
    figures = read("coverage", b"SF:a\nDA:1,0\nLF:10\nLH:9\nend_of_record\n")
    assert (figures.lines, figures.covered) == (1, 0)


def test_coverage_that_names_no_lines_is_refused():
    assert "has neither lines nor" in refused("coverage", '<coverage line-rate="1.0"/>')
    assert "says that 3 of 2 lines are covered" in refused("coverage", '<coverage lines-valid="2" lines-covered="3"/>')
    assert "holds no record" in refused("coverage", "TN:\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SF:a\nDA:1,1\n", "end_of_record is missing"),
        ("SF:a\nSF:b\n", "line 2: a record begins"),
        ("DA:1,1\n", "line 1: DA outside of a record"),
        ("SF:a\nDA:one,1\nend_of_record\n", "line 2: 'DA:one,1' is not DA:line,hits"),
        ("SF:a\nLF:x\nend_of_record\n", "is no count"),
        ("end_of_record\n", "has no SF"),
        ("hello\n", "'hello' is no line of it"),
    ],
)
def test_lcov_is_refused_by_line(text, message):
    assert message in refused("coverage", text)


# SARIF


def test_levels_come_from_the_result_then_its_rule_then_the_standard():
    figures = read(
        "sarif", sarif({"level": "error"}, {"ruleId": "R"}, {"ruleId": "R/1"}, {"ruleId": "X"}, {"kind": "pass"})
    )
    assert (figures.errors, figures.notes, figures.warnings, figures.none) == (1, 2, 1, 1)


def test_only_accepted_suppressions_and_results_of_the_past_do_not_count():
    accepted, rejected = {"suppressions": [{"kind": "inSource"}]}, {"suppressions": [{"status": "rejected"}]}
    assert read("sarif", sarif(accepted, rejected, {"baselineState": "absent"})).warnings == 1


def test_a_run_that_did_not_happen_is_no_clean_run():
    assert "has no runs" in refused("sarif", b'{"version":"2.1.0","runs":[]}')
    assert "has no results" in refused("sarif", sarif(results=None))
    assert "did not succeed" in refused("sarif", sarif(invocations=[{"executionSuccessful": False}]))
    assert "version" in refused("sarif", b'{"version":"1.0.0","runs":[]}')


# SBOM


def test_components_without_licence_or_version_are_counted_and_named_also_when_nested():
    inner = {"name": "inner", "type": "library", "version": "^1.0", "licenses": [{"license": {"id": "MIT"}}]}
    outer = {"name": "outer", "type": "library", "version": "2.0", "components": [inner]}
    figures = read("sbom", cyclonedx(outer, {"name": "x.py", "type": "file"}))
    assert (figures.artifact, figures.components, figures.unlicensed, figures.unpinned) == ("app 1.0", 2, 1, 1)
    assert figures.examples == ("outer 2.0", "inner ^1.0")


def test_spdx_names_what_it_describes():
    package = {"name": "app", "SPDXID": "SPDXRef-app", "versionInfo": "1.0", "licenseDeclared": "MIT"}
    package["checksums"] = [{"algorithm": "SHA256", "checksumValue": DIGEST.upper()}]
    part = {"name": "dep", "SPDXID": "SPDXRef-dep", "versionInfo": "3", "licenseConcluded": "NOASSERTION"}
    describes = {
        "spdxElementId": "SPDXRef-DOCUMENT",
        "relationshipType": "DESCRIBES",
        "relatedSpdxElement": "SPDXRef-app",
    }
    document = {"spdxVersion": "SPDX-2.3", "packages": [package, part], "relationships": [describes]}
    figures = read("sbom", json.dumps(document).encode())
    assert (figures.artifact, figures.artifact_sha256, figures.components) == ("app 1.0", DIGEST, 1)
    assert (figures.unlicensed, figures.unpinned) == (1, 0)


def test_formats_that_are_not_read_say_so():
    assert "CycloneDX '9.9'" in refused("sbom", cyclonedx(specVersion="9.9"))
    assert "looks like SPDX 3" in refused("sbom", b'{"@context":"x","@graph":[]}')
    assert "neither CycloneDX" in refused("sbom", b"{}")


# Specifications

SCHEMA = b'{"type":"object","required":["id"],"properties":{"id":{"type":"string","pattern":"^[a-z]+$"}}}'


def test_documents_are_validated_against_their_schema():
    figures = read("spec", validation(SCHEMA, [b'{"id":"ok"}', b"{}", b'{"id":"NO"}']))
    assert (figures.conforms, figures.checked, figures.violations) == (False, 3, 2)
    assert figures.messages[0] == 'document 1 at /: "id" is a required property'
    assert read("spec", validation(SCHEMA, [b'{"id":"ok"}'])).conforms


def test_a_schema_and_documents_may_begin_with_the_mark_of_their_byte_order():
    mark = b"\xef\xbb\xbf"
    assert validation(mark + SCHEMA, [mark + b'{"id":"ok"}']) == validation(SCHEMA, [b'{"id":"ok"}'])


def test_a_number_that_no_reader_can_hold_is_refused_within_a_document_too():
    assert "$.documents[0]" in refused("spec", b'{"schema":{},"documents":[1e999]}')
    assert "$.schema" in refused("spec", b'{"schema":{"minimum":1e999},"documents":[1]}')


def test_a_schema_is_never_fetched_and_a_bad_one_is_refused():
    assert "would have to be fetched" in refused("spec", validation(b'{"$ref":"http://127.0.0.1:9/x"}', [b"{}"]))
    assert "cannot be used" in refused("spec", validation(b'{"type":7}', [b"{}"]))
    assert "cannot be used" in refused("spec", validation(b'{"pattern":"(a)\\\\1"}', [b'"aa"']))


SH = "http://www.w3.org/ns/shacl#"
RESULT = {"@id": "_:r", "@type": [f"{SH}ValidationResult"], f"{SH}resultMessage": [{"@value": "no name"}]}


@pytest.mark.parametrize("value", [{"@value": False}, {"@value": "false", "@type": "xsd:boolean"}])
def test_shacl_reports_are_read_from_json_ld(value):
    report = [{"@id": "_:v", "@type": [f"{SH}ValidationReport"], f"{SH}conforms": [value]}, RESULT]
    figures = read("spec", json.dumps(report).encode())
    assert (figures.conforms, figures.violations, figures.messages) == (False, 1, ("no name",))
    assert read(
        "spec", b'{"@context":{"sh":"' + SH.encode() + b'"},"@type":"sh:ValidationReport","sh:conforms":true}'
    ).conforms


def test_shacl_reports_are_read_from_n_triples():
    boolean = "^^<http://www.w3.org/2001/XMLSchema#boolean>"
    result = f"_:r <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{SH}ValidationResult> ."
    figures = read("spec", f'_:v <{SH}conforms> "false"{boolean} .\n{result}\n'.encode())
    assert (figures.conforms, figures.violations) == (False, 1)
    assert "line 1" in refused("spec", "_:v hello .")


def test_a_report_that_contradicts_itself_or_says_nothing_is_refused():
    both = [{f"{SH}conforms": [{"@value": True}]}, RESULT]
    assert "says that all conforms, and has 1 results" in refused("spec", json.dumps(both))
    assert "no sh:ValidationReport" in refused("spec", "[]")
    assert "pyshacl -f json-ld" in refused("spec", "@prefix sh: <x> .")


# Digests and commands


def test_two_artifacts_become_a_pair_of_digests():
    same, other = read("digests", digests(b"a", b"a")), read("digests", digests(b"a", b"b"))
    assert same.first == same.second
    assert other.first != other.second
    assert "first is 'abc'" in refused("digests", b'{"first":"abc","second":"abc"}')


def test_a_commands_end_keeps_its_log_in_the_digest():
    figures = read("exit_code", exit_code(1, "make", 1500, "boom"))
    assert (figures.code, figures.duration_ms, figures.command) == (1, 1500, "make")
    assert read("exit_code", exit_code(1, "make", 1500, "other")).digest != figures.digest
    assert read("exit_code", exit_code(-255, "x", 0, "")).code == -255
    assert "is not how a command ends" in refused("exit_code", b'{"code":256}')
