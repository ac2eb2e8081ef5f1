"""Real files with something changed in them: never a crash, never a pass that the file itself would not give."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from erlmcp.tcps.evidence import Malformed, digests, exit_code, read, validation
from tests.tcps.evidence.tools import report

FILES = {
    "junit.xml": "junit",
    "cobertura.xml": "coverage",
    "lcov.info": "coverage",
    "ruff.sarif": "sarif",
    "bandit.sarif": "sarif",
    "bom.json": "sbom",
}
OTHERS = {
    "spec": validation(b'{"type":"object","required":["a"]}', [b"{}"]),
    "digests": digests(b"a", b"b"),
    "exit_code": exit_code(1, "make", 10, "boom"),
}


def answer(kind, content):
    """The figures, or None for a complaint, which is one line."""
    try:
        return read(kind, content)
    except Malformed as fault:
        lines = fault.message.splitlines()
    assert len(lines) == 1
    return None


def passes(kind, content):
    """Whether a gate with the usual limits would let these figures through."""
    figures = answer(kind, content)
    if figures is None:
        return False
    verdicts = {
        "junit": lambda: figures.executed >= 1 and figures.passed * 100 >= 95 * figures.executed,
        "coverage": lambda: figures.lines >= 1 and figures.covered * 100 >= 80 * figures.lines,
        "sarif": lambda: not figures.errors and not figures.warnings,
        "sbom": lambda: bool(figures.artifact) and not figures.unlicensed and not figures.unpinned,
        "spec": lambda: figures.conforms,
        "digests": lambda: figures.first == figures.second,
        "exit_code": lambda: figures.code == 0,
    }
    return verdicts[kind]()


def sources():
    return [*((kind, report(name)) for name, kind in FILES.items()), *OTHERS.items()]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_short_never_passes_and_never_crashes(data):
    kind, content = data.draw(st.sampled_from(sources()), label="kind")
    cut = content[: data.draw(st.integers(0, len(content.rstrip()) - 1), label="length")]
    assert not passes(kind, cut)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_bytes_that_were_changed_make_an_answer_or_a_complaint(data):
    kind, content = data.draw(st.sampled_from(sources()), label="kind")
    at = data.draw(st.integers(0, len(content) - 1), label="at")
    length = data.draw(st.integers(0, 40), label="length")
    put = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"<", b"]]>", b"&a;", b'"', b"{", b"null", b"-1"]))
    )
    answer(kind, content[:at] + put + content[at + length :])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted({*FILES.values(), *OTHERS})), st.binary(max_size=200))
@example("junit", b"\xff\xfe<\x00a\x00/\x00>\x00")
@example("junit", b'<?xml version="1.0" encoding="utf-7"?><a/>')
@example("sbom", b'{"bomFormat":1e400}')
@example("digests", b"1" * 5000)
def test_any_bytes_at_all_make_an_answer_or_a_complaint(kind, content):
    answer(kind, content)


@pytest.mark.parametrize(("kind", "marked"), [("junit", b"<failure"), ("junit", b"<error")])
def test_a_failure_that_was_taken_out_is_missed(kind, marked):
    """The suite's own counts tell: taking out an element is no way to pass."""
    content = report("junit.xml")
    start = content.index(marked)
    end = content.index(b"</" + marked[1:] + b">", start) + len(marked) + 2
    with pytest.raises(Malformed, match="a part of it is missing"):
        read(kind, content[:start] + content[end:])
