"""Nodes that several tests look at without changing them are started once per module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.nodes import Node, running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where one test's node lives."""
    return tmp_path


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with two workers, for tests that only ask it."""
    with running(tmp_path_factory.mktemp("standing"), "--workers", "2") as node:
        yield node
