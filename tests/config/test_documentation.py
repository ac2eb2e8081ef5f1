"""docs/CONFIGURATION.md and config/*.config against the Options: no key without its row, no row without its key."""

import re
from pathlib import Path

import pytest

import erlmcp
from erlmcp.cli.grammar import EPILOG
from erlmcp.cli.serving import SPELLED
from erlmcp.config import load
from erlmcp.config.keys import keys_of
from erlmcp.node.exits import MEANINGS, Exit
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


def test_every_exit_code_is_documented_in_the_words_of_the_help():
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert {int(code): meaning.replace("`", "") for code, meaning in rows} == MEANINGS
    assert list(MEANINGS) == list(Exit)
    assert all(f"{code:5}  {meaning}\n" in f"{EPILOG}\n" for code, meaning in MEANINGS.items())


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
