"""JUnit XML, as pytest, Maven's Surefire, Node's runner and many others write it: there is no one schema.

Tests are counted as they stand there. Where a suite says that it had more tests, failures or errors than it shows, a
part of the file is missing, and it is refused.
"""

from decimal import Decimal, InvalidOperation
from typing import Final

from erlmcp.tcps.evidence.malformed import MAX_NAMES, Malformed, kept, short
from erlmcp.tcps.evidence.xml import Element, count, walk
from erlmcp.tcps.figures import Junit

__all__ = ["read_junit"]

WHAT: Final = "the JUnit report"
DAY_MS: Final = 86_400_000_000
"""A thousand days, in milliseconds: what takes longer is a slip of the pen."""


def read_junit(content: bytes) -> Junit:
    """Its figures. Raises Malformed."""
    report = _Report()
    walk(content, WHAT, report.enter, report.leave)
    total = report.total
    return Junit(
        **kept(content),
        tests=total.tests,
        failures=total.failed,
        errors=total.broken,
        skipped=total.skipped,
        duration_ms=min(total.duration_ms, DAY_MS),
        failed=tuple(report.names[:MAX_NAMES]),
    )


class _Suite:
    """What was counted in one suite and those within it."""

    __slots__ = ("broken", "duration_ms", "errors", "failed", "failures", "skipped", "suites", "tests")

    def __init__(self) -> None:
        self.tests = self.failed = self.broken = self.skipped = self.duration_ms = 0
        self.failures = self.errors = 0  # elements, of which one test may have several
        self.suites = 0  # within; Node's runner counts them as tests of the one around

    def add(self, other: "_Suite") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class _Report:
    def __init__(self) -> None:
        self.total = _Suite()
        self.names: list[str] = []
        self._suites: list[_Suite] = []
        self._marks: set[str] = set()

    def enter(self, element: Element) -> None:
        tag, parent = element.tag, element.parent
        if parent is None and tag not in {"testsuites", "testsuite"}:
            raise Malformed(f"{WHAT} begins with <{short(tag)}>, not with <testsuites> or <testsuite>")
        if tag in {"testsuites", "testsuite"}:
            self._suites.append(_Suite())
        elif tag == "testcase":
            if parent is None or parent.tag not in {"testsuites", "testsuite"}:
                raise Malformed(f"{WHAT}: the <testcase> at {element.place} is in no suite")
            self._marks = set()
        elif parent is not None and parent.tag == "testcase" and tag in {"failure", "error", "skipped"}:
            self._marks.add(tag)
            suite = self._suites[-1]
            suite.failures += tag == "failure"
            suite.errors += tag == "error"

    def leave(self, element: Element) -> None:
        if element.tag == "testcase":
            self._case(element)
        elif element.tag in {"testsuites", "testsuite"}:
            suite = self._suites.pop()
            self._check(element, suite)
            suite.suites += 1
            (self._suites[-1] if self._suites else self.total).add(suite)

    def _case(self, element: Element) -> None:
        suite, marks = self._suites[-1], self._marks
        suite.tests += 1
        suite.duration_ms += _milliseconds(element)
        if "failure" in marks or "error" in marks:
            suite.failed += "failure" in marks
            suite.broken += "failure" not in marks
            self.names.append(_name_of(element))
        else:
            suite.skipped += "skipped" in marks

    def _check(self, element: Element, suite: _Suite) -> None:
        """What it says of itself against what it shows. It may show more: pytest counts a test once that failed twice,
        and some count only the suite's own."""
        failures, errors = count(element, "failures", WHAT) or 0, count(element, "errors", WHAT) or 0
        for word, said, shown in (
            ("tests", count(element, "tests", WHAT) or 0, suite.tests + suite.suites),
            ("failures and errors", failures + errors, suite.failures + suite.errors),
        ):
            if said > shown:
                name = short(element.attributes.get("name", ""))
                raise Malformed(
                    f"{WHAT}: suite {name!r} at {element.place} says that it had {said} {word}, and shows {shown}:"
                    " a part of it is missing"
                )


def _name_of(element: Element) -> str:
    name = short(element.attributes.get("name", "")) or "a test without a name"
    place = short(element.attributes.get("classname", ""))
    return short(f"{place}.{name}") if place else name


def _milliseconds(element: Element) -> int:
    """`time` is in seconds. Some write a comma between the thousands; what is no number is refused."""
    text = element.attributes.get("time", "").replace(",", "").strip()
    if not text:
        return 0
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        seconds = Decimal("NaN")
    if not seconds.is_finite() or not 0 <= seconds < DAY_MS:
        raise Malformed(f"{WHAT}: time={short(text)!r} of the test at {element.place} is no time in seconds")
    return int(seconds * 1000)
