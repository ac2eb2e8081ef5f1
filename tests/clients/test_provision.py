"""scripts/node.sh: Node and npm packages for the tests here, or a line that says what is missing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.npm import ROOT


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with a shell and nothing else."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    return {"PATH": str(tools), "VENV": str(tmp_path / "none"), "NODE_CACHE": str(tmp_path / "cache")}


def node_sh(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    script = f"set -euo pipefail; . scripts/node.sh; {command}"
    return subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_machine_without_node_is_told_what_to_install(bare: dict[str, str]) -> None:
    done = node_sh("ensure_node", bare)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the official MCP clients need Node 22.19 or newer")
    assert len(done.stderr.splitlines()) == 1


def test_an_old_node_counts_as_none(bare: dict[str, str]) -> None:
    for name in ("node", "npm"):  # the version test of scripts/node.sh is run by node itself: an old one says no
        program = Path(bare["PATH"]) / name
        program.write_text("#!/bin/bash\nexit 1\n")
        program.chmod(0o755)
    assert node_sh("ensure_node", bare).returncode == 1


def test_the_wheel_in_the_dev_extra_brings_a_node_that_is_new_enough(bare: dict[str, str]) -> None:
    done = node_sh('ensure_node; node --version; "${NPM[@]}" --version', bare | {"PYTHON": sys.executable})
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split(".")[0].removeprefix("v")) >= 22


def test_an_installed_package_is_found_again_without_npm(bare: dict[str, str]) -> None:
    folder = Path(bare["NODE_CACHE"]) / "@scope+tool@1.0"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text("{}")
    done = node_sh("node_package @scope/tool@1.0", bare)
    assert (done.returncode, done.stdout) == (0, f"{folder}\n"), done.stderr
