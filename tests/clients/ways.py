"""How a client that starts its server reaches the shop: straight over pipes, or by the bridge to four workers."""

import os
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT

__all__ = ["WAYS", "command", "environment"]

WAYS = pytest.mark.parametrize("way", ["stdio", "bridge"])


def command(way: str, url: str, folder: Path, app: str = "tests.clients.shop:app") -> list[str]:
    """What the client has to start. `url`: of the workers behind the bridge."""
    where = ["--url", url] if way == "bridge" else [app, "--data-dir", str(folder / "data")]
    return [sys.executable, "-m", "erlmcp", "stdio", *where]


def environment(folder: Path) -> dict[str, str]:
    """For what is started: clients hand little of their own on."""
    kept = {key: value for key, value in os.environ.items() if key in {"ERLMCP_PURE", "PATH"}}
    return kept | {"PYTHONPATH": str(ROOT), "HOME": str(folder)}
