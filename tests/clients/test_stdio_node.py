"""MCP Inspector's command line and the official TypeScript client, which start their server themselves."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import npm
from tests.clients.ways import WAYS, command, environment

pytestmark = pytest.mark.slow  # half a second for each start of Node
ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])


@pytest.fixture(scope="session")
def package() -> npm.Package:
    return npm.install("@modelcontextprotocol/inspector@2.12")


def inspect(package: npm.Package, server: list[str], era: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """What the Inspector printed, when it was content. Its catalog and settings go to a home of its own."""
    flags = ["--protocol-era", era, "--format", "json", "--quiet", "--cwd", str(folder), *arguments]
    flags += [word for name, value in environment(folder).items() for word in ("-e", f"{name}={value}")]
    program = [*package.command("mcp-inspector"), "--cli", *flags, "--", *server]
    done = npm.run(program, env={**os.environ, "HOME": str(folder)})
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)["result"]
    return result


@WAYS
@ERAS
def test_the_inspector_lists_calls_and_finds_the_schemas_portable(
    package: npm.Package, shop: str, tmp_path: Path, way: str, era: str
) -> None:
    server = command(way, shop, tmp_path)
    listed = inspect(package, server, era, tmp_path, "--method", "tools/list", "--strict")
    assert [tool["name"] for tool in listed["tools"]][:2] == ["add", "pack"]
    call = ("--method", "tools/call", "--tool-name", "add", "--tool-arg", "a=2", "b=40")
    assert inspect(package, server, era, tmp_path, *call)["content"] == [{"type": "text", "text": "42"}]


@WAYS
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_typescript_client_uses_what_is_offered(
    package: npm.Package, shop: str, tmp_path: Path, way: str, mode: str
) -> None:
    client = package.folder / "node_modules" / "@modelcontextprotocol" / "client"
    script = Path(__file__).with_name("stdio.mjs")
    done = subprocess.run(
        [package.node, str(script), str(client), mode, *command(way, shop, tmp_path)],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got.pop("tools")[:3] == ["add", "pack", "order"]
    assert got == {
        "sum": {"result": 42},
        "refused": True,
        "baked": "baked",
        "order": "order 7",
        "prompt": 2,
    }
