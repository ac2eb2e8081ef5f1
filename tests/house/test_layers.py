"""The laws of the house that no linter states: what the door exports, what an import drags in, what is never there."""

import re
import subprocess
import sys
from pathlib import Path

import erlmcp

ROOT = Path(erlmcp.__file__).parent.parent


def modules_after(statement: str) -> set[str]:
    script = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    return set(run.stdout.split())


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    ).stdout
    return [ROOT / line for line in listing.splitlines() if (ROOT / line).is_file()]


def test_the_facade_exports_exactly_the_public_names():
    assert sorted(erlmcp.__all__) == ["App", "Client", "Context", "ToolError", "__version__"]
    assert all(getattr(erlmcp, name) is not None for name in erlmcp.__all__)


def test_importing_the_facade_loads_no_protocol():
    assert not {"erlmcp.mcp", "erlmcp.client", "asyncio", "msgspec"} & modules_after("import erlmcp")


def test_the_arbiter_loads_no_event_loop_and_no_protocol():
    loaded = modules_after("import erlmcp.node.arbiter")
    assert not {name for name in loaded if name.split(".")[0] in {"asyncio", "uvloop"}}
    assert not {name for name in loaded if name.startswith(("erlmcp.http", "erlmcp.mcp", "erlmcp.jsonrpc"))}


def test_every_package_has_a_docstring_that_says_what_it_is():
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "erlmcp").rglob("*.py")
        if not path.read_text().lstrip().startswith(('"""', "#"))
    ]
    assert silent == []


def test_no_committed_text_names_a_registry_host_or_a_path_of_one_machine():
    hosts = ["pypi" + ".org", "files.python" + "hosted.org", "registry.npm" + "js.org", "deb.deb" + "ian.org"]
    private = re.compile("|".join([*map(re.escape, hosts), r"(?<![\w./])/(?:work" + r"|farm|root)/"]))
    found = []
    for path in tracked_files():
        if path.suffix in {".png", ".ico"}:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if private.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


def test_nothing_that_is_ignored_is_committed_all_the_same():
    """A link to the folder of npm packages was, and replaced that folder by a link to itself on the next checkout."""
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    assert found.splitlines() == []


def test_the_tree_holds_no_status_reports_and_nothing_unfinished():
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    left = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        if path.suffix in {".py", ".pyx", ".pxd", ".sh", ".lua", ".toml", ".config"}
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if words.search(line)
    ]
    reports = [path.name for path in tracked_files() if re.search(r"(SUMMARY|REPORT|STATUS|COMPLETE)\.md$", path.name)]
    assert left + reports == []
