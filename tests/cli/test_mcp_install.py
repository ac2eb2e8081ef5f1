"""`erlmcp mcp install`: the right file of the right client, everything else in it kept, nothing destroyed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.cli.grammar import run
from erlmcp.cli.mcp.clients import CLIENTS, Place
from erlmcp.cli.mcp.merging import Unmergeable, merged, snippet
from tests.mcp.posts import message
from tests.node.nodes import environment
from tests.serving import ROOT

RUN = [sys.executable, "-P", "-m", "erlmcp", "stdio"]
URL = "https://shop.example/mcp"
FILES = {
    ("claude-code", "local"): ".claude.json",
    ("claude-code", "project"): "project/.mcp.json",
    ("claude-code", "user"): ".claude.json",
    ("claude-desktop", "user"): ".config/Claude/claude_desktop_config.json",
    ("cursor", "project"): "project/.cursor/mcp.json",
    ("cursor", "user"): ".cursor/mcp.json",
    ("vscode", "project"): "project/.vscode/mcp.json",
    ("vscode", "user"): ".config/Code/User/mcp.json",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an empty project, which is where we are."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


def install(*arguments: str) -> int:
    return run(["mcp", "install", *arguments])


def entries(home: Path, client: str, scope: str) -> Any:
    """The servers in the file of a scope."""
    found = json.loads((home / FILES[client, scope]).read_text())
    if (client, scope) == ("claude-code", "local"):
        found = found["projects"][str(home / "project")]
    return found["servers" if client == "vscode" else "mcpServers"]


@pytest.mark.parametrize(("client", "scope"), FILES)
def test_an_app_is_started_by_this_python_in_its_project(home: Path, client: str, scope: str) -> None:
    assert install(client, "shop.server:app", "--scope", scope) == 0
    kind = {"type": "stdio"} if client in {"claude-code", "vscode"} else {}
    command = {"command": RUN[0], "args": [*RUN[1:], "shop.server:app", "--directory", str(home / "project")]}
    assert entries(home, client, scope) == {"server": kind | command}


@pytest.mark.parametrize(
    ("client", "entry"),
    [
        ("claude-code", {"type": "http", "url": URL, "headers": {"Authorization": "Bearer ${TOKEN}"}}),
        ("cursor", {"url": URL, "headers": {"Authorization": "Bearer ${env:TOKEN}"}}),
        ("vscode", {"type": "http", "url": URL, "headers": {"Authorization": "Bearer ${env:TOKEN}"}}),
        (
            "claude-desktop",
            {"command": RUN[0], "args": [*RUN[1:], "--url", URL, "--header", "Authorization: Bearer ${TOKEN}"]},
        ),
    ],
)
def test_a_running_server_is_reached_by_its_address_or_by_the_bridge(home: Path, client: str, entry: Any) -> None:
    assert install(client, "--url", URL, "--header", "Authorization: Bearer ${TOKEN}") == 0
    assert entries(home, client, next(iter(CLIENTS[client].scopes))) == {"shop-example": entry}


def test_what_was_installed_starts_wherever_the_client_is(home: Path) -> None:
    (home / "project" / "shop.py").write_text("from erlmcp import App\n\napp = App('shop', version='7')\n")
    assert install("claude-desktop", "shop:app") == 0
    entry = entries(home, "claude-desktop", "user")["shop"]
    hello = message("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}}) + b"\n"
    done = subprocess.run(
        [entry["command"], *entry["args"]],
        input=hello,
        capture_output=True,
        cwd="/",
        env=environment(PYTHONPATH=str(ROOT)),
        timeout=30,
        check=True,
    )
    assert json.loads(done.stdout)["result"]["serverInfo"] == {"name": "shop", "version": "7"}
    assert (home / "project" / ".erlmcp").is_dir()


def test_without_an_app_it_is_the_production_line(home: Path) -> None:
    assert install("cursor", "--data-dir", "line", "--name", "mine") == 0
    args = entries(home, "cursor", "project")["mine"]["args"]
    assert args[4:] == ["--directory", str(home / "project"), "--data-dir", str(home / "project" / "line")]


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("darwin", {}, "home/Library/Application Support/Claude"),
        ("win32", {"APPDATA": "roaming"}, "roaming/Claude"),
        ("win32", {}, "home/AppData/Roaming/Claude"),
        ("linux", {"XDG_CONFIG_HOME": "elsewhere"}, "elsewhere/Claude"),
        ("linux", {}, "home/.config/Claude"),
    ],
)
def test_each_system_keeps_settings_in_its_own_place(platform: str, environ: dict[str, str], folder: str) -> None:
    place = Place(Path("home"), Path("project"), platform, environ)
    assert CLIENTS["claude-desktop"].scopes["user"](place).file == Path(folder) / "claude_desktop_config.json"


def test_everything_else_stays_as_it_is_written_and_a_copy_is_kept(home: Path) -> None:
    file = home / "project" / ".mcp.json"
    before = (
        '{\n    "other": [1, 2.50, "ü"],\n    "mcpServers": {\n        "a": {"command": "x", "args": ["y"]}\n    }\n}\n'
    )
    file.write_text(before)
    file.chmod(0o640)
    assert install("claude-code", "shop:app", "--scope", "project") == 0
    after = file.read_text()
    assert after.startswith(before[: before.index("\n    }")] + ",\n        ")
    assert list(json.loads(after)["mcpServers"]) == ["a", "shop"]
    assert (file.stat().st_mode & 0o777, (home / "project" / ".mcp.json.erlmcp.bak").read_text()) == (0o640, before)
    assert sorted(each.name for each in file.parent.iterdir()) == [".mcp.json", ".mcp.json.erlmcp.bak"]


def test_a_second_time_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("vscode", "shop:app") == 0
    file = home / "project" / ".vscode" / "mcp.json"
    before = file.read_bytes()
    assert install("vscode", "shop:app") == 0
    assert "has it already; nothing was changed" in capsys.readouterr().out
    assert file.read_bytes() == before
    assert not (file.parent / "mcp.json.erlmcp.bak").exists()


def test_what_changes_is_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("cursor", "shop:app") == 0
    said = capsys.readouterr().out
    assert f'+      "command": "{sys.executable}",' in said
    assert "Cursor knows shop now" in said


def test_printing_writes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("claude-desktop", "shop:app", "--print") == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed["mcpServers"]["shop"]) == ["command", "args"]
    assert list(home.iterdir()) == [home / "project"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{\n  "servers": {\n', "it is no JSON: line 3, column 1"),
        ('{"servers": {"a": 1,}}', "it has comments or trailing commas, which would be lost"),
        ('{"servers": {} // mine\n}', "it has comments or trailing commas, which would be lost"),
        ('{"a": 1, "a": 2}', "it has 'a' twice in one object"),
        ("[]", "it is no JSON object"),
        ('{"servers": []}', "servers in it is no object"),
    ],
)
def test_what_must_not_be_rewritten_is_left_alone_and_the_entry_shown(
    home: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    file = home / "project" / ".vscode" / "mcp.json"
    file.parent.mkdir()
    file.write_text(text)
    assert install("vscode", "shop:app") == 7
    said = capsys.readouterr().err
    assert f"was not changed: {why}" in said
    assert '"shop": {' in said
    assert file.read_text() == text


def test_a_server_of_that_name_is_replaced_when_it_is_ours_or_when_it_is_said_so(home: Path) -> None:
    file = home / "project" / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_text('{"mcpServers": {"shop": {"command": "npx"}}}')
    assert install("cursor", "shop:app") == 7
    assert install("cursor", "shop:app", "--force") == 0
    assert install("cursor", "shop:other") == 0
    assert "shop:other" in entries(home, "cursor", "project")["shop"]["args"]


def test_a_link_to_a_file_stays_one(home: Path) -> None:
    (home / "dotfiles").mkdir()
    real = home / "dotfiles" / "claude.json"
    real.write_text("{}")
    (home / ".claude.json").symlink_to(real)
    assert install("claude-code", "shop:app") == 0
    assert (home / ".claude.json").is_symlink()
    assert "shop" in real.read_text()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["cursor", "shop:app", "--scope", "local"], "Cursor has project, user"),
        (["cursor", "shop"], "write module:app"),
        (["cursor", "shop:app", "--name", "a b"], "letters, digits"),
        (["cursor", "shop:app", "--url", URL], "--url: an app"),
        (["cursor", "--header", "A: b"], "--header goes with --url"),
        (["cursor", "--url", "shop.example"], "is no address of a server"),
        (["cursor", "--url", URL, "--header", "A"], "is none"),
        (["cursor", "shop:app", "--directory", "nowhere"], "there is no such directory"),
        (["emacs", "shop:app"], "'emacs' is not one of"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    assert install(*arguments) == 2
    assert why in capsys.readouterr().err
    assert os.listdir(home / "project") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=4), JSON, max_size=4)


@given(OBJECTS, OBJECTS | st.none(), st.sampled_from([None, 1, 2, "\t"]), OBJECTS)
def test_a_merge_changes_nothing_but_the_entry(others: Any, servers: Any, indent: Any, entry: Any) -> None:
    document = others | ({} if servers is None else {"way": servers})
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    if "way" in document and not isinstance(document["way"], dict):
        with pytest.raises(Unmergeable):
            merged(text, ("way",), "name", entry, replace=True)
        return
    found = json.loads(merged(text, ("way",), "name", entry, replace=True))
    assert found == document | {"way": document.get("way", {}) | {"name": entry}}
    assert json.loads(snippet(("way",), "name", entry)) == {"way": {"name": entry}}
