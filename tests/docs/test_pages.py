"""The pages name what is there: every package, every decision, every file that they link to."""

import re
from pathlib import Path

import pytest

from tests.serving import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = LINK.findall(page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    decisions = sorted(path.name for path in folder.glob("0*.md"))
    assert LINK.findall((folder / "README.md").read_text()) == decisions


def test_every_page_is_reached_from_the_readme() -> None:
    linked = LINK.findall((ROOT / "README.md").read_text())
    pages = [str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")]
    assert [page for page in pages if page not in linked] == []


def test_every_package_has_a_room_in_the_architecture() -> None:
    rooms = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "ARCHITECTURE.md").read_text(), re.MULTILINE))
    packages = {path.parent.name for path in (ROOT / "erlmcp").glob("*/__init__.py")}
    assert rooms == packages
