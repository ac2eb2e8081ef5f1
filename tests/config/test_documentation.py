"""docs/CONFIGURATION.md and config/*.config against the Options: no key without its row, no row without its key."""

import re
from pathlib import Path

import pytest

import erlmcp
from erlmcp.cli.serving import SPELLED
from erlmcp.config import load
from erlmcp.config.keys import keys_of
from erlmcp.node.exits import Exit
from erlmcp.node.sections import SECTIONS

ROOT = Path(erlmcp.__file__).parent.parent
TEXT = (ROOT / "docs/CONFIGURATION.md").read_text()
ROW = re.compile(r"^\| `([a-z]+\.[a-z_]+)` \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
ENVIRONMENTS = ["dev", "staging", "production"]


def test_every_key_is_documented_with_its_default_and_its_type():
    keys = keys_of(SECTIONS)
    rows = load(SECTIONS, flags={}, environ={}, path=Path("/dev/null")).rows()
    real = {row.key: (f"`{row.value}`", keys[row.key].expected()) for row in rows}
    documented = {name: (default, words) for name, default, words, _ in ROW.findall(TEXT)}
    assert documented == real


def test_every_flag_is_documented_with_its_key():
    documented = dict(re.findall(r"^\| `((?:--|MODULE)[^`]+)`(?: \(repeatable\))? \| `(.+)` \|$", TEXT, re.MULTILINE))
    assert documented == {flag: key for key, flag in SPELLED.items()}


def test_every_exit_code_is_documented():
    documented = [int(code) for code in re.findall(r"^\| (\d+) \| .+ \|$", TEXT, re.MULTILINE)]
    assert documented == list(Exit)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_file_of_every_environment_is_sound(environment, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = load(SECTIONS, flags={}, environ={"ERLMCP_ENV": environment})
    assert config.path == Path(f"config/{environment}.config")
    assert config.path.read_text().startswith("# -*- toml -*-\n")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_commented_keys_of_every_environment_are_keys_as_well(environment, tmp_path):
    file = ROOT / f"config/{environment}.config"
    uncommented = tmp_path / "all.config"
    uncommented.write_text(re.sub(r"^# ([a-z_]+ = )", r"\1", file.read_text(), flags=re.MULTILINE))
    config = load(SECTIONS, flags={}, environ={}, path=uncommented)
    assert config.section("http").host == "127.0.0.1"
