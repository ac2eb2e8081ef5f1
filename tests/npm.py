"""npm packages for tests: `scripts/node.sh` provisions, this asks it, one test process at a time.

It knows neither what a package is for nor where npm gets it. A machine without Node is provisioned; where that cannot
be, the test fails with the script's own line, because a skip would look like a pass.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".node"
PROVISION = """
set -euo pipefail
. scripts/node.sh
ensure_node
folder=$(node_package "$1")
printf '%s\\n%s\\n' "$(command -v node)" "$folder"
"""


class Package(msgspec.Struct, frozen=True):
    """An installed npm package: the Node binary that runs it, and the folder that holds its `node_modules`."""

    node: str
    folder: Path

    def command(self, name: str) -> list[str]:
        """The start of a command line for one of the package's programs."""
        return [self.node, str((self.folder / "node_modules" / ".bin" / name).resolve())]


def install(name: str) -> Package:
    """Installs `name@version` if it is not there yet. A file lock makes parallel test processes wait for the first."""
    CACHE.resolve().mkdir(parents=True, exist_ok=True)  # a worktree's own may link to one that it shares
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = {**os.environ, "PYTHON": sys.executable}
        done = run(["bash", "-c", PROVISION, "node.sh", name], timeout=300, env=environment)
    assert done.returncode == 0, f"{name} cannot be provisioned: {done.stderr.strip()}"
    node, folder = done.stdout.split("\n")[:2]
    return Package(node=node, folder=Path(folder))


def run(
    command: Sequence[str], timeout: float = 60.0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command from the repository's root; `timeout` in seconds bounds it."""
    return subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
        env=env,
    )
