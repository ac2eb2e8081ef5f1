"""The official TypeScript client over HTTP, in both eras, against four workers, with a user and a model that answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import npm

pytestmark = pytest.mark.slow  # half a second for each start of Node


def got(mode: str, *urls: str) -> dict[str, Any]:
    """What the client printed."""
    package = npm.install("@modelcontextprotocol/inspector@2.12")  # which brings the client
    client = package.folder / "node_modules" / "@modelcontextprotocol" / "client"
    script = Path(__file__).with_name("http.mjs")
    done = npm.run([package.node, str(script), str(client), mode, *urls])
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_it_uses_what_is_offered(shop: str, mode: str) -> None:
    printed = got(mode, shop)
    assert printed.pop("tools")[:3] == ["add", "pack", "order"]
    assert printed == {
        "version": "2.1",
        "sum": {"result": 42},
        "refused": True,
        "baked": "baked",
        "steps": [1, 2],
        "order": "order 7",
        "completed": ["tea", "teapot"],
        "unknown": -32602,
    }


def test_it_answers_requests_of_the_server_and_resumes_a_stream(shop: str, everything: str) -> None:
    asked = got("legacy", shop, everything)["asked"]
    assert asked["elicitation"].startswith("User response: ")
    assert asked["sampling"] == "LLM response: up to 100"
    assert asked["resumed"]


def test_it_answers_what_it_is_asked_in_rounds(shop: str, everything: str) -> None:
    assert got("auto", shop, everything)["asked"] == {
        "elicitation": "Hello, Ada!",
        "sampling": "up to 100",
        "rounds": "Ada likes Ada.",
    }
