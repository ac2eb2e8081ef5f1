"""The examples: served in memory to a client of either era, sound in the eyes of mypy and of `erlmcp inspect`."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from erlmcp.client import Elicitation, HttpError, RpcError, ToolFailed
from erlmcp.mcp import App, Options, lint
from erlmcp.testing import client
from tests.serving import ROOT

FOLDER = ROOT / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
ERAS = pytest.mark.parametrize("era", ["modern", "legacy"])


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports examples by name, each test anew, with their files in a folder of its own."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("NOTES_DB", str(tmp_path / "notes.db"))
    monkeypatch.setenv("OFFICE_DESK", str(tmp_path))

    def imported(name: str) -> ModuleType:
        return importlib.import_module(name)

    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield imported
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_in_an_example_is_to_mend(load: Any, name: str) -> None:
    app: App = load(name).app
    app.bind(Options())
    assert list(lint(app)) == []
    assert load(name).__doc__


@ERAS
async def test_hello(load: Any, era: str) -> None:
    async with client(load("hello").app, era=era) as hello:
        assert (await hello.call_tool("add", {"a": 2, "b": 3})).structured_content == {"result": 5}
        assert (await hello.read_resource("hello://Ada")).text == "Hello, Ada!"
        assert "Introduce Ada" in str((await hello.get_prompt("introduce", {"name": "Ada"})).messages)


@ERAS
async def test_notes_are_kept_found_read_and_deleted(load: Any, era: str) -> None:
    async with client(load("notes").app, era=era) as notes:
        for text in ("buy melons", "sell pears"):
            await notes.call_tool("keep", {"text": text})
        found = await notes.call_tool("find", {"word": "melon"})
        assert found.structured_content == {"result": [{"id": 1, "text": "buy melons"}]}
        assert (await notes.read_resource("notes://2")).text == "sell pears"
        await notes.call_tool("delete", {"id": 1})
        assert (await notes.call_tool("find", {"word": "melon"})).structured_content == {"result": []}
        with pytest.raises(ToolFailed, match="there is no note 1; look with find"):
            await notes.call_tool("delete", {"id": 1})


async def test_booking_asks_the_person(load: Any) -> None:
    async def elicit(asked: Elicitation) -> dict[str, Any]:
        assert asked.message == "A table at Roma: for how many?"
        return {"seats": 4, "place": "outside"}

    async with client(load("booking").app, elicit=elicit) as booking:
        assert (await booking.call_tool("book", {"restaurant": "Roma"})).text == "4 seats outside at Roma"


@ERAS
async def test_crunching_tells_how_far_it_is(load: Any, era: str) -> None:
    told: list[float] = []
    async with client(load("crunching").app, era=era) as crunching:
        result = await crunching.call_tool(
            "primes", {"below": 2500}, on_progress=lambda each: told.append(each.progress)
        )
    assert result.structured_content == {"result": 367}
    assert told == [1002, 2002, 2500]


@ERAS
async def test_the_office_has_what_is_mounted_and_what_lies_on_the_desk(load: Any, era: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all")
    async with client(load("office").app, era=era) as office:
        names = [tool.name for tool in await office.list_tools()]
        assert names == ["notes_keep", "notes_find", "notes_delete", "booking_book"]
        await office.call_tool("notes_keep", {"text": "one"})
        assert (await office.read_resource("notes://notes/1")).text == "one"
        assert (await office.read_resource("desk://letter.txt")).text == "Dear all"


@ERAS
async def test_guarded_rooms(load: Any, era: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "guarded")
    async with client(load("guarded").app, era=era) as guarded:
        assert (await guarded.call_tool("lock", {"room": 7})).text == "room 7 is locked"
        with pytest.raises(ToolFailed, match="rooms above 99 are not ours"):
            await guarded.call_tool("lock", {"room": 100})
        assert (await guarded.call_tool("locked")).structured_content == {"result": [7]}
        refused = [await _refused(guarded) for _ in range(5)]
    assert refused.count(True) >= 1
    assert caplog.text.count("tools/call lock took") >= 2


async def _refused(guarded: Any) -> bool:
    try:
        await guarded.call_tool("lock", {"room": 7})
    except (RpcError, HttpError):
        return True
    return False


def test_mypy_is_content_with_the_examples() -> None:
    files = [str(path) for path in sorted(FOLDER.glob("*.py"))]
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout
